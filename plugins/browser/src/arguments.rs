//! The types of arguments that several tools have.
//!
//! They must not do more than say what the host's own types say, in words that a model knows.

use toolyard_sdk::browser;
use toolyard_sdk::prelude::*;

/// A reference from browser_snapshot such as `e12`, or a CSS selector.
#[derive(Clone, Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", transparent)]
pub struct Target(String);

impl Target {
    /// As the host takes it.
    pub fn host(&self) -> Result<browser::Target> {
        let text = self.name();
        if text.is_empty() {
            let message = "an empty `target` is no element: give a reference such as e12, or a CSS selector";
            return Err(Failure::invalid("invalid_arguments", message));
        }
        Ok(browser::Target::from(text))
    }

    /// As it is named in answers.
    pub fn name(&self) -> &str {
        self.0.trim()
    }
}

/// The element that an `Option` names.
pub fn within(target: Option<&Target>) -> Result<Option<browser::Target>> {
    target.map(Target::host).transpose()
}

/// How far the page must be: `idle` is no request for half a second.
#[derive(Clone, Copy, Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Until {
    Committed,
    DomReady,
    Load,
    Idle,
}

impl Until {
    /// As the host takes it.
    pub fn host(self) -> browser::Until {
        match self {
            Until::Committed => browser::Until::Committed,
            Until::DomReady => browser::Until::DomReady,
            Until::Load => browser::Until::Load,
            Until::Idle => browser::Until::Idle,
        }
    }
}

/// A mouse button.
#[derive(Clone, Copy, Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Button {
    Left,
    Middle,
    Right,
}

impl Button {
    /// As the host takes it.
    pub fn host(self) -> browser::Button {
        match self {
            Button::Left => browser::Button::Left,
            Button::Middle => browser::Button::Middle,
            Button::Right => browser::Button::Right,
        }
    }
}

/// A key that is held.
#[derive(Clone, Copy, Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub enum Modifier {
    Alt,
    Control,
    Meta,
    Shift,
}

/// Keys that are held together, as the host takes them.
pub fn held(modifiers: &[Modifier]) -> browser::Modifiers {
    let flag = |modifier: &Modifier| match modifier {
        Modifier::Alt => browser::Modifiers::ALT,
        Modifier::Control => browser::Modifiers::CONTROL,
        Modifier::Meta => browser::Modifiers::META,
        Modifier::Shift => browser::Modifiers::SHIFT,
    };
    modifiers
        .iter()
        .map(flag)
        .fold(browser::Modifiers::empty(), |all, one| all | one)
}

/// One of the page's storages.
#[derive(Clone, Copy, Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Area {
    Local,
    Session,
}

impl Area {
    /// As the host takes it.
    pub fn host(self) -> browser::Area {
        match self {
            Area::Local => browser::Area::Local,
            Area::Session => browser::Area::Session,
        }
    }

    /// As it is named in answers.
    pub fn name(self) -> &'static str {
        match self {
            Area::Local => "local storage",
            Area::Session => "session storage",
        }
    }
}
