//! The persons behind several clients of one server, and what the server shows to each. It must not use the server's own
//! library to speak to it.

use super::serve::Served;
use serde_json::{Value, json};
use std::sync::Arc;
use toolyard_tests::World;

/// Makes a call that somebody is asked about: the call, and the question.
fn asked(served: &mut Served) -> (u64, Value) {
    let id = served.call("read_file", json!({ "path": ".env" }));
    let message = served.hear().expect("a message");
    assert_eq!(message["method"], json!("elicitation/create"), "{message}");
    (id, message["id"].clone())
}

fn says(served: &mut Served, question: &Value, word: &str) {
    let answer = json!({ "action": "accept", "content": { "allow": word } });
    served.say(&json!({ "jsonrpc": "2.0", "id": question, "result": answer }));
}

fn refused(answer: &Value) -> bool {
    answer["result"]["isError"] == json!(true)
}

#[test]
fn each_is_asked_and_answers_for_themselves() {
    let world = Arc::new(World::with(&json!({ ".env": "x" })));
    let start = || Served::start(Arc::clone(&world), &[], &json!({ "elicitation": {} }));
    let (mut one, mut other) = (start(), start());
    let (open, question) = asked(&mut one);
    // Meanwhile, beside it.
    let (id, theirs) = asked(&mut other);
    says(&mut other, &theirs, "never in this session");
    assert!(refused(&other.answer(id)));
    let id = other.call("read_file", json!({ "path": ".env" }));
    let next = other.hear().expect("a message");
    assert!(next["id"] == json!(id) && refused(&next), "it was asked again: {next}");
    says(&mut one, &question, "for this session");
    assert!(!refused(&one.answer(open)));
    let id = one.call("read_file", json!({ "path": ".env" }));
    let next = one.hear().expect("a message");
    assert!(next["id"] == json!(id) && !refused(&next), "it was asked again: {next}");
}

/// The log that is written is the one that is shown, also where no policy names it.
#[test]
fn an_audit_log_of_the_command_line_is_a_resource() {
    let uri = json!({ "uri": "toolyard://audit" });
    let mut without = Served::new(&json!({}));
    let id = without.ask("resources/read", &uri);
    assert!(without.answer(id).get("error").is_some());

    let world = World::with(&json!({ "a": "x" }));
    let file = world.outside().join("audit.jsonl");
    let file = file.to_str().expect("text").to_owned();
    let mut served = Served::start(world, &["--audit", &file], &json!({}));
    let id = served.call("read_file", json!({ "path": "a" }));
    served.answer(id);
    let id = served.ask("resources/list", &json!({}));
    let listed = served.answer(id)["result"]["resources"].to_string();
    assert!(listed.contains("toolyard://audit"), "{listed}");
    let id = served.ask("resources/read", &uri);
    let shown = served.answer(id)["result"]["contents"][0]["text"].clone();
    assert_eq!(shown, json!(std::fs::read_to_string(&file).expect("the log")));
    assert!(shown.as_str().is_some_and(|log| log.contains("read_file")), "{shown}");
}

/// The protocol's structured answers are objects: what a tool declares otherwise is not shown, and holds all the same.
#[test]
fn only_schemas_of_objects_are_shown() {
    let mut served = Served::new(&json!({}));
    let id = served.ask("tools/list", &json!({}));
    let tools = served.answer(id)["result"]["tools"].clone();
    let schema = |name: &str| {
        let tools = tools.as_array().into_iter().flatten();
        let mut named = tools.filter(|tool| tool["name"] == json!(name));
        named.next().expect("a tool")["outputSchema"].clone()
    };
    assert_eq!(schema("write_file")["type"], json!("object"));
    assert_eq!(schema("probe_http"), Value::Null);
}
