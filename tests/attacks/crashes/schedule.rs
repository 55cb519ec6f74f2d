//! Order and queues under attack. It must not measure how fast.

use super::GROUP;
use crate::components::made::Made;
use crate::ground::{Ground, ended, files};
use crate::suite::{End, Suite};
use serde_json::json;
use std::time::Duration;
use toolyard::catalog::Plugin;
use toolyard::{Call, Status};

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "parent written while a child is read", parent_and_child);
    suite.add(GROUP, "conflicting calls lose nothing", nothing_lost);
    suite.elsewhere(
        GROUP,
        "endless readers and one writer",
        "tests/integration/control.rs",
        "a_writer_behind_endless_readers",
    );
    suite.elsewhere(
        GROUP,
        "cancel of a waiter and of a runner",
        "tests/integration/control.rs",
        "one_call_is_taken_back",
    );
    suite.elsewhere(
        GROUP,
        "panic and timeout release exactly once",
        "host/src/host/tests.rs",
        "locks_are_released_once",
    );
    suite.add(GROUP, "cancel of everything, again and again", cancelled);
    suite.add(
        GROUP,
        "100,000 calls: the waiting limit refuses what is beyond it",
        hundred_thousand,
    );
    suite.add(GROUP, "nested calls: nothing lets a guest call a tool", || {
        let imports = "(import \"toolyard:plugin/tools@0.1.0\" (instance))".into();
        let error = Plugin::from_bytes(
            "nests.wasm",
            Made {
                imports,
                ..Made::default()
            }
            .bytes(),
        )
        .expect_err("an import of tools");
        assert!(
            error.to_string().contains("which this host gives to no plugin"),
            "{error}"
        );
    });
    suite.add(
        GROUP,
        "clock jumps: files from the future and from before 1970",
        odd_times,
    );
    suite.add(GROUP, "clock jumps: the machine's own clock", || {
        End::Skipped("the clock of a machine is everybody's; the host's deadlines use the monotonic one".into())
    });
}

/// Whoever changes a folder waits for those that read below it, and those behind wait for it; each sees whole states.
fn parent_and_child() -> usize {
    for ground in Ground::both() {
        let calls = vec![
            Call::new("probe_sleep_read", json!({ "path": "a/sub/z.txt", "ms": 30 })),
            Call::new("move_path", json!({ "from": "a/sub", "to": "b/sub" })),
            Call::new("read_file", json!({ "path": "b/sub/z.txt" })),
            Call::new("delete_path", json!({ "path": "b", "recursive": true })),
            Call::new("write_file", json!({ "path": "b/w.txt", "content": "new\n" })),
            Call::new("list_dir", json!({ "path": "b" })),
        ];
        let outcomes = ground.batch(calls);
        assert!(
            outcomes.iter().all(|outcome| outcome.status == Status::Ok),
            "{outcomes:#?}"
        );
        for pair in outcomes.windows(2) {
            assert!(pair[0].timing.end_us <= pair[1].timing.start_us, "{pair:#?}");
        }
        assert_eq!(ground.world.read("b/w.txt"), "new\n");
        ground.alive();
    }
    2
}

fn nothing_lost() -> usize {
    let ground = Ground::with(&json!({ "a.txt": "" }));
    let calls = (0..30).map(|_| Call::new("probe_append", json!({ "path": "a.txt", "text": "x", "ms": 1 })));
    let outcomes = ground.batch(calls.collect());
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:#?}"
    );
    assert_eq!(ground.world.read("a.txt"), "x".repeat(30));
    30
}

/// Taken back at any moment: every call has one end, and the files are old or new.
fn cancelled() -> usize {
    let ground = Ground::with(&files());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let rounds: u64 = 40;
    for round in 0..rounds {
        let calls = (0..20).map(|number| match number % 3 {
            0 => Call::new(
                "probe_half_write",
                json!({ "path": "a/x.txt", "chunks": 50, "trap_after": 51 }),
            ),
            1 => Call::new("probe_sleep", json!({ "path": format!("new/f{number}"), "ms": 5 })),
            _ => Call::new("probe_loop", json!({})),
        });
        let batch = ground.host.submit(calls.collect()).expect("a batch");
        std::thread::sleep(Duration::from_micros(round * 150));
        batch.cancel();
        ground.host.cancel_all();
        let outcomes = runtime.block_on(batch.outcomes());
        assert!(
            outcomes
                .iter()
                .all(|outcome| [Status::Ok, Status::Cancelled].contains(&outcome.status)),
            "{outcomes:?}"
        );
        assert_eq!(ground.host.status(), []);
        let text = ground.world.read("a/x.txt");
        assert!(
            text == "x\n" || (text.starts_with("chunk 1\n") && text.ends_with("chunk 50\n")),
            "{text}"
        );
    }
    ground.alive();
    rounds as usize
}

fn hundred_thousand() -> usize {
    let ground = Ground::with(&json!({ "a.txt": "a\n" }));
    // Behind a writer that holds what all want, so that none can end before all are in.
    let hold = ground
        .host
        .submit(vec![Call::new("probe_sleep", json!({ "path": "a.txt", "ms": 60_000 }))])
        .expect("a batch");
    let calls = (0..100_000).map(|_| Call::new("read_file", json!({ "path": "a.txt" })));
    let all = ground.host.submit(calls.collect()).expect("a batch");
    assert_eq!(ground.host.status().len(), 10_000);
    hold.cancel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(hold.outcomes());
    let outcomes = runtime.block_on(all.outcomes());
    let ok = outcomes.iter().filter(|outcome| outcome.status == Status::Ok).count();
    assert_eq!((ok, outcomes.len()), (9_999, 100_000));
    let error = outcomes[99_999].error.as_ref().expect("an error");
    assert_eq!(
        (outcomes[99_999].status, error.code.as_str()),
        (Status::Overloaded, "overloaded"),
        "{error:?}"
    );
    ground.alive();
    100_000
}

/// Times of files say nothing to the scheduler, and answers that are given again look at more than times.
fn odd_times() -> usize {
    use std::time::{Duration as Span, SystemTime};
    let ground = Ground::of(toolyard_tests::World::with(&files()), toolyard::HostBuilder::reuse);
    let file = ground.world.path().join("a/x.txt");
    let year = 365 * 24 * 3600;
    let times = [
        SystemTime::UNIX_EPOCH,
        SystemTime::now() + Span::from_secs(50 * year),
        SystemTime::UNIX_EPOCH - Span::from_secs(year),
    ];
    for (number, time) in times.into_iter().enumerate() {
        let text = format!("{number}\n");
        std::fs::write(&file, &text).expect("a file");
        std::fs::File::options()
            .write(true)
            .open(&file)
            .and_then(|file| file.set_modified(time))
            .expect("a time");
        for _ in 0..2 {
            let outcome = ground.call("read_file", json!({ "path": "a/x.txt" }));
            assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
            assert!(
                format!("{:?}", outcome.content).contains(&number.to_string()),
                "{outcome:?}"
            );
        }
        let outcome = ground.call("file_info", json!({ "path": "a/x.txt" }));
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    }
    let gone = ground.call("read_file", json!({}));
    ended(&gone, Status::InvalidArguments, "invalid_arguments");
    times.len()
}
