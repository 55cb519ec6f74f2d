//! Folders that a client brings along: what no line of the policy has, what is the host's own, and one place by two names. It
//! must not ask whether a folder was refused, but what calls reach in the end.

use super::GROUP;
use crate::ground::Ground;
use crate::suite::Suite;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use toolyard::{Call, Status};
use toolyard_tests::World;

pub fn cases(suite: &mut Suite) {
    suite.add(
        GROUP,
        "a folder brought along that no line of [[roots]] has",
        not_allowed,
    );
    suite.add(GROUP, "a folder brought along that is the host's own", the_hosts_own);
    suite.add(GROUP, "a folder brought along that has another name already", two_names);
}

/// A host whose policy lets clients bring along what is below `in` beside the workspace, and that place. It has its plugins there.
fn ground() -> (Ground, PathBuf) {
    let world = World::with(&json!({ "a": "x\n" }));
    let beside = world.outside().canonicalize().expect("a folder");
    for folder in ["in/more/one", "in/one/.git/hooks", "in/plugins", "in/log", "inside-not"] {
        fs::create_dir_all(beside.join(folder)).expect("a folder");
        fs::write(beside.join(folder).join("f.txt"), "hidden content\n").expect("a file");
    }
    std::os::unix::fs::symlink("../inside-not", beside.join("in/link")).expect("a link");
    let policy = format!("[[roots]]\npath = {:?}\naccess = \"write\"\n", beside.join("in"));
    world.add(&json!({ "toolyard.toml": policy }));
    let plugins = beside.join("in/plugins");
    let ground = Ground::of(world, |builder| {
        let audit = beside.join("in/log/audit.jsonl");
        builder.plugins(plugins).audit(audit)
    });
    (ground, beside)
}

/// Brings folders along, and tries to write a file into each by whatever name it has: none may be changed.
fn none_is_written(folders: &[&str]) -> usize {
    let (ground, beside) = ground();
    for folder in folders {
        let path = beside.join(folder);
        let mount = ground.host.mount_root(&path);
        let named = mount.as_ref().map(|mount| mount.place().to_string());
        for at in named.iter().map(PathBuf::from).chain([path.clone()]) {
            let new = json!({ "path": at.join("new.txt"), "content": "ours\n" });
            let outcome = ground.call("write_file", new);
            assert_ne!(outcome.status, Status::Ok, "{folder} as {}", at.display());
        }
        assert!(!path.join("new.txt").exists(), "{folder} was written");
        assert!(mount.is_err(), "{folder} was mounted");
    }
    assert_eq!(ground.host.mounts(), []);
    folders.len()
}

fn not_allowed() -> usize {
    none_is_written(&[
        "inside-not",
        "in/link",
        "in/../inside-not",
        ".",
        "../..",
        "in/one/.git",
        "in/one/.git/hooks",
    ])
}

fn the_hosts_own() -> usize {
    none_is_written(&["in/plugins", "in/log"])
}

/// Calls that hold a file by one name, and others that would have it by another: all of them add to it, and nothing is lost.
fn two_names() -> usize {
    let (ground, beside) = ground();
    let log = beside.join("in/more/one/log");
    let one = ground.host.mount_root(&beside.join("in/more/one")).map(Some);
    let mut one = one.unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let adds = |path: &str| {
            let call = Call::new("probe_append", json!({ "path": path, "text": "x", "ms": 150 }));
            ground.host.submit(vec![call]).expect("a batch")
        };
        let mut batches = vec![adds("/one/log"), adds("/one/log")];
        drop(one.take());
        // Who is refused comes again when those are done.
        let above = loop {
            match ground.host.mount_root(&beside.join("in/more")) {
                Ok(above) => break above,
                Err(error) => assert!(error.passes(), "{error}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        };
        let name = Path::new(&above.place().to_string()).join("one/log");
        batches.push(adds(&name.display().to_string()));
        for batch in batches {
            let outcome = batch.outcomes().await.remove(0);
            assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        }
    });
    assert_eq!(fs::read_to_string(log).expect("a file"), "xxx");
    3
}
