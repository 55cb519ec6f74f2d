//! The server of the Model Context Protocol as clients meet it: lines over pipes, requests over HTTP. It must not use the
//! server's own library to speak to it.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use toolyard_tests::{World, probe, repository};

/// A server and the client that started it.
pub(crate) struct Served {
    pub(crate) world: Arc<World>,
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: BufReader<ChildStdout>,
    next: u64,
    pub(crate) plugins: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn command(world: &World, args: &[&str]) -> (Command, TempDir) {
    let plugins = tempfile::tempdir().expect("a folder");
    std::fs::write(plugins.path().join("probe.wasm"), probe()).expect("a plugin");
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolyard-under-test"));
    command.arg("serve").args(args).arg("--workspace").arg(world.path());
    command.arg("--plugins").arg(plugins.path());
    command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    command.env("XDG_STATE_HOME", world.outside());
    // Where hosts of one workspace find each other.
    command.env("XDG_RUNTIME_DIR", world.outside());
    command.env_remove("TOOLYARD_TOKEN");
    (command, plugins)
}

impl Served {
    /// Starts one and shakes hands.
    #[track_caller]
    pub(crate) fn start(world: impl Into<Arc<World>>, args: &[&str], capabilities: &Value) -> Self {
        Self::speaking("2025-11-25", world, args, capabilities)
    }

    #[track_caller]
    pub(crate) fn speaking(revision: &str, world: impl Into<Arc<World>>, args: &[&str], capabilities: &Value) -> Self {
        let world = world.into();
        let (mut command, plugins) = command(&world, args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("pipes"));
        let mut served = Self {
            world,
            child,
            input,
            output: BufReader::new(output),
            next: 1,
            plugins,
        };
        let hello = json!({
            "protocolVersion": revision, "capabilities": capabilities, "clientInfo": { "name": "test", "version": "1" },
        });
        let id = served.ask("initialize", &hello);
        let told = served.answer(id);
        assert_eq!(told["result"]["protocolVersion"], json!(revision), "{told}");
        assert_eq!(told["result"]["serverInfo"]["name"], json!("toolyard"));
        served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        served
    }

    pub(crate) fn new(files: &Value) -> Self {
        Self::start(World::with(files), &[], &json!({}))
    }

    pub(crate) fn say(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("an open pipe");
        writeln!(input, "{message}").expect("a reader");
    }

    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> u64 {
        self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }))
    }

    /// The next message; nothing else may come out.
    pub(crate) fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.output.read_line(&mut line).expect("text") {
            0 => None,
            _ => Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))),
        }
    }

    #[track_caller]
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let Some(message) = self.hear() else {
                let mut said = String::new();
                let pipe = self.child.stderr.as_mut().expect("a pipe");
                pipe.read_to_string(&mut said).expect("text");
                panic!("it ended without an answer: {said}");
            };
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// The results of these calls, whatever order they come in.
    pub(crate) fn results(&mut self, ids: &[u64]) -> Vec<Value> {
        let mut found = vec![Value::Null; ids.len()];
        while found.contains(&Value::Null) {
            let message = self.hear().expect("an answer");
            if let Some(at) = ids.iter().position(|id| message["id"] == json!(id)) {
                found[at] = message["result"].clone();
            }
        }
        found
    }
}

pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn tools_are_told_with_what_they_may_do() {
    let mut served = Served::new(&json!({}));
    let id = served.ask("tools/list", &json!({}));
    let tools = served.answer(id)["result"]["tools"].clone();
    let tool = |name: &str| {
        let all = tools.as_array().expect("a list").iter();
        all.clone()
            .find(|tool| tool["name"] == json!(name))
            .cloned()
            .expect(name)
    };
    let read = tool("read_file");
    assert_eq!(read["annotations"]["readOnlyHint"], json!(true), "{read}");
    assert_eq!(read["annotations"]["openWorldHint"], json!(false), "{read}");
    assert_eq!(read["inputSchema"]["type"], json!("object"));
    assert_eq!(tool("write_file")["annotations"]["destructiveHint"], json!(true));
    assert_eq!(tool("fetch")["annotations"]["openWorldHint"], json!(true));
    let id = served.ask("tools/list", &json!({ "cursor": "no such thing" }));
    assert_eq!(served.answer(id)["error"]["code"], json!(-32602));
}

#[test]
fn what_goes_wrong_is_told_where_a_model_can_read_it() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let id = served.call("no_such_tool", json!({}));
    assert_eq!(served.answer(id)["error"]["code"], json!(-32602));
    for (tool, arguments, word) in [
        ("read_file", json!({}), "invalid_arguments: "),
        // No reference: a client knows no call but its own.
        (
            "read_file",
            json!({ "path": { "$result": "x" } }),
            "invalid_arguments: ",
        ),
        ("read_file", json!({ "path": "../x" }), "outside_workspace: "),
        ("read_file", json!({ "path": "nothing" }), "not_found: "),
    ] {
        let id = served.call(tool, arguments);
        let result = served.answer(id)["result"].clone();
        assert_eq!(result["isError"], json!(true), "{result}");
        assert!(text(&result).starts_with(word), "{result}");
    }
    // A line that is no message costs nothing but itself.
    served.say(&json!("nonsense"));
    let id = served.call("read_file", json!({ "path": "a" }));
    let result = served.answer(id)["result"].clone();
    assert_eq!((text(&result), &result["isError"]), ("x", &json!(false)));
}

#[test]
fn calls_of_one_file_go_in_the_order_in_which_they_came() {
    let mut served = Served::new(&json!({ "log": "0" }));
    let mut ids = Vec::new();
    for at in 0..100 {
        let edits = json!([{ "old_text": at.to_string(), "new_text": (at + 1).to_string() }]);
        ids.push(served.call("edit_file", json!({ "path": "log", "edits": edits })));
        ids.push(served.call("read_file", json!({ "path": "log" })));
    }
    let results = served.results(&ids);
    for (at, pair) in results.chunks(2).enumerate() {
        assert_eq!(pair[0]["isError"], json!(false), "{}", pair[0]);
        assert_eq!(text(&pair[1]), (at + 1).to_string());
    }
    assert_eq!(served.world.read("log"), "100");
}

#[test]
fn a_call_that_is_cancelled_frees_what_it_held() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let long = served.call("probe_sleep", json!({ "path": "a", "ms": 60_000 }));
    let next = served.call("read_file", json!({ "path": "a" }));
    served.say(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": long, "reason": "changed my mind" },
    }));
    assert_eq!(text(&served.answer(next)["result"]), "x");
}

#[test]
fn the_end_of_input_is_the_end() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let id = served.call("probe_sleep", json!({ "path": "a", "ms": 300 }));
    drop(served.input.take());
    // What runs is still answered.
    assert_eq!(served.answer(id)["result"]["isError"], json!(false));
    assert_eq!(served.hear(), None);
    assert!(served.child.wait().expect("an end").success());
}

#[test]
fn a_person_is_asked_where_the_client_can() {
    let mut served = Served::start(World::with(&json!({ ".env": "x" })), &[], &json!({ "elicitation": {} }));
    let arguments = json!({ "path": ".env" });
    for (answer, fine) in [
        (json!({ "action": "decline" }), false),
        (json!({ "action": "accept", "content": { "allow": "no" } }), false),
        (json!({ "action": "accept", "content": { "allow": "once" } }), true),
    ] {
        let id = served.call("read_file", arguments.clone());
        let result = loop {
            let message = served.hear().expect("a message");
            if message["method"] == json!("elicitation/create") {
                let said = message["params"]["message"].as_str().unwrap_or_default();
                assert!(said.contains("read_file") && said.contains(".env"), "{said}");
                served.say(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer }));
            } else if message["id"] == json!(id) {
                break message["result"].clone();
            }
        };
        assert_eq!(result["isError"], json!(!fine), "{answer}: {result}");
        assert_eq!(text(&result) == "x", fine, "{result}");
    }
}

#[test]
fn a_client_that_can_ask_nobody_is_refused() {
    let mut served = Served::new(&json!({ ".env": "x" }));
    let id = served.call("read_file", json!({ "path": ".env" }));
    let result = served.answer(id)["result"].clone();
    assert!(
        text(&result).contains("policy") && result["isError"] == json!(true),
        "{result}"
    );
}

#[test]
fn steps_and_resources() {
    let mut served = Served::new(&json!({ "a": "x" }));
    let params = json!({
        "name": "probe_progress", "arguments": { "steps": 5 }, "_meta": { "progressToken": "p" },
    });
    let id = served.ask("tools/call", &params);
    let mut steps = Vec::new();
    loop {
        let message = served.hear().expect("a message");
        if message["method"] == json!("notifications/progress") {
            assert_eq!(message["params"]["progressToken"], json!("p"));
            steps.push(message["params"]["progress"].as_f64().expect("a number"));
        } else if message["id"] == json!(id) {
            break;
        }
    }
    assert!(!steps.is_empty() && steps.is_sorted_by(|a, b| a < b), "{steps:?}");
    let id = served.ask("resources/read", &json!({ "uri": "toolyard://timeline" }));
    let page = served.answer(id)["result"]["contents"][0]["text"].to_string();
    assert!(page.contains("probe_progress"), "{page}");
    let id = served.ask("resources/read", &json!({ "uri": "toolyard://tools/read_file" }));
    assert!(
        served.answer(id)["result"]["contents"][0]["text"]
            .to_string()
            .contains("claims")
    );
    let id = served.ask("resources/read", &json!({ "uri": "toolyard://nothing" }));
    assert!(served.answer(id).get("error").is_some());
}

/// Starts a server that is to listen, and waits until it says where. What else it says goes into the pipe, which has to stay.
pub(super) fn listen(command: &mut Command) -> (Child, BufReader<ChildStderr>, u16) {
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the command");
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let port = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).expect("text") > 0, "it ended");
        if let Some((_, rest)) = line.split_once("http://127.0.0.1:") {
            break rest.split('/').next().and_then(|port| port.parse().ok());
        }
    };
    (child, said, port.expect("a port"))
}

/// One request over HTTP: the status and what came.
pub(super) fn post(port: u16, head: &str, body: &Value) -> (u16, String) {
    send("POST", port, head, &body.to_string())
}

pub(super) fn send(method: &str, port: u16, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    let request = format!(
        "{method} /mcp HTTP/1.1\r\naccept: application/json, text/event-stream\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n{head}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a reader");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    (status.unwrap_or(0), answer)
}

#[test]
fn over_http_only_who_knows_the_token_comes_in() {
    let world = World::new();
    let (mut command, _plugins) = command(&world, &["--http", "127.0.0.1:0"]);
    command
        .env("TOOLYARD_TOKEN", "sesame")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let (mut child, _said, port) = listen(&mut command);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } });
    let (host, token) = (
        format!("host: 127.0.0.1:{port}\r\n"),
        "authorization: Bearer sesame\r\n",
    );
    for (head, status) in [
        (host.clone(), 401),
        (format!("{host}authorization: Bearer sesamf\r\n"), 401),
        (format!("{host}authorization: Bearer sesame2\r\n"), 401),
        (format!("host: evil.example\r\n{token}"), 403),
        (format!("{host}{token}origin: http://evil.example\r\n"), 403),
        (format!("{host}{token}origin: null\r\n"), 403),
        (format!("{host}{token}origin: http://localhost:3000\r\n"), 200),
        (format!("{host}{token}"), 200),
    ] {
        let (got, answer) = post(port, &head, &hello);
        assert_eq!(got, status, "{head}: {answer}");
        assert_eq!(answer.contains("serverInfo"), status == 200, "{head}: {answer}");
    }
    let (_, answer) = post(port, &format!("{host}{token}"), &hello);
    let session = answer.lines().find(|line| line.starts_with("mcp-session-id:"));
    let session = format!("{host}{token}{}\r\n", session.expect("a session"));
    // It is gone at once, and stays so.
    assert_eq!(send("DELETE", port, &session, "").0, 204);
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    assert_eq!(post(port, &session, &ping).0, 404);
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a process");
    let begun = Instant::now();
    while child.try_wait().expect("a state").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut out = String::new();
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut out)
        .expect("text");
    assert_eq!(out, "");
}

#[test]
fn what_other_machines_could_reach_has_to_be_said() {
    let world = World::new();
    for (args, word) in [
        (&["--http", "0.0.0.0:0"][..], "--remote"),
        (&["--http", "0.0.0.0:0", "--remote", "--no-token"], "let anybody in"),
    ] {
        let (mut command, _plugins) = command(&world, args);
        let output = command.stdin(Stdio::null()).output().expect("the command");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(word), "{said}");
    }
}
