//! One engine a process: how components are compiled and where their instances live.
//! It must not run anything itself.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often running guests are made to look up: the grain of time limits, and how long a busy guest keeps a thread
/// from the others.
const TICK: Duration = Duration::from_millis(2);

/// Instances that may be alive at once. Memory is only reserved, not used, until a guest touches it.
pub const MAX_INSTANCES: u32 = 256;

/// The most that a guest's stack of wasm frames may be, and what stands beside it for the host functions that it calls.
const MOST_STACK: u64 = 4 << 20;
const HOST_STACK: usize = 512 << 10;

/// The engine as toolyard configures it: instances from a pool where the machine can reserve the address space, else
/// allocated one by one.
///
/// # Errors
/// If this machine can't run wasmtime at all.
pub(super) fn new(stack: u64) -> wasmtime::Result<Engine> {
    let stack = usize::try_from(stack.clamp(64 << 10, MOST_STACK)).unwrap_or(HOST_STACK);
    let mut config = base(stack);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&config).or_else(|error| {
        tracing::debug!(%error, "no room for a pool of instances; allocating one by one");
        Engine::new(&base(stack))
    })
}

fn base(stack: usize) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK)
        // Proposals that tools don't need are only surface.
        .wasm_threads(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .concurrency_support(false)
        // A guest's trap is told by its kind; addresses inside someone else's component help nobody here.
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8));
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * 8)
        .total_memories(MAX_INSTANCES * 2)
        .total_tables(MAX_INSTANCES * 8)
        .total_stacks(MAX_INSTANCES)
        .max_memories_per_component(4)
        .max_core_instances_per_component(64)
        .max_tables_per_component(64)
        .max_memory_size(1 << 30)
        .table_elements(100_000)
        .max_core_instance_size(8 << 20)
        .max_component_instance_size(8 << 20)
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(64 << 10)
        // Clears what a guest touched rather than all that it could have, where the kernel can tell (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}

/// A name for everything that decides whether compiled code fits this engine: two engines with one key may share it.
pub(super) fn compatibility_key(engine: &Engine) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Advances the engine's epoch while guests run, and sleeps while none does.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    // The one lock of this room: only waking the sleeping ticker takes it, never a running guest.
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stop: bool,
    asleep: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guest is running for as long as this lives.
#[derive(Debug)]
pub(super) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Ticker {
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("toolyard-epoch".into())
            .spawn(move || tick(&ours, &engine))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn running(&self) -> Running {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            // Waking nobody is a system call, too.
            let mut state = self.shared.state();
            if std::mem::take(&mut state.asleep) {
                self.shared.wake.notify_one();
            }
        }
        Running(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    let mut idle_ticks = 0_u32;
    loop {
        let mut state = shared.state();
        // A burst of short calls shouldn't pay for waking this thread each time: sleep only after a while of nothing.
        if idle_ticks > 50 && shared.running.load(Ordering::Acquire) == 0 {
            // Said before each wait: whoever woke it in vain has taken it for awake.
            let sleeps = |state: &mut State| {
                state.asleep = !state.stop && shared.running.load(Ordering::Acquire) == 0;
                state.asleep
            };
            let waited = shared.wake.wait_while(state, sleeps);
            state = waited.unwrap_or_else(PoisonError::into_inner);
            idle_ticks = 0;
        }
        if state.stop {
            return;
        }
        drop(state);
        std::thread::sleep(TICK);
        match shared.running.load(Ordering::Acquire) {
            0 => idle_ticks += 1,
            _ => idle_ticks = 0,
        }
        engine.increment_epoch();
    }
}
