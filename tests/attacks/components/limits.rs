//! Every limit has its hostile guest: the table of limits against the cases of this suite. It must not test what stays within.

use super::GROUP;
use super::bombs::blocks;
use crate::ground::{Ground, alive, ended};
use crate::suite::Suite;
use serde_json::json;
use std::time::{Duration, Instant};
use toolyard::{Call, Limits, Status};
use toolyard_tests::{World, run};

/// For each limit, words of the case that meets it.
const MET_BY: [(&str, &str); 36] = [
    ("wall_ms", "a deadline ends a guest that sleeps"),
    ("cpu_ms", "a guest that burns a core"),
    ("memory_bytes", "memory bomb at run time"),
    ("instances", "instance bombs"),
    ("tables", "instance bombs"),
    ("memories", "instance bombs"),
    ("output_bytes", "output over the limit"),
    ("log_bytes", "a log without end"),
    ("argument_bytes", "arguments beyond the limit"),
    ("host_call_bytes", "2 GiB string to the host"),
    ("handles", "1,000,000 handles never dropped"),
    ("open_files", "open files beyond the limit"),
    ("in_place_bytes", "a file too large for a copy"),
    ("write_bytes", "a call that fills the disk"),
    ("made_files", "a call that fills the disk"),
    ("requests", "many requests at once"),
    ("requests_at_once", "many requests at once"),
    ("request_bytes", "an upload without end"),
    ("response_bytes", "an endless body"),
    ("response_headers", "32,769 headers"),
    ("connect_ms", "a resolver that never answers"),
    ("first_byte_ms", "a slow peer"),
    ("waiting_calls", "100,000 calls"),
    ("client_calls", "one client that floods"),
    ("component_bytes", "kept out by component_bytes"),
    ("compile_ms", "a component that takes too long to compile"),
    ("compile_jobs", "a component that takes too long to compile"),
    ("stack_bytes", "recursion"),
    ("reuse_bytes", "answers that are kept"),
    ("browser_sessions", "one browser after the other"),
    ("browser_tabs", "one browser after the other"),
    ("browser_queue", "more than a browser can take"),
    ("browser_start_ms", "a browser that never comes up"),
    ("browser_hang_ms", "a browser that hangs"),
    ("browser_idle_ms", "browsers that nobody needs"),
    ("browser_transfer_bytes", "a download that fills the disk"),
];

/// The hostile guests of browsers are cases of the integration tests: each needs a host of its own.
const BROWSERS: [(&str, &str, &str); 6] = [
    (
        "one browser after the other, one tab after the other",
        "tests/integration/browser/tabs.rs",
        "tabs_have_a_limit_and_sessions_have_one",
    ),
    (
        "more than a browser can take",
        "tests/integration/browser/together.rs",
        "more_than_a_session_can_take",
    ),
    (
        "a browser that never comes up",
        "tests/integration/browser/starts.rs",
        "a_browser_that_never_comes_up",
    ),
    (
        "a browser that hangs",
        "tests/integration/browser/crashes.rs",
        "a_browser_that_hangs",
    ),
    (
        "browsers that nobody needs any more",
        "tests/integration/browser/ends.rs",
        "an_idle_session_ends",
    ),
    (
        "a download that fills the disk",
        "tests/integration/browser/files.rs",
        "a_download_has_a_limit",
    ),
];

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "a guest that burns a core for longer than cpu_ms", burning);
    suite.add(
        GROUP,
        "a component that takes too long to compile: told, not tried again, in nobody's way",
        slow_to_compile,
    );
    suite.add(
        GROUP,
        "a file too large for a copy is updated where it is, and the outcome says so",
        too_large_to_copy,
    );
    suite.add(
        GROUP,
        "one client that floods the queue is refused, and another is not",
        flood,
    );
    suite.elsewhere(
        GROUP,
        "answers that are kept for others stay within reuse_bytes",
        "tests/integration/reuse.rs",
        "bounded",
    );
    for (name, file, test) in BROWSERS {
        suite.elsewhere(GROUP, name, file, test);
    }
    let names: Vec<String> = suite.names();
    suite.add(GROUP, "every limit has its hostile guest", move || {
        for row in Limits::TABLE {
            let met = MET_BY.iter().find(|(key, _)| *key == row.key);
            let (_, words) = met.unwrap_or_else(|| panic!("nobody attacks {}", row.key));
            assert!(
                names.iter().any(|name| name.contains(words)),
                "{}: no case {words:?}",
                row.key
            );
        }
        assert_eq!(MET_BY.len(), Limits::TABLE.len());
        MET_BY.len()
    });
}

fn burning() {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let ground = Ground::of(world, |builder| {
        builder.policy_text("[tools.probe_loop.limits]\ncpu_ms = 100")
    });
    let begun = Instant::now();
    ended(&ground.call("probe_loop", json!({})), Status::Limit, "cpu");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // Waiting is not computing.
    let outcome = ground.call("probe_sleep", json!({ "path": "a.txt", "ms": 300 }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    ground.alive();
}

fn slow_to_compile() {
    let world = World::new();
    let policy = "[limits]\ncompile_ms = 1\ncompile_jobs = 1";
    let builder = world
        .builder()
        .policy_text(policy)
        .without_cache()
        .without_standard_plugins();
    let host = builder.component("large.wasm", blocks(3_000)).build().expect("a host");
    for _ in 0..2 {
        let begun = Instant::now();
        let outcome = run(&host, vec![Call::new("made_tool", json!({}))]).remove(0);
        ended(&outcome, Status::Limit, "compile");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
    // Its turn is over although the compiler still runs.
    let policy = "[limits]\ncompile_jobs = 1\ncompile_ms = 500";
    let host = world
        .builder()
        .policy_text(policy)
        // Another one in every run: what was compiled in the end is kept.
        .component("large.wasm", blocks(40_000 + std::process::id() % 5_000))
        .build()
        .expect("a host");
    let outcome = run(&host, vec![Call::new("made_tool", json!({}))]).remove(0);
    ended(&outcome, Status::Limit, "compile");
    alive(&host);
}

fn too_large_to_copy() {
    let world = World::with(&json!({ "a.txt": "x".repeat(5000) }));
    let host = world
        .builder()
        .policy_text("[limits]\nin_place_bytes = 1000")
        .build()
        .expect("a host");
    let outcome = run(
        &host,
        vec![Call::new("probe_append", json!({ "path": "a.txt", "text": "y" }))],
    )
    .remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    assert!(
        outcome.notes.join("").contains("updated in place: it is very large"),
        "{outcome:?}"
    );
}

fn flood() {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let host = world
        .builder()
        .policy_text("[limits]\nclient_calls = 5")
        .build()
        .expect("a host");
    let (one, other) = (host.client(), host.client());
    let calls = (0..50)
        .map(|_| Call::new("probe_sleep", json!({ "path": "a.txt", "ms": 20 })))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let flood = one.submit(calls).expect("a batch");
    let good = other.submit(vec![Call::new("probe_echo", json!({ "text": "x" }))]);
    let outcome = runtime.block_on(good.expect("a batch").outcomes()).remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    let outcomes = runtime.block_on(flood.outcomes());
    let refused = outcomes
        .iter()
        .filter(|outcome| outcome.status == Status::Overloaded)
        .count();
    assert_eq!((refused, outcomes.len() - refused), (45, 5));
}
