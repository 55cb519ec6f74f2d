//! What the doors of the server say to requests that can't be read, and to several in one over HTTP. It must not use the server's
//! own library to speak to it.

use crate::serve::{Served, command, listen, post, send, text};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use toolyard_tests::World;

/// A server over HTTP, and how one speaks to it.
struct Http {
    world: World,
    _plugins: TempDir,
    child: Child,
    port: u16,
    /// What it logs, which nobody reads.
    said: Option<BufReader<ChildStderr>>,
    /// What stands at the head of every request, and of those of the first session.
    before: String,
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
        Self::with(&[], None, revision)
    }

    fn with(args: &[&str], token: Option<&str>, revision: &str) -> Self {
        let world = World::with(&json!({ "a": "x", "b": "y" }));
        let mut all = vec!["--http", "127.0.0.1:0"];
        all.extend(token.is_none().then_some("--no-token").iter().chain(args));
        let (mut command, plugins) = command(&world, &all);
        command.envs(token.map(|token| ("TOOLYARD_TOKEN", token)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (child, said, port) = listen(&mut command);
        let mut http = Self {
            world,
            _plugins: plugins,
            child,
            port,
            said: Some(said),
            before: format!("host: 127.0.0.1:{port}\r\n"),
            head: String::new(),
        };
        if let Some(token) = token {
            http.before += &format!("authorization: Bearer {token}\r\n");
        }
        http.head = http.session(revision);
        http
    }

    /// The head of the requests of a new session.
    fn session(&self, revision: &str) -> String {
        let before = &self.before;
        let (status, answer) = post(self.port, before, &hello(revision));
        assert_eq!(status, 200, "{answer}");
        let session = answer
            .lines()
            .find(|line| line.starts_with("mcp-session-id:"))
            .expect("a session");
        let head = format!("{before}{session}\r\nmcp-protocol-version: {revision}\r\n");
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(post(self.port, &head, &told).0, 202);
        head
    }

    /// A request on its way.
    fn send(&self, message: &Value) -> TcpStream {
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
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).expect("a timeout");
        stream
    }

    /// The status and the answer; a stream is read until it has that.
    fn ask(&self, message: &Value) -> (u16, Value) {
        let stream = self.send(message);
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
    let mut http = Http::start("2025-11-25");
    // Each of these is logged, too, where nobody can read it.
    http.said = None;
    let requests = [
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
        (
            "tools/call",
            json!({ "name": "raed_file", "arguments": {} }),
            "Unknown tool: raed_file; did you mean read_file?",
        ),
        ("resources/read", json!({}), "missing field `uri`"),
        (
            "logging/setLevel",
            json!({ "level": "loud" }),
            "params.level: unknown variant `loud`",
        ),
        ("completion/complete", json!({ "argument": {} }), "missing field"),
    ];
    for (at, (method, params, words)) in requests.into_iter().enumerate() {
        let id = served.ask(method, &params);
        let message = json!({ "jsonrpc": "2.0", "id": at, "method": method, "params": params });
        for answer in [served.answer(id), http.ask(&message).1] {
            let text = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(
                answer["error"]["code"] == json!(-32602) && text.contains(words),
                "{method}: {answer}"
            );
        }
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
    let of = |id: Value| {
        let all = answers.as_array().expect("answers");
        all.iter().find(|answer| answer["id"] == id).expect("an answer")
    };
    assert_eq!(text(&of(json!(101))["result"]), "x", "{answers}");
    assert_eq!(text(&of(json!("b"))["result"]), "y", "{answers}");
    assert_eq!(of(Value::Null)["error"]["code"], json!(-32600), "{answers}");
    assert_eq!(post(http.port, &http.head, &json!([told])).0, 202);
    let (status, refused) = http.ask(&json!([]));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!(-32600)), "{refused}");
    let (_, twice) = http.ask(&json!([read(json!(8), "a"), read(json!(8), "b")]));
    assert_eq!(twice.as_array().map(Vec::len), Some(2), "{twice}");
    assert!(twice.to_string().contains("has this id"), "{twice}");
    let plain = send(
        "POST",
        http.port,
        &http.head.replace("mcp-session-id", "x"),
        &json!([read(json!(9), "a")]).to_string(),
    );
    assert!((400..500).contains(&plain.0), "{}", plain.1);
    // What is wrong with one of them takes no other one's answer along.
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    let odd = json!({ "jsonrpc": "2.0", "id": 12, "method": "ping", "params": { "_meta": meta } });
    let (status, both) = http.ask(&json!([read(json!(11), "a"), odd]));
    assert_eq!((status, both.as_array().map(Vec::len)), (200, Some(2)), "{both}");
    assert!(
        both.to_string().contains("\"id\":12") && both.to_string().contains("\"id\":11"),
        "{both}"
    );
    // One alone, as ever.
    assert_eq!(text(&http.ask(&read(json!(7), "a")).1["result"]), "x");
    let newer = Http::start("2025-11-25");
    let (status, refused) = newer.ask(&json!([read(json!(1), "a")]));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!(-32600)), "{refused}");
}

#[test]
fn a_body_that_is_no_message() {
    let http = Http::start("2025-11-25");
    let many = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\",\"params\":{{\"x\":[{}1]}}}}",
        "[],".repeat(300_000)
    );
    for (body, id, code) in [
        ("{\"a\":", Value::Null, -32700),
        ("", Value::Null, -32700),
        ("{\"a\": 1e999}", Value::Null, -32700),
        ("5", Value::Null, -32600),
        ("[]", Value::Null, -32600),
        ("{}", Value::Null, -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":9}", json!(9), -32600),
        (
            "{\"jsonrpc\":\"1.0\",\"id\":\"a\",\"method\":\"ping\"}",
            json!("a"),
            -32600,
        ),
        (&many, json!(9), -32600),
    ] {
        let (status, answer) = send("POST", http.port, &http.head, body);
        let body = body.get(..60).unwrap_or(body);
        let error: Value = serde_json::from_str(answer.lines().last().unwrap_or_default()).expect(body);
        assert!(
            status == 400 && error["id"] == id && error["error"]["code"] == json!(code),
            "{body}: {answer}"
        );
    }
    // The same of a client on streams.
    let mut served = Served::new(&json!({}));
    served.say(&serde_json::from_str(&many).expect("JSON"));
    let answer = served.answer(9);
    assert_eq!(answer["error"]["code"], json!(-32600), "{answer}");
}

/// Whoever says goodbye holds nothing any more, at once, and not only when the protocol's library has cleared up.
#[test]
fn a_session_that_ends_takes_its_calls_back() {
    let http = Http::start("2025-11-25");
    let other = http.session("2025-11-25");
    let slow = json!({ "name": "probe_append", "arguments": { "path": "a", "text": "x", "ms": 25_000 } });
    let running = http.send(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": slow }));
    // The head of the answer comes when the call is taken in.
    BufReader::new(&running)
        .lines()
        .next()
        .expect("an answer")
        .expect("a line");
    std::thread::sleep(Duration::from_millis(300));
    // Neither one who says twice that it is there, nor one who is refused, takes anything back.
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(post(http.port, &http.head, &told).0, 202);
    let (stranger, refused) = (
        http.head.replace(": ", ": x"),
        http.head.replace("2025-11-25", "2030-01-01"),
    );
    assert_eq!(send("DELETE", http.port, &refused, "").0, 400);
    assert!((400..500).contains(&send("DELETE", http.port, &stranger, "").0));
    let unknown = format!(
        "{}mcp-session-id: nobody\r\nmcp-protocol-version: 2025-11-25\r\n",
        http.before
    );
    assert_eq!(send("DELETE", http.port, &unknown, "").0, 404);
    running.set_nonblocking(true).expect("a socket");
    let mut rest = Vec::new();
    let _ = (&running).read_to_end(&mut rest);
    assert!(
        !String::from_utf8_lossy(&rest).contains("\"result\""),
        "it was taken back"
    );
    let begun = Instant::now();
    assert_eq!(send("DELETE", http.port, &http.head, "").0, 204);
    let write = json!({ "name": "write_file", "arguments": { "path": "a", "content": "mine" } });
    let write = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": write });
    let (status, answer) = post(http.port, &other, &write);
    assert!(status == 200 && !answer.contains("isError\":true"), "{answer}");
    assert_eq!(http.world.read("a"), "mine");
    // The library lets go of a session after five seconds.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// Clients beyond the limit are refused, whatever they say of themselves, and those that are there are served.
#[test]
fn sessions_have_a_limit() {
    let http = Http::start("2025-11-25");
    let head = |revision: &str| format!("host: 127.0.0.1:{}\r\nmcp-protocol-version: {revision}\r\n", http.port);
    let mut ends = Vec::new();
    for revision in ["2025-11-25", "2026-07-28"] {
        let head = head(revision);
        let status = |_| post(http.port, &head, &hello(revision)).0;
        ends.push((0..600).map(status).find(|status| *status != 200));
    }
    assert_eq!(ends, [Some(503), Some(500)]);
    let read = json!({ "name": "read_file", "arguments": { "path": "a" } });
    let read = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": read });
    assert_eq!(text(&http.ask(&read).1["result"]), "x");
}

/// A page of an origin that was allowed can do what a program can; others learn what would let them in.
#[test]
fn pages_of_allowed_origins() {
    let http = Http::with(&["--allow-origin", "https://app.example:*"], None, "2025-11-25");
    let host = format!("host: 127.0.0.1:{}\r\n", http.port);
    let from = |origin: &str, more: &str| format!("{host}origin: {origin}\r\n{more}");
    let asks = "access-control-request-method: POST\r\naccess-control-request-headers: authorization, mcp-method\r\n";
    let (status, answer) = send("OPTIONS", http.port, &from("https://app.example", asks), "");
    assert_eq!(status, 204, "{answer}");
    for line in [
        "access-control-allow-origin: https://app.example\r\n",
        "access-control-allow-methods: GET, POST, DELETE\r\n",
        "access-control-allow-headers: authorization, mcp-method\r\n",
        "vary: origin\r\n",
    ] {
        assert!(answer.contains(line), "{line} is not in {answer}");
    }
    let (status, answer) = post(http.port, &from("https://app.example", ""), &hello("2025-11-25"));
    assert!(
        status == 200
            && answer.contains("access-control-allow-origin: https://app.example\r\n")
            && answer.contains("access-control-expose-headers: mcp-session-id"),
        "{answer}"
    );
    for (method, head, word) in [
        ("OPTIONS", from("https://evil.example", asks), "--allow-origin"),
        ("POST", from("https://evil.example", ""), "--allow-origin"),
        ("POST", "host: evil.example\r\n".to_owned(), "--allow-host"),
    ] {
        let (status, answer) = send(method, http.port, &head, &hello("2025-11-25").to_string());
        assert!(
            status == 403 && answer.contains(word) && !answer.contains("access-control-allow"),
            "{head}: {answer}"
        );
    }
    // A browser asks before it knows whether there is a token, and a page may read that there is one.
    let http = Http::with(&[], Some("sesame"), "2025-11-25");
    let local = format!("host: 127.0.0.1:{0}\r\norigin: http://localhost:5173\r\n", http.port);
    assert_eq!(send("OPTIONS", http.port, &format!("{local}{asks}"), "").0, 204);
    let (status, answer) = post(http.port, &local, &hello("2025-11-25"));
    assert!(
        status == 401 && answer.contains("access-control-allow-origin: http://localhost:5173\r\n"),
        "{answer}"
    );
    let (status, _) = send("OPTIONS", http.port, &local, "");
    assert_eq!(status, 401, "no question of a browser");
}

/// Whatever makes it write to its log, it serves: a pipe that nobody reads is full soon.
#[test]
fn a_log_that_nobody_reads_holds_up_nobody() {
    let http = Http::start("2025-11-25");
    let evil = format!("{}origin: http://evil.example\r\n", http.before);
    for _ in 0..600 {
        assert_eq!(send("GET", http.port, &evil, "").0, 403);
    }
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    assert_eq!(http.ask(&ping).0, 200);
    let mut served = Served::new(&json!({}));
    for _ in 0..600 {
        let id = served.ask("tools/call", &json!({ "name": "nothing", "arguments": {} }));
        assert_eq!(served.answer(id)["error"]["code"], json!(-32602));
    }
}

#[test]
fn names_and_origins_that_are_none() {
    let world = World::new();
    for (flag, word) in [
        ("--allow-origin", "*"),
        ("--allow-origin", "app.example"),
        ("--allow-host", "a b"),
    ] {
        let (mut command, _plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token", flag, word]);
        let output = command.stdin(Stdio::null()).output().expect("the command");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(word) && said.contains("app.example"),
            "{said}"
        );
    }
}
