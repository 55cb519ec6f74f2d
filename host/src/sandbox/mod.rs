//! The sandbox: the only room that knows wasmtime. One engine, one linker, a fresh store for each call.
//! It must not choose what a call may touch, when it runs, or what its end means to others; it opens exactly the
//! footprint it is handed, runs the export, and says how that went.

mod bindings;
mod cache;
mod chance;
mod clock;
mod end;
mod engine;
mod files;
mod log;
mod slot;
#[cfg(feature = "stock-files")]
mod stock;
mod store;

pub use end::Ended;
pub use engine::MAX_INSTANCES;
pub use log::Sink;
pub use slot::Slot;
#[cfg(test)]
pub(crate) use store::mistake;

use crate::call::{Footprint, Status};
use crate::policy::{Limits, Policy};
use crate::workspace::Workspace;
use bindings::PluginPre;
use cache::Cache;
use files::{Gate, GateView, Gated, Leftovers};
use slot::OnSlot;
use std::path::Path;
use std::sync::Arc;
use store::{Reports, State};
use tokio::sync::oneshot;
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiView, p2};

/// Bytes that one host call may make the host allocate.
const HOST_CALL_BYTES: usize = 16 << 20;

/// Ticks before a guest steps back for the first time: a small call is over before the second, and never does.
const FIRST_TICKS: u64 = 2;

/// Where guests run.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    ticker: engine::Ticker,
    clock: clock::Clock,
    cache: Option<Cache>,
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
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// This machine can't run wasmtime.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// The bytes are not a component that fits.
    #[error("not a usable component: {0}")]
    Component(String),
}

/// One call, with everything that was decided about it.
pub struct Job {
    /// Its component.
    pub plugin: Compiled,
    /// The tool's name.
    pub tool: String,
    /// The arguments as JSON text, paths already canonical.
    pub arguments: String,
    /// Where paths live.
    pub workspace: Arc<Workspace>,
    /// What is visible inside granted trees.
    pub policy: Arc<Policy>,
    /// What was compared, and is now opened.
    pub footprint: Arc<Footprint>,
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
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("tool", &self.tool).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// An engine and a linker; compiled code is kept below `cache` if one is given.
    ///
    /// # Errors
    /// If this machine can't run wasmtime.
    pub fn new(cache: Option<&Path>) -> Result<Self, SandboxError> {
        let fail = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let engine = engine::new().map_err(fail)?;
        let mut linker = Linker::new(&engine);
        link(&mut linker).map_err(fail)?;
        let key = engine::compatibility_key(&engine);
        let ticker = engine::Ticker::start(engine.clone()).map_err(|e| SandboxError::Engine(e.to_string()))?;
        let clock = clock::Clock::start().map_err(|e| SandboxError::Engine(e.to_string()))?;
        Ok(Self {
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
        let (workspace, policy) = (Arc::clone(&job.workspace), Arc::clone(&job.policy));
        let leftovers = Arc::clone(&self.leftovers);
        let mut gate = Gate::new(workspace, policy, &footprint, &job.limits, leftovers);
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
        let mut guest = OnSlot::new(call(&mut store, &job), slot);
        let answer = tokio::select! {
            biased;
            () = stopped(&mut stop) => Err(end::Broken::Cancelled),
            () = tokio::time::sleep(job.limits.wall) => Err(end::Broken::Timeout),
            answer = &mut guest => answer.map_err(end::Broken::Trap),
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
        let state = State::new(gate, &job.limits, self.clock.handle(), job.sink.take(), job.seed, more);
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(HOST_CALL_BYTES);
        // At every tick a busy guest steps back and lets others run; time limits and cancels take effect there.
        store.epoch_deadline_callback(|_| {
            slot::step_back();
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_epoch_deadline(FIRST_TICKS);
        store
    }
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
        memory,
        log,
        alarms: _,
        asked,
    } = state;
    drop((table, wasi));
    gate.settled().await;
    let reached = end::Reached {
        memory: memory.refused,
        open_files: gate.open_refused(),
        write_bytes: gate.bytes_refused(),
        made_files: gate.made_refused(),
    };
    let mut ended = end::judge(answer, reached, job, log.take());
    match ended.status {
        Status::Ok => match gate.commit() {
            Ok(notes) => ended.notes = notes,
            Err(error) => {
                let log = std::mem::take(&mut ended.log);
                ended = Ended::error(Status::Failed, "write_failed", format!("{}: {error}", job.tool));
                ended.log = log;
            }
        },
        _ => gate.abandon(),
    }
    gate.tidy();
    ended.repeatable = !asked;
    ended
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Everything that a component may import, one interface a line. What isn't here can't be reached.
fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p2::bindings::{cli, clocks, filesystem, io, random};
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
    let l = linker;
    bindings::report::add_to_linker::<_, Reports>(l, |state| &mut state.log)?;
    bindings::types::add_to_linker::<_, Reports>(l, |state| &mut state.log)?;
    filesystem::types::add_to_linker::<_, Gated>(l, gate)?;
    filesystem::preopens::add_to_linker::<_, Gated>(l, gate)?;
    io::error::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    io::poll::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    io::streams::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<_, clock::Clocks>(l, time)?;
    clocks::monotonic_clock::add_to_linker::<_, clock::Clocks>(l, time)?;
    random::random::add_to_linker::<_, chance::Chances>(l, chance)?;
    random::insecure::add_to_linker::<_, chance::Chances>(l, chance)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, WasiRandomView::random)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    Ok(())
}

fn gate(state: &mut State) -> GateView<'_> {
    GateView {
        gate: &mut state.gate,
        table: &mut state.table,
        wasi: &mut state.wasi,
    }
}

/// Whoever asks what time it is, or for some to pass, is not repeatable any more.
fn time(state: &mut State) -> clock::ClockView<'_> {
    state.asked = true;
    let alarms = state.alarms.clone();
    clock::ClockView::new(wasmtime_wasi::clocks::WasiClocksView::clocks(state), alarms)
}

/// Whoever asks for something random is not repeatable any more.
fn chance(state: &mut State) -> chance::ChanceView<'_> {
    state.asked = true;
    chance::ChanceView::new(wasmtime_wasi::random::WasiRandomView::random(state))
}
