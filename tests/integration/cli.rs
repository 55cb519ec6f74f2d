//! The command line as a process: what it prints, where, and its exit codes. It must not look inside.

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use toolyard_tests::{World, probe, repository};

pub(super) fn toolyard(world: &World, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolyard-under-test"));
    command.args(args).arg("--workspace").arg(world.path());
    command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    // What plugins claim is remembered there: each test is somebody else.
    command.env("XDG_STATE_HOME", world.outside());
    command.env("XDG_RUNTIME_DIR", world.outside());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(input.as_bytes())
        .expect("room in the pipe");
    child.wait_with_output().expect("its end")
}

/// Exit code, standard output and standard error.
fn check(world: &World, args: &[&str], input: &str, code: i32, out: &str, err: &str) {
    let output = toolyard(world, args, input);
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
    assert!(stdout.contains(out), "{args:?}: stdout has no {out:?}:\n{stdout}");
    assert!(stderr.contains(err), "{args:?}: stderr has no {err:?}:\n{stderr}");
    assert!(
        !stdout.contains('\x1b'),
        "{args:?}: an escape on something that is no terminal"
    );
}

#[test]
fn exit_codes() {
    let world =
        World::with(&json!({ "a.txt": "one\n", "b.json": "[{\"tool\":", "c.json": "[{\"tool\":\"hash\",\"x\":1}]" }));
    let plain: &[(&[&str], &str, i32, &str, &str)] = &[
        (&["call", "read_file", "path=a.txt"], "", 0, "one", ""),
        (&["list"], "", 0, "edit_file", ""),
        (&["inspect", "edit_file"], "", 0, "old_text", ""),
        (&["inspect", "no_such_tool"], "", 2, "", "there is no tool"),
        (
            &["call", "no_such_tool"],
            "",
            1,
            "",
            "there is no tool \"no_such_tool\"",
        ),
        (
            &["call", "read_fil", "path=a.txt"],
            "",
            1,
            "",
            "did you mean read_file?",
        ),
        (&["call", "read_file"], "", 1, "", "path"),
        (
            &["call", "read_file", "path=../outside/secret.txt"],
            "",
            1,
            "",
            "outside the workspace",
        ),
        (
            &["call", "read_file", "path=/etc/passwd"],
            "",
            1,
            "",
            "outside the workspace",
        ),
        (&["call", "read_file", "a.txt"], "", 2, "", "not of the form key=value"),
        (&["call", "read_file", "--args", "{"], "", 2, "", "--args is not JSON"),
        (
            &["run", "-"],
            "not json",
            2,
            "",
            "standard input: line 1: not a call in JSON",
        ),
        (
            &["run", "-"],
            "[{\"tool\":\"hash\",\"id\":1},{\"tool\":\"hash\",\"id\":\"1\"}]",
            2,
            "",
            "two calls have the id",
        ),
        (
            &["run", "-"],
            "[{\"tool\":\"hash\",\"after\":[\"x\"]}]",
            2,
            "",
            "no call of that id",
        ),
        (
            &["run", "-"],
            "[{\"tool\":\"hash\",\"id\":\"a\",\"after\":[\"a\"]}]",
            2,
            "",
            "in a circle",
        ),
        (&["run", "nowhere.json"], "", 2, "", "nowhere.json"),
        (
            &["run", "-"],
            "[{\"tool\":\"hash\",\"arguments\":{\"text\":\"x\"}},{\"tool\":\"nope\"}]",
            1,
            "not_found",
            "",
        ),
        (&["run", "-"], "[]", 0, "0 calls", ""),
        (
            &["plan", "-"],
            "[{\"tool\":\"hash\",\"arguments\":{\"text\":\"x\"}}]",
            0,
            "touches nothing",
            "",
        ),
        (&["run"], "", 2, "", "Usage"),
        (
            &["call", "read_file", "path=a.txt", "--policy", "nowhere.toml"],
            "",
            2,
            "",
            "nowhere.toml",
        ),
        (&["list", "--plugins", "nowhere"], "", 2, "", "there is no such folder"),
    ];
    for (args, input, code, out, err) in plain {
        check(&world, args, input, *code, out, err);
    }
}

#[test]
fn json_shapes() {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let batch = json!([
        { "tool": "edit_file", "id": "e", "arguments": { "path": "a.txt", "edits": [{ "old_text": "one", "new_text": "two" }] } },
        { "tool": "read_file", "arguments": { "path": "./a.txt" } },
    ]);
    let run = toolyard(&world, &["run", "-", "--json"], &batch.to_string());
    let run: Value = serde_json::from_slice(&run.stdout).expect("one JSON object");
    let keys = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&run), ["outcomes", "summary"]);
    let second = &run["outcomes"][1];
    assert_eq!(second["id"], "2");
    assert_eq!(second["status"], "ok");
    assert_eq!(second["waited_for"], json!(["e"]));
    assert_eq!(
        keys(&second["timing"]),
        ["queued_us", "start_us", "end_us", "run_us", "cpu_us"]
    );
    let summary = [
        "calls",
        "ok",
        "wall_us",
        "serial_us",
        "critical_path_us",
        "lower_bound_us",
        "speedup",
        "efficiency",
        "max_parallel_seen",
    ];
    assert_eq!(keys(&run["summary"]), summary);

    let plan = toolyard(&world, &["plan", "-", "--json"], &batch.to_string());
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("one JSON object");
    assert_eq!(plan["groups"], json!([["e"], ["2"]]));
    let mine = json!({ "kind": "path", "resource": "a.txt", "access": "read", "scope": "file" });
    let theirs = json!({ "kind": "path", "resource": "a.txt", "access": "write", "scope": "file" });
    assert_eq!(
        plan["calls"][1]["waits_for"],
        json!([{ "id": "e", "mine": mine, "theirs": theirs }])
    );
}

/// An interrupt stops what runs, takes back what waits, and prints how everything ended.
#[test]
fn an_interrupt() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("probe.wasm"), probe()).expect("a plugin file");
    let sleep = json!({ "tool": "probe_sleep", "arguments": { "path": "a", "ms": 60_000 } });
    let batch = json!([{ "tool": "hash", "arguments": { "text": "x" } }, sleep, sleep, { "tool": "probe_loop", "arguments": {} }]);
    std::fs::write(folder.path().join("batch.json"), batch.to_string()).expect("a batch");
    let events = folder.path().join("events");
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolyard-under-test"));
    command
        .arg("run")
        .arg(folder.path().join("batch.json"))
        .arg("--events")
        .arg(&events);
    command
        .arg("--workspace")
        .arg(world.path())
        .arg("--plugins")
        .arg(folder.path());
    command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command");
    let started = |text: String| text.lines().filter(|line| line.contains("\"started\"")).count();
    while started(std::fs::read_to_string(&events).unwrap_or_default()) < 3 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let sent = Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().expect("its end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(130), "{text}");
    let ends: Vec<&str> = text
        .lines()
        .map(|line| line.split_whitespace().next().unwrap_or_default())
        .collect();
    assert_eq!(ends, ["ok", "cancelled", "cancelled", "cancelled", "4"], "{text}");
}

/// A broken plugin is told and left out; everything else works.
#[test]
fn broken_plugins() {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = probe();
    let file = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a plugin file");
    file("empty.wasm", b"");
    file("random.wasm", b"this is no component, whatever its name says");
    file("module.wasm", b"\0asm\x01\0\0\0");
    file("half.wasm", &bytes[..bytes.len() / 2]);
    file("probe.wasm", &bytes);
    file("probe2.wasm", &bytes);
    let plugins = folder.path().display().to_string();
    let args = ["call", "probe_echo", "text=hello", "--plugins", plugins.as_str()];
    check(&world, &args, "", 0, "hello", "empty.wasm: the file is empty");
    let said = String::from_utf8_lossy(&toolyard(&world, &args, "").stderr).into_owned();
    for (name, why) in [
        ("random.wasm", "not a WebAssembly component"),
        ("module.wasm", "a core WebAssembly module"),
        ("half.wasm", "not a WebAssembly component"),
        ("probe2.wasm", "is already loaded from"),
    ] {
        let line = said
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("nothing of {name}: {said}"));
        assert!(line.contains(why), "{line}");
    }
}
