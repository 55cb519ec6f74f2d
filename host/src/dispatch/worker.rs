//! One call's turn, from the scheduler's start to the message of its end.
//! It must not decide who runs; it tells the owner what happened and carries out the answer.

use super::Shared;
use super::owner::{Begin, Effect, held};
use super::prepare::{Prepared, Refused};
use crate::call::{Event, Status};
use crate::sandbox::{Ended, Job};
use crate::schedule::Ticket;
use std::sync::Arc;

/// How often one call's paths may turn out different when its turn comes, before it fails.
const MAX_REPLANS: u32 = 8;

pub(super) fn carry_out(shared: &Arc<Shared>, effects: Vec<Effect>, runtime: &tokio::runtime::Handle) {
    for effect in effects {
        match effect {
            Effect::Spawn(ticket) => {
                drop(runtime.spawn(work(Worker {
                    shared: Arc::clone(shared),
                    ticket,
                    ended: false,
                })));
            }
            Effect::Answer(reply, outcome) => {
                shared.tell(&Event::Finished {
                    id: outcome.id.clone(),
                    status: outcome.status,
                });
                // A caller that went away doesn't want it.
                drop(reply.send(*outcome));
            }
        }
    }
}

/// One call's turn. Whatever happens to it, the owner hears of its end exactly once.
struct Worker {
    shared: Arc<Shared>,
    ticket: Ticket,
    ended: bool,
}

impl Worker {
    fn finish(mut self, ended: Ended) {
        self.ended = true;
        self.report(ended);
    }

    /// The turn is over without an end: the call is back in the queue.
    fn step_back(mut self) {
        self.ended = true;
    }

    fn report(&self, ended: Ended) {
        let effects = self.shared.owner().finish(self.ticket, ended);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            carry_out(&self.shared, effects, &runtime);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended {
            let message = "the host failed while it ran this call";
            self.report(Ended::error(Status::HostFailure, "host_failure", message));
        }
    }
}

async fn work(worker: Worker) {
    let Some(begin) = worker.shared.owner().begin(worker.ticket) else {
        return worker.finish(Ended::error(Status::HostFailure, "host_failure", "the call is gone"));
    };
    let prepared = match begin.waited {
        false => begin.prepared,
        true => match again(&worker, &begin) {
            Again::GoOn(prepared) => prepared,
            // Back in the queue: this turn is over without an end.
            Again::Wait => return worker.step_back(),
            Again::End(ended) => return worker.finish(*ended),
        },
    };
    let shared = Arc::clone(&worker.shared);
    let plugin = match prepared.entry.plugin.compiled(&shared.sandbox).await {
        Ok(plugin) => plugin,
        Err(error) => {
            let message = format!("{}: {error}", prepared.entry.plugin.origin);
            return worker.finish(Ended::error(Status::HostFailure, "unusable_component", message));
        }
    };
    let mut limits = shared
        .rules
        .policy
        .limits_for(&prepared.entry.plugin.manifest.name)
        .clone();
    if let Some(wall) = begin.wall {
        limits.wall = wall.min(limits.wall);
    }
    let opening = shared.owner().opens(worker.ticket);
    if let Some(id) = opening {
        shared.tell(&Event::Started { id });
    }
    let ended = shared
        .sandbox
        .run(Job {
            plugin,
            tool: prepared.entry.tool.name.clone(),
            arguments: prepared.arguments.to_string(),
            workspace: Arc::clone(&shared.rules.workspace),
            policy: Arc::clone(&shared.rules.policy),
            footprint: prepared.footprint,
            limits,
            stop: Some(begin.stop),
        })
        .await;
    worker.finish(ended);
}

enum Again {
    GoOn(Prepared),
    Wait,
    End(Box<Ended>),
}

/// Step 6: are the paths still what was compared? If not, the call is planned again before anything opens.
fn again(worker: &Worker, begin: &Begin) -> Again {
    let end = |refused: Refused| {
        let mut ended = Ended::error(refused.status, &refused.error.code, refused.error.message);
        if let Some(error) = &mut ended.error {
            error.hint = refused.error.hint;
        }
        Again::End(Box::new(ended))
    };
    let prepared = match worker.shared.rules.resolve(&begin.prepared.entry, &begin.given) {
        Ok(prepared) => prepared,
        Err(refused) => return end(refused),
    };
    if prepared.footprint == begin.prepared.footprint {
        return Again::GoOn(prepared);
    }
    if held(&prepared.footprint, &begin.prepared.footprint) {
        return Again::GoOn(prepared);
    }
    if begin.replans >= MAX_REPLANS {
        let message = "its paths keep leading elsewhere; someone outside is changing them";
        return end(Refused::new(Status::Failed, "unstable_paths", message));
    }
    let mut owner = worker.shared.owner();
    match owner.replan(worker.ticket, prepared.clone()) {
        true => Again::GoOn(prepared),
        false => {
            let effects = owner.next();
            drop(owner);
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                carry_out(&worker.shared, effects, &runtime);
            }
            Again::Wait
        }
    }
}
