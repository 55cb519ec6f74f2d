//! Taking calls back, patience, full queues, what observers are told. It must not measure speed: an end that comes at
//! all comes long before the limits here.

mod handle;

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use toolyard::{Call, Content, Event, Host, Level, Outcome, Status, What};
use toolyard_tests::{World, warm};

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

fn sleep(path: &str, ms: u32) -> Call {
    Call::new("probe_sleep", json!({ "path": path, "ms": ms }))
}

fn statuses(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome.status.as_str()).collect()
}

/// Waits until the host says so of its calls.
fn until(host: &Host, so: impl Fn(&[toolyard::LiveCall]) -> bool) {
    let begun = Instant::now();
    while !so(&host.status()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", host.status());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// One running call is taken back, and one waiting one: who waited for them goes on, in order.
#[test]
fn one_call_is_taken_back() {
    let world = World::with(&json!({ "a": "" }));
    let host = world.host();
    let calls = vec![
        sleep("a", 60_000).with_id("running"),
        sleep("a", 60_000).with_id("waiting"),
        sleep("a", 0).with_id("third"),
        Call::new("write_file", json!({ "path": "b", "content": "x" })).with_id("after"),
    ];
    let mut calls = calls;
    calls[3].after = vec!["waiting".into()];
    let batch = host.submit(calls).expect("a batch");
    until(&host, |calls| calls.iter().any(|call| call.started));
    assert!(batch.cancel_call(&"waiting".into()));
    assert!(!batch.cancel_call(&"waiting".into()), "it is gone");
    assert!(!batch.cancel_call(&"nobody".into()));
    assert!(batch.cancel_call(&"running".into()));
    let outcomes = runtime().block_on(batch.outcomes());
    assert_eq!(statuses(&outcomes), ["cancelled", "cancelled", "ok", "skipped"]);
    assert_eq!(host.status(), []);
}

/// A guest that never looks up is stopped, too.
#[test]
fn a_busy_call_is_taken_back() {
    let world = World::new();
    let host = world.host();
    let batch = host.submit(vec![Call::new("probe_loop", json!({}))]).expect("a batch");
    until(&host, |calls| calls.iter().any(|call| call.started));
    batch.cancel();
    assert_eq!(statuses(&runtime().block_on(batch.outcomes())), ["cancelled"]);
}

/// A batch and a client take back their own calls and nobody else's.
#[test]
fn batches_and_clients_are_apart() {
    let world = World::new();
    let host = world.host();
    let (one, other) = (host.client(), host.client());
    let first = one
        .submit(vec![sleep("a", 60_000), sleep("a", 60_000)])
        .expect("a batch");
    let second = one.submit(vec![sleep("b", 60_000)]).expect("a batch");
    let third = other.submit(vec![sleep("a", 0), sleep("c", 60_000)]).expect("a batch");
    until(&host, |calls| calls.iter().filter(|call| call.started).count() == 3);
    assert_eq!(host.status().len(), 5);
    first.cancel();
    let runtime = runtime();
    assert_eq!(
        statuses(&runtime.block_on(first.outcomes())),
        ["cancelled", "cancelled"]
    );
    until(&host, |calls| calls.len() == 2);
    one.cancel_all();
    assert_eq!(statuses(&runtime.block_on(second.outcomes())), ["cancelled"]);
    drop(host);
    assert_eq!(statuses(&runtime.block_on(third.outcomes())), ["ok", "cancelled"]);
}

/// The queue is bounded for all and for each client; what has no room is refused at once, and the rest goes on.
#[test]
fn full_queues() {
    let world = World::new();
    let policy = "[limits]\nwaiting_calls = 6\nclient_calls = 3\n";
    let host = world.builder().policy_text(policy).build().expect("a host");
    let (greedy, modest) = (host.client(), host.client());
    let many = |count: usize| (0..count).map(|_| sleep("a", 0)).collect::<Vec<_>>();
    let hold = host.submit(vec![sleep("a", 60_000).with_id("hold")]).expect("a batch");
    let first = greedy.submit(many(5)).expect("a batch");
    let second = modest.submit(many(3)).expect("a batch");
    // Status and cancel stand in no queue.
    assert_eq!(host.status().len(), 6);
    assert!(hold.cancel_call(&"hold".into()));
    let runtime = runtime();
    let outcomes = runtime.block_on(first.outcomes());
    assert_eq!(statuses(&outcomes), ["ok", "ok", "ok", "overloaded", "overloaded"]);
    let error = outcomes[3].error.as_ref().expect("a reason");
    assert_eq!(error.message, "this client has 3 calls that have not ended already");
    let outcomes = runtime.block_on(second.outcomes());
    assert_eq!(statuses(&outcomes), ["ok", "ok", "overloaded"]);
    let error = outcomes[2].error.as_ref().expect("a reason");
    assert_eq!(error.message, "the host has 6 calls that have not ended already");
}

/// Waiting and running have limits of their own, and the outcome says which is over.
#[test]
fn two_deadlines() {
    let world = World::new();
    let host = world.host();
    let mut calls = vec![sleep("a", 300), sleep("a", 0), sleep("b", 60_000), sleep("a", 0)];
    calls[1].max_wait = Some(Duration::from_millis(30));
    calls[2].timeout = Some(Duration::from_millis(50));
    // Time spent waiting is not time spent running.
    calls[3].timeout = Some(Duration::from_millis(150));
    calls[3].max_wait = Some(Duration::from_secs(60));
    let outcomes = runtime().block_on(host.batch(calls)).expect("outcomes");
    assert_eq!(statuses(&outcomes), ["ok", "timeout", "timeout", "ok"]);
    let code = |at: usize| {
        outcomes[at]
            .error
            .as_ref()
            .map(|error| (error.code.as_str(), error.message.as_str()))
    };
    let waited = "probe_sleep waited for 1 longer than the 30 ms allowed, and never started";
    assert_eq!(code(1), Some(("wait_timeout", waited)));
    assert_eq!(code(2), Some(("timeout", "probe_sleep did not end within 50 ms")));
    assert_eq!(outcomes[1].timing.run_us, 0);
}

/// Readers that keep coming don't keep a writer waiting: it starts when those before it have ended, and those behind it
/// after it.
#[test]
fn a_writer_behind_endless_readers() {
    let world = World::with(&json!({ "a": "" }));
    let host = world.host();
    let read = || Call::new("probe_sleep_read", json!({ "path": "a", "ms": 20 }));
    let mut batches = Vec::new();
    for _ in 0..10 {
        batches.push(host.submit(vec![read()]).expect("a batch"));
    }
    let writer = host.submit(vec![sleep("a", 5)]).expect("a batch");
    for _ in 0..100 {
        batches.push(host.submit(vec![read()]).expect("a batch"));
    }
    let runtime = runtime();
    let mut order = Vec::new();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let ended = |name: usize, batch: toolyard::Batch| {
        let kept = Arc::clone(&kept);
        async move {
            let outcomes = batch.outcomes().await;
            assert_eq!(statuses(&outcomes), ["ok"]);
            kept.lock()
                .expect("a list")
                .push((name, outcomes[0].waited_for().len()));
        }
    };
    let writer = ended(1000, writer);
    runtime.block_on(async {
        let set = tokio::task::LocalSet::new();
        for (name, batch) in batches.into_iter().enumerate() {
            set.spawn_local(ended(name, batch));
        }
        set.spawn_local(writer);
        set.await;
    });
    order.extend(kept.lock().expect("a list").iter().copied());
    let place = order
        .iter()
        .position(|(name, _)| *name == 1000)
        .expect("the writer ended");
    assert!(
        order[..place].iter().all(|(name, _)| *name < 10),
        "only earlier readers end before it: {order:?}"
    );
    assert_eq!(order[place].1, 10, "it waits for the ten before it and nobody else");
    assert!(
        order[place + 1..].iter().all(|(_, waits)| *waits == 1),
        "the others wait for the writer alone"
    );
}

/// What observers are told, in order, and nothing is lost on one that keeps up.
#[test]
fn events() {
    let world = World::with(&json!({ "a": "" }));
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let observer = Arc::new(move |event: &Event| kept.lock().expect("a list").push(event.clone()));
    let host = world.builder().observer(observer).build().expect("a host");
    let calls = vec![
        sleep("a", 20).with_id("first"),
        Call::new("probe_append", json!({ "path": "a", "text": "x" })).with_id("second"),
        Call::new("probe_progress", json!({ "steps": 2 })).with_id("talks"),
        Call::new("no_such_tool", json!({})).with_id("refused"),
    ];
    let batch = host.submit(calls).expect("a batch");
    let number = batch.number();
    runtime().block_on(batch.outcomes());
    assert!(host.settle_events(Duration::from_secs(60)));
    let seen = seen.lock().expect("a list");
    assert!(seen.iter().all(|event| event.batch == number && event.dropped == 0));
    let of = |id: &str| {
        let own = seen.iter().filter(|event| event.id.as_str() == id);
        own.map(|event| event.what.clone()).collect::<Vec<_>>()
    };
    let [
        What::Queued { tool, waits },
        What::Started,
        What::Finished { status: Status::Ok },
    ] = &of("second")[..]
    else {
        panic!("{:?}", of("second"));
    };
    assert_eq!((tool.as_str(), waits.len()), ("probe_append", 1));
    assert_eq!(
        of("refused"),
        [What::Finished {
            status: Status::NotFound
        }]
    );
    let log = |level, text: &str| What::Log {
        level,
        text: text.into(),
    };
    let talks = of("talks");
    for expect in [
        log(Level::Debug, "a debug line"),
        log(Level::Error, "an error"),
        log(Level::Info, "to standard output"),
        What::Output(Content::Text("piece 2".into())),
    ] {
        assert!(talks.contains(&expect), "{expect:?} in {talks:?}");
    }
    let last = talks.iter().rev().find(|what| matches!(what, What::Progress { .. }));
    assert!(
        matches!(
            last,
            Some(What::Progress {
                done: 2,
                total: Some(2),
                ..
            })
        ),
        "{talks:?}"
    );
}

/// An observer that hangs or panics holds up nobody.
#[test]
fn observers_that_misbehave() {
    let world = World::with(&json!({ "a": "" }));
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let hangs = Arc::new(move |_: &Event| drop(wait.lock().map(|wait| wait.recv())));
    let panics = Arc::new(|_: &Event| panic!("an observer's mistake"));
    let host = world
        .builder()
        .observer(panics)
        .observer(hangs)
        .build()
        .expect("a host");
    let calls = (0..50)
        .map(|_| Call::new("read_file", json!({ "path": "a" })))
        .collect();
    let outcomes = runtime().block_on(host.batch(calls)).expect("outcomes");
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
    assert!(!host.settle_events(Duration::from_millis(20)), "the observer hangs");
    drop(release);
    assert!(host.settle_events(Duration::from_secs(60)));
}

/// Calls that sleep hold no core: with one core, twenty sleep at once, and a busy one doesn't keep small ones from theirs.
#[test]
fn cores_are_for_computing() {
    let world = World::with(&json!({ "a": "" }));
    let one = std::num::NonZeroUsize::MIN;
    let host = world.builder().cores(one).build().expect("a host");
    let mut calls: Vec<Call> = (0..20).map(|i| sleep(&format!("f{i}"), 500)).collect();
    let mut busy = Call::new("probe_loop", json!({})).with_id("busy");
    busy.timeout = Some(Duration::from_secs(2));
    calls.insert(0, busy);
    calls.push(Call::new("read_file", json!({ "path": "a" })).with_id("small"));
    warm(&host, &calls);
    let outcomes = runtime().block_on(host.batch(calls)).expect("outcomes");
    let busy = &outcomes[0];
    assert_eq!(busy.status, Status::Timeout);
    for outcome in &outcomes[1..] {
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        assert!(outcome.timing.end_us < busy.timing.end_us, "{outcome:?}");
    }
    let (first, last) = (&outcomes[1].timing, &outcomes[20].timing);
    assert!(last.start_us < first.end_us, "they sleep together: {first:?} {last:?}");
    assert!(first.cpu_us < 400_000 && first.run_us >= 500_000, "{first:?}");
}

/// The same, as the command line writes them down.
#[test]
fn event_files() {
    let world = World::with(&json!({ "a": "one\n" }));
    let file = world.path().join("events.jsonl");
    let batch = json!([
        { "id": "w", "tool": "edit_file", "arguments": { "path": "a", "edits": [{ "old_text": "one", "new_text": "two" }] } },
        { "id": "r", "tool": "read_file", "arguments": { "path": "a" } },
    ]);
    let path = file.display().to_string();
    let out = super::cli::toolyard(&world, &["run", "-", "--events", &path], &batch.to_string());
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let text = std::fs::read_to_string(file).expect("a file");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let short: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {}", line["id"], line["event"]))
        .collect();
    let of = |id: &str| {
        short
            .iter()
            .filter(|line| line.starts_with(id))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("\"w\""),
        [r#""w" "queued""#, r#""w" "started""#, r#""w" "finished""#]
    );
    let queued = lines.iter().find(|line| line["id"] == "r").expect("a line");
    assert_eq!(queued["waits_for"][0]["id"], "w");
    assert_eq!(queued["waits_for"][0]["theirs"]["access"], "write");
}

/// A file that can't be made is told before anything runs; one that can't be written, after.
#[test]
fn output_files_that_fail() {
    let world = World::new();
    let batch = json!([{ "tool": "write_file", "arguments": { "path": "a", "content": "x" } }]).to_string();
    for option in ["--events", "--trace", "--timeline"] {
        let out = super::cli::toolyard(&world, &["run", "-", option, "/nowhere/file"], &batch);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains(option) && said.contains("/nowhere/file"), "{said}");
        assert_eq!(world.tree(), json!({}), "nothing has run");
    }
    for option in ["--events", "--trace", "--timeline"] {
        let out = super::cli::toolyard(&world, &["run", "-", option, "/dev/full"], &batch);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(3), "{said}");
        assert!(said.contains(option) && said.contains("No space left"), "{said}");
        assert!(
            String::from_utf8_lossy(&out.stdout).starts_with("ok"),
            "the outcomes are told all the same"
        );
    }
}
