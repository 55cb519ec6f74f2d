//! Thousands of hostile calls in one host, with good ones among them: nothing piles up, and nobody else notices. It must not
//! take a minute.

use crate::components::declared::resident;
use crate::ground::Ground;
use crate::suite::Suite;
use serde_json::{Value, json};
use std::time::Duration;
use toolyard::{Call, Content, Host, Status};
use toolyard_tests::run;

const GROUP: &str = "scan";

/// Calls in all, and in one batch.
const CALLS: usize = 10_000;
const BATCH: usize = 250;

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "10,000 calls over hostile guests in one host", scan);
}

fn hostile(number: usize) -> (&'static str, Value) {
    match number % 12 {
        0 => ("probe_trap", json!({})),
        1 => ("probe_panic", json!({})),
        2 => ("probe_exit", json!({ "code": number % 3 })),
        3 => ("probe_handles", json!({ "path": "a/x.txt", "count": 40 })),
        4 => (
            "probe_half_write",
            json!({ "path": format!("h{}", number % 7), "chunks": 9, "trap_after": 4, "how": (["trap", "fail", "exit"][number % 3]) }),
        ),
        5 => (
            "probe_fs",
            json!({ "write_tree": "a", "ops": [{ "op": "read", "path": "../outside/secret.txt" }, { "op": "write", "path": ".git/x" }, { "op": "symlink", "path": "/etc", "to": "a/l" }] }),
        ),
        6 => ("probe_log", json!({ "bytes": 3000 })),
        7 => (
            "read_file",
            json!({ "path": (["../outside/secret.txt", "a/out_file", "/etc/passwd", ".env", "a/loop", ""][number % 6]) }),
        ),
        8 => ("no_such_tool", json!({})),
        9 => ("probe_fail", json!({ "code": "x", "message": "\u{1b}[2J" })),
        10 => ("probe_fds", json!({ "path": "a/y.txt", "count": 30 })),
        _ => ("probe_echo", json!({ "text": 7 })),
    }
}

/// One batch of hostile calls with a good one after every ten; those must all be well.
fn batch(host: &Host, first: usize) {
    let mut calls: Vec<Call> = (first..first + BATCH)
        .map(hostile)
        .map(|(tool, arguments)| Call::new(tool, arguments))
        .collect();
    let mut slow = Call::new("probe_loop", json!({}));
    slow.timeout = Some(Duration::from_millis(5));
    calls.push(slow);
    for number in (0..BATCH).step_by(10) {
        calls.push(Call::new("probe_echo", json!({ "text": number.to_string() })).with_id(format!("good {number}")));
    }
    for outcome in run(host, calls) {
        assert_ne!(outcome.status, Status::HostFailure, "{outcome:?}");
        if let Some(number) = outcome.id.as_str().strip_prefix("good ") {
            assert_eq!(outcome.content, [Content::Text(number.into())], "{outcome:?}");
        }
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn scan() -> usize {
    let ground = Ground::with(&crate::ground::files());
    // Pools and allocators fill up first.
    (0..4).for_each(|round| batch(&ground.host, round * BATCH));
    let (memory, open) = (resident(), descriptors());
    (0..CALLS / BATCH).for_each(|round| batch(&ground.host, round * BATCH));
    ground.alive();
    assert!(descriptors() <= open, "{open} descriptors became {}", descriptors());
    let now = resident();
    assert!(now <= memory + memory / 20, "{memory} bytes became {now}");
    ground.unchanged();
    CALLS
}
