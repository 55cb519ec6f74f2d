//! What the doors of the server say to requests that can't be read, and to several in one over HTTP. It must not use the server's
//! own library to speak to it.

use crate::serve::{Served, command, listen, post, text};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use tempfile::TempDir;
use toolyard_tests::World;

/// A server over HTTP, and how one speaks to it.
struct Http {
    _world: World,
    _plugins: TempDir,
    child: Child,
    port: u16,
    head: String,
}

impl Drop for Http {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

fn hello(revision: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } })
}

impl Http {
    fn start(revision: &str) -> Self {
        let world = World::with(&json!({ "a": "x", "b": "y" }));
        let (mut command, plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (child, _said, port) = listen(&mut command);
        let mut http = Self {
            _world: world,
            _plugins: plugins,
            child,
            port,
            head: format!("host: 127.0.0.1:{port}\r\n"),
        };
        let (status, answer) = post(port, &http.head, &hello(revision));
        assert_eq!(status, 200, "{answer}");
        let session = answer
            .lines()
            .find(|line| line.starts_with("mcp-session-id:"))
            .expect("a session");
        http.head = format!("{}{session}\r\nmcp-protocol-version: {revision}\r\n", http.head);
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(post(port, &http.head, &told).0, 202);
        http
    }

    /// The status and the answer; a stream is read until it has that.
    fn ask(&self, message: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a server");
        let body = message.to_string();
        let kinds =
            "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let length = body.len();
        let request = format!(
            "POST /mcp HTTP/1.1\r\n{kinds}content-length: {length}\r\n{}\r\n{body}",
            self.head
        );
        stream.write_all(request.as_bytes()).expect("a reader");
        let mut answer = String::new();
        let mut lines = BufReader::new(stream).lines();
        loop {
            let line = lines.next().expect("an answer").expect("text");
            let data = line.strip_prefix("data:").unwrap_or(&line).trim();
            answer.push_str(&line);
            let message = serde_json::from_str::<Value>(data).ok();
            if let Some(message) = message.filter(|message| message.is_object() || message.is_array()) {
                let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
                return (status.unwrap_or(0), message);
            }
        }
    }
}

#[test]
fn parameters_that_cannot_be_read() {
    let mut served = Served::new(&json!({ "a": "x" }));
    for (method, params, words) in [
        (
            "tools/call",
            json!({ "name": "read_file", "arguments": "{\"path\":\"a\"}" }),
            "params.arguments must be a JSON object",
        ),
        (
            "tools/call",
            json!({ "name": "read_file", "arguments": [1] }),
            "params.arguments must be a JSON object",
        ),
        ("tools/call", json!({ "arguments": {} }), "missing field `name`"),
        ("resources/read", json!({}), "missing field `uri`"),
        (
            "logging/setLevel",
            json!({ "level": "loud" }),
            "params.level: unknown variant `loud`",
        ),
        ("completion/complete", json!({ "argument": {} }), "missing field"),
    ] {
        let id = served.ask(method, &params);
        let answer = served.answer(id);
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(
            answer["error"]["code"] == json!(-32602) && text.contains(words),
            "{method}: {answer}"
        );
    }
    let id = served.ask("tools/dance", &json!({}));
    assert_eq!(served.answer(id)["error"]["code"], json!(-32601));
}

/// Over HTTP, too, one revision has several messages in one, and the others are told so.
#[test]
fn several_in_one_over_http() {
    let read = |id: Value, path: &str| {
        let params = json!({ "name": "read_file", "arguments": { "path": path } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" });
    let http = Http::start("2025-03-26");
    let (status, answers) = http.ask(&json!([read(json!(101), "a"), told, read(json!("b"), "b"), 5]));
    assert_eq!((status, answers.as_array().map(Vec::len)), (200, Some(3)), "{answers}");
    assert_eq!(
        (&answers[0]["id"], text(&answers[0]["result"])),
        (&json!(101), "x"),
        "{answers}"
    );
    assert_eq!(
        (&answers[1]["id"], text(&answers[1]["result"])),
        (&json!("b"), "y"),
        "{answers}"
    );
    assert_eq!(answers[2]["error"]["code"], json!(-32600), "{answers}");
    assert_eq!(post(http.port, &http.head, &json!([told])).0, 202);
    let (status, refused) = http.ask(&json!([]));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!(-32600)), "{refused}");
    // One alone, as ever.
    assert_eq!(text(&http.ask(&read(json!(7), "a")).1["result"]), "x");
    let newer = Http::start("2025-11-25");
    let (status, _) = post(newer.port, &newer.head, &json!([read(json!(1), "a")]));
    assert!((400..500).contains(&status), "{status}");
}
