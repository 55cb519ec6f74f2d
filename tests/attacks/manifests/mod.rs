//! Attacks by manifests: broken ones, as data, and sound ones that lie. It must not test what a manifest's form allows;
//! the host's own tests do.

use crate::components::made::{Made, manifest};
use crate::ground::{alive, ended};
use crate::suite::Suite;
use serde_json::{Value, json};
use toolyard::{Call, Status};
use toolyard_tests::{World, repository, run};

mod grown;
mod lies;

const GROUP: &str = "manifests";

pub fn cases(suite: &mut Suite) {
    let text = std::fs::read_to_string(repository().join("tests/attacks/data/manifests.json")).expect("the table");
    let table: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    for case in table {
        suite.add(GROUP, case["name"].as_str().expect("a name").to_owned(), move || {
            left_out(&case)
        });
    }
    suite.add(GROUP, "duplicate tool over two plugins", duplicates);
    lies::cases(suite);
    suite.add(GROUP, "manifest changed since it was approved", grown::grown);
}

/// The good manifest that each broken one begins as.
fn good() -> Value {
    let mut good = manifest("bad", "bad_tool");
    good["tools"][0]["claims"] = json!([{ "path": { "from": "$.path" }, "access": "read", "scope": "file" }]);
    good
}

fn broken(case: &Value) -> Vec<u8> {
    if let Some(bytes) = case["bytes"].as_array() {
        return bytes.iter().filter_map(Value::as_u64).map(|byte| byte as u8).collect();
    }
    if let Some(text) = case["text"].as_str() {
        return text.into();
    }
    let mut broken = good();
    let tool = broken["tools"][0].clone();
    if let Some(place) = case["at"].as_str() {
        let long = case["repeat"]
            .as_str()
            .map(|part| json!(part.repeat(case["times"].as_u64().unwrap_or(0) as usize)));
        set(&mut broken, place, long.unwrap_or_else(|| case["value"].clone()));
    }
    if let Some((above, name)) = case["remove"].as_str().and_then(|place| place.rsplit_once('/')) {
        broken
            .pointer_mut(above)
            .and_then(Value::as_object_mut)
            .expect("an object")
            .remove(name);
    }
    if case["double"] == true {
        broken["tools"] = json!([tool, tool]);
    }
    if let Some(count) = case["tools"].as_u64() {
        broken["tools"] = json!(vec![tool.clone(); count as usize]);
    }
    if let Some(count) = case["claims"].as_u64() {
        broken["tools"][0]["claims"] = json!(vec![tool["claims"][0].clone(); count as usize]);
    }
    let mut text = broken.to_string();
    if let Some(depth) = case["nest"].as_u64() {
        let deep = format!(
            "{}{{}}{}",
            "{\"not\":".repeat(depth as usize),
            "}".repeat(depth as usize)
        );
        text = text.replace("{\"type\":\"string\"}", &deep);
    }
    if let Some(before) = case["before"].as_str() {
        text.replace_range(..1, before);
    }
    text.push_str(case["behind"].as_str().unwrap_or_default());
    text.into_bytes()
}

fn set(value: &mut Value, place: &str, new: Value) {
    let (above, name) = place.rsplit_once('/').expect("a place");
    match value.pointer_mut(above).expect("a place") {
        Value::Array(items) => items[name.parse::<usize>().expect("a number")] = new,
        other => other[name] = new,
    }
}

/// The plugin is left out with the reason and its place; everything else works, and the tool isn't there.
fn left_out(case: &Value) {
    let bytes = Made {
        manifest: broken(case),
        ..Made::default()
    }
    .bytes();
    let world = World::new();
    let host = world
        .builder()
        .without_standard_plugins()
        .component("bad.wasm", bytes)
        .build()
        .expect("a host");
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    let [problem] = &problems[..] else {
        panic!("{problems:?}")
    };
    assert!(
        problem.starts_with("bad.wasm: manifest: ") && problem.contains(case["error"].as_str().expect("an error")),
        "{problem}"
    );
    assert!(
        problem.len() < 1500 && !problem.contains('\u{1b}') && !problem.contains('\u{202e}'),
        "{problem}"
    );
    ended(
        &run(&host, vec![Call::new("bad_tool", json!({}))])[0],
        Status::NotFound,
        "unknown_tool",
    );
    alive(&host);
}

fn duplicates() {
    let world = World::new();
    let plugin = |name: &str, tool: &str| {
        Made {
            manifest: manifest(name, tool).to_string().into(),
            ..Made::default()
        }
        .bytes()
    };
    let builder = world
        .builder()
        .component("one.wasm", plugin("one", "same"))
        .component("two.wasm", plugin("two", "same"));
    let host = builder
        .component("three.wasm", plugin("three", "read_file"))
        .build()
        .expect("a host");
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems[0], "two.wasm: its tool same is already part of one.wasm");
    assert!(
        problems.len() == 2 && problems[1].starts_with("three.wasm: its tool read_file is already part of"),
        "{problems:?}"
    );
    assert_eq!(run(&host, vec![Call::new("same", json!({}))])[0].status, Status::Ok);
    alive(&host);
}
