//! The tools over a script, natively, and the parts that they stand on.
//!
//! They must not reach the network.

mod fetch;
mod many;
mod parts;
mod search;

use toolyard_sdk::http::Headers;
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::from_str;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

#[test]
fn the_manifest_claims_what_the_tools_reach() {
    let manifest: Value = from_str(crate::toolyard_manifest()).unwrap();
    let claims = manifest["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["claims"].clone());
    let get =
        |from: &str, methods: Value| json!({ "network": { "from": from }, "methods": methods, "redirects": true });
    let mut fetch = get("$.url", json!(["GET", "HEAD", "POST"]));
    fetch["method"] = json!("$.method");
    let expected = vec![
        json!([
            fetch,
            { "path": { "from": "$.save_to" }, "access": "write", "scope": "file" },
        ]),
        json!([get("$.urls[*]", json!(["GET"]))]),
        json!([get("$.endpoints[*].url", json!(["GET"]))]),
    ];
    assert_eq!(claims.collect::<Vec<_>>(), expected);
}

#[test]
fn outside_of_a_component_nothing_is_sent() {
    let arguments = json!({ "url": "http://127.0.0.1:9/" }).to_string();
    let failure = crate::toolyard_call("fetch", &arguments).err().unwrap();
    assert_eq!(failure.code(), "unreachable");
}
