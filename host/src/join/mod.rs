//! Who owns a workspace, and the way to the owner: a lock and a socket in a folder of the user's, a hello by which both sides
//! see whether they are of one mind, and what is said over the socket then. It must not schedule or judge anything: it
//! carries calls to a host and outcomes back, and what both sides must agree on, the host says itself.

mod batch;
mod board;
mod door;
mod hello;
mod joined;
mod lines;
mod place;
mod said;

#[cfg(test)]
mod tests;

pub(crate) use batch::serve as serve_batch;
pub(crate) use board::Board;
pub(crate) use door::{Door, Guest, Inside};
pub(crate) use hello::{Hello, Own, Wants};
pub(crate) use joined::Joined;
pub(crate) use place::{Owned, Ownership, Place};
pub(crate) use said::Said;

use std::path::PathBuf;

/// Why a workspace can't be owned or its owner not be joined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// Others could get between the owner and those who join.
    #[error(
        "{0}: {1}, so that they could pose as the host that serves this workspace; it has to be this user's alone (chmod 700)"
    )]
    Unsafe(PathBuf, String),
    /// The system says no.
    #[error("{0}, where hosts find each other: {1}")]
    Io(PathBuf, std::io::Error),
    /// Somebody owns it and doesn't answer.
    #[error("this workspace is served by {0}, which doesn't answer; end that process")]
    Silent(String),
    /// The owner doesn't want this one.
    #[error("{error}; {hint}")]
    Refused {
        /// Why.
        error: String,
        /// What would help.
        hint: String,
        /// Whether it may be another way in a moment.
        soon: bool,
    },
    /// The owner went away in the middle.
    #[error("process {0}, which serves this workspace, ended in the middle")]
    Lost(u32),
    /// The owner said something that makes no sense.
    #[error("{0}, which serves this workspace, can't be understood: {1}")]
    Garbled(String, String),
}
