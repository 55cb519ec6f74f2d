//! What the gate costs: one call that reads a file of 1 KiB through an exact grant of that file, beside the same call with
//! one plain preopened folder and wasmtime's own file system; engine, store, limits and the rest are the same, and both are
//! run in turn. `cargo bench --bench gate --features stock-files` prints it, `-- --json` writes it as JSON. Absolute times
//! differ from machine to machine; the ratio is what counts. It must not be part of any test.

use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use toolyard::call::{Access, CanonicalPath, Entry, Footprint, Resource, Scope};
use toolyard::policy::ToolRules;
use toolyard::sandbox::{Compiled, Job, Sandbox};
use toolyard::workspace::Workspace;
use toolyard::{Limits, Policy, Status};

const ROUNDS: usize = 60;
const CALLS: usize = 100;

struct Side {
    sandbox: Sandbox,
    plugin: Compiled,
    workspace: Arc<Workspace>,
    rules: Arc<ToolRules>,
    footprint: Arc<Footprint>,
    arguments: String,
}

impl Side {
    fn new(sandbox: Sandbox, folder: &Path, granted: &[&str], path: &str) -> anyhow::Result<Self> {
        let plugin = sandbox.compile(include_bytes!("../prebuilt/fs.wasm"))?;
        let entries = granted.iter().map(|path| Entry {
            resource: Resource::Path {
                path: CanonicalPath::new("", *path),
                scope: Scope::File,
                object: None,
            },
            access: Access::Read,
        });
        Ok(Self {
            sandbox,
            plugin,
            workspace: Arc::new(Workspace::open(folder)?),
            rules: Arc::new(Policy::default().for_tool("fs", "read_file")),
            footprint: Arc::new(Footprint::new(entries)),
            arguments: json!({ "path": path }).to_string(),
        })
    }

    /// How long one call takes, from before its store is made until its outcome is there.
    fn call(&self, runtime: &Runtime) -> Duration {
        let job = Job {
            plugin: self.plugin.clone(),
            tool: "read_file".to_owned(),
            arguments: self.arguments.clone(),
            workspace: Arc::clone(&self.workspace),
            family: "fs".to_owned(),
            rules: Arc::clone(&self.rules),
            footprint: Arc::clone(&self.footprint),
            limits: Limits::default(),
            stop: None,
            slot: None,
            seed: None,
            sink: None,
            check: None,
            browsers: None,
        };
        let begun = Instant::now();
        let ended = runtime.block_on(self.sandbox.run(job));
        let time = begun.elapsed();
        assert_eq!(ended.status, Status::Ok, "{ended:?}");
        time
    }
}

/// Half, nine tenths and ninety-nine hundredths of the times, in microseconds.
fn quantiles(times: &mut [Duration]) -> [f64; 3] {
    times.sort_unstable();
    [50, 90, 99].map(|part| times[times.len() * part / 100].as_secs_f64() * 1e6)
}

/// Both sides in turn on the file `path`.
fn compare(runtime: &Runtime, folder: &Path, path: &str) -> anyhow::Result<Value> {
    let gate = Side::new(Sandbox::new(None)?, folder, &[path], path)?;
    let stock = Side::new(Sandbox::with_stock_files(None)?, folder, &[], path)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for side in [&gate, &stock] {
        for _ in 0..CALLS {
            side.call(runtime);
        }
    }
    for _ in 0..ROUNDS {
        let (mut mine, mut its) = (Vec::new(), Vec::new());
        // Call by call in turn, so that whatever else the machine does hits both alike.
        for _ in 0..CALLS {
            mine.push(gate.call(runtime));
            its.push(stock.call(runtime));
        }
        ratios.push(quantiles(&mut mine)[0] / quantiles(&mut its)[0]);
        ours.append(&mut mine);
        theirs.append(&mut its);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    eprintln!("read_file of 1 KiB at {path}, {ROUNDS} rounds of {CALLS} calls each, in turn");
    let show = |name: &str, [p50, p90, p99]: [f64; 3]| {
        eprintln!("{name:<28} p50 {p50:7.1} µs   p90 {p90:7.1} µs   p99 {p99:7.1} µs");
        json!({ "p50_us": p50, "p90_us": p90, "p99_us": p99 })
    };
    let ours = show("gate, this file granted", quantiles(&mut ours));
    let theirs = show("stock, its folder preopened", quantiles(&mut theirs));
    eprintln!("ratio of the medians, median of the rounds: {ratio:.3}");
    Ok(json!({ "path": path, "gate": ours, "stock": theirs, "ratio": ratio }))
}

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let line = "a line of some length, sixty-four bytes together with its end.\n";
    let deep = "some/folders/further/down/file.txt";
    std::fs::create_dir_all(folder.path().join(deep).with_file_name(""))?;
    for path in ["file.txt", deep] {
        std::fs::write(folder.path().join(path), line.repeat(16))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for path in ["file.txt", deep] {
        rows.push(compare(&runtime, folder.path(), path)?);
    }
    if std::env::args().any(|arg| arg == "--json") {
        println!("{}", Value::Array(rows));
    }
    Ok(())
}
