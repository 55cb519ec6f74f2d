//! A call that ends before it begins, and why. It must not decide that it does.

use crate::call::{CallError, Entry as Need, Status};
use crate::policy::Refusal;

/// A call that ends before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) status: Status,
    pub(crate) error: CallError,
    /// What the policy refused, if somebody could allow it.
    pub(crate) about: Option<Box<(Need, Refusal)>>,
}

impl Refused {
    pub(crate) fn new(status: Status, code: &str, message: impl Into<String>) -> Self {
        let error = CallError {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        };
        Self {
            status,
            error,
            about: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }
}
