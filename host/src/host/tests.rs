//! Every lock is released exactly once, however its call ends: ok, refused by itself, trapped, out of time, taken back
//! while it runs and while it waits, or lost to a mistake of the host's own in the middle of a guest.

use crate::call::{Call, Outcome, Status};
use crate::host::Host;
use crate::sandbox::mistake;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

const PROBE: &[u8] = include_bytes!("../../../tests/guests/prebuilt/probe.wasm");

fn host(folder: &std::path::Path) -> Host {
    let cache = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-cache");
    let builder = Host::builder()
        .workspace(folder)
        .cache(cache)
        .without_standard_plugins();
    builder.component("probe.wasm", PROBE.to_vec()).build().expect("a host")
}

/// The first call holds `a` and ends in its way; the second and third want it.
fn check(host: &Host, runtime: &tokio::runtime::Runtime, tool: &str, arguments: Value, expect: Status, cancel: bool) {
    let mut first = Call::new(tool, arguments).with_id("first");
    first.timeout = Some(Duration::from_millis(if expect == Status::Timeout {
        30
    } else {
        60_000
    }));
    let next = || Call::new("probe_append", json!({ "path": "a", "text": "x" }));
    let batch = host.submit(vec![first, next(), next()]).expect("a batch");
    if cancel {
        while !host.status().iter().any(|call| call.started) {
            std::thread::sleep(Duration::from_millis(1));
        }
        batch.cancel_call(&"first".into());
    }
    let outcomes = runtime.block_on(batch.outcomes());
    let statuses: Vec<Status> = outcomes.iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses, [expect, Status::Ok, Status::Ok], "{outcomes:#?}");
    let alone = |pair: &[Outcome]| pair[0].timing.end_us <= pair[1].timing.start_us;
    assert!(outcomes.windows(2).all(alone), "one at a time: {outcomes:#?}");
    assert_eq!(host.status(), []);
}

#[test]
fn locks_are_released_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let half = |how: &str| json!({ "path": "a", "chunks": 4, "trap_after": 2, "how": how });
    for _ in 0..20 {
        check(
            &host,
            &runtime,
            "probe_sleep",
            json!({ "path": "a", "ms": 1 }),
            Status::Ok,
            false,
        );
        check(&host, &runtime, "probe_half_write", half("fail"), Status::Failed, false);
        check(
            &host,
            &runtime,
            "probe_half_write",
            half("trap"),
            Status::Trapped,
            false,
        );
        check(
            &host,
            &runtime,
            "probe_sleep",
            json!({ "path": "a", "ms": 60_000 }),
            Status::Timeout,
            false,
        );
        check(
            &host,
            &runtime,
            "probe_sleep",
            json!({ "path": "a", "ms": 60_000 }),
            Status::Cancelled,
            true,
        );
    }
    for _ in 0..20 {
        mistake::NEXT.store(true, Ordering::SeqCst);
        let talk = Call::new("probe_progress", json!({ "steps": 1 }));
        let mut behind = Call::new("probe_append", json!({ "path": "a", "text": "x" }));
        behind.after = vec!["1".into()];
        behind.when = crate::call::When::Always;
        let outcomes = runtime.block_on(host.batch(vec![talk, behind])).expect("outcomes");
        let statuses: Vec<Status> = outcomes.iter().map(|outcome| outcome.status).collect();
        assert_eq!(statuses, [Status::HostFailure, Status::Ok], "{outcomes:#?}");
        assert_eq!(host.status(), []);
    }
}

#[test]
fn clients_outlive_their_host_and_run_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(folder.path());
    let client = host.client();
    drop(host);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let append = Call::new("probe_append", json!({ "path": "a", "text": "x" }));
    let outcomes = runtime.block_on(client.batch(vec![append])).expect("a batch");
    let code = outcomes[0].error.as_ref().map(|error| error.code.as_str());
    assert_eq!((outcomes[0].status, code), (Status::HostFailure, Some("host_gone")));
    assert!(!folder.path().join("a").exists());
}
