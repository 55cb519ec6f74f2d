//! Attacks over the network: servers that were not granted, names that lie, requests that mean two things, servers that
//! never end, and secrets that must not show. It must not leave this machine.

mod bodies;
mod reach;
mod secrets;
mod spellings;

use crate::ground::Ground;
use crate::suite::Suite;
use serde_json::{Value, json};
use toolyard::{Content, Outcome, Status};
use toolyard_tests::World;
use toolyard_tests::web::{Names, Server};

pub const GROUP: &str = "network";

pub fn cases(suite: &mut Suite) {
    reach::cases(suite);
    spellings::cases(suite);
    bodies::cases(suite);
    secrets::cases(suite);
}

/// A host whose policy is this text, and whose names are these.
fn ground(policy: &str, names: &[(&str, &[&str])]) -> (Ground, std::sync::Arc<Names>) {
    let names = Names::new(names);
    let resolver = std::sync::Arc::clone(&names);
    let ground = Ground::of(World::with(&json!({ "a.txt": "a\n" })), |builder| {
        builder.policy_text(policy).resolver(resolver)
    });
    (ground, names)
}

/// A policy that allows these rules.
fn allow(rules: &[&str]) -> String {
    format!("[network]\nallow = [{}]", rules.join(", "))
}

/// What the probe says of each request.
fn got(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    match outcome.content.first() {
        Some(Content::Json(Value::Array(got))) => got.clone(),
        other => panic!("{other:?}"),
    }
}

/// Sends these requests under grants for `urls`.
fn requests(ground: &Ground, urls: &[&str], ops: &[Value]) -> Vec<Value> {
    got(&ground.call("probe_http", json!({ "urls": urls, "ops": ops })))
}

/// How each went, in a word: the status, or the error.
fn words(got: &[Value]) -> Vec<String> {
    let word = |one: &Value| match one["ok"].as_bool() {
        Some(true) => one["status"].to_string(),
        _ => one["error"].as_str().unwrap_or("?").to_owned(),
    };
    got.iter().map(word).collect()
}

/// The host still reaches a good server.
fn good(ground: &Ground, server: &Server) {
    let url = format!("{}/hello", server.url());
    let got = requests(ground, &[&url], &[json!({ "url": url })]);
    assert_eq!(words(&got), ["200"], "{got:?}");
    assert_eq!(got[0]["body"], "hello");
}
