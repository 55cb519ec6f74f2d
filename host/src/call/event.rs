//! What happens to a call, as it happens.
//! It must not carry answers or file contents: outcomes do.

use super::{CallId, Status};

/// One step in the life of a call. For one call they come in this order; calls interleave.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It was taken in.
    Queued {
        /// The call.
        id: CallId,
        /// Its tool.
        tool: String,
        /// The earlier calls that it has to wait for.
        waits_for: Vec<CallId>,
    },
    /// Its sandbox is about to open.
    Started {
        /// The call.
        id: CallId,
    },
    /// It ended.
    Finished {
        /// The call.
        id: CallId,
        /// How.
        status: Status,
    },
}
