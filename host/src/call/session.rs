//! Browser sessions by name, and what may be done in one. It must not know a browser.

use super::plain;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A browser session: `plugin/name`. Plugins share none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionName(
    #[serde(serialize_with = "plain::share", deserialize_with = "plain::own::<String, _, _>")] Arc<str>,
);

impl SessionName {
    /// The session that a plugin calls `name`.
    #[must_use]
    pub fn of(plugin: &str, name: &str) -> Self {
        Self(format!("{plugin}/{name}").into())
    }

    /// The whole name, the plugin's included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the plugin calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What needs a word of its own in a browser session: with either, a tool can do what a claim on an address alone would not
/// let it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rights {
    /// To run scripts in pages.
    pub evaluate: bool,
    /// To read and write cookies and storage.
    pub storage: bool,
}

impl Rights {
    /// Every right, with its name.
    pub const NAMES: [(&'static str, Self); 2] = [
        (
            "evaluate",
            Self {
                evaluate: true,
                storage: false,
            },
        ),
        (
            "storage",
            Self {
                evaluate: false,
                storage: true,
            },
        ),
    ];

    /// The right of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, right)| *right)
    }

    /// The names of these.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let own = Self::NAMES.iter().filter(|(_, right)| self.contain(*right));
        own.map(|(name, _)| *name).collect()
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            evaluate: self.evaluate || other.evaluate,
            storage: self.storage || other.storage,
        }
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub fn contain(self, other: Self) -> bool {
        (self.evaluate || !other.evaluate) && (self.storage || !other.storage)
    }
}
