//! What happens to a call, as it happens.
//! It must not decide anything: who watches can't change what is watched.

use super::{CallId, Content, Status, Wait};
use serde::{Deserialize, Serialize};

/// One step in the life of a call. For one call they come in the order of [`What`]; calls interleave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the host was built.
    pub at_us: u64,
    /// The batch, numbered by the host from 1: ids are unique only within one.
    pub batch: u64,
    /// The call.
    pub id: CallId,
    /// What happened.
    pub what: What,
    /// How many events were lost right before this one because the observers were too slow; 0 as long as they keep up.
    pub dropped: u64,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// It was taken in.
    Queued {
        /// Its tool.
        tool: String,
        /// The earlier calls that it has to wait for, and why.
        waits: Vec<Wait>,
    },
    /// Its footprint became known, or turned out different when its turn came: this is what it waits for now.
    Planned {
        /// The earlier calls that it has to wait for, and why.
        waits: Vec<Wait>,
    },
    /// The policy refuses something that it needs, and somebody is asked whether to allow it.
    Asking {
        /// What is refused, and by which rule.
        question: String,
    },
    /// Its sandbox is about to open.
    Started,
    /// It says how far it is. When observers are slow, only the latest of a call is kept.
    Progress {
        /// Steps done.
        done: u64,
        /// Steps in all, if the tool knows.
        total: Option<u64>,
        /// What it is at.
        message: String,
    },
    /// A piece of its answer, ahead of the answer.
    Output(Content),
    /// A line of its log.
    Log {
        /// How important.
        level: Level,
        /// The line, as the guest wrote it: nothing is escaped yet.
        text: String,
    },
    /// It ended.
    Finished {
        /// How.
        status: Status,
    },
}

/// How important a line of a guest's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// Worth knowing; also what a guest writes to its standard output.
    Info,
    /// Something is odd; also what a guest writes to its standard error.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The word used in JSON and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
