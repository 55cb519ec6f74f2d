//! A case is a file: a workspace, a batch, and what must come out of it, to the letter and without times.
//! With `UPDATE_EXPECT=1` the file's expectation is written anew; read the difference before you keep it.

use crate::world::{World, run, tree};
use serde_json::{Value, json};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;
use toolyard::{Access, Call, HostBuilder, When, report};

/// Runs the case in `file` and compares whole records.
///
/// # Panics
/// If anything differs from what the file says.
pub fn check_case(file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut case: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let found = play(&case);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        case["expect"] = found;
        fs::write(file, format!("{case:#}\n")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    let expect = &case["expect"];
    assert!(
        *expect == found,
        "{}: {}\nexpected: {expect:#}\nfound: {found:#}\n(UPDATE_EXPECT=1 writes what was found into the file)",
        file.display(),
        case["about"],
    );
}

/// What comes out of a case; with mounts, by both ways of looking paths up.
fn play(case: &Value) -> Value {
    let found = play_by(case, |builder| builder);
    if !case["mounts"].is_null() {
        let stepwise = play_by(case, HostBuilder::without_openat2);
        assert!(
            found == stepwise,
            "component by component: {stepwise:#}\nat once: {found:#}"
        );
    }
    found
}

fn play_by(case: &Value, how: impl FnOnce(HostBuilder) -> HostBuilder) -> Value {
    let world = World::with(&case["files"]);
    let mut builder = how(world.builder());
    let mut folders = Vec::new();
    for (name, mount) in case["mounts"].as_object().into_iter().flatten() {
        let folder = world.mount(name, &mount["files"]);
        let access = match mount["access"].as_str() {
            Some("write") => Access::Write,
            _ => Access::Read,
        };
        builder = builder.mount(name, &folder, access);
        folders.push((name.clone(), folder));
    }
    if let Some(policy) = case["policy"].as_str() {
        builder = builder.policy_text(policy);
    }
    if let Some(slots) = case["max_parallel"]
        .as_u64()
        .and_then(|slots| NonZeroUsize::new(slots as usize))
    {
        builder = builder.max_parallel(slots);
    }
    let host = builder.build().expect("a host");
    // Where a mount really is differs from run to run: `{name}` in a batch stands for it.
    let mut batch = case["batch"].to_string();
    for (name, folder) in &folders {
        batch = batch.replace(&format!("{{{name}}}"), &folder.display().to_string());
    }
    let batch: Value = serde_json::from_str(&batch).expect("JSON");
    let calls: Vec<Call> = batch.as_array().expect("a batch").iter().map(call).collect();
    let outcomes = run(&host, calls);
    let outside = fs::read_to_string(world.outside().join("secret.txt"));
    assert_eq!(
        outside.ok().as_deref(),
        Some("hidden content\n"),
        "the outside was touched"
    );
    let outcomes: Vec<Value> = outcomes
        .iter()
        .map(|outcome| without_times(report::outcome(outcome)))
        .map(|outcome| match case["waits_vary"].as_bool() {
            Some(true) => without(outcome, "waited_for"),
            _ => outcome,
        })
        .collect();
    let mut found = json!({ "outcomes": outcomes, "tree": world.tree() });
    for (name, folder) in &folders {
        found["mounts"][name] = tree(folder);
    }
    found
}

/// A call as a batch file writes it.
///
/// # Panics
/// If it names no tool.
#[must_use]
pub fn call(written: &Value) -> Call {
    let mut call = Call::new(written["tool"].as_str().expect("a tool"), written["arguments"].clone());
    call.id = written["id"].as_str().map(Into::into);
    call.after = written["after"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect();
    call.timeout = written["timeout_ms"].as_u64().map(Duration::from_millis);
    call.max_wait = written["max_wait_ms"].as_u64().map(Duration::from_millis);
    call.priority = i32::try_from(written["priority"].as_i64().unwrap_or(0)).expect("a small number");
    call.when = match &written["when"] {
        Value::Null => When::Ok,
        Value::String(word) if word == "ok" => When::Ok,
        Value::String(word) if word == "failed" => When::Failed,
        Value::String(word) if word == "always" => When::Always,
        when => When::Equals {
            id: when["id"].as_str().map(Into::into),
            path: when["path"].as_str().expect("a path").to_owned(),
            equals: when["equals"].clone(),
        },
    };
    call
}

/// An outcome as JSON without what differs from run to run.
#[must_use]
pub fn without_times(outcome: Value) -> Value {
    without(outcome, "timing")
}

fn without(mut outcome: Value, name: &str) -> Value {
    if let Some(fields) = outcome.as_object_mut() {
        fields.shift_remove(name);
    }
    outcome
}
