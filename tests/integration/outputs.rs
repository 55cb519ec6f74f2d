//! Structured answers against what tools have declared. It must not fake a part.

use crate::probes::check;
use crate::serve::{Served, text};
use serde_json::{Value, json};
use toolyard::{Call, NativeAnswer, NativePlugin, Status};
use toolyard_tests::{World, repository, run};

/// The plugin for files, with another word in its declaration of the same length.
fn altered(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let file = repository().join("plugins/prebuilt/fs.wasm");
    let mut bytes = std::fs::read(file).expect("a component");
    let fits = |at: &usize| bytes[*at..].starts_with(from.as_bytes());
    let places: Vec<usize> = (0..bytes.len()).filter(fits).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn an_answer_of_another_kind_fails_its_call_and_writes_nothing() {
    let world = World::with(&json!({ "a.txt": "old\n" }));
    let said = r#""created":{"type":"boolean","description":"Whether the file is new."}"#;
    let component = altered(said, &said.replace("boolean", "integer"));
    let builder = world.builder().without_standard_plugins();
    let host = builder.component("fs.wasm", component).build().expect("a host");
    assert!(host.problems().is_empty(), "{:?}", host.problems());
    let write = Call::new("write_file", json!({ "path": "a.txt", "content": "new\n" }));
    let read = Call::new("read_file", json!({ "path": "a.txt" }));
    let outcomes = run(&host, vec![write, read]);
    check(&outcomes[0], Status::Failed, "output_mismatch");
    let error = outcomes[0].error.as_ref().expect("an error");
    let words = ["write_file", "created", "integer"];
    assert!(words.iter().all(|word| error.message.contains(word)), "{error:?}");
    assert!(outcomes[0].structured.is_none() && outcomes[0].content.is_empty());
    assert_eq!(
        (outcomes[1].status, world.read("a.txt")),
        (Status::Ok, "old\n".to_owned())
    );
}

#[test]
fn closures_are_held_to_it_too() {
    let tool = |name: &str, schema: Value| json!({ "name": name, "description": "A test's", "input_schema": { "type": "object" }, "output_schema": schema });
    let number = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let tools = ["own_fits", "own_differs", "own_silent", "own_fails"].map(|name| tool(name, number.clone()));
    let manifest = json!({ "name": "own", "version": "1.0.0", "tools": tools });
    let plugin = NativePlugin::parse(manifest.to_string()).expect("a manifest");
    let plugin = plugin
        .tool("own_fits", |_| async { Ok(json!({ "n": 1 }).into()) })
        .tool("own_differs", |_| async { Ok(json!({ "n": "one" }).into()) })
        .tool("own_silent", |_| async { Ok(NativeAnswer::from("one")) })
        .tool("own_fails", |_| async {
            let (code, message) = ("own".to_owned(), "no".to_owned());
            Err(toolyard::CallError {
                code,
                message,
                hint: None,
            })
        });
    let host = World::new().builder().native(plugin).build().expect("a host");
    let call = |tool: &str| run(&host, vec![Call::new(tool, json!({}))]).remove(0);
    let fits = call("own_fits");
    assert_eq!((fits.status, fits.structured), (Status::Ok, Some(json!({ "n": 1 }))));
    for (tool, word) in [("own_differs", "n: "), ("own_silent", "no structured answer")] {
        let outcome = call(tool);
        check(&outcome, Status::Failed, "output_mismatch");
        let message = &outcome.error.as_ref().expect("an error").message;
        assert!(message.contains(tool) && message.contains(word), "{message}");
    }
    check(&call("own_fails"), Status::Failed, "own");
}

/// Clients show a model either the structured answer or the words: each of them is all of it.
#[test]
fn a_structured_answer_has_the_words_too() {
    let mut served = Served::new(&json!({ "a": "one\ntwo\n" }));
    let id = served.call("read_files", json!({ "paths": ["a"] }));
    let result = served.answer(id)["result"].clone();
    let words = result["structuredContent"]["text"].as_str().unwrap_or_default();
    assert!(words.contains("one\ntwo") && words == text(&result), "{result}");
    let id = served.ask("tools/list", &json!({}));
    let tools = served.answer(id)["result"]["tools"].clone();
    let tools = tools.as_array().expect("tools");
    for tool in tools.iter().filter(|tool| tool["outputSchema"].is_object()) {
        assert!(tool["outputSchema"]["properties"]["text"].is_object(), "{tool}");
    }
}
