//! No room left: a file system that is full, and files that may not grow. It must leave the old files whole.

use super::GROUP;
use super::process::{COMMAND, end, start};
use crate::ground::{Ground, alive};
use crate::suite::{End, Suite};
use serde_json::json;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use toolyard::{Host, Status};
use toolyard_tests::{World, repository, run};

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "disk full", disk_full);
    suite.add(GROUP, "files that may not grow (EFBIG)", no_growth);
}

/// A small file system of its own, until it is dropped.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder))
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn disk_full() -> End {
    let Some(small) = Small::mount() else {
        return End::Skipped("this user can't mount a small file system".into());
    };
    let old = "old\n".repeat(1000);
    std::fs::write(small.path().join("a.txt"), &old).expect("a file");
    std::fs::write(small.path().join("filler"), "x".repeat(700_000)).expect("a file");
    let host = World::new().builder().workspace(small.path()).build().expect("a host");
    let large = "y".repeat(600_000);
    let calls = [
        ("write_file", json!({ "path": "a.txt", "content": large })),
        ("write_file", json!({ "path": "new/deep/b.txt", "content": large })),
        ("copy_path", json!({ "from": "filler", "to": "copy" })),
        ("probe_append", json!({ "path": "a.txt", "text": large })),
        (
            "probe_fs",
            json!({ "write_tree": ".", "ops": [{ "op": "write", "path": "in_place", "text": large }] }),
        ),
    ];
    let count = calls.len();
    for (tool, arguments) in calls {
        let outcome = run(&host, vec![toolyard::Call::new(tool, arguments)]).remove(0);
        match tool {
            "probe_fs" => assert!(
                format!("{:?}", outcome.content).contains("\"ok\": Bool(false)"),
                "{outcome:?}"
            ),
            _ => assert_eq!(outcome.status, Status::Failed, "{outcome:?}"),
        }
        assert_eq!(
            std::fs::read_to_string(small.path().join("a.txt")).expect("a file"),
            old,
            "{tool}"
        );
        let _ = std::fs::remove_file(small.path().join("in_place"));
        let names: Vec<_> = std::fs::read_dir(small.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert!(
            !names.iter().any(|name| name.to_string_lossy().starts_with(".toolyard")),
            "{names:?}"
        );
        alive(&host);
    }
    // With room again it goes on.
    std::fs::remove_file(small.path().join("filler")).expect("it is there");
    let outcome = run(
        &host,
        vec![toolyard::Call::new(
            "write_file",
            json!({ "path": "a.txt", "content": large }),
        )],
    )
    .remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    drop::<Host>(host);
    End::Passed(count + 1)
}

/// Under a limit on the length of files, whose signal is not to be had.
fn no_growth() {
    let ground = Ground::with(&json!({ "a.txt": "old\n" }));
    let big = ground.world.path().join("big");
    std::fs::File::create(&big)
        .and_then(|file| file.set_len(30 << 20))
        .expect("a file");
    let batch = json!([
        { "tool": "copy_path", "arguments": { "from": "big", "to": "copy" } },
        { "tool": "read_file", "arguments": { "path": "a.txt" } },
    ]);
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; ulimit -f 40000 && exec \"$0\" \"$@\"",
        COMMAND,
        "run",
        "-",
        "--json",
        "--workspace",
    ]);
    command
        .arg(ground.world.path())
        .env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = end(start(&mut command, &batch));
    let run: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let ends = [&run["outcomes"][0]["status"], &run["outcomes"][1]["status"]];
    assert_eq!(ends, ["failed", "ok"], "{}", run["outcomes"][1]);
    std::fs::remove_file(&big).expect("it is there");
    // A copy is written in place, under a tree grant; what came of it is the tool's to tell, and it did.
    let _ = std::fs::remove_file(ground.world.path().join("copy"));
    ground.unchanged();
}
