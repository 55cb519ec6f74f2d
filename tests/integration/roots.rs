//! Folders that clients bring along: mounted as far as the policy lets them, for as long as a client has them. It must not use
//! the server's own library to speak to it.

use crate::serve::{Served, text};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toolyard::call::{Access, Content};
use toolyard::host::RootError;
use toolyard::{Call, Host, Status};
use toolyard_tests::{World, run};

/// A workspace whose policy allows every folder below `read` and `write`, and these folders.
fn world() -> (World, PathBuf) {
    let world = World::with(&json!({ "own": "own" }));
    let around = world.outside().canonicalize().expect("a folder").join("around");
    for folder in [
        "read/docs",
        "write/one",
        "write/one/inner",
        "write/two",
        "write/one-more",
        "other",
    ] {
        fs::create_dir_all(around.join(folder)).expect("a folder");
        fs::write(around.join(folder).join("a"), folder).expect("a file");
    }
    let policy = format!(
        "[[roots]]\npath = {:?}\naccess = \"read\"\n[[roots]]\npath = {:?}\naccess = \"write\"\n",
        around.join("read"),
        around.join("write")
    );
    world.add(&json!({ "toolyard.toml": policy }));
    (world, around)
}

fn call(host: &Host, tool: &str, arguments: Value) -> (Status, String) {
    let outcome = run(host, vec![Call::new(tool, arguments)]).remove(0);
    let error = outcome.error.as_ref().map(|error| error.message.clone());
    let text = outcome.content.iter().map(|piece| match piece {
        Content::Text(text) => text.as_str(),
        _ => "",
    });
    (outcome.status, error.unwrap_or_else(|| text.collect()))
}

fn read(host: &Host, path: &str) -> (Status, String) {
    call(host, "read_file", json!({ "path": path }))
}

#[test]
fn as_far_as_the_policy_says() {
    let (world, around) = world();
    let host = world.host();
    let one = host.mount_root(&around.join("write/one")).expect("a mount");
    assert_eq!(
        (one.place().to_string(), one.access()),
        ("/one".to_owned(), Access::Write)
    );
    assert_eq!(read(&host, "/one/a"), (Status::Ok, "write/one".to_owned()));
    // As the client spells it.
    let spelled = around.join("write/one/a");
    assert_eq!(read(&host, &spelled.display().to_string()).0, Status::Ok);
    assert_eq!(
        call(&host, "write_file", json!({ "path": "/one/new", "content": "x" })).0,
        Status::Ok
    );
    assert_eq!(fs::read_to_string(around.join("write/one/new")).expect("a file"), "x");
    // What the lists refuse, they refuse there, too.
    fs::write(around.join("write/one/.env"), "secret").expect("a file");
    assert_eq!(read(&host, "/one/.env").0, Status::Denied);

    let docs = host.mount_root(&around.join("read/docs")).expect("a mount");
    assert_eq!(
        (docs.place().to_string(), docs.access()),
        ("/docs".to_owned(), Access::Read)
    );
    assert_eq!(read(&host, "/docs/a").0, Status::Ok);
    assert_eq!(
        call(&host, "write_file", json!({ "path": "/docs/new", "content": "x" })).0,
        Status::Denied
    );
    assert!(!around.join("read/docs/new").exists());
    let mounts = [("one".to_owned(), Access::Write), ("docs".to_owned(), Access::Read)];
    assert_eq!(host.mounts(), mounts);

    drop((one, docs));
    assert_eq!(host.mounts(), []);
    assert_eq!(read(&host, "/one/a").0, Status::Denied);
}

#[test]
fn and_no_further() {
    let (world, around) = world();
    let host = world.host();
    std::os::unix::fs::symlink(around.join("other"), around.join("write/link")).expect("a link");
    let refused = |folder: &Path| host.mount_root(folder).expect_err("a refusal");
    assert!(matches!(refused(&around.join("other")), RootError::NotAllowed(_)));
    // Where it is, and not how it is spelled.
    assert!(matches!(refused(&around.join("write/link")), RootError::NotAllowed(_)));
    assert!(matches!(
        refused(&around.join("write/../other")),
        RootError::NotAllowed(_)
    ));
    assert!(matches!(refused(Path::new("/")), RootError::NotAllowed(_)));
    assert!(matches!(refused(Path::new("write/one")), RootError::Relative(_)));
    assert!(matches!(refused(&around.join("write/nothing")), RootError::Open(..)));
    assert!(matches!(refused(&around.join("write/one/a")), RootError::Open(..)));
    assert_eq!(host.mounts(), []);
    // The workspace is there already, and so is what is in it.
    let own = host.mount_root(&world.path()).expect("a place");
    assert_eq!(own.place().to_string(), ".");
    assert_eq!(host.mounts(), []);
}

/// A folder has one name, whoever brings it along, and as long as somebody has it.
#[test]
fn one_place_has_one_name() {
    let (world, around) = world();
    let host = world.host();
    let one = around.join("write/one");
    let first = host.mount_root(&one).expect("a mount");
    let second = host.mount_root(&one).expect("a mount");
    assert_eq!(first.place(), second.place());
    let inner = host.mount_root(&one.join("inner")).expect("a place");
    assert_eq!(inner.place().to_string(), "/one/inner");
    // It would hold what has a name.
    assert!(matches!(
        host.mount_root(&around.join("write")),
        Err(RootError::Mount(_))
    ));
    drop((first, second));
    assert_eq!(read(&host, "/one/inner/a").0, Status::Ok, "somebody is in it");
    drop(inner);
    assert_eq!(host.mounts(), []);
    // Another folder that is called the same has another name.
    fs::create_dir_all(around.join("write/two/one")).expect("a folder");
    let other = host.mount_root(&around.join("write/two/one")).expect("a mount");
    assert_eq!(other.place().to_string(), "/one_1");
    let again = host.mount_root(&one).expect("a mount");
    assert_eq!(again.place().to_string(), "/one");
}

/// Who came in before a mount went still works in it, and nobody works in the same place under another name.
#[test]
fn calls_keep_what_they_came_in_under() {
    let (world, around) = world();
    let host = world.host();
    let one = host.mount_root(&around.join("write/one")).expect("a mount");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let append = json!({ "path": "/one/log", "text": "x", "ms": 300 });
        let batch = host.submit(vec![
            Call::new("probe_append", append.clone()),
            Call::new("probe_append", append),
        ]);
        drop(one);
        let above = host.mount_root(&around.join("write"));
        assert!(matches!(above, Err(RootError::Busy(_))), "{above:?}");
        let outcomes = batch.expect("a batch").outcomes().await;
        assert!(
            outcomes.iter().all(|outcome| outcome.status == Status::Ok),
            "{outcomes:?}"
        );
    });
    assert_eq!(fs::read_to_string(around.join("write/one/log")).expect("a file"), "xx");
    // A call lets go of it a moment after its outcome is told.
    let above = loop {
        match host.mount_root(&around.join("write")) {
            Err(RootError::Busy(_)) => std::thread::sleep(Duration::from_millis(5)),
            mount => break mount.expect("a mount"),
        }
    };
    assert_eq!(above.place().to_string(), "/write");
    assert_eq!(read(&host, "/write/one/log"), (Status::Ok, "xx".to_owned()));
}

/// Files of the host's own are nobody's, wherever a client brings them along.
#[test]
fn not_what_the_host_trusts() {
    let (world, around) = world();
    let policy = around.join("write/one/policy.toml");
    fs::write(&policy, world.read("toolyard.toml")).expect("a file");
    let log = around.join("write/two/audit.jsonl");
    let host = world.builder().policy(&policy).audit(&log).build().expect("a host");
    let _one = host.mount_root(&around.join("write/one")).expect("a mount");
    assert_eq!(
        call(
            &host,
            "write_file",
            json!({ "path": "/one/policy.toml", "content": "x" })
        )
        .0,
        Status::Denied
    );
    assert!(matches!(
        host.mount_root(&around.join("write/two")),
        Err(RootError::HoldsAudit(_))
    ));
}

/// Answers the server's question for folders, and tells what it says on the way there.
fn tell_roots(served: &mut Served, folders: &[&Path]) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let message = served.hear().expect("a question");
        if message["method"] == json!("roots/list") {
            let roots: Vec<Value> = folders
                .iter()
                .map(|folder| json!({ "uri": format!("file://{}", folder.display()) }))
                .collect();
            served.say(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "roots": roots } }));
            return said;
        }
        said.push(message["params"]["data"].to_string());
    }
}

#[test]
fn over_the_protocol() {
    let (world, around) = world();
    let (one, other) = (around.join("write/one"), around.join("other"));
    let mut served = Served::start(world, &[], &json!({ "roots": { "listChanged": true } }));
    // All of these wait for the answer, and go on in their order.
    let ids: Vec<u64> = (0..20)
        .map(|at| {
            served.call(
                "probe_append",
                json!({ "path": "/one/log", "text": format!("{at};"), "ms": 0 }),
            )
        })
        .collect();
    tell_roots(&mut served, &[&one, &other]);
    let told = served.hear().expect("a word");
    let text_of = told["params"]["data"].as_str().unwrap_or_default();
    assert!(
        text_of.contains("other is not mounted") && text_of.contains("[[roots]]"),
        "{told}"
    );
    for result in served.results(&ids) {
        assert_eq!(result["isError"], json!(false), "{result}");
    }
    let all: String = (0..20).map(|at| format!("{at};")).collect();
    assert_eq!(fs::read_to_string(one.join("log")).expect("a file"), all);
    let id = served.ask("resources/read", &json!({ "uri": "toolyard://folders" }));
    let folders = served.answer(id)["result"]["contents"][0]["text"].clone();
    let folders: Value = serde_json::from_str(folders.as_str().expect("text")).expect("JSON");
    assert_eq!(
        folders,
        json!([{ "path": ".", "access": "write" }, { "path": "/one", "access": "write" }])
    );

    // Others from the next call on.
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" }));
    let id = served.call("read_file", json!({ "path": "/two/a" }));
    tell_roots(&mut served, &[&around.join("write/two")]);
    assert_eq!(text(&served.answer(id)["result"]), "write/two");
    let id = served.call("read_file", json!({ "path": "/one/a" }));
    assert_eq!(served.answer(id)["result"]["isError"], json!(true));
}

/// More calls than may be open at once wait for the answer; it is heard all the same, and so is what takes calls back.
#[test]
fn a_crowd_that_waits_for_an_answer() {
    let (world, around) = world();
    let mut served = Served::start(world, &[], &json!({ "roots": {} }));
    let ids: Vec<u64> = (0..3000)
        .map(|_| served.call("read_file", json!({ "path": "/one/a" })))
        .collect();
    let back = ids[1];
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": back } }));
    tell_roots(&mut served, &[&around.join("write/one")]);
    let mut left: std::collections::HashSet<u64> = ids.into_iter().filter(|id| *id != back).collect();
    while !left.is_empty() {
        let message = served.hear().expect("an answer");
        let id = message["id"].as_u64().expect("an answer");
        assert!(left.remove(&id), "twice, or taken back: {message}");
    }
}

/// A client that never answers waits for itself, and for no longer than it takes.
#[test]
fn a_client_that_does_not_answer() {
    let (world, _) = world();
    let mut served = Served::start(world, &[], &json!({ "roots": {} }));
    let id = served.call("read_file", json!({ "path": "own" }));
    assert_eq!(served.hear().expect("a question")["method"], json!("roots/list"));
    // It is told that it needn't answer any more.
    let told = served.hear().expect("a word");
    assert_eq!(told["method"], json!("notifications/cancelled"));
    let said = served.hear().expect("a word");
    assert!(
        said["params"]["data"]
            .as_str()
            .is_some_and(|text| text.contains("roots/list")),
        "{said}"
    );
    assert_eq!(text(&served.answer(id)["result"]), "own");
}

/// The call for which a client is asked is taken back: what the client says counts all the same.
#[test]
fn the_call_that_asks_is_taken_back() {
    let (world, around) = world();
    let mut served = Served::start(world, &[], &json!({ "roots": {} }));
    let id = served.call("read_file", json!({ "path": "/one/a" }));
    let asked = served.hear().expect("a question");
    assert_eq!(asked["method"], json!("roots/list"));
    served.say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    let id = served.call("read_file", json!({ "path": "/one/a" }));
    tell_roots(&mut served, &[&around.join("write/one")]);
    assert_eq!(text(&served.answer(id)["result"]), "write/one");
}
