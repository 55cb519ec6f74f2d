//! The way to a session's actor: a bounded queue in which every message has a deadline and a rank. It must not let more wait
//! than there is room for, nor wait for room.

use super::fault::Fault;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// How much a message matters when there is little room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// Somebody looks: refused first.
    Look,
    /// Somebody drives.
    Drive,
}

/// A quarter of the room is kept for those who drive.
pub(super) const KEPT: usize = 4;

/// What is asked of the browser.
pub(super) struct Ask {
    /// The connection that it goes to; the browser itself if there is none.
    pub(super) session: Option<String>,
    pub(super) method: &'static str,
    pub(super) params: Value,
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Result<Value, Fault>>,
    pub(super) room: OwnedSemaphorePermit,
}

/// The way to the actor.
#[derive(Clone)]
pub(super) struct Line {
    queue: mpsc::Sender<Ask>,
    room: Arc<Semaphore>,
    size: usize,
}

impl Line {
    /// A line with room for `size` messages, and its other end.
    pub(super) fn new(size: usize) -> (Self, mpsc::Receiver<Ask>) {
        let size = size.max(KEPT);
        let (queue, asked) = mpsc::channel(size);
        let line = Self {
            queue,
            room: Arc::new(Semaphore::new(size)),
            size,
        };
        (line, asked)
    }

    /// Asks the browser something, and waits for the answer until `deadline` at most.
    pub(super) async fn ask(
        &self,
        rank: Rank,
        session: Option<&str>,
        method: &'static str,
        params: Value,
        deadline: Instant,
    ) -> Result<Value, Fault> {
        if rank == Rank::Look && self.room.available_permits() <= self.size / KEPT {
            return Err(Fault::overloaded());
        }
        let room = Arc::clone(&self.room)
            .try_acquire_owned()
            .map_err(|_| Fault::overloaded())?;
        let (answer, answered) = oneshot::channel();
        let ask = Ask {
            session: session.map(str::to_owned),
            method,
            params,
            deadline,
            answer,
            room,
        };
        let begun = Instant::now();
        self.queue.try_send(ask).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Fault::overloaded(),
            mpsc::error::TrySendError::Closed(_) => Fault::crashed(),
        })?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(done)) => done,
            // The actor passes nothing on that is late already.
            Ok(Err(_)) if Instant::now() < deadline => Err(Fault::crashed()),
            Ok(Err(_)) | Err(_) => Err(Fault::timed_out(method, begun.elapsed().as_millis())),
        }
    }

    /// How many messages wait or are being answered.
    pub(super) fn waiting(&self) -> usize {
        self.size.saturating_sub(self.room.available_permits())
    }
}
