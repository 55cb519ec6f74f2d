//! Attacks on and by the browser: pages that reach for what nobody granted, guests that use more than they claimed, and
//! pages that are hostile to whoever looks at them. Real browsers, servers on loopback. It must not leave this machine.

mod routes;
mod server;
mod ways;

use crate::ground::Ground;
use crate::suite::{End, Suite};
use serde_json::{Value, json};
use server::Server;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toolyard::{Content, Outcome, Status};
use toolyard_tests::World;
use toolyard_tests::web::Names;

pub const GROUP: &str = "browser";

pub fn cases(suite: &mut Suite) {
    routes::cases(suite);
}

/// Adds a case, if this machine has a browser for it.
fn add<E: Into<End>>(suite: &mut Suite, name: &str, run: impl Fn() -> E + 'static) {
    suite.add(GROUP, name, move || -> End {
        let end = run().into();
        no_trace();
        end
    });
}

/// A policy under which every session may be used, and these servers on loopback.
fn policy(servers: &[&str]) -> String {
    let lines: Vec<String> = servers
        .iter()
        .map(|url| format!("{{ host = {url:?}, addresses = [\"127.0.0.0/8\"] }}"))
        .collect();
    format!(
        "[browser]\nsessions = [\"*\"]\nrights = [\"evaluate\", \"storage\"]\n[network]\nallow = [{}]\n",
        lines.join(", ")
    )
}

/// A host with browsers, and names that lead where it says.
fn ground_with(policy: &str, names: &[(&str, &[&str])]) -> (Ground, Arc<Names>) {
    let names = Names::new(names);
    let resolver = Arc::clone(&names);
    let ground = Ground::of(World::with(&json!({ "a.txt": "a\n" })), |builder| {
        builder.policy_text(policy).resolver(resolver)
    });
    (ground, names)
}

/// A host with browsers that may reach these servers.
fn ground(servers: &[&Server]) -> Ground {
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    ground_with(&policy(&urls.iter().map(String::as_str).collect::<Vec<_>>()), &[]).0
}

/// What the probe says of each operation.
fn got(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    match outcome.content.first() {
        Some(Content::Json(Value::Array(got))) => got.clone(),
        other => panic!("{other:?}"),
    }
}

/// Tries operations with one of the probes: how each went.
fn tries(ground: &Ground, tool: &str, urls: &[&str], ops: &[Value]) -> Vec<Value> {
    got(&ground.call(tool, json!({ "urls": urls, "ops": ops })))
}

/// The same, each of which must go well: what they returned.
fn well(ground: &Ground, tool: &str, urls: &[&str], ops: &[Value]) -> Vec<String> {
    let got = tries(ground, tool, urls, ops);
    let bad: Vec<_> = got.iter().zip(ops).filter(|(got, _)| got["ok"] != true).collect();
    assert!(bad.is_empty(), "{bad:?}");
    got.iter()
        .map(|got| got["value"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn navigate(tab: &str, url: &str) -> Value {
    json!({ "op": "navigate", "tab": tab, "text": url, "ms": 15_000 })
}

/// How each went, in a word.
fn words(got: &[Value]) -> Vec<&str> {
    got.iter()
        .map(|got| match got["ok"].as_bool() {
            Some(true) => "ok",
            _ => got["error"].as_str().unwrap_or("?"),
        })
        .collect()
}

/// The folders of profiles of this process' hosts.
fn profiles() -> Vec<PathBuf> {
    let user = std::fs::metadata("/proc/self").map_or(0, |own| std::os::unix::fs::MetadataExt::uid(&own));
    let base = std::env::temp_dir().join(format!("toolyard-browsers-{user}"));
    let begin = format!("{}-", std::process::id());
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin));
    ours.map(|entry| entry.path()).collect()
}

/// The processes that this one has started, and those that they have.
fn children() -> Vec<u32> {
    let mut all = Vec::new();
    let parent = |id: u32| -> Option<u32> {
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        text.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .collect();
    let own = std::process::id();
    let mut known = vec![own];
    loop {
        let next: Vec<u32> = ids
            .iter()
            .copied()
            .filter(|id| !known.contains(id) && parent(*id).is_some_and(|parent| known.contains(&parent)))
            .collect();
        if next.is_empty() {
            return all;
        }
        known.extend(&next);
        all.extend(next);
    }
}

/// No process and no folder is left of any browser: they are given a moment.
fn no_trace() {
    let begun = std::time::Instant::now();
    loop {
        let (processes, folders) = (children(), profiles());
        if processes.is_empty() && folders.is_empty() {
            return;
        }
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(10),
            "left behind: {processes:?} {folders:?}"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn temporary(path: &Path) -> bool {
    path.starts_with(std::env::temp_dir())
}
