//! Guests that end badly while they run, each in a way of its own, together with good ones. It must not let one of them
//! be told as another's fault, or as the host's.

use super::GROUP;
use crate::ground::{Ground, ended};
use crate::suite::Suite;
use serde_json::{Value, json};
use std::time::Duration;
use toolyard::{Call, Content, Status, report};

/// A fault of the probe: what it is called in the catalogue, the tool, its arguments, how the call ends.
type Fault = (&'static str, &'static str, fn() -> Value, Status, &'static str);

const FAULTS: [Fault; 13] = [
    ("infinite loop", "probe_loop", || json!({}), Status::Timeout, "timeout"),
    ("recursion", "probe_recurse", || json!({}), Status::Limit, "stack"),
    (
        "recursion over the guest's own stack",
        "probe_recurse",
        || json!({ "linear": true }),
        Status::Trapped,
        "trap",
    ),
    (
        "memory bomb at run time",
        "probe_memory",
        || json!({}),
        Status::Limit,
        "memory",
    ),
    (
        "memory a little over the limit",
        "probe_memory",
        || json!({ "megabytes": 300 }),
        Status::Limit,
        "memory",
    ),
    (
        "1 GiB of output",
        "probe_output",
        || json!({ "bytes": 1 << 30 }),
        Status::Limit,
        "memory",
    ),
    (
        "output over the limit",
        "probe_output",
        || json!({ "bytes": 2_000_000 }),
        Status::Limit,
        "output",
    ),
    (
        "sleep for ever in a host call",
        "probe_sleep",
        || json!({ "path": "a/x.txt", "ms": u64::MAX }),
        Status::Timeout,
        "timeout",
    ),
    (
        "exit(0)",
        "probe_exit",
        || json!({ "code": 0 }),
        Status::Trapped,
        "exit",
    ),
    (
        "exit(1)",
        "probe_exit",
        || json!({ "code": 1 }),
        Status::Trapped,
        "exit",
    ),
    ("a trap", "probe_trap", || json!({}), Status::Trapped, "trap"),
    ("a panic", "probe_panic", || json!({}), Status::Trapped, "trap"),
    (
        "trap in the middle of a 100-chunk write",
        "probe_half_write",
        || json!({ "path": "a/x.txt", "chunks": 100, "trap_after": 50 }),
        Status::Trapped,
        "trap",
    ),
];

pub fn cases(suite: &mut Suite) {
    for (name, tool, arguments, status, code) in FAULTS {
        suite.add(GROUP, name, move || fault(tool, &arguments(), status, code));
    }
    suite.add(
        GROUP,
        "half-done writes in every manner leave the old file",
        half_writes,
    );
    suite.add(GROUP, "a deadline ends a guest that sleeps", deadline);
    suite.add(GROUP, "terminal escapes in output", escapes);
    suite.add(GROUP, "a log without end", log);
    suite.add(GROUP, "open files beyond the limit", open_files);
    suite.add(
        GROUP,
        "arguments beyond the limit, nested 10,000 deep, off schema",
        arguments,
    );
    suite.add(
        GROUP,
        "environment and arguments show nothing of the host",
        surroundings,
    );
    suite.add(
        GROUP,
        "the probe's answers stay its own: no state survives a call",
        no_state,
    );
    suite.elsewhere(
        GROUP,
        "a panic inside a host import (typed error, locks freed)",
        "host/src/host/tests.rs",
        "locks_are_released_once",
    );
    suite.elsewhere(
        GROUP,
        "descriptors held by a guest, one fault after another",
        "tests/integration/parallel.rs",
        "faults_in_a_batch",
    );
}

fn fault(tool: &str, arguments: &Value, status: Status, code: &str) -> usize {
    for ground in Ground::both() {
        let mut bad = Call::new(tool, arguments.clone());
        bad.timeout = Some(Duration::from_millis(if status == Status::Timeout {
            100
        } else {
            30_000
        }));
        let good = |text: &str| Call::new("probe_echo", json!({ "text": text }));
        // The file that the fault may have held goes to the next.
        let next = Call::new("read_file", json!({ "path": "a/x.txt" }));
        let outcomes = ground.batch(vec![good("before"), bad, good("beside"), next]);
        ended(&outcomes[1], status, code);
        for (at, text) in [(0, "before"), (2, "beside")] {
            assert_eq!(outcomes[at].content, [Content::Text(text.into())]);
        }
        assert_eq!(outcomes[3].status, Status::Ok, "{outcomes:?}");
        ground.unchanged();
        ground.alive();
    }
    2
}

fn half_writes() -> usize {
    let ground = Ground::with(&crate::ground::files());
    let mut checks = 0;
    for how in ["trap", "fail", "exit", "loop"] {
        for path in ["a/x.txt", "new.txt", "b/new/deep.txt"] {
            for truncate in [true, false] {
                let arguments =
                    json!({ "path": path, "chunks": 100, "trap_after": 50, "truncate": truncate, "how": how });
                let mut call = Call::new("probe_half_write", arguments);
                call.timeout = (how == "loop").then(|| Duration::from_millis(50));
                let outcome = ground.batch(vec![call]).remove(0);
                assert_ne!(outcome.status, Status::Ok, "{outcome:?}");
                ground.unchanged();
                checks += 1;
            }
        }
    }
    ground.alive();
    checks
}

/// It would have ended well by itself, later: that it did not is the deadline's work.
fn deadline() {
    let ground = Ground::with(&crate::ground::files());
    let mut call = Call::new("probe_sleep", json!({ "path": "a/x.txt", "ms": 1000 }));
    call.timeout = Some(Duration::from_millis(20));
    ended(&ground.batch(vec![call])[0], Status::Timeout, "timeout");
}

fn escapes() -> usize {
    let texts = [
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]52;c;aGk=\u{7}",
        "\u{9b}31m",
        "a\rb",
        "\u{8}\u{8}x",
        "\u{202e}txt.exe",
        "\u{7f}",
        "\u{0}",
    ];
    let ground = Ground::with(&json!({}));
    let mut checks = 0;
    for text in texts {
        let calls = vec![
            Call::new("probe_echo", json!({ "text": text })),
            Call::new("probe_fail", json!({ "code": text, "message": text, "hint": text })),
            Call::new(text, json!({})),
            Call::new("read_file", json!({ "path": text })),
        ];
        for outcome in ground.batch(calls) {
            let shown = report::line(&outcome, 4, 10, report::Style::Plain);
            let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!shown.contains(odd), "{shown:?}");
            let code = outcome.error.map(|error| error.code).unwrap_or_default();
            assert!(!code.contains(odd), "{code:?}");
            checks += 1;
        }
    }
    checks
}

fn log() {
    let ground = Ground::with(&json!({}));
    let outcome = ground.call("probe_log", json!({ "bytes": 20_000_000 }));
    assert_eq!(outcome.status, Status::Ok, "{:?}", outcome.error);
    assert!(
        outcome.log.len() < 70_000 && outcome.log.contains("more bytes over the log limit"),
        "{}",
        outcome.log.len()
    );
    ground.alive();
}

fn open_files() {
    let ground = Ground::with(&json!({ "a.txt": "a\n" }));
    let outcome = ground.call("probe_fds", json!({ "path": "a.txt", "count": 1000 }));
    let Some(Content::Text(text)) = outcome.content.first() else {
        panic!("{outcome:?}")
    };
    assert!(text.starts_with("255 held"), "{text}");
    let outcome = ground.call("probe_handles", json!({ "path": "a.txt", "count": 100_000 }));
    ended_by_limit(&outcome);
    ground.alive();
}

fn ended_by_limit(outcome: &toolyard::Outcome) {
    ended(outcome, Status::Limit, "open_files");
}

fn arguments() -> usize {
    let ground = Ground::with(&json!({}));
    let large = ground.call("probe_echo", json!({ "text": "x".repeat(2_000_000) }));
    ended(&large, Status::Limit, "arguments");
    let mut deep = json!(1);
    for _ in 0..10_000 {
        deep = Value::Array(vec![deep]);
    }
    // Not through `ground`, which makes text of what is said: that recurses.
    let outcome = toolyard_tests::run(
        &ground.host,
        vec![Call::new("probe_structured", Value::Array(vec![deep]))],
    )
    .remove(0);
    ended(&outcome, Status::InvalidArguments, "invalid_arguments");
    let off = [
        json!({}),
        json!({ "text": 1 }),
        json!({ "text": null }),
        json!([]),
        json!(null),
        json!({ "text": "x", "more": 1 }),
        json!({ "text": 1e308 }),
    ];
    for arguments in off {
        ended(
            &ground.call("probe_echo", arguments),
            Status::InvalidArguments,
            "invalid_arguments",
        );
    }
    ground.alive();
    9
}

fn surroundings() {
    let ground = Ground::with(&json!({}));
    let outcome = ground.call("probe_env", json!({}));
    let Some(Content::Json(seen)) = outcome.content.first() else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (&seen["args"], &seen["vars"], &seen["stdin"]),
        (&json!([]), &json!({}), &json!("0 bytes")),
        "{seen}"
    );
    for word in ["HOME", "PATH", "USER", "root", "tmp"] {
        assert!(!seen.to_string().contains(word), "{seen}");
    }
}

fn no_state() {
    let ground = Ground::with(&json!({}));
    let outcomes = ground.batch((0..20).map(|_| Call::new("probe_random", json!({}))).collect());
    let mut texts: Vec<String> = outcomes
        .iter()
        .map(|outcome| format!("{:?}", outcome.content))
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 20);
}
