//! How a batch comes in: every call resolved, admitted or refused, and the caller's handle on what was admitted.
//! It must not run anything.

use super::approve::Voice;
use super::batch::{BatchError, Named};
use super::chain::{Links, fill};
use super::here::{Begins, Turn};
use super::live::{ClientId, Common, Live, not_met, refused};
use super::owner::Owner;
use super::prepare::Prepared;
use super::refused::Refused;
use super::{Shared, Whose, worker};
use crate::call::{Call, CallId, Outcome, Status, What, When};
use crate::schedule::{Submission, Ticket, When as Edge};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// As many calls of a batch are taken in as one: their waits are those that `plan` shows, whatever ends meanwhile. Larger
/// batches come in pieces, so that the first calls don't wait for the last one's paths.
const TOGETHER: usize = 512;

/// A batch under way. Dropping it leaves the calls to themselves; they run to their end.
pub struct Batch {
    shared: Arc<Shared>,
    number: u64,
    /// In request order: an outcome that is known already, or where it will arrive.
    pending: Vec<Pending>,
    /// What begins where outcomes are awaited.
    turn: Option<Turn>,
}

enum Pending {
    Known(Box<Outcome>),
    Waiting(CallId, String, oneshot::Receiver<Outcome>),
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, pending, .. } = self;
        write!(f, "Batch({number}, {} calls)", pending.len())
    }
}

impl Batch {
    /// The batch's number, by which events name it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Takes back every call that has not ended: waiting ones at once, running ones as soon as their guest has stopped.
    pub fn cancel(&self) {
        self.shared.cancel(Whose::Batch(self.number));
    }

    /// Takes back one call; whether there was one of that id that had not ended.
    pub fn cancel_call(&self, id: &CallId) -> bool {
        self.shared.cancel(Whose::One(self.number, id)) > 0
    }

    /// A handle that takes the batch back from elsewhere, while its outcomes are awaited here.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller {
            shared: Arc::clone(&self.shared),
            number: self.number,
        }
    }

    /// All outcomes, in request order.
    pub async fn outcomes(self) -> Vec<Outcome> {
        if let Some(turn) = self.turn {
            turn.begin().await;
        }
        let mut outcomes = Vec::with_capacity(self.pending.len());
        for pending in self.pending {
            outcomes.push(match pending {
                Pending::Known(outcome) => *outcome,
                Pending::Waiting(id, tool, receiver) => receiver.await.unwrap_or_else(|_| {
                    let message = "the host was dropped before the call ended";
                    let gone = Refused::new(Status::HostFailure, "host_gone", message);
                    refused(id, tool, gone, Instant::now())
                }),
            });
        }
        outcomes
    }
}

/// Takes calls of one batch back.
#[derive(Clone)]
pub struct Canceller {
    shared: Arc<Shared>,
    number: u64,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canceller({})", self.number)
    }
}

impl Canceller {
    /// As [`Batch::cancel`].
    pub fn cancel(&self) {
        self.shared.cancel(Whose::Batch(self.number));
    }

    /// As [`Batch::cancel_call`].
    pub fn cancel_call(&self, id: &CallId) -> bool {
        self.shared.cancel(Whose::One(self.number, id)) > 0
    }
}

pub(super) fn admit(
    shared: &Arc<Shared>,
    number: u64,
    (client, voice): (ClientId, Voice),
    calls: Vec<Call>,
    begins: Begins,
) -> Result<Batch, BatchError> {
    let named = Named::new(&calls)?;
    let common = Arc::new(Common {
        batch: number,
        client,
        voice,
        zero: Instant::now(),
        results: Mutex::new(HashMap::new()),
    });
    let mut taking = Taking {
        shared,
        common,
        pending: calls.iter().map(|_| None).collect(),
        tickets: vec![None; calls.len()],
        calls: calls.into_iter().map(Arc::new).collect(),
        named: &named,
        begins,
        turn: None,
    };
    for piece in named.order.chunks(TOGETHER) {
        taking.piece(piece);
    }
    Ok(Batch {
        shared: Arc::clone(shared),
        number,
        pending: taking.pending.into_iter().flatten().collect(),
        turn: taking.turn,
    })
}

/// A batch that is being taken in.
struct Taking<'a> {
    shared: &'a Arc<Shared>,
    common: Arc<Common>,
    calls: Vec<Arc<Call>>,
    named: &'a Named,
    pending: Vec<Option<Pending>>,
    tickets: Vec<Option<Ticket>>,
    begins: Begins,
    turn: Option<Turn>,
}

impl Taking<'_> {
    /// Lets calls in together, or says at once why not.
    fn piece(&mut self, piece: &[usize]) {
        // What there is no room for costs nothing but the answer: a flood must not keep others from theirs.
        let room = self.shared.room(self.common.client, &self.shared.owner());
        // Paths are resolved before the owner is asked: system calls are not made under its lock.
        let prepare = |at: &usize| {
            let (call, links) = (self.calls.get(*at)?, self.named.links.get(*at)?);
            let prepared = room.clone().and_then(|()| self.prepare(call, links));
            Some((*at, Instant::now(), prepared))
        };
        let mut prepared: Vec<_> = piece.iter().filter_map(prepare).collect();
        let arrivals = prepared.iter().filter_map(|(at, _, prepared)| {
            let (call, id) = (self.calls.get(*at)?, self.named.ids.get(*at)?);
            Some((&**call, id, prepared))
        });
        let Common { client, batch, .. } = *self.common;
        if let Err(refused) = self.shared.record_arrivals(client, batch, arrivals) {
            // Nothing runs that nobody could look up later.
            prepared
                .iter_mut()
                .for_each(|(_, _, prepared)| *prepared = Err(refused.clone()));
        }
        let mut news = Vec::with_capacity(prepared.len());
        let mut allowed = Vec::new();
        let mut owner = self.shared.owner();
        for (at, queued, prepared) in prepared {
            allowed.extend(prepared.is_ok().then_some(at));
            news.extend(self.one(&mut owner, at, queued, prepared));
        }
        let mut effects = owner.next();
        if self.begins == Begins::Here {
            self.turn = Turn::take(self.shared, &owner, &mut effects);
        }
        drop(owner);
        let left_out = allowed.iter().filter_map(|at| match self.pending.get(*at)?.as_ref()? {
            Pending::Known(outcome) => Some(&**outcome),
            Pending::Waiting(..) => None,
        });
        let left_out: Vec<&Outcome> = left_out.collect();
        self.shared.record_left_out(client, batch, &left_out);
        for (id, what) in news {
            self.shared.tell(self.common.batch, &id, what);
        }
        worker::carry_out(self.shared, effects);
    }

    /// Resolves a call; one that somebody could allow is let in all the same, and waits for that.
    fn prepare(&self, call: &Call, links: &Links) -> Result<Prepared, Refused> {
        let approvals = &self.shared.approvals;
        let rules = self.shared.rules();
        match rules.prepare(
            call,
            links,
            &self.common.voice.memory.always(&rules.catalog, &call.tool),
        ) {
            Err(refused) if approvals.asks(&self.common.voice, &rules.catalog, &call.tool, &refused) => {
                rules.pending(&call.tool, &refused)
            }
            prepared => prepared,
        }
    }

    fn one(
        &mut self,
        owner: &mut Owner,
        at: usize,
        queued: Instant,
        prepared: Result<Prepared, Refused>,
    ) -> Option<(CallId, What)> {
        let (call, id) = (Arc::clone(self.calls.get(at)?), self.named.ids.get(at)?.clone());
        let admitted = self.shared.room(self.common.client, owner).and_then(|()| {
            let edges = self.edges(&call, at, owner)?;
            Ok((edges, prepared?))
        });
        let (entry, ticket, what) = match admitted {
            Err(refusal) => {
                let outcome = refused(id.clone(), call.tool.clone(), refusal, self.common.zero);
                let status = outcome.status;
                self.left(&id);
                (Pending::Known(Box::new(outcome)), None, What::Finished { status })
            }
            Ok((edges, prepared)) => {
                let tool = call.tool.clone();
                let (reply, receiver) = oneshot::channel();
                let ticket = self.submit(owner, (id.clone(), call, queued), edges, prepared, reply);
                let waits = match self.shared.hub.if_any() {
                    Some(_) => owner.waits(ticket).0,
                    None => Vec::new(),
                };
                let queued = What::Queued {
                    tool: tool.clone(),
                    waits,
                };
                (Pending::Waiting(id.clone(), tool, receiver), Some(ticket), queued)
            }
        };
        *self.pending.get_mut(at)? = Some(entry);
        *self.tickets.get_mut(at)? = ticket;
        Some((id, what))
    }

    fn submit(
        &self,
        owner: &mut Owner,
        (id, call, queued): (CallId, Arc<Call>, Instant),
        edges: Edges,
        prepared: Prepared,
        reply: oneshot::Sender<Outcome>,
    ) -> Ticket {
        let condition = matches!(call.when, When::Equals { .. });
        let submission = Submission {
            known: prepared.unknown.is_empty() && !condition && !edges.takes,
            after: edges.after,
            when: edges.when,
            failed: edges.failed,
            priority: call.priority,
            ..Submission::new(Arc::clone(&prepared.footprint))
        };
        let max_wait = call.max_wait;
        let live = Live {
            common: Arc::clone(&self.common),
            awaited: self.named.awaited(&id),
            taken: self.named.taken(&id),
            id,
            call,
            filled: edges.filled,
            prepared,
            queued,
            started: None,
            waits: Vec::new(),
            more_waits: 0,
            notes: Vec::new(),
            approved: Vec::new(),
            replans: 0,
            reply,
            stop: None,
            cancelled: false,
            patience: None,
        };
        let ticket = owner.submit(live, submission);
        if let Some(time) = max_wait {
            owner.be_patient(ticket, worker::patience(self.shared, ticket, time));
        }
        ticket
    }

    /// A call that was never let in did not end ok for those that name it.
    fn left(&self, id: &CallId) {
        if self.named.awaited(id) {
            let mut results = self.common.results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert(id.clone(), Err(()));
        }
    }

    /// What a call comes after, and how, unless it is clear already that it won't run.
    fn edges(&self, call: &Call, at: usize, owner: &Owner) -> Result<Edges, Refused> {
        let links = self.named.links.get(at);
        let mut edges = Edges {
            after: Vec::new(),
            when: match call.when {
                When::Ok | When::Equals { .. } => Edge::Ok,
                When::Failed => Edge::Failed,
                When::Always => Edge::Always,
            },
            failed: false,
            takes: links.is_some_and(|links| links.takes()),
            filled: None,
        };
        if links.is_some_and(|links| links.fills() && !links.takes()) {
            edges.filled = fill(&call.arguments, &HashMap::new(), u64::MAX).ok().map(Arc::new);
        }
        if !self.named.any() {
            return Ok(edges);
        }
        let mut because = None;
        let results = self.common.results.lock().unwrap_or_else(PoisonError::into_inner);
        for at in self.named.before(call, at) {
            match self
                .tickets
                .get(at)
                .copied()
                .flatten()
                .filter(|ticket| owner.is_live(*ticket))
            {
                Some(ticket) => edges.after.push(ticket),
                None => {
                    let id = self.named.ids.get(at);
                    if !id.and_then(|id| results.get(id)).is_some_and(Result::is_ok) {
                        edges.failed = true;
                        because = id;
                    }
                }
            }
        }
        let skip = match edges.when {
            Edge::Ok => edges.failed,
            Edge::Failed => edges.after.is_empty() && !edges.failed,
            Edge::Always => false,
        };
        match skip {
            false => Ok(edges),
            true => {
                let message = not_met(because, edges.when == Edge::Failed);
                Err(Refused::new(Status::Skipped, "skipped", message))
            }
        }
    }
}

/// How a call hangs on earlier ones.
struct Edges {
    after: Vec<Ticket>,
    when: Edge,
    /// Whether one of those that have ended already did not end ok.
    failed: bool,
    /// Whether its arguments take results.
    takes: bool,
    /// Its arguments, if they only had to be unwrapped.
    filled: Option<Arc<serde_json::Value>>,
}
