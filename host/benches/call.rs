//! One call through `Host` beside bare wasmtime doing the same, in turn in one run: `cargo bench --bench call`.
//! Absolute times differ from machine to machine; the ratio is what counts. It must not be part of any test.
//!
//! Both run the standard plugin's `read_file` on a file of 1 KiB, each call in a fresh instance, from machine code that is
//! already there. Bare wasmtime has a pooling allocator, an `InstancePre`, one preopened folder, and no checks at all.

use std::path::Path;
use std::time::{Duration, Instant};
use toolyard::{Call, Host, Status};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bindings {
    //! The plugin world, for the bare side.
    wasmtime::component::bindgen!({ path: "wit", world: "plugin", imports: { default: trappable }, exports: { default: async } });
}

const ROUNDS: usize = 40;
const CALLS: usize = 100;

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

struct Bare {
    engine: Engine,
    pre: bindings::PluginPre<State>,
}

impl Bare {
    fn new() -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(512 << 10)
            .table_keep_resident(64 << 10);
        let mut config = Config::new();
        config.epoch_interruption(true).concurrency_support(false);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        // Types alone: nothing to define in it.
        linker.instance("toolyard:plugin/types@0.1.0")?;
        let pre = linker.instantiate_pre(&component(&engine)?)?;
        let pre = bindings::PluginPre::new(pre)?;
        Ok(Self { engine, pre })
    }

    async fn call(&self, folder: &Path, arguments: &str) -> wasmtime::Result<usize> {
        let mut wasi = WasiCtx::builder();
        wasi.allow_blocking_current_thread(true);
        wasi.preopened_dir(folder, ".", FsPerms::ReadOnly)?;
        let state = State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, state);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(2);
        let plugin = self.pre.instantiate_async(&mut store).await?;
        let answer = plugin
            .toolyard_plugin_tools()
            .call_call(&mut store, "read_file", arguments)
            .await?;
        Ok(answer.map_or(0, |output| output.content.len()))
    }
}

/// Eight calls of 20 ms, on eight files and on one: the median wall time of twenty batches of each, after a first one.
fn sleepers(runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let probe = include_bytes!("../../tests/guests/prebuilt/probe.wasm");
    let host = Host::builder()
        .workspace(folder.path())
        .component("probe.wasm", probe.to_vec())
        .build()?;
    for (name, files) in [("8 x 20 ms, disjoint", 8), ("8 x 20 ms, one file", 1)] {
        let mut times = Vec::new();
        for _ in 0..21 {
            let sleep = |i| {
                Call::new(
                    "probe_sleep",
                    serde_json::json!({ "path": format!("f{}", i % files), "ms": 20 }),
                )
            };
            let begun = Instant::now();
            let outcomes = runtime.block_on(host.batch((0..8).map(sleep).collect()))?;
            times.push(begun.elapsed());
            assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
        }
        times.remove(0);
        times.sort_unstable();
        println!(
            "{name:<24} median {:6.1} ms   worst {:6.1} ms",
            times[10].as_secs_f64() * 1e3,
            times[19].as_secs_f64() * 1e3
        );
    }
    Ok(())
}

fn component(engine: &Engine) -> wasmtime::Result<Component> {
    Component::new(engine, include_bytes!("../prebuilt/fs.wasm"))
}

/// Half, nine tenths and ninety-nine hundredths of the times.
fn quantiles(times: &mut [Duration]) -> [f64; 3] {
    times.sort_unstable();
    [50, 90, 99].map(|part| times[times.len() * part / 100].as_secs_f64() * 1e6)
}

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("file.txt"),
        "a line of some length, sixty-four bytes together with its end.\n".repeat(16),
    )?;
    let arguments = serde_json::json!({ "path": "file.txt" });
    let text = arguments.to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let host = Host::builder().workspace(folder.path()).build()?;
    let bare = Bare::new()?;

    let one = || Call::new("read_file", arguments.clone());
    let first = runtime.block_on(host.call(one()))?;
    assert_eq!(first.status, Status::Ok, "{first:?}");
    assert_eq!(runtime.block_on(bare.call(folder.path(), &text))?, 1);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            let begun = Instant::now();
            let outcome = runtime.block_on(host.call(one()))?;
            round.0.push(begun.elapsed());
            assert_eq!(outcome.status, Status::Ok);
        }
        for _ in 0..CALLS {
            let begun = Instant::now();
            runtime.block_on(bare.call(folder.path(), &text))?;
            round.1.push(begun.elapsed());
        }
        ratios.push(quantiles(&mut round.0)[0] / quantiles(&mut round.1)[0]);
        ours.append(&mut round.0);
        theirs.append(&mut round.1);
    }
    ratios.sort_by(f64::total_cmp);
    let show = |name: &str, [p50, p90, p99]: [f64; 3]| {
        println!("{name:<24} p50 {p50:7.1} µs   p90 {p90:7.1} µs   p99 {p99:7.1} µs")
    };
    println!("read_file of 1 KiB, {ROUNDS} rounds of {CALLS} calls each, in turn");
    show("Host::call", quantiles(&mut ours));
    show("bare wasmtime", quantiles(&mut theirs));
    println!(
        "ratio of the medians, median of the rounds: {:.2}",
        ratios[ratios.len() / 2]
    );

    sleepers(&runtime)?;

    let begun = Instant::now();
    let calls: Vec<Call> = (0..10_000).map(|_| one()).collect();
    let outcomes = runtime.block_on(host.batch(calls))?;
    let seconds = begun.elapsed().as_secs_f64();
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
    println!("a batch of 10,000: {:.0} calls a second", 10_000.0 / seconds);
    Ok(())
}
