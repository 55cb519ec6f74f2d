//! What a batch would do: the same resolution and the same scheduler as a run, and nothing runs.
//! It must not have rules of its own.

use crate::call::{Call, CallError, CallId, Footprint, Status, Wait};
use crate::dispatch::{BatchError, Named, Rules, Trees};
use crate::schedule::{Reason, Scheduler, Submission, Ticket};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// As many reasons to wait are told of one call.
const MOST_WAITS: usize = 64;

/// What would happen to a batch with the file tree as it is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The calls, in request order.
    pub calls: Vec<PlannedCall>,
    /// Who could start together: each call stands in the first group in which everything that it waits for stands in an
    /// earlier one. A run is not bound to groups: a call starts as soon as what it waits for has ended.
    pub groups: Vec<Vec<CallId>>,
}

/// What would happen to one call.
#[derive(Clone, Debug)]
pub struct PlannedCall {
    /// The call.
    pub id: CallId,
    /// Its tool.
    pub tool: String,
    /// What it would hold, as far as that can be said; empty if it would be refused.
    pub footprint: Arc<Footprint>,
    /// What can't be said yet, one sentence for each claim that takes a result. Until then the footprint has all that the
    /// claim could mean.
    pub unknown: Vec<String>,
    /// Whom it would wait for: at most 64 of them, the oldest.
    pub waits_for: Vec<Wait>,
    /// How many more.
    pub more_waits: usize,
    /// Why it would not run at all.
    pub refused: Option<(Status, CallError)>,
}

pub(super) fn plan(rules: &Arc<Rules>, calls: &[Call]) -> Result<Plan, BatchError> {
    let named = Named::new(calls)?;
    let mut planner = Planner {
        scheduler: Scheduler::new(NonZeroUsize::MAX),
        trees: Trees::default(),
        at: HashMap::new(),
        levels: vec![None; calls.len()],
        tickets: vec![None; calls.len()],
        named: &named,
    };
    let mut planned: Vec<Option<PlannedCall>> = vec![None; calls.len()];
    for index in named.order.iter().copied() {
        if let (Some(call), Some(slot)) = (calls.get(index), planned.get_mut(index)) {
            *slot = planner.add(rules, index, call);
        }
    }
    let levels = planner.levels;
    let depth = levels.iter().flatten().max().map_or(0, |deepest| deepest + 1);
    let group = |level| {
        let here = levels.iter().zip(&named.ids).filter(|(at, _)| **at == Some(level));
        here.map(|(_, id)| id.clone()).collect()
    };
    Ok(Plan {
        calls: planned.into_iter().flatten().collect(),
        groups: (0..depth).map(group).collect(),
    })
}

struct Planner<'a> {
    scheduler: Scheduler,
    trees: Trees,
    /// Positions of calls by ticket.
    at: HashMap<Ticket, usize>,
    levels: Vec<Option<usize>>,
    tickets: Vec<Option<Ticket>>,
    named: &'a Named,
}

impl Planner<'_> {
    fn add(&mut self, rules: &Arc<Rules>, index: usize, call: &Call) -> Option<PlannedCall> {
        let id = self.named.ids.get(index)?.clone();
        let tool = call.tool.clone();
        let prepared = match rules.prepare(call, self.named.links.get(index)?, &[]) {
            Ok(prepared) => prepared,
            Err(refused) => {
                return Some(PlannedCall {
                    id,
                    tool,
                    footprint: Arc::default(),
                    unknown: Vec::new(),
                    waits_for: Vec::new(),
                    more_waits: 0,
                    refused: Some((refused.status, refused.error)),
                });
            }
        };
        let before = self.named.before(call, index).into_iter();
        let after = before
            .filter_map(|at| self.tickets.get(at).copied().flatten())
            .collect();
        let wide = self.trees.widen(&prepared.footprint).map(Arc::new);
        let footprint = wide.unwrap_or_else(|| Arc::clone(&prepared.footprint));
        self.trees.add(&footprint);
        let ticket = self.scheduler.submit(Submission {
            after,
            priority: call.priority,
            ..Submission::new(Arc::clone(&footprint))
        });
        let waits = self.waits(ticket);
        let blockers = self.scheduler.blockers(ticket);
        let more_waits = blockers.len() - waits.len().min(blockers.len());
        let places = blockers.iter().filter_map(|on| self.at.get(on));
        let level = places.filter_map(|at| self.levels.get(*at).copied().flatten()).max();
        self.at.insert(ticket, index);
        *self.tickets.get_mut(index)? = Some(ticket);
        *self.levels.get_mut(index)? = Some(level.map_or(0, |level| level + 1));
        Some(PlannedCall {
            id,
            tool,
            footprint,
            unknown: prepared.unknown,
            waits_for: waits.into_iter().map(|(_, wait)| wait).collect(),
            more_waits,
            refused: None,
        })
    }

    fn waits(&self, ticket: Ticket) -> Vec<(usize, Wait)> {
        let (waits, _) = self.scheduler.waits(ticket, MOST_WAITS);
        let known = waits.into_iter().filter_map(|wait| {
            let at = *self.at.get(&wait.on)?;
            let entries = match wait.reason {
                Reason::Conflict { mine, theirs } => Some((mine.clone(), theirs.clone())),
                Reason::After => None,
            };
            let on = self.named.ids.get(at)?.clone();
            Some((
                at,
                Wait {
                    on,
                    batch: None,
                    entries,
                },
            ))
        });
        let mut waits: Vec<(usize, Wait)> = known.collect();
        waits.sort_by_key(|(at, _)| *at);
        waits
    }
}
