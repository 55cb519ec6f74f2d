//! One call's turn, from the scheduler's start to the message of its end.
//! It must not decide who runs; it tells the owner what happened and carries out the answer.

use super::Shared;
use super::chain::document;
use super::live::{Begin, ended, held};
use super::owner::Effect;
use super::prepare::Prepared;
use super::refused::Refused;
use super::resolve::{self, Next};
use crate::call::{CallId, Status, What};
use crate::catalog::Entry;
use crate::native::{NativeJob, NativePlugin};
use crate::sandbox::{Check, Compiled, Ended, Job, SandboxError, Sink, Slot};
use crate::schedule::Ticket;
use crate::workspace::Marks;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// How often one call's paths may turn out different when its turn comes, before it fails.
const MAX_REPLANS: u32 = 8;

/// Does what the owner said. Ends are told before starts, and callers are answered when everyone else is on the way.
pub(super) fn carry_out(shared: &Arc<Shared>, effects: Vec<Effect>) {
    for effect in &effects {
        if let Effect::Answer(ending) = effect {
            let status = ending.outcome.status;
            shared.tell(ending.batch, &ending.outcome.id, What::Finished { status });
        }
    }
    let mut answers = Vec::new();
    for effect in effects {
        match effect {
            Effect::Spawn(ticket) => {
                drop(shared.handle.spawn(turn(shared, ticket)));
            }
            Effect::Resolve(ticket) => drop(shared.handle.spawn(find_out(Arc::clone(shared), ticket))),
            Effect::Answer(ending) => answers.push(ending),
        }
    }
    shared.record_ends(&mut answers);
    for ending in answers {
        // A caller that went away doesn't want it.
        drop(ending.reply.send(ending.outcome));
    }
}

/// The turn of a call that may run.
pub(super) fn turn(shared: &Arc<Shared>, ticket: Ticket) -> impl Future<Output = ()> + Send + use<> {
    work(Worker {
        shared: Arc::clone(shared),
        ticket,
        ended: false,
        taken: false,
    })
}

/// A call of which it is being found out what it holds. Whatever happens meanwhile, its caller hears of it.
struct Finding {
    shared: Arc<Shared>,
    ticket: Ticket,
    found: bool,
}

impl Drop for Finding {
    fn drop(&mut self) {
        if !self.found {
            let message = "the host failed while it found out what this call holds";
            let ended = Ended::error(Status::HostFailure, "host_failure", message);
            let effects = self.shared.owner().unresolved(self.ticket, ended);
            carry_out(&self.shared, effects);
        }
    }
}

/// Finds out what a call holds, asking for leave as often as something of it is refused that could be allowed.
async fn find_out(shared: Arc<Shared>, ticket: Ticket) {
    let mut finding = Finding {
        shared: Arc::clone(&shared),
        ticket,
        found: false,
    };
    loop {
        let effects = match resolve::resolve(&shared, ticket) {
            Next::Do(effects) => Some(effects),
            Next::Ask(memory, question, refused) => {
                let effects = shared.owner().let_go(ticket);
                carry_out(&shared, effects);
                resolve::ask(&shared, ticket, &memory, *question, refused).await
            }
        };
        if let Some(effects) = effects {
            finding.found = true;
            return carry_out(&shared, effects);
        }
    }
}

/// Ends a call when it has waited for that long.
pub(super) fn patience(shared: &Arc<Shared>, ticket: Ticket, time: Duration) -> AbortHandle {
    let shared = Arc::clone(shared);
    let handle = shared.handle.clone();
    let wait = async move {
        tokio::time::sleep(time).await;
        let effects = shared.owner().expire(ticket);
        carry_out(&shared, effects);
    };
    handle.spawn(wait).abort_handle()
}

/// One call's turn. Whatever happens to it, the owner hears of its end exactly once.
struct Worker {
    shared: Arc<Shared>,
    ticket: Ticket,
    ended: bool,
    /// Whether another call takes its result.
    taken: bool,
}

impl Worker {
    fn finish(mut self, mut ended: Ended) {
        self.ended = true;
        if self.taken && ended.status == Status::Ok {
            // Here, where nobody waits for it, and not under the owner's lock.
            ended.document = Some(Arc::new(document(&ended)));
        }
        self.report(ended);
    }

    /// The turn is over without an end: the call is back in the queue.
    fn step_back(mut self) {
        self.ended = true;
    }

    fn report(&self, ended: Ended) {
        let effects = self.shared.owner().finish(self.ticket, ended);
        carry_out(&self.shared, effects);
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

async fn work(mut worker: Worker) {
    let Some(mut begin) = worker.shared.owner().begin(worker.ticket) else {
        return worker.finish(Ended::error(Status::HostFailure, "host_failure", "the call is gone"));
    };
    worker.taken = begin.taken;
    let prepared = match begin.waited {
        false => begin.prepared.clone(),
        true => match again(&worker, &begin) {
            Again::GoOn(prepared) => prepared,
            // Back in the queue: this turn is over without an end.
            Again::Wait => return worker.step_back(),
            Again::End(ended) => return worker.finish(*ended),
        },
    };
    let shared = Arc::clone(&worker.shared);
    let body = match body(&shared, &prepared.entry, &mut begin.stop).await {
        Ok(body) => body,
        Err(ended) => return worker.finish(*ended),
    };
    let mut limits = prepared.rules.limits().clone();
    if let Some(wall) = begin.call.timeout {
        limits.wall = wall.min(limits.wall);
    }
    shared.reuse.forget(&prepared.footprint);
    let arguments = prepared.arguments.to_string();
    let key = shared.reuse.key(&prepared, &arguments);
    // A call reaches what it came in under, whatever is mounted since.
    let workspace = &prepared.by.workspace;
    if let Some(key) = &key
        && let Some(ended) = shared.reuse.find(key, &prepared.footprint, workspace)
    {
        return worker.finish(ended);
    }
    let before = key.and_then(|key| Some((key, Marks::take(workspace, prepared.footprint.entries())?)));
    let opening = shared.owner().opens(worker.ticket);
    let sink = opening.and_then(|(batch, id)| {
        shared.tell(batch, &id, What::Started);
        sink(&shared, batch, id)
    });
    let slot: Arc<dyn Slot> = Arc::new(CallSlot {
        shared: Arc::clone(&shared),
        ticket: worker.ticket,
    });
    let tool = prepared.entry.tool.name.clone();
    let (workspace, footprint) = (Arc::clone(workspace), Arc::clone(&prepared.footprint));
    let ended = match body {
        Body::Component(plugin) => {
            let job = Job {
                plugin,
                tool,
                arguments,
                workspace,
                rules: Arc::clone(&prepared.rules),
                family: prepared.entry.plugin.manifest.name.clone(),
                footprint,
                limits,
                browsers: shared.browsers.clone(),
                stop: Some(begin.stop),
                slot: Some(slot),
                // Nothing to learn from: the key is this host's own.
                seed: before.as_ref().map(|(key, _)| shared.reuse.seed(key)),
                sink,
                check: check(&prepared.entry),
            };
            shared.sandbox.run(job).await
        }
        Body::Closures(plugin) => {
            let job = NativeJob {
                tool,
                arguments: (*prepared.arguments).clone(),
                workspace,
                footprint,
                limits,
                stop: begin.stop,
                slot,
                sink,
                check: check(&prepared.entry),
            };
            plugin.run(job).await
        }
    };
    if let Some((key, marks)) = before {
        shared
            .reuse
            .keep(key, &prepared.footprint, marks, &prepared.by.workspace, &ended);
    }
    worker.finish(ended);
}

/// How the answer of this tool is looked at, if it declares what that is.
fn check(entry: &Entry) -> Option<Check> {
    entry.tool.output_schema.as_ref()?;
    let tool = Arc::clone(&entry.tool);
    Some(Box::new(move |structured| tool.check_answer(structured)))
}

/// What runs a call.
enum Body<'a> {
    Component(Compiled),
    Closures(&'a NativePlugin),
}

/// What runs a call of this tool; a component is compiled first, if nobody has.
async fn body<'a>(
    shared: &Arc<Shared>,
    entry: &'a Entry,
    stop: &mut oneshot::Receiver<()>,
) -> Result<Body<'a>, Box<Ended>> {
    if let Some(closures) = entry.plugin.closures() {
        return Ok(Body::Closures(closures));
    }
    let tool = &entry.tool.name;
    let compiled = tokio::select! {
        biased;
        compiled = entry.plugin.compiled(&shared.sandbox) => compiled,
        Ok(()) = stop => {
            let message = format!("{tool} was taken back while its plugin was compiled");
            return Err(Box::new(Ended::error(Status::Cancelled, "cancelled", message)));
        }
    };
    compiled.map(Body::Component).map_err(|error| {
        let (status, code) = match &error {
            SandboxError::TooSlow(_) => (Status::Limit, "compile"),
            _ => (Status::HostFailure, "unusable_component"),
        };
        // By its name: where its file is, is no business of a model's.
        let message = format!("{tool}: the plugin {}: {error}", entry.plugin.manifest.name);
        Box::new(Ended::error(status, code, message))
    })
}

/// The slot of one running call.
struct CallSlot {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl std::fmt::Debug for CallSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallSlot({:?})", self.ticket)
    }
}

impl Slot for CallSlot {
    fn give_back(&self) {
        let effects = self.shared.owner().pause(self.ticket);
        carry_out(&self.shared, effects);
    }

    fn take(&self) {
        self.shared.owner().resume(self.ticket);
    }
}

/// Where a guest's words go while it runs.
fn sink(shared: &Arc<Shared>, batch: u64, id: CallId) -> Option<Sink> {
    shared.hub.if_any()?;
    let shared = Arc::clone(shared);
    Some(Arc::new(move |what| shared.tell(batch, &id, what)))
}

enum Again {
    GoOn(Prepared),
    Wait,
    End(Box<Ended>),
}

/// Step 6: are the paths still what was compared? If not, the call is planned again before anything opens.
fn again(worker: &Worker, begin: &Begin) -> Again {
    let arguments = begin.filled.as_deref().unwrap_or(&begin.call.arguments);
    let entry = &begin.prepared.entry;
    let prepared = match begin.prepared.by.resolve(entry, arguments, &begin.approved) {
        Ok(prepared) => prepared,
        Err(refused) => {
            worker.shared.record_refusal(worker.ticket, &refused);
            return Again::End(Box::new(ended(refused)));
        }
    };
    if prepared.footprint != begin.prepared.footprint
        && let Err(refused) = worker.shared.record_plan(worker.ticket, &prepared)
    {
        return Again::End(Box::new(ended(refused)));
    }
    if prepared.footprint == begin.prepared.footprint || held(&prepared.footprint, &begin.prepared.footprint) {
        return Again::GoOn(prepared);
    }
    if begin.replans >= MAX_REPLANS {
        let message = "its paths keep leading elsewhere; someone outside is changing them";
        let refused = Refused::new(Status::Failed, "unstable_paths", message);
        return Again::End(Box::new(ended(refused)));
    }
    let mut owner = worker.shared.owner();
    let (goes_on, news) = owner.replan(worker.ticket, prepared.clone());
    let mut effects = owner.next();
    let name = owner
        .resolving(worker.ticket)
        .map(|live| (live.common.batch, live.id.clone()));
    if !goes_on {
        effects.extend(owner.stepped_back(worker.ticket));
    }
    drop(owner);
    if let Some((batch, id)) = name {
        worker.shared.tell(batch, &id, news);
    }
    carry_out(&worker.shared, effects);
    match goes_on {
        true => Again::GoOn(prepared),
        false => Again::Wait,
    }
}
