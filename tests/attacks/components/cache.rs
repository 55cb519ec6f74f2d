//! The folder of compiled code: poisoned, damaged, shared, not to be had. It must not be believed more than its seal.

use super::GROUP;
use super::made::{Made, manifest};
use crate::ground::alive;
use crate::suite::{End, Suite};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use toolyard::{Call, Host, Outcome, Status};
use toolyard_tests::{World, probe, run};

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "poisoned cache file: a damaged seal", || {
        poisoned(|bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        });
    });
    suite.add(
        GROUP,
        "poisoned cache file: damaged code, cut off, emptied, made longer",
        || {
            poisoned(|bytes| bytes[1000] ^= 1);
            poisoned(|bytes| bytes.truncate(bytes.len() / 2));
            poisoned(Vec::clear);
            poisoned(|bytes| bytes.extend([0; 64]));
            poisoned(|bytes| bytes.truncate(31));
            5
        },
    );
    suite.add(
        GROUP,
        "poisoned cache file: the code of another component, sealed",
        swapped,
    );
    suite.add(GROUP, "a cache folder that others can write to", writable_by_others);
    suite.add(GROUP, "a cache folder that can't be had", || {
        for folder in ["/proc/nowhere", "/dev/null/cache", "/sys/cache"] {
            let world = World::new();
            let host = world.builder().cache(folder).build().expect("a host");
            alive(&host);
        }
        3
    });
}

/// A host with a small plugin that answers nothing, and one that fails, over this cache.
fn host(world: &World, cache: &Path) -> Host {
    let silent = Made::default();
    let traps = Made {
        manifest: manifest("other", "other_tool").to_string().into(),
        ..Made::body("(unreachable)")
    };
    let builder = world.builder().without_standard_plugins().cache(cache);
    builder
        .component("made.wasm", silent.bytes())
        .component("other.wasm", traps.bytes())
        .build()
        .expect("a host")
}

fn call(host: &Host, tool: &str) -> Outcome {
    run(host, vec![Call::new(tool, json!({}))]).remove(0)
}

/// The file of compiled code of these bytes.
fn file_of(cache: &Path, bytes: &[u8]) -> PathBuf {
    let folder = std::fs::read_dir(cache)
        .expect("a cache")
        .next()
        .expect("a folder")
        .expect("an entry")
        .path();
    folder.join(format!("{}.cwasm", blake3::hash(bytes).to_hex()))
}

/// Whatever is done to a file of compiled code, it is made anew, and the tool answers as it should.
fn poisoned(poison: impl Fn(&mut Vec<u8>)) {
    let (world, cache) = (World::new(), tempfile::tempdir().expect("a folder"));
    assert_eq!(call(&host(&world, cache.path()), "made_tool").status, Status::Ok);
    let file = file_of(cache.path(), &Made::default().bytes());
    let good = std::fs::read(&file).expect("compiled code");
    let mut bad = good.clone();
    poison(&mut bad);
    std::fs::write(&file, &bad).expect("a file");
    let host = host(&world, cache.path());
    assert_eq!(call(&host, "made_tool").status, Status::Ok);
    assert_ne!(
        std::fs::read(&file).expect("compiled code"),
        bad,
        "what was damaged is made anew"
    );
    alive(&host);
}

/// Each file is whole and sealed; only its name is another's.
fn swapped() {
    let (world, cache) = (World::new(), tempfile::tempdir().expect("a folder"));
    let first = host(&world, cache.path());
    assert_eq!(
        (call(&first, "made_tool").status, call(&first, "other_tool").status),
        (Status::Ok, Status::Trapped)
    );
    let traps = Made {
        manifest: manifest("other", "other_tool").to_string().into(),
        ..Made::body("(unreachable)")
    };
    let (one, other) = (
        file_of(cache.path(), &Made::default().bytes()),
        file_of(cache.path(), &traps.bytes()),
    );
    std::fs::copy(&other, &one).expect("a copy");
    let second = host(&world, cache.path());
    assert_eq!(call(&second, "made_tool").status, Status::Ok, "it runs its own code");
    alive(&second);
}

fn writable_by_others() -> End {
    let (world, cache) = (World::new(), tempfile::tempdir().expect("a folder"));
    assert_eq!(call(&host(&world, cache.path()), "made_tool").status, Status::Ok);
    let file = file_of(cache.path(), &Made::default().bytes());
    let folder = file.parent().expect("its folder");
    std::fs::remove_file(&file).expect("compiled code");
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("a mode");
    let open = host(&world, cache.path());
    assert_eq!(call(&open, "made_tool").status, Status::Ok);
    assert!(!file.exists(), "nothing is kept where others can write");
    assert_eq!(probe()[..4], *b"\0asm");
    End::Passed(1)
}
