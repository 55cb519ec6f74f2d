//! Several processes on one workspace: one owns it, the others join, and all calls are scheduled together. It must not look
//! inside: processes, pipes and files are all there is.

mod ends;
mod late;

use crate::serve::{Served, text};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use toolyard_tests::{World, probe, repository};

/// Calls may take as long as a test has to wait for what it is about.
const PATIENT: &str = "[limits]\nwall_ms = 600000\n";

fn world(files: &Value) -> Arc<World> {
    let world = World::with(files);
    world.add(&json!({ "toolyard.toml": PATIENT }));
    Arc::new(world)
}

#[track_caller]
fn served(world: &Arc<World>) -> Served {
    Served::start(Arc::clone(world), &[], &json!({}))
}

/// The command on this workspace, with the same plugins as the servers.
fn toolyard(world: &World, args: &[&str]) -> (Command, TempDir) {
    toolyard_in(world, &world.path(), args)
}

/// The same with the workspace under that name.
fn toolyard_in(world: &World, folder: &Path, args: &[&str]) -> (Command, TempDir) {
    let plugins = tempfile::tempdir().expect("a folder");
    fs::write(plugins.path().join("probe.wasm"), probe()).expect("a plugin");
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolyard-under-test"));
    command.args(args).arg("--workspace").arg(folder);
    command.arg("--plugins").arg(plugins.path());
    command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    command.env("XDG_STATE_HOME", world.outside());
    command.env("XDG_RUNTIME_DIR", world.outside());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    (command, plugins)
}

fn output(world: &World, args: &[&str], input: &str) -> Output {
    let (mut command, _plugins) = toolyard(world, args);
    let mut child = command.spawn().expect("the command");
    let mut pipe = child.stdin.take().expect("its input");
    pipe.write_all(input.as_bytes()).expect("room in the pipe");
    drop(pipe);
    child.wait_with_output().expect("its end")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a process that has ended has said on standard error.
fn said(child: &mut Child) -> String {
    let mut text = String::new();
    let pipe = child.stderr.as_mut().expect("a pipe");
    pipe.read_to_string(&mut text).expect("text");
    text
}

/// Kills as nobody can prevent.
fn kill(child: &mut Child) {
    child.kill().expect("a process");
    child.wait().expect("its end");
}

/// Has a server take this call in: it answers what came later.
fn hold(served: &mut Served, path: &str) -> u64 {
    let id = served.call("probe_sleep", json!({ "path": path, "ms": 600_000 }));
    let later = served.ask("resources/list", &json!({}));
    served.answer(later);
    id
}

fn cancel(served: &mut Served, id: u64) {
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
}

/// The owner's socket.
fn socket(world: &World) -> PathBuf {
    let owners = world.outside().join("toolyard/owners");
    let mut folders = fs::read_dir(&owners).expect("a folder");
    let folder = folders.next().expect("an owner").expect("an entry").path();
    folder.join("socket")
}

/// The lines of a file with events that are whole.
fn events(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A run of this batch whose events go to that file.
fn start(world: &World, batch: &Value, file: &Path) -> (Child, TempDir) {
    let events = file.to_str().expect("text");
    let (mut command, plugins) = toolyard(world, &["run", "-", "--json", "--events", events]);
    let mut run = command.spawn().expect("the command");
    let mut input = run.stdin.take().expect("a pipe");
    input.write_all(batch.to_string().as_bytes()).expect("room");
    (run, plugins)
}

/// Waits until the events of a run are as they should be.
fn until(run: &mut Child, file: &Path, mut ready: impl FnMut(&[Value]) -> bool) {
    while !ready(&events(file)) {
        assert!(run.try_wait().expect("a state").is_none(), "{}", said(run));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this has happened to the call of that id.
fn happened(events: &[Value], id: &str, what: &str) -> bool {
    let is = |event: &&Value| event["id"] == json!(id) && event["event"] == json!(what);
    events.iter().any(|event| is(&event))
}

#[test]
fn two_servers_lose_no_edit() {
    let world = world(&json!({ "log": "" }));
    let (mut one, mut other) = (served(&world), served(&world));
    let append =
        |served: &mut Served, word: String| served.call("probe_append", json!({ "path": "log", "text": word }));
    let mut asked = (Vec::new(), Vec::new());
    for at in 0..50 {
        asked.0.push(append(&mut one, format!("a{at};")));
        asked.1.push(append(&mut other, format!("b{at};")));
    }
    for (served, ids, name) in [(&mut one, &asked.0, 'a'), (&mut other, &asked.1, 'b')] {
        for (at, result) in served.results(ids).iter().enumerate() {
            // The answer to exactly this call: the file as it had left it.
            assert!(text(result).ends_with(&format!("{name}{at};")), "{name}{at}: {result}");
        }
    }
    let log = world.read("log");
    let words: Vec<&str> = log.split_terminator(';').collect();
    assert_eq!(words.len(), 100, "{log}");
    for name in ['a', 'b'] {
        let own: Vec<&str> = words.iter().copied().filter(|word| word.starts_with(name)).collect();
        let sent: Vec<String> = (0..50).map(|at| format!("{name}{at}")).collect();
        assert_eq!(own, sent, "each client's calls go in the order in which it sent them");
    }
    drop(other.input.take());
    assert!(other.child.wait().expect("an end").success());
    let said = said(&mut other.child);
    let pid = one.child.id().to_string();
    assert!(said.contains(&pid) && said.contains("serves this workspace"), "{said}");
}

/// What two clients do to different files goes on at once, beside what they do to one.
#[test]
fn two_servers_overlap() {
    let world = world(&json!({ "log": "" }));
    let (mut one, mut other) = (served(&world), served(&world));
    let mut asked = (Vec::new(), Vec::new());
    for at in 0..50 {
        for (served, ids, name) in [(&mut one, &mut asked.0, 'a'), (&mut other, &mut asked.1, 'b')] {
            for path in ["log".to_owned(), format!("{name}{at}")] {
                let arguments = json!({ "path": path, "text": format!("{name}{at};"), "ms": 5 });
                ids.push(served.call("probe_append", arguments));
            }
        }
    }
    for (served, ids, name) in [(&mut one, &asked.0, 'a'), (&mut other, &asked.1, 'b')] {
        for (at, pair) in served.results(ids).chunks(2).enumerate() {
            let word = format!("{name}{at};");
            assert!(text(&pair[0]).ends_with(&word), "{word}: {}", pair[0]);
            assert_eq!(
                (text(&pair[1]), world.read(&format!("{name}{at}"))),
                (&*word, word.clone())
            );
        }
    }
    assert_eq!(world.read("log").split_terminator(';').count(), 100);
    let id = other.ask("resources/read", &json!({ "uri": "toolyard://timeline" }));
    let page = other.answer(id)["result"]["contents"][0]["text"].to_string();
    let (before, _) = page.split_once(" at once").expect("a timeline");
    let most = before.rsplit(' ').next().expect("a number");
    assert!(most.parse::<u32>().is_ok_and(|most| most > 1), "at most {most} at once");
}

#[test]
fn a_run_waits_for_a_servers_call() {
    let world = world(&json!({ "a": "x" }));
    let mut served = served(&world);
    let long = hold(&mut served, "a");
    let file = world.outside().join("events");
    // The same id as the server's own call has: they must not be taken for each other.
    let batch = json!([{ "tool": "read_file", "id": "1", "arguments": { "path": "a" } }]);
    let (mut run, _plugins) = start(&world, &batch, &file);
    until(&mut run, &file, |events| happened(events, "1", "queued"));
    let queued = events(&file).remove(0);
    let wait = &queued["waits_for"][0];
    assert_eq!(wait["theirs"]["resource"], json!("a"), "{queued}");
    assert!(wait["batch"].is_u64(), "{queued}");
    cancel(&mut served, long);
    let output = run.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}", told(&output));
    let run: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let outcome = &run["outcomes"][0];
    assert_eq!(outcome["content"][0]["text"], json!("x"), "{run}");
    let steps: Vec<Value> = events(&file).iter().map(|event| event["event"].clone()).collect();
    assert_eq!(steps, ["queued", "started", "finished"].map(Value::from));
}

/// What is the same in every run of a batch.
fn constant(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("_us") && !["speedup", "efficiency", "batch"].contains(&&**name));
            fields.remove("max_parallel_seen");
            fields.values_mut().for_each(constant);
        }
        Value::Array(items) => items.iter_mut().for_each(constant),
        _ => {}
    }
}

#[test]
fn a_joined_run_shows_what_a_run_shows() {
    let batch = json!([
        { "tool": "read_file", "id": "a", "arguments": { "path": "a.txt" } },
        { "tool": "probe_append", "id": "b", "arguments": { "path": "new", "text": { "$result": "a" } } },
        { "tool": "read_file", "id": "c", "arguments": { "path": "./new" }, "after": ["b"], "priority": 3 },
        { "tool": "probe_fail", "id": "d", "arguments": { "code": "no", "message": "said no" } },
        { "tool": "hash", "id": "e", "arguments": { "text": "x" }, "after": ["d"], "when": "failed" },
        { "tool": "hash", "id": "f", "arguments": { "text": "x" }, "after": ["d"] },
        { "tool": "read_file", "id": "g", "arguments": { "path": ".env" } },
        { "tool": "json_query", "id": "h", "arguments": { "json": "[0.30000000000000004]", "query": "$[0]" } },
        { "tool": "nothing", "id": "i" },
        { "tool": "probe_sleep", "id": "j", "arguments": { "path": "j", "ms": 600_000 }, "timeout_ms": 50 },
        { "tool": "probe_progress", "id": "k", "arguments": { "steps": 3 } },
        { "tool": "probe_log", "id": "l", "arguments": {} },
    ]);
    let shown = |join: bool| {
        let world = world(&json!({ "a.txt": "one\n", ".env": "x" }));
        let owner = join.then(|| served(&world));
        let files = ["events", "trace", "timeline"].map(|name| world.outside().join(name));
        let [events_file, trace, timeline] = files.each_ref().map(|file| file.to_str().expect("text"));
        let args = [
            "run",
            "-",
            "--json",
            "--no-ask",
            "--events",
            events_file,
            "--trace",
            trace,
            "--timeline",
            timeline,
        ];
        let output = output(&world, &args, &batch.to_string());
        let mut run: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        constant(&mut run);
        let mut steps: Vec<String> = events(&files[0])
            .iter()
            .filter(|event| event["event"] != json!("progress"))
            .map(|event| format!("{} {}", event["id"], event["event"]))
            .collect();
        steps.sort();
        let trace = fs::read_to_string(&files[1]).expect("a trace");
        let trace: Value = serde_json::from_str(&trace).expect("JSON");
        let names = |phase: &str| {
            let events = trace["traceEvents"].as_array().expect("a list").iter();
            events.filter(|event| event["ph"] == json!(phase)).count()
        };
        let page = fs::read_to_string(&files[2]).expect("a page");
        let pid = owner.map(|owner| owner.child.id());
        let shown = json!({
            "code": output.status.code(), "run": run, "steps": steps, "trace": [names("X"), names("i"), names("s")],
            "page": page.contains("said no"),
        });
        (shown, pid)
    };
    let (alone, _) = shown(false);
    let (joined, _) = shown(true);
    assert_eq!(alone["code"], json!(1), "{alone:#}");
    assert_eq!(alone["run"]["outcomes"].as_array().map(Vec::len), Some(12), "{alone:#}");
    assert_eq!(alone, joined, "{alone:#}\n{joined:#}");
}

#[test]
fn who_differs_is_told_how_and_leaves() {
    let world = world(&json!({ "a": "x", "other.toml": "[network]\nallow = []\n" }));
    let served = served(&world);
    let pid = format!("process {}", served.child.id());
    let other = world.path().join("other.toml");
    let other = other.to_str().expect("text");
    let batch = r#"[{"tool":"read_file","arguments":{"path":"a"}}]"#;
    let more = tempfile::tempdir().expect("a folder");
    let text = repository().join("host/prebuilt/text.wasm");
    fs::copy(text, more.path().join("text.wasm")).expect("a plugin");
    for (args, words) in [
        (
            &["call", "read_file", "path=a", "--policy", other][..],
            &["another policy", "--policy"][..],
        ),
        (&["run", "-", "--policy", other], &["another policy", "--policy"]),
        (&["serve", "--policy", other], &["another policy", "--policy"]),
        (&["run", "-", "--serial"], &["--serial", "leave --serial out"]),
        (&["run", "-", "--max-parallel", "2"], &["--max-parallel"]),
        (&["run", "-", "--reuse"], &["--reuse"]),
        (&["run", "-", "--audit", "log"], &["another audit log"]),
        (&["serve", "--http", "127.0.0.1:0"], &["leave --http out"]),
    ] {
        let output = output(&world, args, batch);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(&pid), "{args:?}: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{args:?}: {told}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    // Under a name by which calls could spell paths that the server doesn't know.
    let link = world.outside().join("link");
    std::os::unix::fs::symlink(world.path(), &link).expect("a link");
    let (mut linked, _plugins) = toolyard_in(&world, &link, &["call", "read_file", "path=a"]);
    let refused = linked.output().expect("the command");
    let said = told(&refused);
    assert!(
        refused.status.code() == Some(2) && said.contains("doesn't know it as"),
        "{said}"
    );
    // Without the plugin that the server has.
    let output = crate::cli::toolyard(&world, &["call", "read_file", "path=a"], "");
    let said = told(&output);
    assert!(
        output.status.code() == Some(2) && said.contains("probe (only there)"),
        "{said}"
    );
    // A batch that makes no sense is refused there as here.
    let circle = r#"[{"tool":"hash","id":"a","after":["a"]}]"#;
    let refused = self::output(&world, &["run", "-"], circle);
    let said = told(&refused);
    assert!(
        refused.status.code() == Some(2) && said.contains("in a circle"),
        "{said}"
    );
    let fine = self::output(&world, &["call", "read_file", "path=a"], "");
    assert_eq!(String::from_utf8_lossy(&fine.stdout), "x\n", "{}", told(&fine));
}

/// Whoever made the call is asked, and nobody else: not for one of a run either, whose ids may be those of others.
#[test]
fn questions_find_their_client() {
    let world = world(&json!({ ".env": "x" }));
    let asking = json!({ "elicitation": {} });
    let mut owner = Served::start(Arc::clone(&world), &[], &asking);
    let mut joined = Served::start(Arc::clone(&world), &[], &asking);
    let mut silent = Served::start(Arc::clone(&world), &["--no-ask"], &asking);
    let id = joined.call("read_file", json!({ "path": ".env" }));
    loop {
        let message = joined.hear().expect("a message");
        if message["method"] == json!("elicitation/create") {
            let answer = json!({ "action": "accept", "content": { "allow": "once" } });
            joined.say(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer }));
        } else if message["id"] == json!(id) {
            assert_eq!(text(&message["result"]), "x", "{message}");
            break;
        }
    }
    let id = silent.call("read_file", json!({ "path": ".env" }));
    let next = silent.hear().expect("a message");
    assert_eq!(
        (&next["id"], &next["result"]["isError"]),
        (&json!(id), &json!(true)),
        "{next}"
    );
    let held = hold(&mut owner, "held");
    let ids: Vec<Value> = (1..20)
        .map(|id| json!({ "tool": "read_file", "id": id, "arguments": { "path": ".env" } }))
        .collect();
    let output = output(&world, &["run", "-"], &json!(ids).to_string());
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    cancel(&mut owner, held);
    let listed = owner.ask("resources/list", &json!({}));
    let next = owner.hear().expect("a message");
    assert_eq!(next["id"], json!(listed), "nobody was asked: {next}");
}
