//! Clients over HTTP that wait for an answer: what they are asked meanwhile comes on that answer's own stream, and none is forgotten.
//! It must not use the server's own library to speak to it.

use crate::serve::{command, listen, post};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use toolyard::mcp::{Desk, Http};
use toolyard_tests::World;

/// What comes as the answer to one request, as it comes.
struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    fn of(port: u16, head: &str, message: &Value) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).expect("a timeout");
        let body = message.to_string();
        let kinds = "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n";
        let length = body.len();
        let request = format!("POST /mcp HTTP/1.1\r\n{kinds}content-length: {length}\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes()).expect("a reader");
        Self(BufReader::new(stream).lines())
    }

    /// The next message.
    #[track_caller]
    fn next(&mut self) -> Value {
        let data = self.0.find_map(|line| {
            let line = line.expect("text");
            let data = line.strip_prefix("data:").unwrap_or(&line);
            serde_json::from_str::<Value>(data).ok().filter(Value::is_object)
        });
        data.expect("a message")
    }
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// The head of the requests of a new session, in which there is no other stream than those of requests.
fn session(port: u16, capabilities: &Value) -> String {
    let before = format!("host: 127.0.0.1:{port}\r\n");
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "test", "version": "1" },
    } });
    let (_, answer) = post(port, &before, &hello);
    let session = answer.lines().find(|line| line.starts_with("mcp-session-id:"));
    let head = format!(
        "{before}{}\r\nmcp-protocol-version: 2025-11-25\r\n",
        session.expect("a session")
    );
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(post(port, &head, &told).0, 202);
    head
}

fn world() -> World {
    World::with(&json!({ ".env": "KEY=1", "a": "x" }))
}

#[test]
fn a_question_comes_where_the_answer_is_awaited() {
    let world = world();
    let (mut command, _plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (mut child, _said, port) = listen(&mut command);
    let head = session(port, &json!({ "elicitation": {} }));
    let read = call("read_file", &json!({ "path": ".env" }));
    let mut stream = Stream::of(port, &head, &read);
    let asked = stream.next();
    assert_eq!(asked["method"], json!("elicitation/create"), "{asked}");
    let yes = json!({ "action": "accept", "content": { "allow": "once" } });
    let said = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": yes });
    assert_eq!(post(port, &head, &said).0, 202);
    let answer = stream.next();
    assert_eq!(
        (&answer["id"], &answer["result"]["isError"]),
        (&json!(7), &json!(false)),
        "{answer}"
    );

    // What stands beside the arguments is kept, too, and has a limit.
    let mut fat = read.clone();
    fat["params"]["_meta"] = json!({ "x": "y".repeat(70_000) });
    let answer = Stream::of(port, &head, &fat).next();
    assert_eq!(answer["error"]["code"], json!(-32602), "{answer}");

    // Who has no session has no way to say anything, and is not waited for.
    let mut alone = read;
    alone["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2025-11-25",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
    });
    let head = format!("host: 127.0.0.1:{port}\r\nmcp-protocol-version: 2025-11-25\r\n");
    let answer = Stream::of(port, &head, &alone).next();
    assert!(
        answer.get("error").is_some() || answer["result"]["isError"] == json!(true),
        "{answer}"
    );
    drop((child.kill(), child.wait()));
}

#[test]
fn who_waits_is_not_forgotten() {
    let world = world();
    let desk = Desk::new();
    let host = Arc::new(world.builder().build().expect("a host"));
    let door = Http {
        silence: Some(Duration::from_secs(2)),
        ..Http::default()
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = "127.0.0.1:0".parse().expect("an address");
    let listening = runtime.block_on(door.listen(address, &host, &desk)).expect("a port");
    let port = listening.url().expect("an address");
    let port = port
        .rsplit(':')
        .next()
        .and_then(|rest| rest.split('/').next()?.parse().ok());
    let port: u16 = port.expect("a port");
    runtime.spawn(listening.serve());
    let head = session(port, &json!({}));
    let mut stream = Stream::of(port, &head, &call("probe_sleep", &json!({ "path": "a", "ms": 5000 })));
    let mut signs = 0;
    let answer = loop {
        let message = stream.next();
        match message["method"].as_str() {
            Some("ping") => signs += 1,
            Some(other) => panic!("{other}"),
            None => break message,
        }
    };
    assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
    assert!(signs > 0, "nothing was said meanwhile");
    // Who doesn't wait is.
    std::thread::sleep(Duration::from_secs(4));
    let again = call("probe_sleep", &json!({ "path": "a", "ms": 0 }));
    assert_eq!(post(port, &head, &again).0, 404);
}
