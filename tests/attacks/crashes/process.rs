//! The host as a process of its own: killed at any moment, started where little is left to start with. It must not end any
//! process but those that it started.

use super::GROUP;
use crate::suite::{End, Suite};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use toolyard_tests::{World, probe, repository};

pub fn cases(suite: &mut Suite) {
    suite.add(
        GROUP,
        "host killed in mid-write: old or new content, never mixed; restart finds nothing",
        killed,
    );
    suite.add(GROUP, "no descriptors left", few_descriptors);
    suite.add(GROUP, "read-only cache folder", || {
        fine(|command| command.env("XDG_CACHE_HOME", "/proc/nowhere"))
    });
    suite.add(GROUP, "HOME unset", || {
        fine(|command| command.env_remove("HOME").env_remove("XDG_CACHE_HOME"))
    });
    suite.add(GROUP, "HOME that is no folder", || {
        fine(|command| command.env("HOME", "/dev/null").env_remove("XDG_CACHE_HOME"))
    });
    suite.add(GROUP, "cache folder shared by hosts that start at once", shared_cache);
    suite.add(GROUP, "working directory deleted", no_directory);
}

pub const COMMAND: &str = env!("CARGO_BIN_EXE_toolyard-under-test");

/// The command over this workspace, with compiled code shared between tests.
pub fn command(world: &World, args: &[&str]) -> Command {
    let mut command = Command::new(COMMAND);
    command.args(args).arg("--workspace").arg(world.path());
    command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub fn start(command: &mut Command, batch: &Value) -> Child {
    let mut child = command.spawn().expect("the command");
    let text = batch.to_string();
    // Written beside it: a batch may be more than a pipe holds.
    let mut input = child.stdin.take().expect("its input");
    std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    child
}

/// Waits for its end, but not for ever.
pub fn end(mut child: Child) -> Output {
    let begun = Instant::now();
    while child.try_wait().expect("a state").is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().expect("ours to end");
            panic!("it hangs: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().expect("its output")
}

/// Names of private copies in a folder.
fn leftovers(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".toolyard-tmp-"))
        .collect()
}

fn killed() -> usize {
    const LENGTH: usize = 300_000;
    let world = World::with(&json!({ "f0": "A".repeat(LENGTH), "f1": "A".repeat(LENGTH), "d/f2": "A".repeat(LENGTH) }));
    let calls = (0..24).map(|number| {
        let letter = ["B", "C", "D", "E", "F"][number % 5];
        let path = ["f0", "f1", "d/f2", "new/deep/f3"][number % 4];
        json!({ "tool": "write_file", "arguments": { "path": path, "content": letter.repeat(LENGTH) } })
    });
    let batch = Value::Array(calls.collect());
    // How long an undisturbed run takes, to be killed at all moments of it.
    let begun = Instant::now();
    assert_eq!(
        end(start(&mut command(&world, &["run", "-"]), &batch)).status.code(),
        Some(0)
    );
    let whole = begun.elapsed();
    let rounds: u32 = 30;
    for round in 0..rounds {
        let mut child = start(&mut command(&world, &["run", "-"]), &batch);
        std::thread::sleep(whole * round / rounds);
        child.kill().expect("ours to kill");
        child.wait().expect("its end");
        for path in ["f0", "f1", "d/f2", "new/deep/f3"] {
            let text = world.read(path);
            let first = text.chars().next().expect("something in it");
            assert!(
                text.len() == LENGTH && text.chars().all(|c| c == first),
                "{path} is mixed: {} bytes",
                text.len()
            );
        }
    }
    // Whatever is left has a name that says what it is, and no guest is shown it.
    let left: usize = ["", "d", "new/deep"]
        .iter()
        .map(|folder| leftovers(&world.path().join(folder)).len())
        .sum();
    assert!(left <= rounds as usize, "{left} left");
    let output = end(start(
        &mut command(
            &world,
            &["call", "find_files", "pattern=**/*", "hidden=true", "no_ignore=true"],
        ),
        &json!([]),
    ));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        !String::from_utf8_lossy(&output.stdout).contains("toolyard-tmp"),
        "{output:?}"
    );
    // Nothing is locked.
    let next = json!([{ "tool": "write_file", "arguments": { "path": "f0", "content": "x" } }]);
    assert_eq!(
        end(start(&mut command(&world, &["run", "-"]), &next)).status.code(),
        Some(0)
    );
    rounds as usize
}

/// With ever fewer descriptors, down to what a runtime takes to start at all: it runs, or says why not, and comes to an end by itself.
fn few_descriptors() -> End {
    let world = World::with(&json!({ "a/x.txt": "x\n", "b": { "link": "a/x.txt" } }));
    let calls = (0..40).map(|number| match number % 3 {
        0 => json!({ "tool": "read_file", "arguments": { "path": "b" } }),
        1 => json!({ "tool": "write_file", "arguments": { "path": format!("n/f{number}"), "content": "x" } }),
        _ => json!({ "tool": "grep", "arguments": { "pattern": "x", "path": "." } }),
    });
    let batch = Value::Array(calls.collect());
    let mut went_well = 0;
    let limits: Vec<u32> = (12..24).chain([28, 32, 40, 64, 100]).collect();
    for limit in &limits {
        let inner = command(&world, &["run", "-", "--json"]);
        let mut outer = Command::new("sh");
        outer
            .args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")])
            .arg(inner.get_program())
            .args(inner.get_args());
        outer.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
        outer
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = end(start(&mut outer, &batch));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let Some(code) = output.status.code() else {
            panic!("with {limit} descriptors it was ended: {output:?}")
        };
        assert!(!said.contains("panicked"), "with {limit} descriptors: {said}");
        assert!([0, 1, 2, 3].contains(&code), "with {limit} descriptors: {code} {said}");
        went_well += usize::from(code == 0);
        assert!(!world.tree().to_string().contains("toolyard-tmp"), "{}", world.tree());
    }
    assert!(went_well > 0, "it never ran");
    End::Passed(limits.len())
}

/// A tool that is not compiled yet answers all the same.
fn fine(change: impl Fn(&mut Command) -> &mut Command) {
    let (world, plugins) = (World::new(), tempfile::tempdir().expect("a folder"));
    std::fs::write(plugins.path().join("probe.wasm"), probe()).expect("a plugin file");
    let folder = plugins.path().display().to_string();
    let mut command = command(&world, &["call", "probe_echo", "text=hello", "--plugins", &folder]);
    let output = end(start(change(&mut command), &json!([])));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("hello"), "{output:?}");
}

fn shared_cache() -> usize {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let (cache, plugins) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    std::fs::write(plugins.path().join("probe.wasm"), probe()).expect("a plugin file");
    let folder = plugins.path().display().to_string();
    for _ in 0..2 {
        let children: Vec<Child> = (0..4)
            .map(|_| {
                let mut command = command(&world, &["call", "probe_echo", "text=hello", "--plugins", &folder]);
                start(command.env("XDG_CACHE_HOME", cache.path()), &json!([]))
            })
            .collect();
        for child in children {
            let output = end(child);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("hello"), "{output:?}");
        }
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(cache.path().join("toolyard")).expect("a cache") {
        let inner = std::fs::read_dir(entry.expect("an entry").path()).expect("a folder");
        names.extend(inner.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()));
    }
    assert!(names.len() == 1 && names[0].ends_with(".cwasm"), "{names:?}");
    8
}

/// The folder that it was started in is gone: with a workspace named it runs, without one it says what is wrong.
fn no_directory() -> usize {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let root = world.path().display().to_string();
    for (args, code) in [
        (vec!["call", "read_file", "path=a.txt", "--workspace", &root], 0),
        (vec!["call", "read_file", "path=a.txt"], 3),
    ] {
        let mut command = Command::new("sh");
        let gone = tempfile::tempdir().expect("a folder");
        let script = "cd \"$1\" && rmdir \"$1\" && shift && exec \"$0\" \"$@\"";
        command.args(["-c", script, COMMAND]).arg(gone.path()).args(&args);
        command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = end(start(&mut command, &json!([])));
        let found = output.status.code().unwrap_or(-1);
        assert!(found == code || (code == 3 && found == 2), "{args:?}: {output:?}");
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("panicked"),
            "{output:?}"
        );
    }
    2
}
