//! Hard cases in a file tree: huge folders, what is neither file nor folder, grants inside grants, links that guests make,
//! and what a killed host has left. It must not repeat the table of walls.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime};
use toolyard::{Call, Content, Host, Status};
use toolyard_tests::{World, run};

/// How each operation went: `ok` with its value, or the error.
fn tried(host: &Host, mut claims: Value, ops: &Value) -> Vec<Result<String, String>> {
    claims["ops"] = ops.clone();
    let outcome = run(host, vec![Call::new("probe_fs", claims)]).remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    let Some(Content::Json(Value::Array(tried))) = outcome.content.first() else {
        panic!("{outcome:?}")
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let each = tried.iter().map(|tried| match tried["ok"].as_bool() {
        Some(true) => Ok(text(&tried["value"])),
        _ => Err(text(&tried["error"])),
    });
    each.collect()
}

/// A host for each way of looking paths up.
fn hosts(world: &World) -> [Host; 2] {
    [world.builder(), world.builder().without_openat2()].map(|builder| builder.build().expect("a host"))
}

const FILES: usize = 100_000;

#[test]
fn a_huge_folder_is_listed_whole() {
    let world = World::new();
    fs::create_dir(world.path().join("many")).expect("a folder");
    for i in 0..FILES {
        fs::write(world.path().join(format!("many/{i}")), "").expect("a file");
    }
    let host = world.builder().policy_text("[limits]\noutput_bytes = 100000000\n");
    let host = host.build().expect("a host");
    let list = json!([{ "op": "list", "path": "many" }]);
    let all = tried(&host, json!({ "directory": "many" }), &list)
        .remove(0)
        .expect("names");
    assert_eq!(all.lines().count(), FILES);
    // Nobody reads past what isn't granted to find what is.
    let one = tried(&host, json!({ "path": "many/77", "write": "many/new" }), &list);
    assert_eq!(one, [Ok("77".to_owned())]);
}

/// Every operation on a pipe, a socket and a device inside a grant: nothing waits, and nothing is opened.
#[test]
fn pipes_sockets_and_devices_are_never_opened() {
    let world = World::with(&json!({ "a/x": "x\n" }));
    let at = |name: &str| world.path().join(name);
    let make = |program: &str, arguments: &[&str]| {
        let made = Command::new(program).args(arguments).current_dir(world.path()).output();
        made.expect("a program").status.success()
    };
    assert!(make("mkfifo", &["a/pipe"]));
    let _socket = std::os::unix::net::UnixListener::bind(at("a/socket")).expect("a socket");
    let mut names = vec!["a/pipe", "a/socket"];
    // Only who may make devices can try one.
    if make("mknod", &["a/null", "c", "1", "3"]) {
        names.push("a/null");
    }
    let refused = [
        "read",
        "write",
        "create_new",
        "append",
        "truncate",
        "mkdir",
        "rmdir",
        "readlink",
        "set_times",
        "list",
        "open_dir",
        "copy",
        "rename",
        "hard_link",
        "symlink",
    ];
    for host in hosts(&world) {
        for name in &names {
            let mut claims = vec![json!({ "path": name }), json!({ "write": name })];
            claims.extend(["tree", "write_tree", "directory", "write_directory"].map(|claim| json!({ claim: "a" })));
            for claim in claims {
                let ops: Vec<Value> = refused
                    .iter()
                    .map(|op| json!({ "op": op, "path": name, "to": "a/to" }))
                    .collect();
                let told = tried(&host, claim.clone(), &json!(ops));
                for (op, told) in refused.iter().zip(told) {
                    assert!(told.is_err(), "{claim}: {op} {name}");
                }
                // As the other end, too: brought in by a copy it would be written to.
                let copy = json!([{ "op": "copy", "path": "a/x", "to": name }]);
                assert!(
                    tried(&host, claim.clone(), &copy)[0].is_err(),
                    "{claim}: copy to {name}"
                );
                assert!(at(name).symlink_metadata().is_ok_and(|record| !record.is_file()));
            }
        }
    }
}

/// What is granted for reading keeps its times, its names and its content, whatever else is granted around it.
#[test]
fn the_innermost_grant_counts() {
    let files = json!({ "a/x": "x\n", "a/mid/in/z": "z\n", "a/mid/w": "w\n", "b/y": "y\n" });
    let world = World::with(&files);
    for host in hosts(&world) {
        let before = world.tree();
        // A tree for reading inside one for writing.
        let claims = json!({ "write_tree": "a", "tree": "a/mid/in" });
        let ops = json!([
            { "op": "write", "path": "a/mid/in/z" },
            { "op": "append", "path": "a/mid/in/new" },
            { "op": "truncate", "path": "a/mid/in/z" },
            { "op": "unlink", "path": "a/mid/in/z" },
            { "op": "mkdir", "path": "a/mid/in/d" },
            { "op": "rmdir", "path": "a/mid/in" },
            { "op": "set_times", "path": "a/mid/in/z" },
            { "op": "set_times", "path": "a/mid/in" },
            { "op": "rename", "path": "a/mid/in/z", "to": "a/z" },
            { "op": "rename", "path": "a/x", "to": "a/mid/in/z" },
            { "op": "rename", "path": "a/x", "to": "a/mid/in/new" },
            { "op": "rename", "path": "a/mid/in", "to": "a/in" },
            { "op": "rename", "path": "a/mid", "to": "a/other" },
            { "op": "rename", "path": "a", "to": "c" },
            { "op": "rmdir", "path": "a/mid" },
            { "op": "hard_link", "path": "a/mid/in/z", "to": "a/z" },
            { "op": "hard_link", "path": "a/x", "to": "a/mid/in/new" },
            { "op": "rename", "path": "a/x/", "to": "a/n" },
            { "op": "rename", "path": "a/x", "to": "a/n/" },
            { "op": "unlink", "path": "a/x/" },
            { "op": "write", "path": "a/x/" },
            { "op": "write", "path": "a/mid/" },
            { "op": "read", "path": "a/x/" },
            { "op": "create_new", "path": "a/n/" },
        ]);
        for (op, told) in ops
            .as_array()
            .expect("ops")
            .iter()
            .zip(tried(&host, claims.clone(), &ops))
        {
            assert!(told.is_err(), "{op}: {told:?}");
        }
        let read = json!([
            { "op": "list", "path": "a" },
            { "op": "list", "path": "a/mid" },
            { "op": "list", "path": "a/mid/in/" },
            { "op": "read", "path": "a/mid/in/z" },
        ]);
        let told: Vec<String> = tried(&host, claims, &read).into_iter().flatten().collect();
        assert_eq!(told, ["mid\nx", "in\nw", "z", "z\n"]);
        // One for writing inside one for reading; and a single file of it.
        let claims = json!({ "tree": "a", "write_tree": "a/mid/in", "write": "a/mid/w" });
        let ops = json!([
            { "op": "write", "path": "a/x" },
            { "op": "set_times", "path": "a/x" },
            { "op": "rename", "path": "a/mid/in/z", "to": "a/z" },
            { "op": "rename", "path": "a/mid/in", "to": "a/in" },
            { "op": "rename", "path": "a/mid", "to": "a/in" },
            { "op": "rename", "path": "a/mid/w", "to": "a/w" },
            { "op": "rmdir", "path": "a/mid" },
            { "op": "unlink", "path": "a/x" },
            { "op": "list", "path": "b" },
        ]);
        for (op, told) in ops
            .as_array()
            .expect("ops")
            .iter()
            .zip(tried(&host, claims.clone(), &ops))
        {
            assert!(told.is_err(), "{op}: {told:?}");
        }
        assert_eq!(world.tree(), before);
        let ops = json!([
            { "op": "list", "path": "a/mid" },
            { "op": "append", "path": "a/mid/in/z", "text": "more\n" },
            { "op": "append", "path": "a/mid/w", "text": "more\n" },
            { "op": "rename", "path": "a/mid/in/z", "to": "a/mid/in/y" },
            { "op": "set_times", "path": "a/mid/in/y" },
            { "op": "truncate", "path": "a/mid/in/y" },
            { "op": "append", "path": "a/mid/in/y", "text": "z\nmore\n" },
        ]);
        let told = tried(&host, claims, &ops);
        assert!(told.iter().all(Result::is_ok), "{told:?}");
        assert_eq!(
            (world.read("a/mid/in/y"), world.read("a/mid/w")),
            ("z\nmore\n".into(), "w\nmore\n".into())
        );
        fs::remove_file(world.path().join("a/mid/in/y")).expect("a file");
        world.add(&json!({ "a/mid/in/z": "z\n", "a/mid/w": "w\n" }));
    }
}

/// A file that is granted alone, and whose folder the same call takes away: the call fails, and nothing comes back.
#[test]
fn a_folder_is_deleted_from_under_a_granted_file() {
    let world = World::with(&json!({ "a/sub/z": "z\n" }));
    let ops = json!([
        { "op": "write", "path": "a/sub/new" },
        { "op": "unlink", "path": "a/sub/z" },
        { "op": "rmdir", "path": "a/sub" },
    ]);
    let outcome = world.call(
        "probe_fs",
        json!({ "write_tree": "a", "write": "a/sub/new", "ops": ops }),
    );
    assert_ne!(outcome.status, Status::HostFailure, "{outcome:?}");
    let kept = world.path().join("a/sub/new").exists();
    assert_eq!(kept, outcome.status == Status::Ok, "{outcome:?}");
}

#[test]
fn a_tool_makes_links_where_the_policy_lets_it() {
    let ops = json!([
        { "op": "symlink", "path": "x", "to": "a/inside" },
        { "op": "symlink", "path": "../x", "to": "a/sub/up" },
        { "op": "symlink", "path": "../b/y", "to": "a/out" },
        { "op": "symlink", "path": "/etc/passwd", "to": "a/abs" },
        { "op": "symlink", "path": "x/", "to": "a/slash" },
        { "op": "read", "path": "a/inside" },
        { "op": "read", "path": "a/sub/up" },
    ]);
    for (policy, made) in [("[files]\nsymlinks = true\n", 2), ("", 0)] {
        let world = World::with(&json!({ "a/x": "x\n", "a/sub": null, "b/y": "y\n" }));
        let host = world.builder().policy_text(policy).build().expect("a host");
        let told = tried(&host, json!({ "write_tree": "a" }), &ops);
        let links = told[..5].iter().filter(|told| told.is_ok()).count();
        assert_eq!(links, made, "{told:?}");
        assert_eq!(told[5..].iter().filter(|told| told.is_ok()).count(), made, "{told:?}");
        let links =
            ["inside", "sub/up", "out", "abs", "slash"].map(|name| world.path().join("a").join(name).is_symlink());
        assert_eq!(links, [made > 0, made > 0, false, false, false]);
    }
}

#[test]
fn what_a_killed_host_left_is_swept_at_the_next_write() {
    let world = World::with(&json!({ "a/x": "x\n" }));
    let mut ended = Command::new("true").spawn().expect("a process");
    ended.wait().expect("its end");
    let mut lives = Command::new("sleep").arg("60").spawn().expect("a process");
    let name = |process: u32| world.path().join(format!("a/.toolyard-tmp-{process}-0"));
    let (left, used) = (name(ended.id()), name(lives.id()));
    for file in [&left, &used] {
        fs::write(file, "half").expect("a file");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let file = fs::File::options().write(true).open(&left).expect("a file");
    file.set_modified(hour_ago).expect("a time");
    let host = world.host();
    let read = Call::new("list_dir", json!({ "path": "a" }));
    let write = Call::new("write_file", json!({ "path": "a/x", "content": "new\n" }));
    let outcomes = run(&host, vec![read, write]);
    lives.kill().and_then(|()| lives.wait()).expect("its end");
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:?}"
    );
    assert!(!format!("{:?}", outcomes[0].content).contains("toolyard-tmp"));
    assert!(!left.exists(), "nobody works on it");
    assert!(used.exists(), "somebody may work on it");
}
