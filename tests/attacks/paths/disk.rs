//! Odd things on disk: what is neither file nor folder, folders without end, files that change while they are read.
//! It must not wait for anything that a host should refuse to wait for.

use super::GROUP;
use super::reach::every_op;
use crate::ground::{Ground, well};
use crate::suite::{End, Suite};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use toolyard::{Call, Status};
use toolyard_tests::World;

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "FIFOs and sockets: refused, never waited for", || {
        only_files(&|path| {
            let made = Command::new("mkfifo")
                .arg(path.join("a/pipe"))
                .status()
                .expect("mkfifo");
            assert!(made.success());
            drop(std::os::unix::net::UnixListener::bind(path.join("a/socket")).expect("a socket"));
            true
        })
    });
    suite.add(GROUP, "devices: refused", || {
        only_files(&|path| {
            let make = |name: &str, minor: &str| {
                Command::new("mknod")
                    .arg(path.join(name))
                    .args(["c", "1", minor])
                    .status()
            };
            let made = ["a/pipe", "a/socket"].into_iter().zip(["5", "8"]);
            made.into_iter()
                .all(|(name, minor)| make(name, minor).is_ok_and(|status| status.success()))
        })
    });
    suite.add(GROUP, "a folder of 1,000,000 entries", million);
    suite.add(
        GROUP,
        "a file that grows, shrinks or vanishes while it is read",
        moving_target,
    );
    suite.add(
        GROUP,
        "a path that doesn't exist, or is a folder where a file is wanted",
        other_kind,
    );
    suite.add(GROUP, "a path that isn't readable", unreadable);
}

/// `a/pipe` and `a/socket` are made by `make`; it says whether it could.
fn only_files(make: &dyn Fn(&Path) -> bool) -> End {
    let mut checks = 0;
    for mut ground in Ground::both() {
        if !make(&ground.world.path()) {
            return End::Skipped("this user can't make devices".into());
        }
        std::os::unix::fs::symlink("pipe", ground.world.path().join("a/to_pipe")).expect("a link");
        ground.settle();
        for name in ["a/pipe", "a/socket", "a/to_pipe"] {
            let ops: Vec<Value> = ["read", "append", "write", "truncate", "list", "create_new", "set_times"]
                .map(|op| json!({ "op": op, "path": name }))
                .into();
            for claims in [
                json!({ "path": name }),
                json!({ "write": name }),
                json!({ "tree": "a" }),
                json!({ "write_tree": "a" }),
            ] {
                let tried = ground.tries(&claims, &ops);
                assert_eq!(well(&tried), [""; 0], "{name} under {claims}");
                checks += ops.len();
            }
            for (tool, arguments) in [
                ("read_file", json!({ "path": name })),
                ("write_file", json!({ "path": name, "content": "x" })),
                ("copy_path", json!({ "from": name, "to": "b/copy" })),
            ] {
                let outcome = ground.call(tool, arguments);
                assert!(
                    outcome.error.is_some() && outcome.status != Status::Timeout,
                    "{tool} {name}: {outcome:?}"
                );
                checks += 1;
            }
        }
        let outcome = ground.call("grep", json!({ "path": "a", "pattern": "x" }));
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        ground.unchanged();
        ground.alive();
    }
    End::Passed(checks)
}

/// Many names of one file: names are what counts here, and they cost less than files.
fn million() -> End {
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        return End::Skipped("there is no /dev/shm for a million names of one file".into());
    };
    let many = folder.path().join("many");
    std::fs::create_dir(&many).expect("a folder");
    std::fs::write(many.join("0"), "x\n").expect("a file");
    let made = (1..1_000_000).try_for_each(|number| std::fs::hard_link(many.join("0"), many.join(number.to_string())));
    if let Err(error) = made {
        return End::Skipped(format!("/dev/shm takes no million names: {error}"));
    }
    let host = World::new().builder().workspace(folder.path()).build().expect("a host");
    let calls: [(&str, Value, &[Status]); 3] = [
        (
            "list_dir",
            json!({ "path": "many" }),
            &[Status::Ok, Status::Limit, Status::Timeout],
        ),
        (
            "probe_fs",
            json!({ "tree": ".", "ops": [{ "op": "list", "path": "many" }] }),
            &[Status::Limit, Status::Timeout],
        ),
        ("read_file", json!({ "path": "many/999999" }), &[Status::Ok]),
    ];
    for (tool, arguments, expect) in calls {
        let mut call = Call::new(tool, arguments);
        call.timeout = Some(Duration::from_secs(1));
        let outcome = toolyard_tests::run(&host, vec![call]).remove(0);
        assert!(
            expect.contains(&outcome.status),
            "{tool}: {:?} {:?}",
            outcome.status,
            outcome.error
        );
        crate::ground::alive(&host);
    }
    End::Passed(3)
}

/// Someone outside changes a file all the time. Every call ends in a way that is no fault of the host, with what was in
/// the file at some time and nothing else.
fn moving_target() -> usize {
    let mut checks = 0;
    for ground in Ground::both() {
        let stop = Arc::new(AtomicBool::new(false));
        let (path, seen) = (ground.world.path().join("a/x.txt"), Arc::clone(&stop));
        let outside = std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                let _ = std::fs::write(&path, "x".repeat(300_000));
                let _ = std::fs::OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .and_then(|file| file.set_len(3));
                let _ = std::fs::remove_file(&path);
            }
        });
        let arguments = [
            ("read_file", json!({ "path": "a/x.txt" })),
            ("grep", json!({ "path": "a", "pattern": "x+" })),
            ("file_info", json!({ "path": "a/x.txt" })),
            ("hash", json!({ "path": "a/x.txt" })),
            (
                "edit_file",
                json!({ "path": "a/x.txt", "edits": [{ "old_text": "xxx", "new_text": "xxx" }] }),
            ),
            (
                "copy_path",
                json!({ "from": "a/x.txt", "to": "b/copy", "overwrite": true }),
            ),
            ("list_dir", json!({ "path": "a" })),
        ];
        for _ in 0..15 {
            let calls = arguments
                .iter()
                .map(|(tool, arguments)| Call::new(*tool, arguments.clone()))
                .collect();
            for outcome in ground.batch(calls) {
                let fine = [
                    Status::Ok,
                    Status::Failed,
                    Status::NotFound,
                    Status::InvalidArguments,
                    Status::Limit,
                ];
                assert!(fine.contains(&outcome.status), "{outcome:?}");
                checks += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
        outside.join().expect("the one outside");
        ground.alive();
    }
    checks
}

fn other_kind() -> usize {
    let mut checks = 0;
    for ground in Ground::both() {
        for (path, claim) in [
            ("a/none.txt", "path"),
            ("none/none.txt", "path"),
            ("a", "path"),
            ("a/sub", "path"),
        ] {
            let reading =
                ["read", "truncate", "append", "write", "readlink"].map(|op| json!({ "op": op, "path": path }));
            assert_eq!(
                well(&ground.tries(&json!({ claim: path }), &reading)),
                [""; 0],
                "{path}"
            );
            checks += reading.len();
        }
        for (tool, arguments) in [
            ("read_file", json!({ "path": "a/none.txt" })),
            ("read_file", json!({ "path": "a" })),
            (
                "edit_file",
                json!({ "path": "a/none.txt", "edits": [{ "old_text": "a", "new_text": "b" }] }),
            ),
            ("write_file", json!({ "path": "a", "content": "x" })),
            ("list_dir", json!({ "path": "a/x.txt" })),
            ("delete_path", json!({ "path": "a/none.txt" })),
            ("move_path", json!({ "from": "a/none.txt", "to": "b/x" })),
        ] {
            let outcome = ground.call(tool, arguments);
            let error = outcome.error.as_ref().unwrap_or_else(|| panic!("{tool}: {outcome:?}"));
            assert!(error.message.contains("a"), "{error:?}");
            checks += 1;
        }
        ground.unchanged();
        ground.alive();
    }
    checks
}

fn unreadable() -> End {
    let ground = Ground::with(&crate::ground::files());
    let file = ground.world.path().join("a/x.txt");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).expect("a mode");
    if std::fs::read(&file).is_ok() {
        return End::Skipped("this user may read everything".into());
    }
    let outcome = ground.call("read_file", json!({ "path": "a/x.txt" }));
    assert_eq!(outcome.status, Status::Failed, "{outcome:?}");
    assert_eq!(
        well(&ground.tries(&json!({ "path": "a/x.txt" }), &every_op("a/x.txt", "b/n")[..1])),
        [""; 0]
    );
    ground.alive();
    End::Passed(2)
}
