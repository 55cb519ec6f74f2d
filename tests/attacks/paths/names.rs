//! Names that are on disk and that no guest can be told, or hardly: other bytes than UTF-8, the longest, the deepest.
//! It must not leave a tree behind that nothing can remove.

use super::GROUP;
use super::reach::every_op;
use crate::ground::Ground;
use crate::suite::Suite;
use rustix::fs::{CWD, Mode, OFlags};
use serde_json::json;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;
use toolyard::{Call, Status};

/// Deeper than any path can say: with names of one letter that is 2,047. Each folder more only makes it slower.
const DEEP: usize = 2_100;

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "non-UTF-8 names on disk", not_text);
    suite.add(GROUP, "names of 255 bytes", longest);
    suite.add(GROUP, "folders deeper than any path can say, on disk", deepest);
}

/// What can't be told is passed over; everything else of the folder can be worked with.
fn not_text() -> usize {
    let name = |text: &[u8]| OsStr::from_bytes(text).to_owned();
    let mut checks = 0;
    for mut ground in Ground::both() {
        let a = ground.world.path().join("a");
        std::fs::write(a.join(name(b"\xff\xfe.txt")), "unnamed\n").expect("a file");
        std::fs::create_dir(a.join(name(b"folder\xff"))).expect("a folder");
        std::fs::write(a.join(name(b"folder\xff")).join("in.txt"), "unnamed\n").expect("a file");
        std::os::unix::fs::symlink(name(b"\xff\xfe.txt"), a.join("to_unnamed")).expect("a link");
        ground.settle();
        let listed = ground.tries(&json!({ "tree": "." }), &[json!({ "op": "list", "path": "a" })]);
        let names = listed[0]["value"].as_str().unwrap_or_default();
        assert!(names.contains("x.txt") && !names.contains('\u{fffd}'), "{listed:?}");
        let mut ops = every_op("a/to_unnamed", "a/n.txt");
        ops.retain(|op| !["lstat", "unlink", "rename"].contains(&op["op"].as_str().unwrap_or("")));
        let well = crate::ground::well(&ground.tries(&json!({ "write_tree": "a" }), &ops));
        assert_eq!(well, [""; 0]);
        for (tool, arguments) in [
            ("list_dir", json!({ "path": "a" })),
            ("grep", json!({ "path": "a", "pattern": "x" })),
            ("find_files", json!({ "path": "a", "pattern": "**/*" })),
            ("directory_tree", json!({ "path": "a" })),
        ] {
            let outcome = ground.call(tool, arguments);
            assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
            assert!(format!("{:?}", outcome.content).contains("x.txt"), "{outcome:?}");
            checks += 1;
        }
        let outcome = ground.call("read_file", json!({ "path": "a/to_unnamed" }));
        crate::ground::ended(&outcome, Status::InvalidArguments, "not_utf8");
        ground.unchanged();
        // A folder that holds what can't be told can't be deleted as a whole, and says so.
        let outcome = ground.call("delete_path", json!({ "path": "a", "recursive": true }));
        assert_eq!(outcome.status, Status::Failed, "{outcome:?}");
        assert!(a.join(name(b"\xff\xfe.txt")).exists() && a.join(name(b"folder\xff")).join("in.txt").exists());
        ground.alive();
        checks += ops.len() + 3;
    }
    checks
}

/// The longest name that there can be is a name like any other, also for a write that is made whole beside it.
fn longest() -> usize {
    let long = "n".repeat(255);
    for ground in Ground::both() {
        let path = format!("a/{long}");
        for content in ["one\n", "two\n"] {
            let outcome = ground.call("write_file", json!({ "path": path, "content": content }));
            assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
            assert_eq!(ground.world.read(&path), content);
        }
        let folders = format!("{long}/{long}/{long}");
        let outcome = ground.call("write_file", json!({ "path": format!("{folders}/x"), "content": "x" }));
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        let outcome = ground.call("move_path", json!({ "from": path, "to": format!("{folders}/{long}") }));
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        ground.alive();
    }
    8
}

/// Whatever is asked of a tree that is deeper than any path can say: an end that is no fault of the host, and all the
/// other files untouched.
fn deepest() -> usize {
    let ground = Ground::with(&crate::ground::files());
    let top = ground.world.path().join("deep");
    dig(&top);
    let calls = [
        ("list_dir", json!({ "path": "deep" })),
        ("directory_tree", json!({ "path": "." })),
        ("find_files", json!({ "path": ".", "pattern": "**/*.txt" })),
        ("grep", json!({ "path": "deep", "pattern": "x" })),
        ("copy_path", json!({ "from": "deep", "to": "copy" })),
        ("move_path", json!({ "from": "deep", "to": "a/deep" })),
        ("delete_path", json!({ "path": "deep", "recursive": true })),
        ("read_file", json!({ "path": format!("deep{}", "/d".repeat(2000)) })),
        (
            "probe_fs",
            json!({ "write_tree": ".", "ops": [{ "op": "rename", "path": "deep", "to": "b/deep" }] }),
        ),
    ];
    let count = calls.len();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for (tool, arguments) in calls {
            let mut call = Call::new(tool, arguments);
            call.timeout = Some(Duration::from_secs(1));
            let outcome = ground.batch(vec![call]).remove(0);
            assert_ne!(outcome.status, Status::HostFailure, "{outcome:?}");
            ground.alive();
            assert_eq!(ground.world.read("top.txt"), "top\n", "{tool}");
        }
    }));
    for name in ["deep", "copy", "a/deep", "b/deep"] {
        fill_in(&ground.world.path().join(name));
    }
    if let Err(why) = result {
        std::panic::resume_unwind(why);
    }
    count
}

/// A tree of `DEEP` folders, each in the one before.
fn dig(top: &std::path::Path) {
    std::fs::create_dir(top).expect("a folder");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut here: OwnedFd = rustix::fs::openat(CWD, top, flags, Mode::empty()).expect("the folder");
    for _ in 0..DEEP {
        rustix::fs::mkdirat(&here, "d", Mode::from_raw_mode(0o755)).expect("a folder");
        here = rustix::fs::openat(&here, "d", flags, Mode::empty()).expect("the folder");
    }
}

/// Takes such a tree away again, from the top: each folder comes out of the one above, which is empty then.
fn fill_in(top: &std::path::Path) {
    let Some(above) = top.parent().filter(|_| top.exists()) else {
        return;
    };
    let (mut here, mut next) = (above.join("here"), above.join("next"));
    std::fs::rename(top, &here).expect("another name");
    while std::fs::rename(here.join("d"), &next).is_ok() {
        std::fs::remove_dir(&here).expect("an empty folder");
        std::mem::swap(&mut here, &mut next);
    }
    std::fs::remove_dir(&here).expect("the last folder");
}
