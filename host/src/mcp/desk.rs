//! What all connections share: which call belongs to which client, so that what happens to it, and what is to be asked about
//! it, reaches that client alone; and how the latest calls ended. It must not keep a client waiting for another.

use super::asking::{self, Asks, Round, Rounds};
use crate::call::{CallId, Event, Level, Outcome, Wait, What};
use crate::host::{Answer, Answering, Approve, Memory, Observer, Question};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// As many outcomes are remembered for the timeline.
const MOST_OUTCOMES: usize = 500;

/// As many steps of one call wait for being told; more are dropped.
const MOST_NOTES: usize = 256;

/// What a client is told of a running call.
pub(super) enum Note {
    Progress {
        done: u64,
        total: Option<u64>,
        message: String,
    },
    Log {
        level: Level,
        text: String,
    },
}

/// A call's way back to its client; it is closed with this value.
pub(super) struct Route {
    desk: Arc<Desk>,
    /// The call is a batch of its own.
    pub(super) batch: u64,
    pub(super) id: CallId,
    pub(super) notes: mpsc::Receiver<Note>,
}

impl Drop for Route {
    fn drop(&mut self) {
        self.desk.routes().remove(&self.batch);
        self.desk
            .running
            .send_modify(|running| *running = running.saturating_sub(1));
    }
}

impl Route {
    /// The round that this call has been, if it has ended with a question.
    pub(super) fn asked(&self) -> Option<Round> {
        match self.desk.routes().get_mut(&self.batch).map(|open| &mut open.asks) {
            Some(Asks::Result(round)) if round.is_open() => Some(std::mem::take(round)),
            _ => None,
        }
    }
}

struct Inside(Arc<Desk>);

impl Drop for Inside {
    fn drop(&mut self) {
        let gone = |clients: &mut usize| *clients = clients.saturating_sub(1);
        self.0.clients.send_modify(gone);
    }
}

struct Open {
    asks: Asks,
    notes: mpsc::Sender<Note>,
}

/// What all connections of one host share.
pub struct Desk {
    // Held for one look or exchange. By batch: ids are unique only within one, and others submit to the host, too.
    routes: Mutex<HashMap<u64, Open>>,
    outcomes: Mutex<VecDeque<Outcome>>,
    pub(super) rounds: Rounds,
    /// What is remembered for clients that nothing tells apart: over HTTP each of their requests comes by itself.
    pub(super) nameless: Arc<Memory>,
    closing: watch::Sender<bool>,
    running: watch::Sender<usize>,
    /// How many clients there are on streams.
    clients: watch::Sender<usize>,
    /// Counts how often tools have changed.
    changes: watch::Sender<u64>,
    opened: Instant,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({} running)", *self.running.borrow())
    }
}

impl Desk {
    /// A desk for a host that is about to be built with its observer and approver.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            routes: Mutex::default(),
            outcomes: Mutex::default(),
            rounds: Rounds::default(),
            nameless: Arc::default(),
            closing: watch::Sender::new(false),
            running: watch::Sender::new(0),
            clients: watch::Sender::new(0),
            changes: watch::Sender::new(0),
            opened: Instant::now(),
        })
    }

    /// Who tells clients what happens to their calls: for [`HostBuilder::observer`](crate::HostBuilder::observer).
    #[must_use]
    pub fn observer(self: &Arc<Self>) -> Observer {
        let desk = Arc::clone(self);
        Arc::new(move |event| desk.happened(event))
    }

    /// Tools have come, gone or changed: clients are told.
    pub fn tools_changed(&self) {
        self.changes.send_modify(|times| *times = times.wrapping_add(1));
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// From here on no call is taken in.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until no call runs.
    pub async fn settled(&self) {
        drop(self.running.subscribe().wait_for(|running| *running == 0).await);
    }

    /// Waits until it has been closed and no call runs.
    pub(super) async fn over(&self) {
        drop(self.closing.subscribe().wait_for(|closing| *closing).await);
        self.settled().await;
    }

    /// Waits until no client is served on streams: once the desk is closed, each is let go when its calls are answered.
    pub async fn left(&self) {
        drop(self.clients.subscribe().wait_for(|clients| *clients == 0).await);
    }

    /// One more client on streams, until this is dropped.
    pub(super) fn welcome(self: &Arc<Self>) -> impl Drop + use<> {
        self.clients.send_modify(|clients| *clients = clients.saturating_add(1));
        Inside(Arc::clone(self))
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for a new call of this client, which will be that batch, and the way back to it; none if no call is taken in any
    /// more.
    pub(super) fn open(self: &Arc<Self>, batch: u64, asks: Asks) -> Option<Route> {
        if *self.closing.borrow() {
            return None;
        }
        let (sender, notes) = mpsc::channel(MOST_NOTES);
        self.running.send_modify(|running| *running = running.saturating_add(1));
        self.routes().insert(batch, Open { asks, notes: sender });
        Some(Route {
            desk: Arc::clone(self),
            batch,
            id: name(batch),
            notes,
        })
    }

    fn happened(&self, event: &Event) {
        let note = match &event.what {
            What::Progress { done, total, message } => Note::Progress {
                done: *done,
                total: *total,
                message: message.clone(),
            },
            What::Log { level, text } => Note::Log {
                level: *level,
                text: text.clone(),
            },
            _ => return,
        };
        let sender = self.routes().get(&event.batch).map(|open| open.notes.clone());
        if let Some(sender) = sender {
            // A client that does not read loses steps, and nothing else.
            drop(sender.try_send(note));
        }
    }

    /// Microseconds since the desk was opened.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A call that came `at` microseconds after the desk was opened has ended.
    pub(super) fn ended(&self, outcome: &Outcome, at: u64) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if outcomes.len() == MOST_OUTCOMES {
            outcomes.pop_front();
        }
        // The timeline shows no answers: they may be large.
        outcomes.push_back(Outcome {
            content: Vec::new(),
            structured: None,
            log: String::new(),
            timing: outcome.timing.later(at),
            id: outcome.id.clone(),
            tool: outcome.tool.clone(),
            status: outcome.status,
            error: outcome.error.clone(),
            footprint: Arc::clone(&outcome.footprint),
            waits: outcome.waits.iter().map(among_ours).collect(),
            more_waits: outcome.more_waits,
            notes: outcome.notes.clone(),
        });
    }

    /// How the latest calls ended, the oldest first.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.iter().cloned().collect()
    }
}

/// What a call is called that is a batch of its own.
fn name(batch: u64) -> CallId {
    CallId::from(batch.to_string())
}

/// Among clients' calls, as they are told and shown, those of all clients are one batch: their names are given once.
pub(super) fn among_ours(wait: &Wait) -> Wait {
    Wait {
        batch: wait.batch.filter(|batch| name(*batch) != wait.on),
        ..wait.clone()
    }
}

impl Approve for Desk {
    /// Asks the person at the client that made the call. A client that can't ask anybody has said no.
    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a> {
        Box::pin(async move {
            let way = match self.routes().get_mut(&question.batch).map(|open| &mut open.asks) {
                Some(Asks::Request(way)) => way.clone(),
                Some(Asks::Result(round)) => return round.answer(question),
                Some(Asks::Nobody) | None => return Answer::No,
            };
            asking::request(&way, question).await.unwrap_or(Answer::No)
        })
    }
}
