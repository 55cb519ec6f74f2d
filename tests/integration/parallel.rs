//! Order under parallelism: no edit lost, no conflict overlapped, and the same end as one by one. It must not measure
//! speed, except where being parallel at all is the point.

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use toolyard::{Call, Event, Outcome, Status, What};
use toolyard_tests::{World, run};

fn edit(path: &str, old: &str, new: &str) -> Call {
    Call::new(
        "edit_file",
        json!({ "path": path, "edits": [{ "old_text": old, "new_text": new }] }),
    )
}

fn all_ok(outcomes: &[Outcome]) {
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:#?}"
    );
}

/// Two edits of one file in one batch, at different places and under different names: both are there, every time.
#[test]
fn no_edit_is_lost() {
    let names = [
        ("a.txt", "a.txt"),
        ("./a.txt", "b/../a.txt"),
        ("a.txt", "soft.txt"),
        ("b/soft.txt", "a.txt"),
        ("via/a.txt", "a.txt"),
    ];
    let world = World::with(&json!({
        "a.txt": "one\ntwo\n", "b/": null, "soft.txt": { "link": "a.txt" }, "b/soft.txt": { "link": "../a.txt" },
        "via": { "link": "." },
    }));
    let host = world.host();
    for round in 0..500 {
        std::fs::write(world.path().join("a.txt"), "one\ntwo\n").expect("a file");
        let (first, second) = names[round % names.len()];
        let outcomes = run(&host, vec![edit(first, "one", "1"), edit(second, "two", "2")]);
        all_ok(&outcomes);
        assert_eq!(world.read("a.txt"), "1\n2\n", "round {round}: {first} and {second}");
    }
    assert_eq!(world.tree()["soft.txt"], json!({ "link": "a.txt" }));
}

/// The same through a hard link, which stays one: a file with several links is updated in place.
#[test]
fn no_edit_is_lost_through_a_hard_link() {
    let world = World::with(&json!({ "a.txt": "one\ntwo\n", "b/hard.txt": { "hard": "a.txt" } }));
    let host = world.host();
    for _ in 0..500 {
        std::fs::write(world.path().join("a.txt"), "one\ntwo\n").expect("a file");
        let outcomes = run(&host, vec![edit("a.txt", "one", "1"), edit("b/hard.txt", "two", "2")]);
        all_ok(&outcomes);
        assert_eq!(world.read("b/hard.txt"), "1\n2\n");
        assert!(outcomes[0].notes[0].contains("updated in place"), "{outcomes:?}");
        assert_eq!(outcomes[1].waited_for(), ["1".into()]);
    }
    assert_eq!(world.tree()["a.txt"]["links"], 2);
}

/// A folder that is listed or searched waits for a file with several links, wherever that is named: it may be inside.
#[test]
fn a_search_waits_for_a_hard_link() {
    let world = World::with(&json!({ "a.txt": "one\n", "sub/hard.txt": { "hard": "a.txt" } }));
    let host = world.host();
    let calls = vec![
        edit("a.txt", "one", "two"),
        Call::new("grep", json!({ "pattern": "two", "path": "sub" })),
    ];
    let outcomes = run(&host, calls);
    all_ok(&outcomes);
    assert_eq!(outcomes[1].waited_for(), ["1".into()]);
    assert!(format!("{:?}", outcomes[1].content).contains("hard.txt"));
}

/// Ten edits of ten lines of one file at once, twenty times: two hundred made, two hundred kept.
#[test]
fn two_hundred_edits() {
    let world = World::new();
    let host = world.host();
    for _ in 0..20 {
        let text: String = (0..10).map(|line| format!("line {line};\n")).collect();
        std::fs::write(world.path().join("a.txt"), text).expect("a file");
        let calls = (0..10).map(|line| edit("a.txt", &format!("line {line};"), &format!("done {line};")));
        all_ok(&run(&host, calls.collect()));
        let expect: String = (0..10).map(|line| format!("done {line};\n")).collect();
        assert_eq!(world.read("a.txt"), expect);
    }
}

/// Conflicting calls run in request order, one at a time; disjoint ones beside each other.
#[test]
fn sleepers() {
    let files: Value = (0..8)
        .map(|i| (format!("f{i}.txt"), json!("x")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let world = World::with(&files);
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (n, m) = (Arc::clone(&now), Arc::clone(&most));
    let observer = move |event: &Event| match event.what {
        What::Started => _ = m.fetch_max(n.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst),
        What::Finished { .. } => _ = n.fetch_sub(1, Ordering::SeqCst),
        _ => {}
    };
    let host = world.builder().observer(Arc::new(observer)).build().expect("a host");
    let sleep = |i: usize, ms: u32| Call::new("probe_sleep", json!({ "path": format!("f{i}.txt"), "ms": ms }));
    all_ok(&run(&host, (0..8).map(|i| sleep(i, 1000)).collect()));
    assert!(host.settle_events(Duration::from_secs(60)));
    assert_eq!(most.swap(0, Ordering::SeqCst), 8, "disjoint calls run together");
    let outcomes = run(&host, (0..8).map(|_| sleep(0, 20)).collect());
    all_ok(&outcomes);
    assert!(host.settle_events(Duration::from_secs(60)));
    assert_eq!(most.load(Ordering::SeqCst), 1, "conflicting calls run alone");
    for pair in outcomes.windows(2) {
        assert!(pair[0].timing.end_us <= pair[1].timing.start_us, "{pair:#?}");
    }
    assert!(outcomes[7].timing.end_us >= 160_000);
}

/// Faults in the middle of a batch: each its own status, the others untouched, the order kept, the host alive.
#[test]
fn faults_in_a_batch() {
    let world = World::with(&json!({ "a.txt": "old\n" }));
    let host = world.host();
    let mut looping = Call::new("probe_loop", json!({}));
    looping.timeout = Some(std::time::Duration::from_millis(100));
    let echo = |text: &str| Call::new("probe_echo", json!({ "text": text }));
    let half = json!({ "path": "a.txt", "chunks": 100, "trap_after": 50, "how": "trap" });
    let outcomes = run(
        &host,
        vec![
            echo("first"),
            Call::new("probe_trap", json!({})),
            looping,
            echo("middle"),
            Call::new("probe_memory", json!({})),
            Call::new("probe_fail", json!({ "code": "no", "message": "no" })),
            Call::new("probe_half_write", half),
            Call::new("read_file", json!({ "path": "a.txt" })),
            echo("last"),
        ],
    );
    let statuses: Vec<&str> = outcomes.iter().map(|outcome| outcome.status.as_str()).collect();
    assert_eq!(
        statuses,
        [
            "ok", "trapped", "timeout", "ok", "limit", "failed", "trapped", "ok", "ok"
        ]
    );
    assert_eq!(world.read("a.txt"), "old\n");
    all_ok(&run(&host, vec![echo("alive")]));
}

/// However a half-done write ends, the old file is there, byte for byte, and nothing else.
#[test]
fn half_writes_leave_the_old_file() {
    for how in ["trap", "fail", "exit"] {
        for truncate in [true, false] {
            let world = World::with(&json!({ "a.txt": "old\n", "b/": null }));
            let before = world.tree();
            for path in ["a.txt", "new.txt", "b/new/deep.txt"] {
                let arguments =
                    json!({ "path": path, "chunks": 100, "trap_after": 50, "truncate": truncate, "how": how });
                let outcome = world.call("probe_half_write", arguments);
                assert_ne!(outcome.status, Status::Ok);
                assert_eq!(world.tree(), before, "{how} {path}");
            }
        }
    }
    let world = World::with(&json!({ "a.txt": "old\n" }));
    let mut call = Call::new(
        "probe_half_write",
        json!({ "path": "a.txt", "chunks": 9, "trap_after": 5, "how": "loop" }),
    );
    call.timeout = Some(std::time::Duration::from_millis(80));
    let outcomes = world.batch(vec![call, Call::new("list_dir", json!({ "path": "." }))]);
    assert_eq!(outcomes[0].status, Status::Timeout);
    assert_eq!(world.tree(), json!({ "a.txt": "old\n" }));
}

/// A path that leads elsewhere when its turn comes is planned again, and what it reads is what one by one would read.
#[test]
fn a_moved_link_is_planned_again() {
    let world = World::with(&json!({
        "one.txt": "one\n", "two.txt": "two\n", "link": { "link": "one.txt" }, "other": { "link": "two.txt" },
    }));
    let calls = vec![
        Call::new("move_path", json!({ "from": "other", "to": "link", "overwrite": true })),
        Call::new("probe_append", json!({ "path": "link", "text": "three\n" })),
    ];
    let outcomes = world.batch(calls);
    all_ok(&outcomes);
    assert_eq!(world.read("two.txt"), "two\nthree\n");
    assert_eq!(world.read("one.txt"), "one\n");
    assert!(
        outcomes[1].notes.iter().any(|note| note.contains("planned again")),
        "{outcomes:#?}"
    );
}
