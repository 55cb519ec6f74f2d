//! Calls to the tools as the host makes them, natively.
//!
//! They must not look at anything but arguments and answers.

use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::from_str;

fn text(tool: &str, arguments: Value) -> String {
    match crate::toolyard_call(tool, &arguments.to_string()) {
        Ok(output) => output.to_text(),
        Err(failure) => format!("{}: {failure}", failure.code()),
    }
}

#[test]
fn the_manifest_is_json_without_claims() {
    let manifest: Value = from_str(crate::toolyard_manifest()).expect("JSON");
    let claims = manifest["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| tool["claims"].clone());
    assert_eq!(claims.collect::<Vec<_>>(), vec![json!([]); 3]);
    assert_eq!(manifest["name"], "text");
}

#[test]
fn json_query_takes_a_value_or_its_text() {
    let document = json!({ "items": [{ "name": "pen", "price": 3 }, { "name": "lamp", "price": 30 }] });
    let query = "$.items[?@.price < 10].name";
    let expected = "$['items'][0]['name']: \"pen\"";
    assert_eq!(
        text("json_query", json!({ "json": document, "query": query })),
        expected
    );
    assert_eq!(
        text("json_query", json!({ "json": document.to_string(), "query": query })),
        expected
    );
    let long = "$.items[?length(@.name) > 3 && match(@.name, 'l.*')].price";
    assert_eq!(
        text("json_query", json!({ "json": document, "query": long })),
        "$['items'][1]['price']: 30"
    );
    assert_eq!(text("json_query", json!({ "json": 1, "query": "$.a" })), "no match");
    assert!(text("json_query", json!({ "json": "{", "query": "$" })).starts_with("invalid_json: "));
    assert!(text("json_query", json!({ "json": 1, "query": "items" })).starts_with("invalid_query: "));
}

#[test]
fn diff_is_unified() {
    let arguments = json!({ "old": "a\nb\nc\n", "new": "a\nB\nc\n", "context": 1 });
    let expected = "--- old\n+++ new\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n";
    assert_eq!(text("diff", arguments), expected);
    assert_eq!(text("diff", json!({ "old": "a\n", "new": "a\n" })), "no difference");
}

#[test]
fn hash_knows_its_algorithms() {
    let hash = |algorithm: &str| text("hash", json!({ "text": "abc", "algorithm": algorithm }));
    assert_eq!(text("hash", json!({ "text": "abc" })), hash("sha256"));
    assert_eq!(
        hash("sha256"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(hash("sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(hash("md5"), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(
        hash("blake3"),
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    );
    assert!(hash("sha512").starts_with("ddaf35a193617aba"));
    assert!(hash("rot13").starts_with("invalid_arguments: the argument `algorithm`: "));
}
