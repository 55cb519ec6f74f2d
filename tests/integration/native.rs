//! Closures beside components: they wait for each other, are judged, stopped and outlived. It must not fake a part.

use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use toolyard::{Call, CallError, Content, Host, NativeAnswer, NativePlugin, Status, What};
use toolyard_tests::{probe, repository, run};

fn manifest(tools: &[(&str, Value)]) -> String {
    let tools: Vec<Value> = tools
        .iter()
        .map(|(name, claims)| {
            json!({
                "name": name, "description": "A test's", "claims": claims,
                "input_schema": { "type": "object", "properties": { "path": { "type": "string" } } },
            })
        })
        .collect();
    json!({ "name": "own", "version": "1.0.0", "tools": tools }).to_string()
}

fn writes() -> Value {
    json!([{ "path": { "from": "$.path" }, "access": "write", "scope": "file" }])
}

fn host(folder: &Path, plugin: NativePlugin) -> Host {
    let cache = repository().join("target/test-cache");
    let builder = Host::builder().workspace(folder).cache(cache).without_browser();
    let host = builder
        .component("probe.wasm", probe())
        .native(plugin)
        .build()
        .expect("a host");
    assert!(host.problems().is_empty(), "{:?}", host.problems());
    host
}

fn failed(text: &str) -> CallError {
    CallError {
        code: "own".to_owned(),
        message: text.to_owned(),
        hint: None,
    }
}

#[test]
fn a_closure_and_components_wait_for_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("list.txt"), "").expect("a file");
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let plugin = NativePlugin::parse(manifest(&[("own_append", writes())])).expect("a manifest");
    let plugin = plugin.tool("own_append", move |call| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let given = call.arguments["path"].as_str().unwrap_or_default();
            let place = call.path(given).ok_or_else(|| failed("it is not held"))?;
            let before = std::fs::read_to_string(&place).map_err(|error| failed(&error.to_string()))?;
            // Whoever came in here would be lost.
            tokio::time::sleep(Duration::from_millis(2)).await;
            std::fs::write(&place, format!("{before}closure\n")).map_err(|error| failed(&error.to_string()))?;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(NativeAnswer::from("done"))
        }
    });
    let host = host(folder.path(), plugin);
    let calls = (0..40).map(|at| match at % 2 {
        0 => Call::new("own_append", json!({ "path": "./sub/../list.txt" })),
        _ => Call::new("probe_append", json!({ "path": "list.txt", "text": "component\n" })),
    });
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    let outcomes = run(&host, calls.collect());
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:#?}"
    );
    let text = std::fs::read_to_string(folder.path().join("list.txt")).expect("a file");
    assert_eq!(text, "closure\ncomponent\n".repeat(20));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn what_is_not_held_has_no_path() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a"), "").expect("a file");
    let plugin = NativePlugin::parse(manifest(&[("own_look", writes())])).expect("a manifest");
    let plugin = plugin.tool("own_look", |call| async move {
        let known = |path: &str| call.path(path).is_some();
        Ok(json!({ "a": known("a"), "dot": known("./a"), "b": known("b"), "up": known("../a"), "root": known(""), "etc": known("/etc") }).into())
    });
    let host = host(folder.path(), plugin);
    let outcomes = run(&host, vec![Call::new("own_look", json!({ "path": "a" }))]);
    let expect = json!({ "a": true, "dot": true, "b": false, "up": false, "root": false, "etc": false });
    assert_eq!(outcomes[0].structured, Some(expect), "{outcomes:#?}");
}

#[test]
fn every_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let tools = ["own_fails", "own_panics", "own_sleeps", "own_floods", "own_spins"];
    let declared: Vec<(&str, Value)> = tools.iter().map(|name| (*name, writes())).collect();
    let plugin = NativePlugin::parse(manifest(&declared)).expect("a manifest");
    let plugin = plugin
        .tool("own_fails", |_| async { Err(failed("it says no")) })
        .tool("own_panics", |_| async { panic!("a closure's own mistake") })
        .tool("own_sleeps", |_| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(NativeAnswer::default())
        })
        .tool("own_floods", |_| async { Ok("x".repeat(64 << 20).into()) })
        .tool("own_spins", |_| async {
            loop {
                tokio::task::yield_now().await;
            }
        });
    let host = host(folder.path(), plugin);
    let call = |tool: &str, ms| {
        let mut call = Call::new(tool, json!({ "path": "a" }));
        call.timeout = Some(Duration::from_millis(ms));
        call
    };
    let outcomes = run(
        &host,
        vec![
            call("own_fails", 60_000),
            call("own_panics", 60_000),
            call("own_sleeps", 30),
            call("own_floods", 60_000),
            call("own_spins", 30),
            Call::new("write_file", json!({ "path": "a", "content": "free" })),
        ],
    );
    let ends: Vec<(Status, &str)> = outcomes
        .iter()
        .map(|outcome| {
            (
                outcome.status,
                outcome.error.as_ref().map_or("", |error| error.code.as_str()),
            )
        })
        .collect();
    let expect = [
        (Status::Failed, "own"),
        (Status::Trapped, "panic"),
        (Status::Timeout, "timeout"),
        (Status::Limit, "output"),
        (Status::Timeout, "timeout"),
        (Status::Ok, ""),
    ];
    assert_eq!(ends, expect, "{outcomes:#?}");
    assert_eq!(host.status(), []);
}

#[test]
fn one_that_is_taken_back_has_stopped() {
    struct Leaves(Arc<AtomicUsize>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let left = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&left);
    let plugin = NativePlugin::parse(manifest(&[("own_sleeps", writes())])).expect("a manifest");
    let plugin = plugin.tool("own_sleeps", move |_| {
        let leaves = Leaves(Arc::clone(&counted));
        async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(leaves);
            Ok(NativeAnswer::default())
        }
    });
    let host = host(folder.path(), plugin);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcomes = runtime.expect("a runtime").block_on(async {
        let batch = host.submit(vec![Call::new("own_sleeps", json!({ "path": "a" })).with_id("it")]);
        let batch = batch.expect("a batch");
        while !host.status().iter().any(|call| call.started) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        batch.cancel_call(&"it".into());
        batch.outcomes().await
    });
    assert_eq!(outcomes[0].status, Status::Cancelled);
    assert_eq!(left.load(Ordering::SeqCst), 1);
}

#[test]
fn it_is_judged_and_heard() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = NativePlugin::parse(manifest(&[("own_counts", writes())])).expect("a manifest");
    let plugin = plugin.tool("own_counts", |call| async move {
        call.progress(1, Some(2), "half");
        Ok(Content::Image {
            media_type: "image/png".to_owned(),
            data: vec![1, 2, 3],
        }
        .into())
    });
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listens = Arc::clone(&heard);
    let builder = Host::builder()
        .workspace(folder.path())
        .without_standard_plugins()
        .without_cache();
    let host = builder
        .policy_text("[files]\nwrite = [\"out/**\"]\n")
        .observer(Arc::new(move |event| {
            if let What::Progress { message, .. } = &event.what {
                listens.lock().expect("a lock").push(message.clone());
            }
        }))
        .native(plugin)
        .build()
        .expect("a host");
    let calls = ["out/a", "b"].map(|path| Call::new("own_counts", json!({ "path": path })));
    let outcomes = run(&host, calls.to_vec());
    assert_eq!(outcomes[0].status, Status::Ok, "{outcomes:#?}");
    assert_eq!(outcomes[1].status, Status::Denied, "{outcomes:#?}");
    assert!(host.settle_events(Duration::from_secs(10)));
    assert_eq!(*heard.lock().expect("a lock"), ["half"]);
}

#[test]
fn a_closure_too_few_or_too_many() {
    let folder = tempfile::tempdir().expect("a folder");
    let parse = || NativePlugin::parse(manifest(&[("own_a", json!([]))])).expect("a manifest");
    let none = parse();
    let other = parse()
        .tool("own_a", |_| async { Ok(NativeAnswer::default()) })
        .tool("own_b", |_| async { Ok(NativeAnswer::default()) });
    for (plugin, expect) in [
        (none, "own_a is declared and has no closure"),
        (other, "own_b has a closure"),
    ] {
        let builder = Host::builder()
            .workspace(folder.path())
            .without_standard_plugins()
            .without_cache();
        let host = builder.native(plugin).build().expect("a host");
        let told: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|text| text.contains(expect)), "{told:?}");
        assert_eq!(host.tools().len(), 0);
    }
    assert!(NativePlugin::parse("{}").is_err());
}
