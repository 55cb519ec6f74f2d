//! The server as clients of revision 2026-07-28 meet it over HTTP: no handshake, every request stands for itself. It must not
//! use the server's own library to speak to it.

use super::serve::{command, listen, post};
use serde_json::{Value, json};
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use toolyard_tests::{World, repository};

const REVISION: &str = "2026-07-28";

/// A server that anybody on this machine may speak to.
struct Served {
    child: Child,
    port: u16,
    _said: BufReader<ChildStderr>,
    _world: World,
    _plugins: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a client can do, in its own words.
fn forms() -> Value {
    json!({ "elicitation": { "form": {} } })
}

impl Served {
    fn new(files: &Value) -> Self {
        let world = World::with(files);
        let (mut command, plugins) = command(&world, &["--http", "127.0.0.1:0", "--no-token"]);
        let guest = repository().join("tests/guests/prebuilt/conformance.wasm");
        std::fs::copy(guest, plugins.path().join("conformance.wasm")).expect("a plugin");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (child, said, port) = listen(&mut command);
        Self {
            child,
            port,
            _said: said,
            _world: world,
            _plugins: plugins,
        }
    }

    /// The head of a request, and the request.
    fn request(&self, method: &str, params: &Value, can: &Value, head: &str) -> (String, Value) {
        let mut params = params.clone();
        for (name, value) in [
            ("protocolVersion", json!(REVISION)),
            ("clientInfo", json!({ "name": "test", "version": "1" })),
            ("clientCapabilities", can.clone()),
        ] {
            params["_meta"][format!("io.modelcontextprotocol/{name}")] = value;
        }
        let name = params["name"].as_str().or(params["uri"].as_str());
        let name = name.map_or_else(String::new, |name| format!("mcp-name: {name}\r\n"));
        let head = format!(
            "host: 127.0.0.1:{}\r\nmcp-protocol-version: {REVISION}\r\nmcp-method: {method}\r\n{name}{head}",
            self.port
        );
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        (head, body)
    }

    /// One request: the status, and every message that came.
    fn ask(&self, method: &str, params: &Value, can: &Value, head: &str) -> (u16, Vec<Value>) {
        let (head, body) = self.request(method, params, can, head);
        let (status, answer) = post(self.port, &head, &body);
        // Either lines of an event stream, or the one message itself.
        let lines = answer.lines().map(|line| line.strip_prefix("data:").unwrap_or(line));
        let messages = lines.filter_map(|line| serde_json::from_str(line.trim()).ok());
        (status, messages.filter(Value::is_object).collect())
    }

    /// The answer to one request.
    fn answer(&self, method: &str, params: &Value, can: &Value) -> Value {
        let (_, messages) = self.ask(method, params, can, "");
        messages.last().cloned().expect("an answer")
    }

    fn call(&self, tool: &str, arguments: &Value, can: &Value) -> Value {
        self.answer("tools/call", &json!({ "name": tool, "arguments": arguments }), can)
    }

    /// The same call again, with what was asked for.
    fn again(&self, asked: &Value, tool: &str, arguments: &Value, answers: &Value) -> Value {
        let params = json!({
            "name": tool, "arguments": arguments, "requestState": asked["result"]["requestState"], "inputResponses": answers,
        });
        self.answer("tools/call", &params, &forms())
    }
}

fn says(word: &str) -> Value {
    json!({ "allow": { "action": "accept", "content": { "allow": word } } })
}

/// What a result asks for.
fn question(answer: &Value) -> &str {
    assert_eq!(answer["result"]["resultType"], json!("input_required"), "{answer}");
    let request = &answer["result"]["inputRequests"]["allow"];
    assert_eq!(request["method"], json!("elicitation/create"), "{answer}");
    assert!(
        answer["result"]["requestState"]
            .as_str()
            .is_some_and(|state| state.len() >= 32)
    );
    request["params"]["message"].as_str().expect("a question")
}

#[test]
fn a_person_is_asked_by_a_result_and_answers_with_the_next_call() {
    let served = Served::new(&json!({ ".env": "x" }));
    let arguments = json!({ "path": ".env" });
    let begin = || served.call("read_file", &arguments, &forms());
    let again = |asked: &Value, answers: &Value| served.again(asked, "read_file", &arguments, answers);

    let asked = begin();
    assert!(question(&asked).contains("read_file") && question(&asked).contains(".env"));
    let allowed = again(&asked, &says("once"));
    assert_eq!(allowed["result"]["content"][0]["text"], json!("x"), "{allowed}");
    // It was for that call: the next is asked about again, and what was brought along once is worth nothing twice.
    assert_eq!(again(&asked, &says("once"))["error"]["code"], json!(-32602));
    for answers in [
        says("no"),
        says("whatever"),
        json!({ "allow": { "action": "decline" } }),
        json!({ "allow": { "action": "accept" } }),
    ] {
        let asked = begin();
        question(&asked);
        let refused = again(&asked, &answers);
        assert_eq!(refused["result"]["isError"], json!(true), "{answers}: {refused}");
    }
    // No answer, or none that is one: the question stands.
    for answers in [json!({}), json!({ "other": 1 }), json!({ "allow": 12345 })] {
        let asked = begin();
        let still = again(&asked, &answers);
        assert_eq!(question(&still), question(&asked));
        assert_ne!(still["result"]["requestState"], asked["result"]["requestState"]);
        let allowed = again(&still, &says("once"));
        assert_eq!(allowed["result"]["content"][0]["text"], json!("x"), "{allowed}");
    }
    let asked = begin();
    let allowed = again(&asked, &says("for this session"));
    assert_eq!(allowed["result"]["content"][0]["text"], json!("x"), "{allowed}");
    assert_eq!(begin()["result"]["content"][0]["text"], json!("x"));
}

#[test]
fn an_answer_is_for_the_call_that_it_was_asked_about() {
    let served = Served::new(&json!({ ".env": "x", "sub/.env": "y" }));
    let begin = || served.call("read_file", &json!({ "path": ".env" }), &forms());
    for (tool, path) in [("read_file", "sub/.env"), ("list_dir", ".env")] {
        let asked = begin();
        let other = served.again(&asked, tool, &json!({ "path": path }), &says("once"));
        assert_eq!(other["error"]["code"], json!(-32602), "{other}");
        // Nor is it worth anything for the right one then.
        let late = served.again(&asked, "read_file", &json!({ "path": ".env" }), &says("once"));
        assert_eq!(late["error"]["code"], json!(-32602), "{late}");
    }
    let invented = json!({ "result": { "requestState": "0123456789abcdef0123456789abcdef" } });
    let other = served.again(&invented, "read_file", &json!({ "path": ".env" }), &says("once"));
    assert_eq!(other["error"]["code"], json!(-32602), "{other}");
}

#[test]
fn each_thing_that_is_refused_is_asked_about() {
    let served = Served::new(&json!({ ".env": "one", "sub/.env": "two" }));
    let arguments = json!({ "paths": [".env", "sub/.env"] });
    let first = served.call("read_files", &arguments, &forms());
    let second = served.again(&first, "read_files", &arguments, &says("once"));
    assert_ne!(question(&first), question(&second));
    let both = served.again(&second, "read_files", &arguments, &says("once"));
    let text = both["result"]["content"].to_string();
    assert!(text.contains("one") && text.contains("two"), "{both}");
}

#[test]
fn who_shows_no_forms_is_not_asked() {
    let served = Served::new(&json!({ ".env": "x" }));
    for can in [
        json!({}),
        json!({ "sampling": {} }),
        json!({ "elicitation": { "url": {} } }),
    ] {
        let refused = served.call("read_file", &json!({ "path": ".env" }), &can);
        assert_eq!(refused["result"]["isError"], json!(true), "{can}: {refused}");
        assert_eq!(refused["result"]["resultType"], json!("complete"), "{can}: {refused}");
    }
    // Who names no kind shows forms.
    question(&served.call("read_file", &json!({ "path": ".env" }), &json!({ "elicitation": {} })));
}

#[test]
fn lines_are_told_to_who_wants_them() {
    let served = Served::new(&json!({}));
    for (level, lines) in [
        (None, 0),
        (Some("debug"), 4),
        (Some("info"), 4),
        (Some("warning"), 1),
        (Some("error"), 0),
    ] {
        let mut params = json!({ "name": "test_logging_tool", "arguments": {} });
        if let Some(level) = level {
            params["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
        }
        let (status, messages) = served.ask("tools/call", &params, &json!({}), "");
        let told = messages
            .iter()
            .filter(|message| message["method"] == json!("notifications/message"));
        assert_eq!((status, told.count()), (200, lines), "{level:?}: {messages:?}");
    }
}

#[test]
fn an_argument_that_is_also_a_header_has_to_be_the_same_there() {
    let served = Served::new(&json!({}));
    let params = json!({ "name": "test_header_argument", "arguments": { "region": "north" } });
    for (head, wanted) in [
        ("mcp-param-region: north\r\n", 200),
        ("mcp-param-region: =?base64?bm9ydGg=?=\r\n", 200),
        ("mcp-param-region: south\r\n", 400),
        ("", 400),
    ] {
        let (status, messages) = served.ask("tools/call", &params, &json!({}), head);
        assert_eq!(status, wanted, "{head}: {messages:?}");
    }
}

/// Where every request stands for itself, whoever closes its connection takes the call back.
#[test]
fn who_goes_away_takes_the_call_along() {
    let served = Served::new(&json!({ "a": "" }));
    for more in [json!({}), json!({ "progressToken": 1 })] {
        let arguments = json!({ "path": "a", "text": "late", "ms": 600_000 });
        let params = json!({ "name": "probe_append", "arguments": arguments, "_meta": more });
        let (head, body) = served.request("tools/call", &params, &json!({}), "");
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a server");
        let kinds = "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n";
        let length = body.len();
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\n{kinds}content-length: {length}\r\n{head}\r\n{body}"
        )
        .expect("a reader");
        // As long as it takes, and more, until the call holds the file.
        std::thread::sleep(Duration::from_millis(300));
        drop(stream);
        let write = json!({ "path": "a", "content": "mine" });
        let answer = served.call("write_file", &write, &json!({}));
        assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
    }
}

#[test]
fn sounds_and_documents_are_told_as_what_they_are() {
    let served = Served::new(&json!({}));
    let answer = served.call("test_audio_content", &json!({}), &json!({}));
    let sound = &answer["result"]["content"][0];
    assert_eq!(
        (&sound["type"], &sound["mimeType"]),
        (&json!("audio"), &json!("audio/wav")),
        "{answer}"
    );
    let answer = served.call("test_embedded_resource", &json!({}), &json!({}));
    let document = &answer["result"]["content"][0]["resource"];
    assert_eq!(
        document["text"],
        json!("This is an embedded resource content."),
        "{answer}"
    );
    let answer = served.call("probe_structured", &json!({ "data": {} }), &json!({}));
    let bytes = &answer["result"]["content"][3]["resource"];
    assert_eq!(
        (&bytes["blob"], &bytes["text"]),
        (&json!("BA=="), &Value::Null),
        "{answer}"
    );
}

#[test]
fn what_the_server_has_is_what_it_says() {
    let served = Served::new(&json!({}));
    let ask = |method: &str, params: Value| served.answer(method, &params, &json!({}));
    let told = ask("server/discover", json!({}));
    let capabilities = told["result"]["capabilities"].as_object().expect("capabilities");
    assert!(
        capabilities.contains_key("completions") && !capabilities.contains_key("prompts"),
        "{told}"
    );
    assert_eq!(ask("prompts/list", json!({}))["error"]["code"], json!(-32601));

    let listed = ask("resources/templates/list", json!({}));
    let template = listed["result"]["resourceTemplates"][0]["uriTemplate"].clone();
    assert_eq!(template, json!("toolyard://tools/{tool}"), "{listed}");
    let complete = |kind: Value, begun: &str| {
        ask(
            "completion/complete",
            json!({ "ref": kind, "argument": { "name": "tool", "value": begun } }),
        )
    };
    let ours = json!({ "type": "ref/resource", "uri": template });
    let found = complete(ours.clone(), "read_");
    assert_eq!(
        found["result"]["completion"]["values"],
        json!(["read_file", "read_files"]),
        "{found}"
    );
    assert_eq!(complete(ours, "no such")["result"]["completion"]["values"], json!([]));
    let prompt = json!({ "type": "ref/prompt", "name": "any" });
    assert_eq!(complete(prompt, "")["error"]["code"], json!(-32602));
    let unknown = json!({ "type": "ref/resource", "uri": "toolyard://other/{tool}" });
    assert_eq!(complete(unknown, "")["error"]["code"], json!(-32602));
}
