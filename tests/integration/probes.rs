//! One test for each tool of the test guest, under the tool's name: one without a test doesn't compile.
//! It must not test the scheduler or the walls, which have files of their own.

use serde_json::{Value, json};
use toolyard::{Call, Content, Outcome, Status};
use toolyard_tests::web::Server;
use toolyard_tests::{World, run};

use crate::browser::probes::{probe_browser, probe_browser_look, probe_browser_narrow, probe_browser_wide};
use crate::network::probe_sockets;

include!(concat!(env!("OUT_DIR"), "/probes.rs"));

macro_rules! must_exist {
    ($name:ident) => {
        #[expect(unused_imports, reason = "naming it proves that it is there")]
        use self::$name as _;
    };
}
foreach_probe!(must_exist);

fn ended(tool: &str, arguments: Value) -> Outcome {
    World::with(&json!({ "a.txt": "a\n" })).call(tool, arguments)
}

pub fn check(outcome: &Outcome, status: Status, code: &str) {
    let found = outcome.error.as_ref().map_or("", |error| error.code.as_str());
    assert_eq!((outcome.status, found), (status, code), "{outcome:#?}");
}

fn text(outcome: &Outcome) -> String {
    match outcome.content.first() {
        Some(Content::Text(text)) => text.clone(),
        Some(Content::Json(value)) => value.to_string(),
        other => panic!("{other:?} of {outcome:#?}"),
    }
}

#[test]
fn probe_echo() {
    let outcome = ended("probe_echo", json!({ "text": "hellö \u{1b}[31m" }));
    check(&outcome, Status::Ok, "");
    assert_eq!(text(&outcome), "hellö \u{1b}[31m");
}

#[test]
fn probe_fail() {
    let outcome = ended(
        "probe_fail",
        json!({ "code": "my_code", "message": "no", "hint": "try" }),
    );
    check(&outcome, Status::Failed, "my_code");
    assert_eq!(outcome.error.and_then(|error| error.hint).as_deref(), Some("try"));
}

#[test]
fn probe_output() {
    check(&ended("probe_output", json!({ "bytes": 1_000_000 })), Status::Ok, "");
    check(
        &ended("probe_output", json!({ "bytes": 2_000_000 })),
        Status::Limit,
        "output",
    );
}

#[test]
fn probe_structured() {
    let outcome = ended("probe_structured", json!({ "data": { "a": [1, null] } }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    assert_eq!(outcome.structured, Some(json!({ "a": [1, null] })));
}

#[test]
fn probe_log() {
    let outcome = ended("probe_log", json!({ "bytes": 200_000 }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    assert!(
        outcome.log.len() < 70_000 && outcome.log.contains("over the log limit"),
        "{}",
        outcome.log.len()
    );
}

#[test]
fn probe_progress() {
    let outcome = ended("probe_progress", json!({ "steps": 3 }));
    check(&outcome, Status::Ok, "");
    assert!(outcome.log.contains("3/3"), "{}", outcome.log);
}

#[test]
fn probe_trap() {
    check(&ended("probe_trap", json!({})), Status::Trapped, "trap");
}

#[test]
fn probe_panic() {
    let outcome = ended("probe_panic", json!({}));
    check(&outcome, Status::Trapped, "trap");
    assert!(
        outcome
            .error
            .and_then(|error| error.hint)
            .is_some_and(|hint| hint.contains("panicked at"))
    );
}

#[test]
fn probe_exit() {
    check(&ended("probe_exit", json!({ "code": 0 })), Status::Trapped, "exit");
    check(&ended("probe_exit", json!({ "code": 3 })), Status::Trapped, "exit");
}

#[test]
fn probe_loop() {
    let world = World::new();
    let mut call = toolyard::Call::new("probe_loop", json!({}));
    call.timeout = Some(std::time::Duration::from_millis(50));
    check(&world.batch(vec![call])[0], Status::Timeout, "timeout");
}

#[test]
fn probe_recurse() {
    let outcome = ended("probe_recurse", json!({}));
    assert!(
        [Status::Trapped, Status::Limit].contains(&outcome.status),
        "{outcome:#?}"
    );
}

#[test]
fn probe_memory() {
    check(&ended("probe_memory", json!({})), Status::Limit, "memory");
    check(&ended("probe_memory", json!({ "megabytes": 100 })), Status::Ok, "");
}

#[test]
fn probe_half_write() {
    let outcome = ended(
        "probe_half_write",
        json!({ "path": "a.txt", "chunks": 4, "trap_after": 2, "how": "trap" }),
    );
    check(&outcome, Status::Trapped, "trap");
}

#[test]
fn probe_sleep() {
    check(
        &ended("probe_sleep", json!({ "path": "a.txt", "ms": 1 })),
        Status::Ok,
        "",
    );
}

#[test]
fn probe_sleep_read() {
    check(
        &ended("probe_sleep_read", json!({ "path": "a.txt", "ms": 1 })),
        Status::Ok,
        "",
    );
}

#[test]
fn probe_append() {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    check(
        &world.call("probe_append", json!({ "path": "a.txt", "text": "b\n" })),
        Status::Ok,
        "",
    );
    assert_eq!(world.read("a.txt"), "a\nb\n");
}

#[test]
fn probe_fds() {
    check(
        &ended("probe_fds", json!({ "path": "a.txt", "count": 100 })),
        Status::Ok,
        "",
    );
    let outcome = ended("probe_fds", json!({ "path": "a.txt", "count": 1000 }));
    assert!(text(&outcome).starts_with("255 held"), "{outcome:#?}");
}

#[test]
fn probe_handles() {
    let outcome = ended("probe_handles", json!({ "path": "a.txt", "count": 100_000 }));
    assert_ne!(outcome.status, Status::HostFailure, "{outcome:#?}");
}

#[test]
fn probe_fs() {
    let outcome = ended(
        "probe_fs",
        json!({ "path": "a.txt", "ops": [{ "op": "read", "path": "a.txt" }] }),
    );
    assert!(text(&outcome).contains("\"value\":\"a\\n\""), "{outcome:#?}");
}

#[test]
fn probe_env() {
    let outcome = ended("probe_env", json!({}));
    let seen: Value = serde_json::from_str(&text(&outcome)).expect("JSON");
    assert_eq!((&seen["args"], &seen["vars"]), (&json!([]), &json!({})), "{seen}");
    assert_eq!(seen["stdin"], "0 bytes");
}

#[test]
fn probe_clock() {
    check(&ended("probe_clock", json!({})), Status::Ok, "");
}

#[test]
fn probe_random() {
    let (a, b) = (ended("probe_random", json!({})), ended("probe_random", json!({})));
    assert_ne!(text(&a), text(&b));
}

/// A host that lets calls reach this server.
fn reaching(server: &Server, tool: &str, arguments: Value) -> Outcome {
    let policy = format!("[network]\nallow = [{:?}]", server.url());
    let host = World::new().builder().policy_text(policy).build().expect("a host");
    run(&host, vec![Call::new(tool, arguments)]).remove(0)
}

#[test]
fn probe_http() {
    let server = Server::start();
    let ops = json!([{ "url": server.url() }, { "url": "http://elsewhere.invalid/" }]);
    let outcome = reaching(&server, "probe_http", json!({ "urls": [server.url()], "ops": ops }));
    let got: Value = serde_json::from_str(&text(&outcome)).expect("JSON");
    assert_eq!(
        (&got[0]["status"], &got[0]["body"]),
        (&json!(200), &json!("hello")),
        "{got}"
    );
    assert_eq!(got[1]["error"], "HttpRequestDenied", "{got}");
}

#[test]
fn probe_http_redirects() {
    let server = Server::start();
    let ops = json!([{ "url": format!("{}/loop", server.url()) }]);
    let outcome = reaching(
        &server,
        "probe_http_redirects",
        json!({ "urls": [server.url()], "ops": ops }),
    );
    let got: Value = serde_json::from_str(&text(&outcome)).expect("JSON");
    assert_eq!(
        (&got[0]["status"], &got[0]["headers"]["location"]),
        (&json!(302), &json!("/loop")),
        "{got}"
    );
}

#[test]
fn probe_secret() {
    let server = Server::start();
    let outcome = reaching(
        &server,
        "probe_secret",
        json!({ "url": server.url(), "others": ["nonsense"] }),
    );
    assert_eq!(text(&outcome), "[false,false]", "{outcome:#?}");
}
