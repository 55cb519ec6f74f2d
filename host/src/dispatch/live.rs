//! One call that was let in, and the outcome that it becomes. It must not decide anything.

use super::approve::Voice;
use super::chain::Results;
use super::prepare::Prepared;
use super::refused::Refused;
use crate::call::{Call, CallError, CallId, Entry, Footprint, Outcome, Status, Timing, Wait};
use crate::sandbox::Ended;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Who submits calls: each has a queue of its own bound.
pub(super) type ClientId = u64;

/// A call that has not ended, as `status` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCall {
    /// Its batch.
    pub batch: u64,
    /// Its id in the batch.
    pub id: CallId,
    /// Its tool.
    pub tool: String,
    /// Whether its sandbox is open.
    pub started: bool,
    /// The calls that it waits for.
    pub waits: Vec<Wait>,
}

/// What the calls of a batch have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) batch: u64,
    pub(super) client: ClientId,
    pub(super) voice: Voice,
    /// The batch's time zero.
    pub(super) zero: Instant,
    // How those ended that others name. Locked under the owner's lock for one insertion, or alone to fill a result in.
    pub(super) results: Mutex<Results>,
}

/// A call that was let in.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) common: Arc<Common>,
    pub(super) id: CallId,
    pub(super) call: Arc<Call>,
    /// The arguments with all results filled in, once that was done.
    pub(super) filled: Option<Arc<serde_json::Value>>,
    pub(super) prepared: Prepared,
    pub(super) queued: Instant,
    pub(super) started: Option<Instant>,
    pub(super) waits: Vec<Wait>,
    pub(super) more_waits: usize,
    pub(super) notes: Vec<String>,
    /// What was approved for this call, beyond the policy.
    pub(super) approved: Vec<Entry>,
    pub(super) replans: u32,
    pub(super) reply: oneshot::Sender<Outcome>,
    /// Stops the guest; there while one runs.
    pub(super) stop: Option<oneshot::Sender<()>>,
    /// Taken back; a worker that comes for it stops at once.
    pub(super) cancelled: bool,
    /// The end of its patience; there while it waits.
    pub(super) patience: Option<AbortHandle>,
    /// Another call of its batch names it, and one takes its result.
    pub(super) awaited: bool,
    pub(super) taken: bool,
}

/// What a worker needs to begin.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) call: Arc<Call>,
    pub(super) filled: Option<Arc<serde_json::Value>>,
    pub(super) prepared: Prepared,
    pub(super) stop: oneshot::Receiver<()>,
    /// Whether time has passed since the paths were resolved, so that they must be resolved again.
    pub(super) waited: bool,
    pub(super) replans: u32,
    pub(super) approved: Vec<Entry>,
    /// Whether another call takes its result.
    pub(super) taken: bool,
}

impl Live {
    /// Its worker is there.
    pub(super) fn begin(&mut self) -> Begin {
        let (sender, receiver) = oneshot::channel();
        match self.cancelled {
            true => _ = sender.send(()),
            false => self.stop = Some(sender),
        }
        Begin {
            call: Arc::clone(&self.call),
            filled: self.filled.clone(),
            prepared: self.prepared.clone(),
            stop: receiver,
            waited: !self.waits.is_empty() || self.queued.elapsed() > Duration::from_millis(1),
            replans: self.replans,
            approved: self.allowed(),
            taken: self.taken,
        }
    }

    /// What it may do beyond the policy: what was approved for it, and for its client's calls of this tool.
    pub(super) fn allowed(&self) -> Vec<Entry> {
        let mut allowed = self.approved.clone();
        let catalog = &self.prepared.by.catalog;
        allowed.extend(self.common.voice.memory.always(catalog, &self.call.tool));
        allowed
    }

    /// What is left of a call at its end.
    pub(super) fn end(self, ended: Ended) -> (oneshot::Sender<Outcome>, Outcome) {
        if let Some(patience) = &self.patience {
            patience.abort();
        }
        if self.awaited {
            let result = match ended.status {
                Status::Ok => Ok(ended.document.clone().unwrap_or_default()),
                _ => Err(()),
            };
            let mut results = self.common.results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert(self.id.clone(), result);
        }
        let now = Instant::now();
        let zero = self.common.zero;
        let end_us = micros(zero, now);
        let start_us = self.started.map_or(end_us, |at| micros(zero, at));
        let mut notes = self.notes;
        notes.extend(ended.notes);
        let outcome = Outcome {
            id: self.id,
            tool: self.call.tool.clone(),
            status: ended.status,
            content: ended.content,
            structured: ended.structured,
            error: ended.error,
            footprint: self.prepared.footprint,
            waits: self.waits,
            more_waits: self.more_waits,
            timing: Timing {
                queued_us: micros(zero, self.queued),
                start_us,
                end_us,
                run_us: end_us.saturating_sub(start_us),
                cpu_us: u64::try_from(ended.cpu.as_micros()).unwrap_or(u64::MAX),
            },
            notes,
            log: ended.log,
        };
        (self.reply, outcome)
    }
}

fn micros(zero: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(zero).as_micros()).unwrap_or(u64::MAX)
}

/// The outcome of a call that was never let in.
pub(super) fn refused(id: CallId, tool: String, refused: Refused, zero: Instant) -> Outcome {
    let at = micros(zero, Instant::now());
    let Refused { status, error, .. } = refused;
    Outcome {
        id,
        tool,
        status,
        content: Vec::new(),
        structured: None,
        error: Some(CallError { ..error }),
        footprint: Arc::default(),
        waits: Vec::new(),
        more_waits: 0,
        timing: Timing {
            queued_us: at,
            start_us: at,
            end_us: at,
            ..Timing::default()
        },
        notes: Vec::new(),
        log: String::new(),
    }
}

/// Whether everything in `new` is already held by `old`.
pub(super) fn held(new: &Footprint, old: &Footprint) -> bool {
    new.entries().iter().all(|entry| {
        old.entries()
            .iter()
            .any(|held| held.resource == entry.resource && held.access >= entry.access)
    })
}

/// An end that comes from a refusal.
pub(super) fn ended(refused: Refused) -> Ended {
    let mut ended = Ended::error(refused.status, &refused.error.code, refused.error.message);
    if let Some(error) = &mut ended.error {
        error.hint = refused.error.hint;
    }
    ended
}

/// Why a call is skipped.
pub(super) fn not_met(because: Option<&CallId>, wants_failure: bool) -> String {
    match (because, wants_failure) {
        (Some(id), false) => format!("call {id}, which it comes after, did not end ok"),
        (None, false) => "a call that it comes after did not end ok".to_owned(),
        (_, true) => "it runs only if a call that it comes after fails, and none did".to_owned(),
    }
}
