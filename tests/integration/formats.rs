//! A model's answers through a real host: what makes no sense is answered like everything else, and disturbs nobody. It must
//! not look at the forms themselves, which have tests beside them.

use serde_json::{Value, json};
use toolyard::formats::Format;
use toolyard_tests::{World, run};

#[test]
fn a_bad_call_disturbs_nobody() {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let host = world.host();
    let call = |id: &str, tool: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": tool, "arguments": arguments } });
    let calls = [
        call(
            "a",
            "edit_file",
            r#"{"path": "a.txt", "edits": [{"old_text": "one", "new_text": "two"}]}"#,
        ),
        call("b", "edit_file", r#"{"path": "a.txt", "edits": [{"old_text": "on"#),
        // The same id again, for something that would be a reference in a batch of the host's own.
        call("a", "hash", r#"{"text": {"$result": "a"}}"#),
        call("c", "raed_file", "{}"),
        call("d", "read_file", r#"{"path": "./a.txt"}"#),
        call("e", "list_dir", ""),
    ];
    let message = json!({ "role": "assistant", "content": null, "tool_calls": calls });
    let turn = Format::OpenAiChat.turn(&message).expect("an answer");
    let outcomes = run(&host, turn.calls());
    let results = turn.results(&outcomes);
    let told = |at: usize| results[at]["content"].as_str().unwrap_or_default();
    let ids: Vec<&Value> = results.iter().map(|result| &result["tool_call_id"]).collect();
    assert_eq!(ids, ["a", "b", "a", "c", "d", "e"]);
    assert!(!told(0).starts_with("error"), "{}", told(0));
    let broken = "error: invalid_arguments: edit_file: the arguments must be a JSON object, and are text that is no JSON: EOF while";
    assert!(told(1).starts_with(broken), "{}", told(1));
    assert!(
        told(2).starts_with("error: invalid_arguments: hash: text: {\"$result\":\"a\"} is not of type"),
        "{}",
        told(2)
    );
    assert!(told(3).contains("hint: did you mean read_file?"), "{}", told(3));
    assert_eq!(told(4), "two\n");
    assert!(told(5).contains("a.txt"), "{}", told(5));
    assert_eq!(world.read("a.txt"), "two\n");
}
