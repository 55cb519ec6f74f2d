//! Who comes at a bad moment. It must not time anything.

use super::{served, toolyard, world};
use crate::serve::Served;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use toolyard_tests::repository;

/// A plugin that was put there just now is no reason to be sent away: the server sees it in a moment, and so long one waits.
#[test]
fn a_plugin_that_has_just_been_built() {
    let world = world(&json!({}));
    let first = served(&world);
    let guest = repository().join("tests/guests/prebuilt/conformance.wasm");
    fs::copy(&guest, first.plugins.path().join("conformance.wasm")).expect("a plugin");
    let (mut command, plugins) = toolyard(&world, &["call", "probe_echo", "text=here"]);
    fs::copy(&guest, plugins.path().join("conformance.wasm")).expect("a plugin");
    let output = command.output().expect("the command");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("here"), "{said}");
}

/// A client whose server can't begin is told so where it listens.
#[test]
fn why_a_server_does_not_begin() {
    let world = world(&json!({}));
    let _first: Served = served(&world);
    for (name, text, word) in [
        (
            "other.toml",
            "[network]\nallow = [\"https://example.com\"]\n",
            "another policy",
        ),
        ("broken.toml", "[network\n", "broken.toml"),
    ] {
        world.add(&json!({ name: text }));
        let policy = world.path().join(name).display().to_string();
        let (mut command, _plugins) = toolyard(&world, &["serve", "--policy", &policy]);
        let mut child = command.spawn().expect("the command");
        let hello = json!({ "jsonrpc": "2.0", "id": "x", "method": "initialize", "params": {} });
        let mut input = child.stdin.take().expect("a pipe");
        writeln!(input, "{hello}").expect("a reader");
        let output = child.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect(&said);
        let why = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(answer["id"] == json!("x") && why.contains(word), "{answer}");
    }
}
