//! Calls in real time: one through `Host` beside bare wasmtime doing the same, in turn in one run; sleeping calls that may
//! and may not overlap; many small ones in one batch. `cargo bench --bench call` prints a table, `-- --json` writes it as
//! JSON, `-- --only call|sleepers|handover|batches` does a part. Absolute times differ from machine to machine; ratios are what
//! counts. It must not be part of any test.
//!
//! Both run the standard plugin's `read_file` on a file of 1 KiB, each call in a fresh instance, from machine code that is
//! already there. Bare wasmtime has a pooling allocator, an `InstancePre`, one preopened folder, and no checks at all.

use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use toolyard::{Call, Host, Status, When};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
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
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Auto);
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

/// Eight calls of 20 ms, on eight files and on one: the wall times of twenty batches of each, after a first one.
fn sleepers(runtime: &Runtime) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir()?;
    let probe = include_bytes!("../../tests/guests/prebuilt/probe.wasm");
    let host = Host::builder()
        .workspace(folder.path())
        .component("probe.wasm", probe.to_vec())
        .build()?;
    let mut rows = Vec::new();
    for (name, files) in [("8 x 20 ms, disjoint", 8), ("8 x 20 ms, one file", 1)] {
        let mut times = Vec::new();
        for _ in 0..21 {
            let sleep = |i| Call::new("probe_sleep", json!({ "path": format!("f{}", i % files), "ms": 20 }));
            let begun = Instant::now();
            let outcomes = runtime.block_on(host.batch((0..8).map(sleep).collect()))?;
            times.push(begun.elapsed());
            assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
        }
        times.remove(0);
        times.sort_unstable();
        let ms = |at: usize| times[at].as_secs_f64() * 1e3;
        eprintln!(
            "{name:<24} best {:6.2} ms   median {:6.2} ms   worst {:6.2} ms",
            ms(0),
            ms(10),
            ms(19)
        );
        rows.push(json!({ "name": name, "best_ms": ms(0), "median_ms": ms(10), "worst_ms": ms(19) }));
    }
    Ok(Value::Array(rows))
}

/// How soon the next call starts when the one that it waits for has ended, in whichever way: from the end to the start of
/// the follower, and for calls that are taken back from that moment.
fn handover(runtime: &Runtime) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir()?;
    let probe = include_bytes!("../../tests/guests/prebuilt/probe.wasm");
    let host = Host::builder()
        .workspace(folder.path())
        .component("probe.wasm", probe.to_vec())
        .build()?;
    let half = |how: &str| json!({ "path": "a", "chunks": 2, "trap_after": 1, "how": how });
    let sleep = |ms: u64| json!({ "path": "a", "ms": ms });
    let mut rows = Vec::new();
    for (name, tool, arguments, cancelled) in [
        ("ok", "probe_sleep", sleep(2), false),
        ("failed", "probe_half_write", half("fail"), false),
        ("trapped", "probe_half_write", half("trap"), false),
        ("timeout", "probe_sleep", sleep(60_000), false),
        ("cancelled, sleeping", "probe_sleep", sleep(60_000), true),
        ("cancelled, computing", "probe_loop", json!({}), true),
    ] {
        let mut gaps = Vec::new();
        for _ in 0..100 {
            let mut first = Call::new(tool, arguments.clone()).with_id("first");
            first.timeout = Some(Duration::from_millis(if name == "timeout" { 5 } else { 60_000 }));
            let mut next = Call::new("probe_append", json!({ "path": "a", "text": "" }));
            next.after = vec!["first".into()];
            next.when = When::Always;
            let begun = Instant::now();
            let batch = host.submit(vec![first, next])?;
            let mut from_cancel = Duration::ZERO;
            if cancelled {
                while !host.status().iter().any(|call| call.started) {
                    std::thread::sleep(Duration::from_micros(200));
                }
                std::thread::sleep(Duration::from_millis(1));
                from_cancel = begun.elapsed();
                batch.cancel_call(&"first".into());
            }
            let outcomes = runtime.block_on(batch.outcomes());
            let from = match cancelled {
                true => u64::try_from(from_cancel.as_micros())?,
                false => outcomes[0].timing.end_us,
            };
            gaps.push(Duration::from_micros(outcomes[1].timing.start_us.saturating_sub(from)));
        }
        let [p50, p90, p99] = quantiles(&mut gaps);
        eprintln!("next after {name:<22} p50 {p50:6.0} µs   p90 {p90:6.0} µs   p99 {p99:6.0} µs");
        rows.push(json!({ "after": name, "p50_us": p50, "p90_us": p90, "p99_us": p99 }));
    }
    Ok(Value::Array(rows))
}

/// What this process has in memory, in bytes, and how many descriptors it has open.
fn resources() -> (u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |folder| folder.count());
    (kib.unwrap_or(0) * 1024, open)
}

/// Batches of small reads: calls a second, and what is left of them in memory and descriptors.
fn batches(runtime: &Runtime, host: &Host, one: &dyn Fn() -> Call) -> anyhow::Result<Value> {
    let mut rows = Vec::new();
    for calls in [100, 1000, 10_000] {
        let (memory, open) = resources();
        let mut times = Vec::new();
        let mut most = 0;
        for _ in 0..5 {
            let batch: Vec<Call> = (0..calls).map(|_| one()).collect();
            let begun = Instant::now();
            let outcomes = runtime.block_on(host.batch(batch))?;
            times.push(begun.elapsed());
            assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
            most = most.max(resources().0);
        }
        times.sort_unstable();
        let rate = |at: usize| f64::from(calls) / times[at].as_secs_f64();
        let grown = most.saturating_sub(memory) >> 20;
        let left = resources().1.saturating_sub(open);
        eprintln!(
            "batch of {calls:<6}          best {:6.0}/s   median {:6.0}/s   memory +{grown} MB   descriptors left {left}",
            rate(0),
            rate(2)
        );
        rows.push(json!({
            "calls": calls, "best_per_second": rate(0), "median_per_second": rate(2),
            "memory_grown_mb": grown, "descriptors_left": left,
        }));
    }
    Ok(Value::Array(rows))
}

fn component(engine: &Engine) -> wasmtime::Result<Component> {
    Component::new(engine, include_bytes!("../prebuilt/fs.wasm"))
}

/// Half, nine tenths and ninety-nine hundredths of the times.
fn quantiles(times: &mut [Duration]) -> [f64; 3] {
    times.sort_unstable();
    [50, 90, 99].map(|part| times[times.len() * part / 100].as_secs_f64() * 1e6)
}

fn beside_bare(runtime: &Runtime, host: &Host, folder: &Path, one: &dyn Fn() -> Call) -> anyhow::Result<Value> {
    let bare = Bare::new()?;
    let text = one().arguments.to_string();
    assert_eq!(runtime.block_on(bare.call(folder, &text))?, 1);
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
            runtime.block_on(bare.call(folder, &text))?;
            round.1.push(begun.elapsed());
        }
        ratios.push(quantiles(&mut round.0)[0] / quantiles(&mut round.1)[0]);
        ours.append(&mut round.0);
        theirs.append(&mut round.1);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    eprintln!("read_file of 1 KiB, {ROUNDS} rounds of {CALLS} calls each, in turn");
    let show = |name: &str, [p50, p90, p99]: [f64; 3]| {
        eprintln!("{name:<24} p50 {p50:7.1} µs   p90 {p90:7.1} µs   p99 {p99:7.1} µs");
        json!({ "p50_us": p50, "p90_us": p90, "p99_us": p99 })
    };
    let (ours, theirs) = (
        show("Host::call", quantiles(&mut ours)),
        show("bare wasmtime", quantiles(&mut theirs)),
    );
    eprintln!("ratio of the medians, median of the rounds: {ratio:.2}");
    Ok(json!({ "host": ours, "bare": theirs, "ratio": ratio }))
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let only = args
        .iter()
        .position(|arg| arg == "--only")
        .and_then(|at| args.get(at + 1));
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let folder = tempfile::tempdir()?;
    let line = "a line of some length, sixty-four bytes together with its end.\n";
    std::fs::write(folder.path().join("file.txt"), line.repeat(16))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let host = Host::builder().workspace(folder.path()).build()?;
    let one = || Call::new("read_file", json!({ "path": "file.txt" }));
    let first = runtime.block_on(host.call(one()))?;
    assert_eq!(first.status, Status::Ok, "{first:?}");

    let mut report = serde_json::Map::new();
    if wanted("call") {
        report.insert("call".into(), beside_bare(&runtime, &host, folder.path(), &one)?);
    }
    if wanted("sleepers") {
        report.insert("sleepers".into(), sleepers(&runtime)?);
    }
    if wanted("handover") {
        report.insert("handover".into(), handover(&runtime)?);
    }
    if wanted("batches") {
        report.insert("batches".into(), batches(&runtime, &host, &one)?);
    }
    if args.iter().any(|arg| arg == "--json") {
        println!("{}", Value::Object(report));
    }
    Ok(())
}
