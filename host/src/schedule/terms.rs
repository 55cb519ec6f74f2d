//! The words of the scheduler: what comes in and what goes out. It must not have behaviour.

use crate::call::{Entry, Footprint};
use std::sync::Arc;

/// A call's place in the order of submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// What a call brings along.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What it holds while it runs; as long as it is not `known`, at least that.
    pub footprint: Arc<Footprint>,
    /// Whether the footprint is what it will hold. If not, [`Decision::Resolve`] asks for it, and the call waits meanwhile.
    pub known: bool,
    /// Earlier calls that must have ended before it starts.
    pub after: Vec<Ticket>,
    /// How they must have ended; if they didn't, it is skipped.
    pub when: When,
    /// Whether one that it names, but that isn't in `after` because it has ended already, did not end ok.
    pub failed: bool,
    /// Among ready calls the higher starts first.
    pub priority: i32,
    /// About how long it will run, in microseconds: among ready calls of one priority, the one with the longest chain of
    /// estimates behind it starts first.
    pub estimate_us: u64,
}

impl Submission {
    /// A call that holds `footprint`, comes after nobody, and is expected to take a millisecond.
    #[must_use]
    pub fn new(footprint: Arc<Footprint>) -> Self {
        Self {
            footprint,
            known: true,
            after: Vec::new(),
            when: When::Ok,
            failed: false,
            priority: 0,
            estimate_us: 1000,
        }
    }
}

/// How the calls that one comes `after` must have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// All of them ok.
    #[default]
    Ok,
    /// At least one of them not ok.
    Failed,
    /// However they like.
    Always,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This call starts now, and holds a slot.
    Start(Ticket),
    /// All that this call comes after has ended as it must: say with `replan` what it holds, or `cancel` it.
    Resolve(Ticket),
    /// This call never starts.
    Skip {
        /// The call.
        ticket: Ticket,
        /// The last of the calls that it comes after to decide that; the call itself if all had ended before it came.
        because: Ticket,
    },
}

/// How a running call ended, as far as others care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Ok,
    /// Not well: calls that come after it are skipped.
    NotOk,
}

/// A reason to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait<'a> {
    /// The earlier call.
    pub on: Ticket,
    /// Why.
    pub reason: Reason<'a>,
}

/// Why one call waits for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// These entries conflict.
    Conflict {
        /// The waiting call's.
        mine: &'a Entry,
        /// The earlier call's.
        theirs: &'a Entry,
    },
    /// The waiting call comes after the earlier one.
    After,
}
