//! How a call ended: one complete record, the same for every door.
//! It must not print or format; that is the report room's work.

use super::{CallId, Entry, Footprint, plain};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Every way in which a call can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The tool answered.
    Ok,
    /// The tool ran and said no.
    Failed,
    /// The arguments don't fit the tool's schema, or make no sense.
    InvalidArguments,
    /// There is no such tool.
    NotFound,
    /// A claim reaches beyond the policy or the workspace, or the sandbox refused an operation.
    Denied,
    /// The wall time was up.
    Timeout,
    /// A limit other than time was reached: memory, output, descriptors.
    Limit,
    /// The guest stopped in the middle: a trap, a panic, an exit.
    Trapped,
    /// The caller took the call back.
    Cancelled,
    /// A call that this one comes `after` did not end `ok`.
    Skipped,
    /// The queue was full; nothing was started.
    Overloaded,
    /// The host itself failed; the tool is not to blame.
    HostFailure,
}

impl Status {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::InvalidArguments => "invalid_arguments",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Limit => "limit",
            Self::Trapped => "trapped",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Overloaded => "overloaded",
            Self::HostFailure => "host_failure",
        }
    }
}

/// One piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Text to read.
    Text(String),
    /// A JSON document.
    Json(serde_json::Value),
    /// A picture.
    Image {
        /// Its media type, `image/…`.
        media_type: String,
        /// Its bytes.
        #[serde(with = "plain::bytes")]
        data: Vec<u8>,
    },
    /// Other bytes.
    Blob {
        /// Their media type.
        media_type: String,
        /// The bytes.
        #[serde(with = "plain::bytes")]
        data: Vec<u8>,
    },
}

/// Why a call did not end `ok`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// A short, stable word in `snake_case`.
    pub code: String,
    /// One sentence that names the tool, the place or the rule.
    pub message: String,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// When things happened, in microseconds since the batch was submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The call was taken in.
    pub queued_us: u64,
    /// The sandbox began to open; equal to `end_us` if it never did.
    pub start_us: u64,
    /// The outcome was known and the resources were free.
    pub end_us: u64,
    /// `end_us - start_us`.
    pub run_us: u64,
    /// How long it was on a core; for the rest of `run_us` it waited: for time, network, a browser, or its turn there.
    pub cpu_us: u64,
}

impl Timing {
    /// The same as seen from `us` microseconds earlier: what lays several batches on one line of time.
    #[must_use]
    pub fn later(self, us: u64) -> Self {
        Self {
            queued_us: self.queued_us.saturating_add(us),
            start_us: self.start_us.saturating_add(us),
            end_us: self.end_us.saturating_add(us),
            ..self
        }
    }
}

/// One reason why a call waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The earlier call.
    pub on: CallId,
    /// Its batch, if that is another one than this call's: ids are unique only within one.
    pub batch: Option<u64>,
    /// This call's entry and the earlier one's, which conflict; `None` if this call comes after the earlier one because it
    /// names it, in `after` or in a `$result`.
    pub entries: Option<(Entry, Entry)>,
}

/// How one call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The call.
    pub id: CallId,
    /// Its tool.
    pub tool: String,
    /// The kind of end.
    pub status: Status,
    /// The answer; empty unless `ok`.
    pub content: Vec<Content>,
    /// The answer as one document, if the tool gives one.
    pub structured: Option<serde_json::Value>,
    /// Why not `ok`.
    pub error: Option<CallError>,
    /// What it held while it ran, or would have held; empty if it was refused before that was known.
    #[serde(serialize_with = "plain::share", deserialize_with = "plain::own::<Footprint, _, _>")]
    pub footprint: Arc<Footprint>,
    /// The earlier calls that it really waited for, and why: at most 64 of them, the oldest.
    pub waits: Vec<Wait>,
    /// How many more there were.
    pub more_waits: usize,
    /// When.
    pub timing: Timing,
    /// What the caller should know beside the answer: a file updated in place, a footprint that was planned again.
    pub notes: Vec<String>,
    /// What the guest logged, at most the log limit.
    pub log: String,
}

impl Outcome {
    /// The earlier calls that it really waited for, as far as `waits` lists them.
    #[must_use]
    pub fn waited_for(&self) -> Vec<CallId> {
        self.waits.iter().map(|wait| wait.on.clone()).collect()
    }
}
