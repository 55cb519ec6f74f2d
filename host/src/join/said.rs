//! What is said over a socket after a hello that wants a batch. It must not do anything with it.

use crate::call::{Call, Event, Outcome};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// The longest line of either side, in bytes: a batch, or one outcome. As a batch's file may be 256 MB, and a text may be
/// longer in JSON than it was written.
pub(super) const MOST_LINE: usize = 512 << 20;

/// What the one who joins says first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    /// The batch.
    pub(super) calls: Vec<Call>,
    /// Whether it wants to hear what happens meanwhile.
    pub(super) events: bool,
}

/// What it may say then.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// Take back what has not ended.
    Cancel,
}

/// What the owner says, in this order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// Plugins are compiled first, which takes a while.
    Compiling,
    /// The batch makes no sense, or none is taken in any more; nothing runs.
    Refused(String),
    /// It was taken in, where so many calls compute at one moment.
    Taken {
        /// As many.
        cores: NonZeroUsize,
    },
    /// Something happened to a call.
    Event(Box<Event>),
    /// A call's outcome, in request order; they come when all have ended.
    Outcome(Box<Outcome>),
    /// That was all.
    Done,
}
