//! Answers that are given again: never a stale one, whoever writes. It must not depend on how often one is.

use serde_json::json;
use std::fs;
use toolyard::{Call, Host, Outcome, Status};
use toolyard_tests::{World, run};

fn again(outcome: &Outcome) -> bool {
    outcome.notes.iter().any(|note| note.starts_with("given again"))
}

fn call(host: &Host, tool: &str, arguments: serde_json::Value) -> Outcome {
    run(host, vec![Call::new(tool, arguments)]).remove(0)
}

/// Off unless asked for; on, it is a different way to the same answer, and the outcome says so.
#[test]
fn answers_are_given_again() {
    let world = World::with(&json!({ "a.txt": "one\n", "sub/b.txt": "one\n" }));
    let plain = world.host();
    let on = world.builder().reuse().build().expect("a host");
    for (tool, arguments) in [
        ("read_file", json!({ "path": "a.txt" })),
        ("directory_tree", json!({ "path": "." })),
        ("read_files", json!({ "paths": ["a.txt", "sub/b.txt"] })),
        ("list_dir", json!({ "path": "sub" })),
        ("hash", json!({ "text": "x" })),
    ] {
        let outcomes: Vec<Outcome> = (0..4).map(|_| call(&on, tool, arguments.clone())).collect();
        assert!(again(&outcomes[3]), "{tool}: {:?}", outcomes[3]);
        let expect = call(&plain, tool, arguments.clone());
        assert!(!again(&expect) && !again(&outcomes[0]));
        for outcome in &outcomes {
            assert_eq!(
                (&outcome.content, &outcome.structured),
                (&expect.content, &expect.structured),
                "{tool}"
            );
        }
    }
}

/// What writes, sleeps, asks for the time or for chance, or fails is run each time.
#[test]
fn what_is_not_given_again() {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let host = world.builder().reuse().build().expect("a host");
    for (tool, arguments) in [
        ("write_file", json!({ "path": "b.txt", "content": "x" })),
        ("probe_sleep_read", json!({ "path": "a.txt", "ms": 1 })),
        ("read_file", json!({ "path": "missing" })),
        ("probe_clock", json!({})),
        // It has a budget of time, and so asks for the time.
        ("grep", json!({ "pattern": "one", "path": "." })),
    ] {
        for _ in 0..3 {
            assert!(!again(&call(&host, tool, arguments.clone())), "{tool}");
        }
    }
    let listed = "[reuse]\ntools = [\"list_dir\"]\n";
    let host = world.builder().policy_text(listed).build().expect("a host");
    for _ in 0..3 {
        assert!(
            !again(&call(&host, "read_file", json!({ "path": "a.txt" }))),
            "it is not listed"
        );
    }
}

/// Reads, writes by calls and writes by someone outside, two thousand of them mixed as a seed says: every answer is what is
/// there. Someone outside may keep the size and set the times back.
#[test]
fn never_stale() {
    let world = World::with(&json!({ "a.txt": "0000", "sub/b.txt": "0000", "soft.txt": { "link": "sub/b.txt" } }));
    let host = world.builder().reuse().build().expect("a host");
    let names = ["a.txt", "sub/b.txt", "soft.txt"];
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((state >> 33) % below).expect("small")
    };
    let mut hits = 0;
    for round in 0..2000 {
        let name = names[random(3)];
        let text = format!("{:04}", random(3));
        match random(8) {
            0 => {
                let before = fs::metadata(world.path().join(name))
                    .and_then(|data| data.modified())
                    .expect("times");
                fs::write(world.path().join(name), &text).expect("a file");
                if random(2) == 0 {
                    let file = fs::File::options()
                        .write(true)
                        .open(world.path().join(name))
                        .expect("a file");
                    file.set_modified(before).expect("it is ours");
                }
            }
            1 => {
                let outcome = call(&host, "write_file", json!({ "path": name, "content": text }));
                assert_eq!(outcome.status, Status::Ok);
            }
            2 => {
                let outcome = call(&host, "list_dir", json!({ "path": "sub" }));
                hits += usize::from(again(&outcome));
                let found = outcome.structured.as_ref().map(|all| all["total"].clone());
                let count = fs::read_dir(world.path().join("sub"))
                    .map(Iterator::count)
                    .expect("a folder");
                assert_eq!(found, Some(json!(count)), "round {round}: {outcome:?}");
            }
            3 => {
                let beside = world.path().join("sub/beside.txt");
                match beside.exists() {
                    true => fs::remove_file(beside).expect("it is there"),
                    false => fs::write(beside, "").expect("a file"),
                }
            }
            _ => {
                let outcome = call(&host, "read_file", json!({ "path": name }));
                hits += usize::from(again(&outcome));
                let expect = toolyard::Content::Text(world.read(name));
                assert_eq!(outcome.content, [expect], "round {round}: {name}");
            }
        }
    }
    assert!(hits > 100, "some are given again: {hits}");
}

/// As many bytes as allowed, the least lately used out first; a conflict drops at once.
#[test]
fn bounded() {
    let world =
        World::with(&json!({ "a.txt": "x".repeat(4000), "b.txt": "y".repeat(4000), "c.txt": "z".repeat(4000) }));
    let policy = "[reuse]\ntools = [\"*\"]\n[limits]\nreuse_bytes = 12000\n";
    let host = world.builder().policy_text(policy).build().expect("a host");
    let read = |name: &str| again(&call(&host, "read_file", json!({ "path": name })));
    for name in ["a.txt", "a.txt", "b.txt", "b.txt"] {
        read(name);
    }
    assert!(read("a.txt") && read("b.txt") && read("a.txt"));
    for _ in 0..2 {
        read("c.txt");
    }
    assert!(read("a.txt") && !read("b.txt"), "b was the longest not used");
}
