//! The sandbox: the only room that knows wasmtime. One engine, one linker, a fresh store for each call.
//! It must not choose what a call may touch, when it runs, or what its end means to others; it opens exactly the
//! footprint it is handed, runs the export, and says how that went.

mod bindings;
#[cfg(feature = "browser")]
mod browser;
mod cache;
mod chance;
mod clock;
mod end;
mod engine;
mod files;
mod link;
mod log;
mod net;
mod slot;
#[cfg(feature = "stock-files")]
mod stock;
mod store;

pub use end::{Check, Ended};
pub use engine::MAX_INSTANCES;
pub use log::Sink;
pub use net::{HeaderName, HeaderValue, Trust};
pub(crate) use slot::OnSlot;
pub use slot::Slot;
#[cfg(test)]
pub(crate) use store::mistake;

use crate::browser::{Browsers, Visit};
use crate::call::{Endpoint, Footprint, Resource, Status};
use crate::policy::{Limits, ToolRules};
use crate::walls::{self, Wall};
use crate::workspace::Workspace;
use bindings::PluginPre;
use cache::Cache;
use files::{Gate, Leftovers};
use net::{Client, Net};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::State;
use tokio::sync::{Semaphore, oneshot};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, UpdateDeadline};

/// Ticks before a guest steps back for the first time: a small call is over before the second, and never does.
const FIRST_TICKS: u64 = 2;

/// Where guests run.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    ticker: engine::Ticker,
    clock: clock::Clock,
    cache: Option<Cache>,
    client: Arc<Client>,
    /// As many components are compiled at once.
    jobs: Semaphore,
    compile: Duration,
    leftovers: Arc<Leftovers>,
    #[cfg(feature = "stock-files")]
    stock: bool,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// A component as machine code, linked, ready to be instantiated any number of times.
#[derive(Clone)]
pub struct Compiled(PluginPre<State>);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled")
    }
}

/// Why the sandbox or a component can't be made ready.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SandboxError {
    /// This machine can't run wasmtime.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// What TLS is to trust makes no sense.
    #[error("certificates: {0}")]
    Trust(String),
    /// The bytes are not a component that fits.
    #[error("not a usable component: {0}")]
    Component(String),
    /// It takes too long.
    #[error("it takes more than {} ms to compile; compile_ms in the policy says how long it may", .0.as_millis())]
    TooSlow(Duration),
}

/// One call, with everything that was decided about it.
pub struct Job {
    /// Its component.
    pub plugin: Compiled,
    /// The tool's name.
    pub tool: String,
    /// Its plugin's name: connections are kept for the tools of one plugin.
    pub family: String,
    /// The arguments as JSON text, paths already canonical.
    pub arguments: String,
    /// Where paths live.
    pub workspace: Arc<Workspace>,
    /// What is visible inside granted trees, and which servers may be at which addresses.
    pub rules: Arc<ToolRules>,
    /// What was compared, and is now opened.
    pub footprint: Arc<Footprint>,
    /// Where browsers come from, if there are any.
    pub browsers: Option<Arc<Browsers>>,
    /// What it may use.
    pub limits: Limits,
    /// Resolves when the caller takes the call back.
    pub stop: Option<oneshot::Receiver<()>>,
    /// Lends it a core; it begins with one. It has one whenever it likes without.
    pub slot: Option<Arc<dyn Slot>>,
    /// What guests seed their hash tables with; something random unless set. Not told apart from other arguments: a call
    /// that is to be repeatable always has the same.
    pub seed: Option<u128>,
    /// Is told what it says while it runs.
    pub sink: Option<Sink>,
    /// Whether a structured answer is one that the tool has declared; any is, unless this is set.
    pub check: Option<Check>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("tool", &self.tool).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// An engine and a linker with the default limits; compiled code is kept below `cache` if one is given.
    ///
    /// # Errors
    /// If this machine can't run wasmtime.
    pub fn new(cache: Option<&Path>) -> Result<Self, SandboxError> {
        Self::with(cache, &Limits::default(), Trust::default())
    }

    /// The same with these limits of the host as a whole, and what the network needs.
    ///
    /// # Errors
    /// If this machine can't run wasmtime, or a certificate can't be read.
    pub fn with(cache: Option<&Path>, limits: &Limits, trust: Trust) -> Result<Self, SandboxError> {
        let fail = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let engine = engine::new(limits.stack).map_err(fail)?;
        let mut linker = Linker::new(&engine);
        link::link(&mut linker).map_err(fail)?;
        let key = engine::compatibility_key(&engine);
        let ticker = engine::Ticker::start(engine.clone()).map_err(|e| SandboxError::Engine(e.to_string()))?;
        let clock = clock::Clock::start().map_err(|e| SandboxError::Engine(e.to_string()))?;
        Ok(Self {
            jobs: Semaphore::new(usize::try_from(limits.compile_jobs.clamp(1, 1024)).unwrap_or(1)),
            compile: limits.compile,
            client: Arc::new(Client::new(trust).map_err(SandboxError::Trust)?),
            clock,
            cache: cache.and_then(|root| Cache::open(root, key)),
            engine,
            linker,
            ticker,
            leftovers: Arc::default(),
            #[cfg(feature = "stock-files")]
            stock: false,
        })
    }

    /// Compiles a component, or takes it from the cache. Blocks for as long as that takes: 0.1 s for a small one.
    ///
    /// # Errors
    /// If the bytes are not a component, or import or export what this host doesn't know.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, SandboxError> {
        let fail = |error: wasmtime::Error| SandboxError::Component(format!("{error:#}"));
        let digest = blake3::hash(bytes);
        let kept = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, &digest));
        let component = match kept {
            Some(component) => component,
            None => {
                let component = Component::new(&self.engine, bytes).map_err(fail)?;
                if let (Some(cache), Ok(code)) = (&self.cache, component.serialize()) {
                    cache.store(&digest, &code);
                }
                component
            }
        };
        let pre = self.linker.instantiate_pre(&component).map_err(fail)?;
        Ok(Compiled(PluginPre::new(pre).map_err(fail)?))
    }

    /// The same on a thread of its own, in turn with others and not for longer than a component may take. A compilation can't
    /// be stopped: one that takes longer goes on beside the others, but nobody waits for it any more.
    ///
    /// # Errors
    /// As `compile`, and if it takes too long.
    pub(crate) async fn compile_apart(self: &Arc<Self>, bytes: Arc<[u8]>) -> Result<Compiled, SandboxError> {
        let turn = self.jobs.acquire().await;
        let _turn = turn.map_err(|error| SandboxError::Engine(error.to_string()))?;
        let sandbox = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || sandbox.compile(&bytes));
        match tokio::time::timeout(self.compile, work).await {
            Ok(done) => done.map_err(|error| SandboxError::Engine(error.to_string()))?,
            Err(_) => Err(SandboxError::TooSlow(self.compile)),
        }
    }

    /// Opens connections ahead of the requests of a plugin's tools; waits for none.
    pub fn warm(&self, family: &str, endpoint: Endpoint, rules: Arc<ToolRules>) {
        self.client.warm(family, endpoint, rules);
    }

    /// Makes all guests step back once, so that those that are to stop notice now and not at the next tick.
    pub fn nudge(&self) {
        for _ in 0..FIRST_TICKS {
            self.engine.increment_epoch();
        }
    }

    /// Runs one call in an instance of its own and puts its files in place if it ended `ok`.
    ///
    /// Returns when the last system call made for the guest has returned. Must run on a runtime whose threads may
    /// block: small file operations happen right there.
    pub async fn run(&self, mut job: Job) -> Ended {
        let footprint = Arc::clone(&job.footprint);
        let (workspace, rules) = (Arc::clone(&job.workspace), Arc::clone(&job.rules));
        let leftovers = Arc::clone(&self.leftovers);
        let mut gate = Gate::new(workspace, rules, &footprint, &job.limits, leftovers);
        if let Err((folder, error)) = gate.make_parents() {
            gate.tidy();
            if gate.made_refused() {
                return end::too_many_made(&job);
            }
            let message = format!("{}: the folder {folder} can't be made: {error}", job.tool);
            return Ended::error(Status::Failed, "io", message);
        }
        let mut store = self.store(gate, &mut job);
        let running = self.ticker.running();
        let (mut stop, slot) = (job.stop.take(), job.slot.take());
        let mut guest = OnSlot::new(call(&mut store, &job), slot, job.limits.cpu);
        let answer = tokio::select! {
            biased;
            () = stopped(&mut stop) => Err(end::Broken::Cancelled),
            answer = &mut guest => match answer {
                Some(answer) => answer.map_err(end::Broken::Trap),
                None => Err(end::Broken::Cpu),
            },
            // Last: a guest that never waits needs no timer, which would wake another thread. One that computes is made to
            // pause, and comes by here.
            () = tokio::time::sleep(job.limits.wall), if walls::stands(Wall::Deadline) => Err(end::Broken::Timeout),
        };
        let cpu = guest.spent();
        drop((guest, running));
        let state = store.into_data();
        let ended = finish(state, answer, &job).await;
        Ended { cpu, ..ended }
    }

    fn store(&self, gate: Gate, job: &mut Job) -> Store<State> {
        #[cfg(feature = "stock-files")]
        let more = stock::folder(self, job);
        #[cfg(not(feature = "stock-files"))]
        let more = |_: &mut _| {};
        let client = Arc::clone(&self.client);
        let net = Net::new(client, &job.family, Arc::clone(&job.rules), &job.limits, &job.footprint);
        let visit = job
            .browsers
            .clone()
            .filter(|_| has_session(&job.footprint))
            .map(|browsers| {
                Visit::new(
                    browsers,
                    &job.family,
                    Arc::clone(&job.rules),
                    Arc::clone(&job.footprint),
                )
            });
        let state = State::new(
            (gate, net, visit),
            &job.limits,
            self.clock.handle(),
            job.sink.take(),
            job.seed,
            more,
        );
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(usize::try_from(job.limits.host_call).unwrap_or(usize::MAX));
        // At every tick a busy guest steps back and lets others run; time limits and cancels take effect there.
        store.epoch_deadline_callback(|_| {
            slot::step_back();
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_epoch_deadline(FIRST_TICKS);
        store
    }
}

/// Whether a call may use any browser session at all.
fn has_session(footprint: &Footprint) -> bool {
    footprint
        .entries()
        .iter()
        .any(|entry| matches!(entry.resource, Resource::Browser { .. }))
}

async fn stopped(stop: &mut Option<oneshot::Receiver<()>>) {
    if let Some(stop) = stop
        && stop.await.is_ok()
    {
        return;
    }
    // Nobody can stop this call any more.
    std::future::pending().await
}

async fn call(store: &mut Store<State>, job: &Job) -> wasmtime::Result<end::Answer> {
    let plugin = job.plugin.0.instantiate_async(&mut *store).await?;
    let tools = plugin.toolyard_plugin_tools();
    tools.call_call(store, &job.tool, &job.arguments).await
}

/// The instance is gone; what is left is to wait for its last writes and to put files in place or drop them.
async fn finish(state: State, answer: Result<end::Answer, end::Broken>, job: &Job) -> Ended {
    let State {
        table,
        wasi,
        mut gate,
        net,
        visit,
        memory,
        log,
        alarms: _,
        asked,
    } = state;
    drop((table, wasi));
    if let Some(visit) = visit {
        visit.end().await;
    }
    gate.settled().await;
    let reached = end::Reached {
        memory: memory.refused,
        open_files: gate.open_refused(),
        write_bytes: gate.bytes_refused(),
        made_files: gate.made_refused(),
        net: net.end(),
    };
    let mut ended = end::judge(answer, &reached, job, log.take());
    let beyond = reached.net.beyond;
    let on = beyond
        .iter()
        .map(|server| format!("was sent on to {server}, which the policy allows"));
    let mut notes: Vec<String> = on.collect();
    match ended.status {
        Status::Ok => match gate.commit() {
            Ok(written) => notes.extend(written),
            Err(error) => {
                let log = std::mem::take(&mut ended.log);
                ended = Ended::error(Status::Failed, "write_failed", format!("{}: {error}", job.tool));
                ended.log = log;
            }
        },
        _ => gate.abandon(),
    }
    gate.tidy();
    (ended.beyond, ended.notes) = (beyond, notes);
    ended.repeatable = !asked;
    ended
}
