//! Why a browser did not do what it was asked to. It must not decide who is to blame for a call's end.

/// What kind of fault it is; the interface `browser` of `wit/` says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "wit/browser.wit describes each, and there is one of each")]
pub enum FaultKind {
    DialogOpen,
    StaleReference,
    NavigationDenied,
    NavigationFailed,
    Crashed,
    TimedOut,
    Overloaded,
    ProfileInUse,
    Unavailable,
    NoSuch,
    NoElement,
    NotActionable,
    Denied,
    Invalid,
    Script,
    Failed,
}

/// A fault, for a person or a model to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// One sentence that names the thing it is about.
    pub message: String,
    /// What would help.
    pub hint: Option<String>,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn crashed() -> Self {
        Self::new(FaultKind::Crashed, "the browser has died").hint("the next call gets a new one, without its tabs")
    }

    pub(super) fn timed_out(what: &str, ms: u128) -> Self {
        Self::new(FaultKind::TimedOut, format!("{what} took longer than {ms} ms"))
    }

    pub(super) fn overloaded() -> Self {
        Self::new(FaultKind::Overloaded, "too much is waiting for this browser session")
            .hint("wait for earlier calls to end, or use another session")
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Invalid, message)
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Failed, message)
    }
}
