//! Who leaves, is killed, or should never have come: what each leaves behind is nothing. It must not look inside.

use super::{cancel, happened, hold, kill, said, served, socket, start, told, toolyard, until, world};
use crate::serve::{command, text};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn an_owner_that_is_killed_leaves_nothing_in_the_way() {
    let world = world(&json!({ "a": "x" }));
    let (mut owner, mut joined) = (served(&world), served(&world));
    let batch = json!([{ "tool": "probe_sleep", "arguments": { "path": "a", "ms": 600_000 } }]);
    let file = world.outside().join("events");
    let (mut run, _plugins) = start(&world, &batch, &file);
    until(&mut run, &file, |events| happened(events, "1", "started"));
    let pid = format!("process {}", owner.child.id());
    kill(&mut owner.child);
    for child in [&mut joined.child, &mut run] {
        let end = child.wait().expect("an end");
        let said = said(child);
        assert_eq!(end.code(), Some(3), "{said}");
        assert!(said.contains(&pid) && said.contains("ended in the middle"), "{said}");
    }
    assert!(socket(&world).exists(), "what it has left");
    let mut next = served(&world);
    let id = next.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&next.answer(id)["result"]), "x");
    let mut after = served(&world);
    let id = after.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&after.answer(id)["result"]), "x");
    drop(after.input.take());
    assert!(after.child.wait().expect("an end").success());
    assert!(said(&mut after.child).contains(&format!("process {}", next.child.id())));
    // One that ends by itself leaves nothing at all.
    drop(next.input.take());
    assert!(next.child.wait().expect("an end").success());
    let owners = world.outside().join("toolyard/owners");
    assert_eq!(fs::read_dir(owners).expect("a folder").count(), 0);
}

#[test]
fn who_joined_and_is_killed_holds_nothing() {
    let world = world(&json!({ "a": "x", "b": "y" }));
    let (mut owner, mut joined) = (served(&world), served(&world));
    hold(&mut joined, "a");
    kill(&mut joined.child);
    let id = owner.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&owner.answer(id)["result"]), "x");
    // The same for a run; and what it takes with it is only its own.
    let mine = hold(&mut owner, "b");
    let file = world.outside().join("events");
    let batch = json!([
        { "tool": "probe_sleep", "arguments": { "path": "a", "ms": 600_000 } },
        { "tool": "read_file", "arguments": { "path": "b" } },
    ]);
    let (mut run, _plugins) = start(&world, &batch, &file);
    until(&mut run, &file, |events| happened(events, "1", "started"));
    kill(&mut run);
    let id = owner.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&owner.answer(id)["result"]), "x");
    let waits = owner.call("read_file", json!({ "path": "b" }));
    cancel(&mut owner, mine);
    assert_eq!(text(&owner.answer(waits)["result"]), "y");
}

#[test]
fn an_interrupt_takes_back_only_the_runs_calls() {
    let world = world(&json!({ "a": "x", "b": "y" }));
    let mut owner = served(&world);
    let file = world.outside().join("events");
    let batch = json!([
        { "tool": "read_file", "arguments": { "path": "b" } },
        { "tool": "probe_sleep", "arguments": { "path": "a", "ms": 600_000 } },
    ]);
    let (mut run, _plugins) = start(&world, &batch, &file);
    let ready = |events: &[Value]| happened(events, "1", "finished") && happened(events, "2", "started");
    until(&mut run, &file, ready);
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a process");
    let output = run.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    let run: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ends: Vec<&Value> = (0..2).map(|at| &run["outcomes"][at]["status"]).collect();
    assert_eq!(ends, [&json!("ok"), &json!("cancelled")]);
    let id = owner.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&owner.answer(id)["result"]), "x");
}

#[test]
fn strangers_cost_nothing() {
    let world = world(&json!({ "a": "x" }));
    let mut served = served(&world);
    let socket = socket(&world);
    let version = json!({ "toolyard": 1, "version": "0.0.0", "wants": "mcp" });
    let endless = vec![b'x'; 256 << 10];
    let mut idle = Vec::new();
    for (said, word) in [
        (b"GET / HTTP/1.1\r\n".to_vec(), "no hello"),
        (format!("{version}\n").into_bytes(), "same version"),
        (b"{\"toolyard\":\"1\"}\n".to_vec(), "no hello"),
        (b"\xff\n".to_vec(), "no hello"),
        (endless, "no hello"),
    ] {
        let mut stream = UnixStream::connect(&socket).expect("an owner");
        // One that doesn't want to hear more closes before all is said.
        drop(stream.write_all(&said));
        let mut answer = Vec::new();
        let mut byte = [0];
        while matches!(stream.read(&mut byte), Ok(1)) && byte != *b"\n" {
            answer.push(byte[0]);
        }
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let told = answer.to_string();
        assert!(answer["error"].is_string() && told.contains(word), "{told}");
        idle.push(UnixStream::connect(&socket).expect("an owner"));
    }
    let id = served.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&served.answer(id)["result"]), "x");
    // Those who say nothing hold up neither others nor the end.
    let mut joined = self::served(&world);
    let id = joined.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&joined.answer(id)["result"]), "x");
    drop(joined.input.take());
    assert!(joined.child.wait().expect("an end").success());
    drop(served.input.take());
    assert!(served.child.wait().expect("an end").success());
}

#[test]
fn an_owner_stays_for_those_who_have_joined() {
    let world = world(&json!({ "a": "x" }));
    let (mut owner, mut joined) = (served(&world), served(&world));
    drop(owner.input.take());
    // Its own client hears no more of it.
    for _ in 0..3 {
        let id = joined.call("probe_append", json!({ "path": "a", "text": "y" }));
        assert_eq!(joined.answer(id)["result"]["isError"], json!(false));
    }
    assert!(owner.child.try_wait().expect("a state").is_none(), "it goes on");
    let mut third = served(&world);
    let id = third.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&third.answer(id)["result"]), "xyyy");
    drop((joined.input.take(), third.input.take()));
    for child in [&mut joined.child, &mut third.child, &mut owner.child] {
        assert!(child.wait().expect("an end").success());
    }
}

/// A server over HTTP can be joined like any other.
#[test]
fn a_server_over_http_is_joined() {
    let world = world(&json!({ "a": "x" }));
    let (mut command, _plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the command");
    let owners = world.outside().join("toolyard/owners");
    while !fs::read_dir(&owners).is_ok_and(|mut folders| folders.next().is_some()) {
        assert!(child.try_wait().expect("a state").is_none(), "it has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut joined = served(&world);
    let id = joined.call("read_file", json!({ "path": "a" }));
    assert_eq!(text(&joined.answer(id)["result"]), "x");
    let held = hold(&mut joined, "a");
    // Asked to end, it answers what runs as long as that may take, and lets nobody in.
    cancel(&mut joined, held);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a process");
    assert!(child.wait().expect("an end").success());
    assert_eq!(joined.child.wait().expect("an end").code(), Some(3));
}

/// Whoever comes while another goes finds an owner or becomes one, at whatever moment that is.
#[test]
fn comings_and_goings() {
    let world = world(&json!({ "a": "x" }));
    let (mut old, mut gone) = (served(&world), Vec::new());
    for at in 0..8 {
        let id = old.call("read_file", json!({ "path": "a" }));
        drop(old.input.take());
        std::thread::sleep(Duration::from_millis(at * 2));
        let mut new = served(&world);
        assert_eq!(
            text(&old.answer(id)["result"]),
            "x".repeat(1 + usize::try_from(at).expect("a few"))
        );
        let id = new.call("probe_append", json!({ "path": "a", "text": "x" }));
        assert_eq!(new.answer(id)["result"]["isError"], json!(false));
        let listed = new.ask("resources/list", &json!({}));
        new.answer(listed);
        // Not dropped: that would kill it, and it may have to stay.
        gone.push(std::mem::replace(&mut old, new));
    }
    assert_eq!(world.read("a"), "x".repeat(9));
    drop(old.input.take());
    gone.push(old);
    for served in &mut gone {
        assert!(served.child.wait().expect("an end").success());
    }
}

/// Of many that start at once, one owns and the others join.
#[test]
fn all_at_once() {
    let world = world(&json!({ "a": "" }));
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let world = std::sync::Arc::clone(&world);
            std::thread::spawn(move || {
                let mut served = served(&world);
                let ids: Vec<u64> = (0..5)
                    .map(|_| served.call("probe_append", json!({ "path": "a", "text": "x" })))
                    .collect();
                let results = served.results(&ids);
                assert!(
                    results.iter().all(|result| result["isError"] == json!(false)),
                    "{results:?}"
                );
                served
            })
        })
        .collect();
    let mut all: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().expect("an end"))
        .collect();
    assert_eq!(world.read("a"), "x".repeat(30));
    all.iter_mut().for_each(|served| drop(served.input.take()));
    let mut joined = 0;
    for served in &mut all {
        assert!(served.child.wait().expect("an end").success());
        joined += usize::from(said(&mut served.child).contains("serves this workspace"));
    }
    assert_eq!(joined, 5);
}

/// One who joined and is asked to end has what runs answered first.
#[test]
fn who_joined_and_is_asked_to_end_says_goodbye() {
    let world = world(&json!({ "a": "x" }));
    let (mut owner, mut joined) = (served(&world), served(&world));
    let mine = hold(&mut owner, "a");
    let waits = joined.call("read_file", json!({ "path": "a" }));
    let listed = joined.ask("resources/list", &json!({}));
    joined.answer(listed);
    let pid = rustix::process::Pid::from_child(&joined.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a process");
    cancel(&mut owner, mine);
    assert_eq!(text(&joined.answer(waits)["result"]), "x");
    assert_eq!(joined.hear(), None);
    assert!(joined.child.wait().expect("an end").success());
}

/// Where the folder with lock and socket lies in the workspace, no tool opens it.
#[test]
fn tools_reach_no_socket() {
    let world = world(&json!({ "run/.keep": "" }));
    let run = world.path().join("run");
    let (mut serve, plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token"]);
    serve.env("XDG_RUNTIME_DIR", &run);
    serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut owner = serve.spawn().expect("the command");
    let owners = run.join("toolyard/owners");
    let lock = loop {
        assert!(owner.try_wait().expect("a state").is_none(), "it has ended");
        let found = fs::read_dir(&owners).ok().and_then(|mut folders| folders.next());
        match found.map(|folder| folder.expect("an entry").path().join("lock")) {
            Some(lock) if lock.exists() => break lock,
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let lock = lock.strip_prefix(world.path()).expect("inside").display().to_string();
    for (tool, argument, word) in [
        ("read_file", format!("path={lock}"), "where hosts find each other"),
        ("delete_path", format!("path={lock}"), "where hosts find each other"),
        ("find_files", "pattern=**/lock".to_owned(), ""),
    ] {
        let (mut call, _plugins) = toolyard(&world, &["call", tool, &argument]);
        call.env("XDG_RUNTIME_DIR", &run);
        let output = call.output().expect("the command");
        let said = told(&output);
        assert_eq!(output.status.success(), word.is_empty(), "{tool}: {said}");
        assert!(said.contains(word), "{tool}: {said}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("owners"), "{tool}");
    }
    kill(&mut owner);
    drop(plugins);
}
