//! Plugins that come, go and change while a host runs. It must not time anything: a server is asked until it has noticed.

use crate::serve::Served;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use toolyard::catalog::{Problem, STANDARD};
use toolyard::{Call, Host, HostBuilder, Reloaded, Status};
use toolyard_tests::{World, probe, repository, run};

/// The same component with other bytes: one more section, that nobody reads.
fn other(component: &[u8]) -> Vec<u8> {
    let mut bytes = component.to_vec();
    bytes.extend([0, 5, 4, b'm', b'o', b'r', b'e']);
    bytes
}

fn standard(name: &str) -> &'static [u8] {
    let found = STANDARD.iter().find(|(own, _)| *own == name);
    found.expect("a standard plugin").1
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) {
    std::fs::write(folder.path().join(name), bytes).expect("a file");
}

fn builder(world: &World, folder: &TempDir) -> HostBuilder {
    let builder = Host::builder().workspace(world.path()).plugins(folder.path());
    builder
        .cache(repository().join("target/test-cache"))
        .without_standard_plugins()
}

fn host(world: &World, folder: &TempDir) -> Host {
    builder(world, folder).build().expect("a host")
}

fn reloaded(host: &Host) -> Reloaded {
    host.reload().expect("what was claimed before").expect("a change")
}

#[test]
fn files_come_change_and_go() {
    let (world, folder) = (World::new(), tempfile::tempdir().expect("a folder"));
    put(&folder, "text.wasm", standard("text.wasm"));
    let host = host(&world, &folder);
    assert!(host.reload().expect("no change").is_none());
    let before = host.tools().len();

    put(&folder, "probe.wasm", &probe());
    put(&folder, "notes.txt", b"no plugin");
    let news = reloaded(&host);
    assert!(news.added.contains(&"probe_echo".to_owned()), "{news:?}");
    assert_eq!(
        (news.removed.len(), news.changed.len(), news.problems.len()),
        (0, 0, 0),
        "{news:?}"
    );
    assert_eq!(host.tools().len(), before + news.added.len());

    put(&folder, "text.wasm", &other(standard("text.wasm")));
    let news = reloaded(&host);
    assert!(news.changed.contains(&"hash".to_owned()), "{news:?}");
    assert!(!news.changed.contains(&"probe_echo".to_owned()), "{news:?}");

    std::fs::remove_file(folder.path().join("probe.wasm")).expect("a file");
    let news = reloaded(&host);
    assert!(news.removed.contains(&"probe_echo".to_owned()), "{news:?}");
    assert!(host.tool("probe_echo").is_none());
    assert!(host.reload().expect("no change").is_none());
}

#[test]
fn a_broken_file_leaves_what_was_there() {
    let (world, folder) = (World::new(), tempfile::tempdir().expect("a folder"));
    put(&folder, "text.wasm", standard("text.wasm"));
    let host = host(&world, &folder);
    let half = standard("text.wasm").len() / 2;
    put(&folder, "text.wasm", &standard("text.wasm")[..half]);
    put(&folder, "new.wasm", b"nonsense");
    let news = reloaded(&host);
    assert!(!news.any_tool(), "{news:?}");
    let broken = |problem: &Problem| matches!(problem, Problem::Read(_));
    assert_eq!(news.problems.len(), 2, "{news:?}");
    assert!(news.problems.iter().all(|error| broken(&error.problem)), "{news:?}");
    let outcome = run(&host, vec![Call::new("hash", json!({ "text": "x" }))]).remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
}

#[test]
fn a_running_call_keeps_its_plugin() {
    let (world, folder) = (World::with(&json!({ "a": "" })), tempfile::tempdir().expect("a folder"));
    put(&folder, "probe.wasm", &probe());
    let host = host(&world, &folder);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let append = |text: &str, ms: u64| Call::new("probe_append", json!({ "path": "a", "text": text, "ms": ms }));
    let outcomes = runtime.block_on(async {
        let batch = host
            .submit(vec![append("one", 300), append("two", 0)])
            .expect("a batch");
        while !host.status().iter().any(|call| call.started) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        std::fs::remove_file(folder.path().join("probe.wasm")).expect("a file");
        let news = reloaded(&host);
        assert!(!news.removed.is_empty(), "{news:?}");
        batch.outcomes().await
    });
    // The second one waited all the while, and goes on with what it came in under.
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:#?}"
    );
    assert_eq!(world.read("a"), "onetwo");
    let outcome = run(&host, vec![append("three", 0)]).remove(0);
    assert_eq!(outcome.status, Status::NotFound);
}

#[test]
fn claims_that_grew_are_held() {
    let (world, folder) = (World::new(), tempfile::tempdir().expect("a folder"));
    put(&folder, "text.wasm", standard("text.wasm"));
    let known = world.outside().join("known.json");
    let host = builder(&world, &folder)
        .remember_claims(&known)
        .build()
        .expect("a host");
    // It was remembered with fewer claims than it has now.
    let text = std::fs::read_to_string(&known).expect("what is remembered");
    let mut all: Value = serde_json::from_str(&text).expect("JSON");
    all["plugins"]["fs"] = json!({ "read_file": [] });
    std::fs::write(&known, all.to_string()).expect("a file");
    put(&folder, "fs.wasm", standard("fs.wasm"));
    assert!(reloaded(&host).added.contains(&"read_file".to_owned()));
    let outcome = run(&host, vec![Call::new("read_file", json!({ "path": "a" }))]).remove(0);
    assert_eq!(outcome.status, Status::Denied, "{outcome:?}");
    assert_eq!(outcome.error.expect("why").code, "claims_grew");
}

#[test]
fn clients_are_told() {
    let mut served = Served::start(World::new(), &[], &json!({}));
    let tools = |served: &mut Served| {
        let id = served.ask("tools/list", &json!({}));
        served.answer(id)["result"]["tools"].to_string()
    };
    assert!(tools(&mut served).contains("probe_echo"));
    let file: &Path = &served.plugins.path().join("probe.wasm");
    std::fs::remove_file(file).expect("a file");
    loop {
        let message = served.hear().expect("a message");
        if message["method"] == json!("notifications/tools/list_changed") {
            break;
        }
    }
    assert!(!tools(&mut served).contains("probe_echo"));
    std::fs::write(file, probe()).expect("a file");
    loop {
        let message = served.hear().expect("a message");
        if message["method"] == json!("notifications/tools/list_changed") {
            break;
        }
    }
    assert!(tools(&mut served).contains("probe_echo"));
}
