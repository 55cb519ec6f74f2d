//! How fast walls hold: how late a guest ends that will not, and what its bombs cost the host. A program, not a test: it
//! prints figures beside their bars, and nothing fails for them.
//!
//! `cargo bench --bench walls`

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use toolyard::{Call, Host, Outcome, Status};

/// The time limit of calls that don't end by themselves.
const LIMIT: Duration = Duration::from_millis(300);

const ROUNDS: usize = 20;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "a\n").expect("a file");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let host = host(folder.path(), "");
    let run = |host: &Host, tool: &str, arguments: Value, timeout: Option<Duration>| -> (Outcome, Duration) {
        let mut call = Call::new(tool, arguments);
        call.timeout = timeout;
        let begun = Instant::now();
        let outcome = runtime.block_on(host.call(call)).expect("an outcome");
        (outcome, begun.elapsed())
    };
    drop(run(&host, "probe_echo", json!({ "text": "warm" }), None));

    println!(
        "{:<44} {:>12} {:>12} {:>10}",
        "ends after its limit of 300 ms by", "median", "worst", "bar"
    );
    for (name, tool, arguments) in [
        ("an infinite loop", "probe_loop", json!({})),
        (
            "a sleep for ever",
            "probe_sleep",
            json!({ "path": "a.txt", "ms": 1_000_000_000 }),
        ),
    ] {
        let mut late: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let (outcome, took) = run(&host, tool, arguments.clone(), Some(LIMIT));
                assert_eq!(outcome.status, Status::Timeout, "{outcome:?}");
                took.saturating_sub(LIMIT)
            })
            .collect();
        late.sort();
        println!(
            "{name:<44} {:>12?} {:>12?} {:>10}",
            late[ROUNDS / 2],
            late[ROUNDS - 1],
            "100 ms"
        );
    }
    // Beside as many others that loop, too, as there are cores twice over.
    let crowd = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    let calls: Vec<Call> = (0..crowd)
        .map(|_| {
            let mut call = Call::new("probe_loop", json!({}));
            call.timeout = Some(LIMIT);
            call
        })
        .collect();
    let outcomes = runtime.block_on(host.batch(calls)).expect("outcomes");
    let worst = outcomes.iter().map(|outcome| outcome.timing.run_us).max().unwrap_or(0);
    let late = Duration::from_micros(worst).saturating_sub(LIMIT);
    println!(
        "{:<44} {:>12} {late:>12?} {:>10}",
        format!("{crowd} infinite loops at once"),
        "",
        "100 ms"
    );

    println!(
        "\n{:<44} {:>12} {:>12}  ended",
        "costs the host in resident memory, at most", "MB more", "bar, MB"
    );
    let limits = "[limits]\nmemory_bytes = 1073741824\nhost_call_bytes = 16777216\nwall_ms = 120000\ncpu_ms = 120000";
    let generous = self::host(folder.path(), limits);
    drop(run(&generous, "probe_echo", json!({ "text": "warm" }), None));
    for (name, tool, arguments, own) in [
        ("a memory bomb (limit 256 MB)", "probe_memory", json!({}), 256 << 20),
        (
            "1 GiB of output (limit 1 MB)",
            "probe_output",
            json!({ "bytes": 900 << 20 }),
            1 << 20,
        ),
        (
            "a log without end (limit 64 KB)",
            "probe_log",
            json!({ "bytes": 1_u64 << 30 }),
            64 << 10,
        ),
    ] {
        let host = if tool == "probe_memory" { &host } else { &generous };
        let before = resident();
        let watch = Watch::start();
        let (outcome, _) = run(host, tool, arguments, None);
        let guest = if tool == "probe_output" { 900 << 20 } else { 0 };
        let more = watch.most().saturating_sub(before).saturating_sub(guest);
        let error = outcome.error.as_ref().map_or("", |error| error.code.as_str());
        println!(
            "{name:<44} {:>12.1} {:>12.1}  {} {error}",
            more as f64 / 1e6,
            (own + (10 << 20)) as f64 / 1e6,
            outcome.status.as_str(),
        );
    }
}

fn host(folder: &std::path::Path, policy: &str) -> Host {
    let probe = include_bytes!("../../tests/guests/prebuilt/probe.wasm");
    let builder = Host::builder().workspace(folder).policy_text(policy);
    builder.component("probe.wasm", probe.to_vec()).build().expect("a host")
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}

/// Looks at the resident memory every half a millisecond.
struct Watch {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<u64>,
}

impl Watch {
    fn start() -> Self {
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ours = std::sync::Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut most = resident();
            while !ours.load(std::sync::atomic::Ordering::Relaxed) {
                most = most.max(resident());
                std::thread::sleep(Duration::from_micros(500));
            }
            most
        });
        Self { stop, thread }
    }

    fn most(self) -> u64 {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.thread.join().unwrap_or(0)
    }
}
