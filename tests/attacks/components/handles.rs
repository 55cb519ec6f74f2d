//! Hand-made guests that break the rules of the component model: handles that are not theirs, strings that are not there,
//! answers that are none. Each must end in a trap that is told to its caller, and in nothing else.

use super::GROUP;
use super::made::Made;
use crate::ground::alive;
use crate::suite::Suite;
use serde_json::json;
use std::time::Duration;
use toolyard::{Call, Outcome, Status};
use toolyard_tests::{World, run};

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "wrong or dropped handles", || {
        let bodies = [
            "(call $drop (i32.const 9999)) (i32.const 64)",
            "(call $drop (i32.const 0)) (i32.const 64)",
            "(call $drop (i32.const -1)) (i32.const 64)",
            "(call $block (i32.const 9999)) (i32.const 64)",
            "(call $drop (call $subscribe (i64.const 0))) (call $drop (i32.const 1)) (i32.const 64)",
            "(local $h i32) (local.set $h (call $subscribe (i64.const 0))) (call $drop (local.get $h)) (call $block (local.get $h)) (i32.const 64)",
        ];
        bodies.map(|body| trapped(&pollables(body))).len()
    });
    suite.add(GROUP, "1,000,000 handles never dropped", || {
        let body = "(local $n i32) (loop $again (drop (call $subscribe (i64.const 1000000000000)))
            (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000)))) (i32.const 64)";
        let outcome = ends(&pollables(body));
        assert_eq!((outcome.status, code(&outcome)), (Status::Limit, "handles".to_owned()), "{outcome:?}");
    });
    suite.add(GROUP, "sleep for ever in a host call, by a hand-made guest", || {
        let outcome = ends(&pollables(
            "(call $block (call $subscribe (i64.const -1))) (i32.const 64)",
        ));
        assert_eq!(outcome.status, Status::Timeout, "{outcome:?}");
    });
    suite.add(GROUP, "2 GiB string to the host", || {
        let lengths = ["0x7fffffff", "0x80000000", "0xffffffff", "0x10001"];
        lengths
            .map(|length| {
                trapped(&logs(
                    "1",
                    &format!("(call $log (i32.const 1) (i32.const 0) (i32.const {length})) (i32.const 64)"),
                ))
            })
            .len()
    });
    suite.add(GROUP, "a string of 200 MB that is really there, to the host", || {
        let outcome = ends(&logs(
            "3200",
            "(call $log (i32.const 1) (i32.const 0) (i32.const 200000000)) (i32.const 64)",
        ));
        assert!(
            [Status::Trapped, Status::Limit].contains(&outcome.status),
            "{outcome:?}"
        );
    });
    suite.add(GROUP, "strings to the host at odd places, of odd bytes, of an unknown level", || {
        let bodies = [
            "(call $log (i32.const 1) (i32.const -8) (i32.const 8)) (i32.const 64)",
            "(call $log (i32.const 1) (i32.const 65530) (i32.const 100)) (i32.const 64)",
            "(call $log (i32.const 77) (i32.const 0) (i32.const 0)) (i32.const 64)",
            "(i32.store8 (i32.const 128) (i32.const 255)) (call $log (i32.const 1) (i32.const 128) (i32.const 1)) (i32.const 64)",
        ];
        bodies.map(|body| trapped(&logs("1", body))).len()
    });
    suite.add(
        GROUP,
        "1 GiB result, invalid UTF-8 result, a result that is nowhere",
        answers,
    );
    suite.add(GROUP, "random bytes of maximal length", || {
        ["-1", "0x7fffffffffffffff", "1000000000000", "100000000"]
            .map(|length| trapped(&random(length)))
            .len()
    });
    suite.add(
        GROUP,
        "an allocator that lies: out of reach, beyond the end, trapping, never returning",
        allocators,
    );
}

/// A guest that may make pollables, wait for them and drop them.
fn pollables(body: &str) -> Made {
    Made {
        imports: r#"
  (import "wasi:io/poll@0.2.6" (instance $poll (export "pollable" (type $p (sub resource))) (export "[method]pollable.block" (func (param "self" (borrow $p))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock
    (alias outer 1 $pollable (type $p0)) (export "pollable" (type $p1 (eq $p0)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p1))))))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $drop (canon resource.drop $pollable))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core instance $host (export "block" (func $block)) (export "drop" (func $drop)) (export "subscribe" (func $subscribe)))"#
            .into(),
        with: "(with \"host\" (instance $host))".into(),
        core_imports: r#"(import "host" "block" (func $block (param i32))) (import "host" "drop" (func $drop (param i32)))
            (import "host" "subscribe" (func $subscribe (param i64) (result i32)))"#
            .into(),
        ..Made::body(body)
    }
}

/// A guest that may log, with so many pages of memory. Its memory comes from a module of its own, which the lowering needs.
fn logs(pages: &str, body: &str) -> Made {
    Made {
        imports: format!(
            r#"
  (import "toolyard:plugin/report@0.1.0" (instance $report
    (type $l (enum "debug" "info" "warn" "error")) (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "message" string)))))
  (core module $store (memory (export "memory") {pages}))
  (core instance $store (instantiate $store))
  (core func $log (canon lower (func $report "log") (memory $store "memory")))
  (core instance $host (export "log" (func $log)) (export "memory" (memory $store "memory")))"#
        ),
        with: "(with \"host\" (instance $host))".into(),
        core_imports:
            r#"(import "host" "log" (func $log (param i32 i32 i32))) (import "host" "memory" (memory $other 1))"#.into(),
        ..Made::body(body)
    }
}

/// A guest that asks for so many random bytes.
fn random(length: &str) -> Made {
    Made {
        imports: r#"
  (import "wasi:random/random@0.2.6" (instance $random (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $store (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $store (instantiate $store))
  (core func $get (canon lower (func $random "get-random-bytes") (memory $store "memory") (realloc (func $store "realloc"))))
  (core instance $host (export "get" (func $get)))"#
            .into(),
        with: "(with \"host\" (instance $host))".into(),
        core_imports: r#"(import "host" "get" (func $get (param i64 i32)))"#.into(),
        ..Made::body(&format!("(call $get (i64.const {length}) (i32.const 0)) (i32.const 64)"))
    }
}

/// How a call of this guest ends; the host answers afterwards.
fn ends(made: &Made) -> Outcome {
    let world = World::new();
    let builder = world.builder().without_standard_plugins();
    let host = builder.component("made.wasm", made.bytes()).build().expect("a host");
    assert!(host.problems().is_empty(), "{:?}", host.problems());
    let mut call = Call::new("made_tool", json!({}));
    call.timeout = Some(Duration::from_millis(2000));
    let outcome = run(&host, vec![call]).remove(0);
    alive(&host);
    assert_eq!(world.tree(), json!({}));
    outcome
}

fn code(outcome: &Outcome) -> String {
    outcome
        .error
        .as_ref()
        .map(|error| error.code.clone())
        .unwrap_or_default()
}

fn trapped(made: &Made) {
    let outcome = ends(made);
    assert_eq!(
        (outcome.status, code(&outcome)),
        (Status::Trapped, "trap".to_owned()),
        "{}: {outcome:?}",
        made.body
    );
    assert!(
        outcome
            .error
            .is_some_and(|error| error.message.starts_with("made_tool "))
    );
}

/// An answer lies in memory: 0 for ok, then a list of pieces and an optional document.
fn answers() -> usize {
    let store = |at: u32, value: &str| format!("(i32.store (i32.const {at}) (i32.const {value}))");
    let piece = |length: &str| {
        [
            store(68, "256"),
            store(72, "1"),
            store(256, "0"),
            store(260, "512"),
            store(264, length),
        ]
        .concat()
    };
    let bodies = [
        format!("{} (i32.const 64)", piece("0x40000000")),
        format!("{} (i32.const 64)", piece("-1")),
        format!(
            "{} (i32.store8 (i32.const 512) (i32.const 255)) (i32.const 64)",
            piece("4")
        ),
        format!("{} {} (i32.const 64)", store(68, "256"), store(72, "0x10000000")),
        format!("{} (i32.const 64)", store(64, "7")),
        format!("{} {} (i32.const 64)", piece("0"), store(256, "9")),
        "(i32.const -4)".to_owned(),
        "(i32.const 65535)".to_owned(),
        "(i32.const 66)".to_owned(),
        "(unreachable)".to_owned(),
    ];
    for body in &bodies {
        trapped(&Made::body(body));
    }
    // The same answer, well formed.
    let fine = ends(&Made::body(&format!("{} (i32.const 64)", piece("4"))));
    assert_eq!(fine.status, Status::Ok, "{fine:?}");
    bodies.len() + 1
}

fn allocators() -> usize {
    let lies = [
        "(i32.const -8)",
        "(i32.const 65536)",
        "(unreachable)",
        "(loop $for_ever (br $for_ever)) (i32.const 0)",
    ];
    for lie in lies {
        let core = format!("(func (export \"liar\") (param i32 i32 i32 i32) (result i32) {lie})");
        let outcome = ends(&Made {
            core,
            allocator: "liar".into(),
            ..Made::default()
        });
        assert!(
            [Status::Trapped, Status::Timeout].contains(&outcome.status),
            "{lie}: {outcome:?}"
        );
    }
    lies.len()
}
