//! What a call holds that could not be said when it came: it takes results of others, or somebody had to allow it.
//! It must not start anything; the owner is told, and says what to do.

use super::Shared;
use super::approve::{Answer, Memory, Question};
use super::chain::{Results, fill, holds, links};
use super::live::ended;
use super::owner::Effect;
use super::refused::Refused;
use crate::call::{CallId, Status, What};
use crate::schedule::Ticket;
use std::sync::{Arc, PoisonError};

/// What comes of resolving a call.
pub(super) enum Next {
    /// This is to be done.
    Do(Vec<Effect>),
    /// Somebody could allow what is refused.
    Ask(Arc<Memory>, Box<Question>, Refused),
}

/// All that a call builds on has ended: does it run, and what does it hold?
pub(super) fn resolve(shared: &Shared, ticket: Ticket) -> Next {
    let (call, common, id, known, by, approved) = match shared.owner().resolving(ticket) {
        None => return Next::Do(Vec::new()),
        Some(live) => {
            let known = live.prepared.unknown.is_empty().then(|| live.prepared.clone());
            let (call, common) = (Arc::clone(&live.call), Arc::clone(&live.common));
            let by = Arc::clone(&live.prepared.by);
            (call, common, live.id.clone(), known, by, live.allowed())
        }
    };
    // Only looked at by others in passing, so taken out in passing: filling in takes longer.
    let named = links(&call).map(|links| links.on).unwrap_or_default();
    let results: Results = {
        let all = common.results.lock().unwrap_or_else(PoisonError::into_inner);
        named
            .into_iter()
            .filter_map(|id| all.get_key_value(&id))
            .map(|(id, result)| (id.clone(), result.clone()))
            .collect()
    };
    let found = holds(&call, &results)
        .map_err(|why| {
            let message = format!("its condition does not hold: {why}");
            Refused::new(Status::Skipped, "condition", message)
        })
        .and_then(|()| {
            fill(&call.arguments, &results, shared.policy.limits().arguments).map_err(|why| {
                let message = format!("{}: {why}", call.tool);
                Refused::new(Status::InvalidArguments, "no_such_result", message)
            })
        });
    let prepared = found.and_then(|filled| {
        let prepared = match known {
            Some(prepared) if filled == call.arguments => prepared,
            Some(_) | None => by.complete(&call.tool, &filled, &approved)?,
        };
        Ok((prepared, Arc::new(filled)))
    });
    if let Err(refused) = &prepared
        && shared.approvals.asks(&common.voice, &by.catalog, &call.tool, refused)
    {
        return match question(shared, ticket, common.batch, &id, refused) {
            Some(question) => Next::Ask(Arc::clone(&common.voice.memory), Box::new(question), refused.clone()),
            None => Next::Do(Vec::new()),
        };
    }
    let prepared = prepared.and_then(|(prepared, filled)| {
        shared.record_plan(ticket, &prepared)?;
        Ok((prepared, filled))
    });
    if let Err(refused) = &prepared {
        shared.record_refusal(ticket, refused);
    }
    let mut owner = shared.owner();
    let (news, effects) = match prepared {
        Ok((prepared, filled)) => owner.resolved(ticket, prepared, Some(filled)),
        Err(refused) => (None, owner.unresolved(ticket, ended(refused))),
    };
    drop(owner);
    if let Some(what) = news {
        shared.tell(common.batch, &id, what);
    }
    Next::Do(effects)
}

/// What the operator is asked about this call; `None` if it is gone.
fn question(shared: &Shared, ticket: Ticket, batch: u64, id: &CallId, refused: &Refused) -> Option<Question> {
    let (need, refusal) = *refused.about.clone()?;
    let entry = shared.owner().resolving(ticket)?.prepared.entry.clone();
    Some(Question {
        batch,
        id: id.clone(),
        tool: entry.tool.name.clone(),
        plugin: entry.plugin.manifest.name.clone(),
        entry: need,
        refusal,
    })
}

/// Asks; `None` if it was allowed, and the call is to be resolved again.
pub(super) async fn ask(
    shared: &Shared,
    ticket: Ticket,
    memory: &Memory,
    question: Question,
    refused: Refused,
) -> Option<Vec<Effect>> {
    let asking = What::Asking {
        question: question.refusal.reason(),
    };
    shared.tell(question.batch, &question.id, asking);
    let waits = || shared.owner().is_live(ticket);
    let Some(answer) = shared.approvals.ask(memory, &question, waits).await else {
        return Some(Vec::new());
    };
    let how = match answer {
        Answer::Once => "once",
        Answer::Always => "for this tool and place",
        Answer::No | Answer::Never => {
            shared.record_refusal(ticket, &refused);
            return Some(shared.owner().unresolved(ticket, ended(refused)));
        }
    };
    let note = format!("allowed {how}, beyond the policy: {}", question.refusal.asked());
    shared.owner().approve(ticket, question.entry, note);
    None
}
