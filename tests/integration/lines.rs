//! The server's lines: clients that read slowly, send nonsense, or end in the middle. It must not use the server's own library
//! to speak to it.

use crate::serve::{Served, command, listen, post, send, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use toolyard_tests::World;

/// A call with so much beside it that a few thousand fill what is read ahead.
fn call(id: u64) -> Value {
    let params = json!({ "name": "read_file", "arguments": { "path": "a" }, "_meta": { "x": "x".repeat(1000) } });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// Resident memory at its most, in MiB.
fn most(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.expect("a number") / 1024
}

/// A client that reads nothing is read no further than fits; when it reads, everything that it asked is answered, once.
#[test]
fn who_does_not_read_is_not_read() {
    const CALLS: u64 = 100_000;
    let mut served = Served::new(&json!({ "a": "x".repeat(1024) }));
    let before = most(&served);
    let mut input = served.input.take().expect("a pipe");
    let (written, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (counts, ends) = (Arc::clone(&written), Arc::clone(&enough));
    let writer = std::thread::spawn(move || {
        let ids = (0..CALLS).take_while(|_| !ends.load(Ordering::Relaxed));
        for id in ids {
            writeln!(input, "{}", call(id)).expect("a reader");
            counts.store(id + 1, Ordering::Relaxed);
        }
        writeln!(input, "{}", json!({ "jsonrpc": "2.0", "id": "last", "method": "ping" })).expect("a reader");
        input
    });
    let mut last = 0;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = written.load(Ordering::Relaxed);
        if now == last && now > 0 {
            break;
        }
        last = now;
    }
    assert!(last < CALLS / 2, "{last} were taken in");
    let grown = most(&served).saturating_sub(before);
    assert!(grown < 150, "{grown} MiB more for {last} calls");
    enough.store(true, Ordering::Relaxed);
    let mut answered = HashSet::new();
    let mut last = false;
    while !last || (answered.len() as u64) < written.load(Ordering::Relaxed) {
        let message = served.hear().expect("an answer");
        assert!(message.get("result").is_some(), "{message}");
        match message["id"] == json!("last") {
            true => last = true,
            false => assert!(answered.insert(message["id"].as_u64()), "twice: {message}"),
        }
    }
    let input = writer.join().expect("a writer");
    drop(input);
    assert_eq!(served.hear(), None);
    assert!(served.child.wait().expect("an end").success());
}

/// Whoever asks if anybody is there hears so before what was asked first is done.
#[test]
fn a_ping_waits_for_nothing() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let ids: Vec<u64> = (0..1900)
        .map(|_| served.call("read_file", json!({ "path": "a" })))
        .collect();
    let ping = served.ask("ping", &json!({}));
    let mut before = 0;
    loop {
        let message = served.hear().expect("an answer");
        if message["id"] == json!(ping) {
            assert_eq!(message, json!({ "jsonrpc": "2.0", "id": ping, "result": {} }));
            break;
        }
        before += 1;
    }
    assert!(before < ids.len() * 9 / 10, "{before} answers came before");
    for _ in before..ids.len() {
        assert_eq!(served.hear().expect("an answer")["result"]["isError"], json!(false));
    }
}

/// Ten thousand calls that can't run yet: as many as one client may have wait, the others are refused at once, and nothing is
/// lost.
#[test]
fn a_flood_is_refused_and_not_kept() {
    const CALLS: u64 = 10_000;
    let mut served = Served::new(&json!({ "a": "x" }));
    let before = most(&served);
    let held = served.call("probe_sleep", json!({ "path": "a", "ms": 600_000 }));
    let mut input = served.input.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        for id in 0..CALLS {
            writeln!(input, "{}", call(id + 1000)).expect("a reader");
        }
        writeln!(input, "{}", json!({ "jsonrpc": "2.0", "id": "ping", "method": "ping" })).expect("a reader");
        input
    });
    let (mut answered, mut ok, mut writer) = (HashSet::new(), 0, Some(writer));
    while (answered.len() as u64) < CALLS {
        let message = served.hear().expect("an answer");
        match message["id"].as_u64() {
            // The one behind all, before those that wait.
            None => {
                assert_eq!((message["id"].as_str(), ok), (Some("ping"), 0), "{message}");
                served.input = writer.take().map(|writer| writer.join().expect("a writer"));
                let cancel = json!({ "requestId": held });
                served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel }));
            }
            Some(id) => assert!(answered.insert(id), "twice: {message}"),
        }
        match message["result"]["isError"].as_bool() {
            Some(false) => ok += 1,
            Some(true) => assert!(text(&message["result"]).starts_with("overloaded: "), "{message}"),
            None => {}
        }
    }
    assert!(writer.is_none(), "nobody heard the ping");
    // As many as may wait beside the one that held the file, and those that came when it was gone.
    assert!((1999..5000).contains(&ok), "{ok} were taken in");
    let grown = most(&served).saturating_sub(before);
    assert!(grown < 150, "{grown} MiB more");
}

#[test]
fn nonsense_is_answered_and_costs_nothing_else() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let mut raw = |line: &[u8]| {
        let input = served.input.as_mut().expect("a pipe");
        input.write_all(line).expect("a reader");
        input.write_all(b"\n").expect("a reader");
        served.hear().expect("an answer")
    };
    for (line, code, id) in [
        (&b"{\"jsonrpc\": \"2.0\", \"id\": 1,"[..], -32700, json!(null)),
        (b"\xff\xfe", -32700, json!(null)),
        (b"[]", -32600, json!(null)),
        (
            b"[{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}]",
            -32600,
            json!(null),
        ),
        (b"\"text\"", -32600, json!(null)),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
            -32600,
            json!(null),
        ),
    ] {
        let answer = raw(line);
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &id),
            "{answer}"
        );
    }
    // Longer than any message may be.
    let answer = raw(&vec![b'x'; 17 << 20]);
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("16 MiB")),
        "{answer}"
    );
    // The marks that some put before and after lines.
    let answer = raw(b"\xEF\xBB\xBF{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\r");
    assert_eq!(answer["id"], json!("p"));
    // A name that is taken.
    let long = served.call("probe_sleep", json!({ "path": "a", "ms": 600_000 }));
    served.say(&json!({ "jsonrpc": "2.0", "id": long, "method": "resources/list" }));
    let answer = served.hear().expect("an answer");
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(-32600), &json!(long)),
        "{answer}"
    );
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": long } }));
    let id = served.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&served.answer(id)["result"]), "x");
}

/// A name that is used once more while it has no answer costs only who does that, and a late answer is nobody else's.
#[test]
fn names_that_are_used_twice() {
    let world = World::with(&json!({ "a": "x", "b": "y" }));
    let mut served = Served::speaking("2025-03-26", world, &[], &json!({}));
    let call = |id: u64, tool: &str, path: &str| {
        let mut params = json!({ "name": tool, "arguments": { "path": path } });
        if tool == "probe_sleep" {
            params["arguments"]["ms"] = json!(300);
        }
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    served.say(&json!([call(100, "probe_sleep", "a"), call(101, "read_file", "b")]));
    served.say(&call(100, "read_file", "b"));
    let refused = served.hear().expect("an answer");
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(100), &json!(-32600)),
        "{refused}"
    );
    let answers = served.hear().expect("an answer");
    assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
    for _ in 0..50 {
        served.say(&call(7, "probe_sleep", "a"));
        served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } }));
        served.say(&call(7, "read_file", "b"));
        let answer = served.hear().expect("an answer");
        assert_eq!((&answer["id"], text(&answer["result"])), (&json!(7), "y"), "{answer}");
    }
}

/// What was asked before the handshake has its answer, also when nothing comes after it.
#[test]
fn who_leaves_before_the_handshake() {
    let world = World::new();
    let (mut command, _plugins) = command(&world, &[]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command");
    let mut input = child.stdin.take().expect("a pipe");
    writeln!(input, "{}", json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).expect("a reader");
    drop(input);
    let output = child.wait_with_output().expect("an end");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer");
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
}

/// One revision has several messages in one; their answers come in one.
#[test]
fn several_calls_in_one_message() {
    let world = World::with(&json!({ "a": "x", "b": "y" }));
    let mut served = Served::speaking("2025-03-26", world, &[], &json!({}));
    let read = |id: Value, path: &str| {
        let params = json!({ "name": "read_file", "arguments": { "path": path } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" });
    served.say(&json!([read(json!(101), "a"), progress, read(json!("b"), "b"), 5]));
    let answers = served.hear().expect("an answer");
    let mut answers = answers.as_array().expect("several").clone();
    answers.sort_by_key(|answer| answer["id"].to_string());
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!((&answers[0]["id"], text(&answers[0]["result"])), (&json!("b"), "y"));
    assert_eq!((&answers[1]["id"], text(&answers[1]["result"])), (&json!(101), "x"));
    assert_eq!(answers[2]["error"]["code"], json!(-32600));
    // Nothing to answer, and so no answer.
    served.say(&json!([progress]));
    served.say(&json!([]));
    let answer = served.hear().expect("an answer");
    assert_eq!(answer["error"]["code"], json!(-32600), "{answer}");
    let many: Vec<Value> = (0..1001).map(|id| read(json!(id), "a")).collect();
    served.say(&json!(many));
    let answer = served.hear().expect("an answer");
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("1000")),
        "{answer}"
    );
    // One that is taken back has no answer, and keeps none of the others.
    let sleep = json!({ "name": "probe_sleep", "arguments": { "path": "a", "ms": 600_000 } });
    let long = json!({ "jsonrpc": "2.0", "id": 200, "method": "tools/call", "params": sleep });
    served.say(&json!([long, read(json!(201), "b")]));
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 200 } }));
    let answers = served.hear().expect("an answer");
    assert_eq!(answers.as_array().map(Vec::len), Some(1), "{answers}");
    assert_eq!((&answers[0]["id"], text(&answers[0]["result"])), (&json!(201), "y"));
}

/// Longer than the protocol's library waits: what runs is answered before a server ends that is asked to.
#[test]
fn who_is_asked_to_end_answers_first() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let id = served.call("probe_sleep", json!({ "path": "a", "ms": 4_000 }));
    let listed = served.ask("resources/list", &json!({}));
    served.answer(listed);
    kill_process(Pid::from_child(&served.child), Signal::TERM).expect("a process");
    assert_eq!(served.answer(id)["result"]["isError"], json!(false));
    assert_eq!(served.hear(), None);
    assert!(served.child.wait().expect("an end").success());
}

/// The same at the end of input, and who has asked a question then has its answer: nobody.
#[test]
fn who_says_nothing_more_is_answered_first() {
    let world = World::with(&json!({ "a": "x", ".env": "x" }));
    let mut served = Served::start(world, &[], &json!({ "elicitation": {} }));
    let asks = served.call("read_file", json!({ "path": ".env" }));
    assert_eq!(
        served.hear().expect("a question")["method"],
        json!("elicitation/create")
    );
    let id = served.call("probe_sleep", json!({ "path": "a", "ms": 7_000 }));
    drop(served.input.take());
    let results = served.results(&[asks, id]);
    assert_eq!(results[0]["isError"], json!(true), "{}", results[0]);
    assert_eq!(results[1]["isError"], json!(false), "{}", results[1]);
    assert_eq!(served.hear(), None);
    assert!(served.child.wait().expect("an end").success());
}

/// Over HTTP, who shakes hands without end is told so, and takes nothing from who is inside.
#[test]
fn sessions_have_an_end() {
    let world = World::new();
    let (mut command, _plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (mut child, _said, port) = listen(&mut command);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } });
    let head = format!("host: 127.0.0.1:{port}\r\n");
    let mut sessions = Vec::new();
    let refused = loop {
        let (status, answer) = post(port, &head, &hello);
        match status {
            200 => sessions.extend(
                answer
                    .lines()
                    .find(|line| line.starts_with("mcp-session-id:"))
                    .map(str::to_owned),
            ),
            _ => break (status, answer),
        }
    };
    assert!(
        refused.0 == 503 && refused.1.contains("too many sessions"),
        "{refused:?}"
    );
    assert_eq!(sessions.len(), 256);
    let first = format!("{head}{}\r\n", sessions[0]);
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "resources/list" });
    assert_eq!(post(port, &first, &list).0, 200);
    assert_eq!(send("DELETE", port, &first, "").0, 204);
    assert_eq!(post(port, &head, &hello).0, 200);
    drop((child.kill(), child.wait()));
}
