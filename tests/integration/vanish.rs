//! Clients that are gone without a word. It must not wait for what nobody waits for.

use crate::serve::command;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use toolyard_tests::World;

#[test]
fn a_client_that_vanishes_takes_its_calls_along() {
    let world = World::with(&json!({ "a": "x" }));
    let (mut command, _plugins) = command(&world, &[]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("the command");
    let mut input = child.stdin.take().expect("a pipe");
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
    let long =
        json!({ "name": "probe_sleep", "arguments": { "path": "a", "ms": 600_000 }, "_meta": { "progressToken": 1 } });
    for (id, method, params) in [
        (1, "initialize", hello),
        (2, "tools/call", long),
        // Answered in turn, and so when the call has been taken in.
        (3, "resources/list", json!({})),
    ] {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writeln!(input, "{message}").expect("a reader");
        if id == 1 {
            let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            writeln!(input, "{ready}").expect("a reader");
        }
    }
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("\"id\":3") {
        line.clear();
        assert!(output.read_line(&mut line).expect("text") > 0, "it ended");
    }
    // Nobody hears the answer: what would have taken ten minutes is taken back, and the server ends.
    drop((input, output));
    assert!(child.wait().expect("an end").success());
}
