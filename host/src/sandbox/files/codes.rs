//! What a guest is told when something can't be done. It must not decide that it can't.

use crate::call::CanonicalPath;
use crate::workspace::ResolveError;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

/// What a path that leads nowhere is told.
pub(super) fn refusal(error: &ResolveError) -> ErrorCode {
    match error {
        ResolveError::Empty | ResolveError::Missing(..) => ErrorCode::NoEntry,
        ResolveError::Nul(_) => ErrorCode::Invalid,
        ResolveError::TooLong(..) => ErrorCode::NameTooLong,
        ResolveError::Outside(_) | ResolveError::LinkOutside(..) | ResolveError::TooManyLinks(_) => {
            ErrorCode::NotPermitted
        }
        ResolveError::NotAFolder(..) => ErrorCode::NotDirectory,
        ResolveError::NotUtf8(_) | ResolveError::Os(..) => ErrorCode::NotPermitted,
    }
}

/// The place inside the workspace that an error is about; an error that is about the spelling alone has none.
pub(super) fn place_of(error: &ResolveError) -> Option<&CanonicalPath> {
    match error {
        ResolveError::LinkOutside(_, place) | ResolveError::NotAFolder(_, place) | ResolveError::Missing(_, place) => {
            Some(place)
        }
        ResolveError::Empty
        | ResolveError::Nul(_)
        | ResolveError::TooLong(..)
        | ResolveError::Outside(_)
        | ResolveError::TooManyLinks(_)
        | ResolveError::NotUtf8(_)
        | ResolveError::Os(..) => None,
    }
}

/// What a failed system call is told.
pub(super) fn os(error: impl Into<std::io::Error>) -> ErrorCode {
    code(&error.into())
}

/// The same for an error that belongs to somebody else.
pub(super) fn code(error: &std::io::Error) -> ErrorCode {
    match error.kind() {
        std::io::ErrorKind::QuotaExceeded => ErrorCode::Quota,
        _ => ErrorCode::from(error),
    }
}
