//! Every file operation against every kind of grant: what a claim doesn't name can't be reached. It must not use a tool
//! of the standard plugins: the probe tries what an honest tool wouldn't.

use serde_json::{Value, json};
use toolyard::{Call, Content, Status};
use toolyard_tests::{World, run};

/// Every operation on one path; `other` is where two-path operations go.
fn every_op(path: &str, other: &str) -> Vec<Value> {
    let one = [
        "read",
        "write",
        "create_new",
        "append",
        "truncate",
        "mkdir",
        "rmdir",
        "unlink",
        "readlink",
        "stat",
        "lstat",
        "set_times",
        "list",
        "open_dir",
        "exists",
    ];
    let two = ["rename", "copy", "hard_link", "symlink"];
    let single = one.iter().map(|op| json!({ "op": op, "path": path }));
    let double = two.iter().map(|op| json!({ "op": op, "path": path, "to": other }));
    single.chain(double).collect()
}

fn workspace() -> World {
    World::with(&json!({
        "a/x.txt": "x\n", "a/y.txt": "y\n", "a/sub/z.txt": "z\n", "b/w.txt": "w\n", "top.txt": "top\n",
        ".env": "KEY=hidden content\n", ".git/config": "[core]\n", "a/.env": "KEY=hidden content\n",
        "a/to_y": { "link": "y.txt" }, "a/to_b": { "link": "../b" }, "a/out": { "link": "../../outside" },
        "a/out_file": { "link": "../../outside/secret.txt" }, "a/abs": { "link": "/etc" },
    }))
}

/// Tries `ops` under the grants in `claims`, on both ways of looking paths up, each on a fresh workspace; the names of
/// the operations that went well, as `op path`, and the trees before and after.
fn attempt(claims: &Value, ops: &[Value]) -> (Vec<String>, bool) {
    let mut answers = Vec::new();
    for stepwise in [false, true] {
        let world = workspace();
        let before = world.tree();
        let builder = world.builder();
        let builder = if stepwise { builder.without_openat2() } else { builder };
        let host = builder.build().expect("a host");
        let mut arguments = claims.clone();
        arguments["ops"] = json!(ops);
        let outcome = run(&host, vec![Call::new("probe_fs", arguments)]).remove(0);
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        let tried = match outcome.content.first() {
            Some(Content::Json(Value::Array(tried))) => tried.clone(),
            other => panic!("{other:?}"),
        };
        let well = tried
            .iter()
            .filter(|tried| tried["ok"] == true && tried["value"] != "false");
        let well = well.map(|tried| {
            format!(
                "{} {}",
                tried["op"].as_str().unwrap_or(""),
                tried["path"].as_str().unwrap_or("")
            )
        });
        answers.push((well.collect::<Vec<_>>(), before == world.tree()));
        let secret = std::fs::read_to_string(world.outside().join("secret.txt")).expect("the secret");
        assert_eq!(secret, "hidden content\n");
        let shown = json!(tried).to_string();
        assert!(!shown.contains("hidden content") && !shown.contains("root:"), "{shown}");
    }
    let second = answers.pop().expect("two answers");
    let first = answers.pop().expect("two answers");
    assert_eq!(first, second, "the two ways of looking up disagree");
    first
}

const ELSEWHERE: [&str; 16] = [
    "a/y.txt",
    "a/new.txt",
    "a/sub/z.txt",
    "b/w.txt",
    "top.txt",
    "new.txt",
    ".env",
    ".git/config",
    "a/to_y",
    "a/to_b/w.txt",
    "a/out/secret.txt",
    "a/out_file",
    "a/abs/passwd",
    "../outside/secret.txt",
    "/etc/passwd",
    "a/../b/w.txt",
];

#[test]
fn nothing_beside_a_granted_file() {
    for claim in ["path", "write"] {
        for elsewhere in ELSEWHERE {
            let (well, same) = attempt(&json!({ claim: "a/x.txt" }), &every_op(elsewhere, "a/n.txt"));
            assert_eq!(well, [""; 0], "{claim} a/x.txt reached {elsewhere}");
            assert!(same, "{claim} a/x.txt changed something by {elsewhere}");
        }
    }
}

#[test]
fn no_other_end_of_a_granted_file() {
    // Under a write grant of one file, nothing can be brought into it from elsewhere or out of it.
    for elsewhere in ELSEWHERE {
        let ops = [
            json!({ "op": "rename", "path": "a/x.txt", "to": elsewhere }),
            json!({ "op": "rename", "path": elsewhere, "to": "a/x.txt" }),
            json!({ "op": "hard_link", "path": "a/x.txt", "to": elsewhere }),
            json!({ "op": "hard_link", "path": elsewhere, "to": "a/x.txt" }),
            json!({ "op": "symlink", "path": elsewhere, "to": "a/x.txt" }),
        ];
        let (well, same) = attempt(&json!({ "write": "a/x.txt" }), &ops);
        assert_eq!(well, [""; 0], "{elsewhere}");
        assert!(same, "{elsewhere}");
    }
}

#[test]
fn reading_a_file_is_all_that_a_read_grant_allows() {
    let (well, same) = attempt(&json!({ "path": "a/x.txt" }), &every_op("a/x.txt", "a/n.txt"));
    assert_eq!(
        well,
        [
            "read a/x.txt",
            "stat a/x.txt",
            "lstat a/x.txt",
            "open_dir a/x.txt",
            "exists a/x.txt"
        ]
    );
    assert!(same);
}

#[test]
fn the_folder_of_a_granted_file_stays_shut() {
    for claim in ["path", "write"] {
        for folder in ["a/sub", "b", ".git", "a/to_b", "a/out", ".."] {
            let (well, same) = attempt(&json!({ claim: "a/x.txt" }), &every_op(folder, "a/n"));
            assert_eq!(well, [""; 0], "{claim}: {folder}");
            assert!(same);
        }
    }
}

#[test]
fn a_granted_file_is_alone_in_its_folder() {
    let world = workspace();
    let ops = json!([{ "op": "list", "path": "a" }, { "op": "list", "path": "." }]);
    for claim in ["path", "write"] {
        let outcome = world.call("probe_fs", json!({ claim: "a/x.txt", "ops": ops }));
        let Some(Content::Json(tried)) = outcome.content.first() else {
            panic!("{outcome:?}")
        };
        let shown = tried.to_string();
        assert!(
            !shown.contains("y.txt") && !shown.contains("sub") && !shown.contains("top"),
            "{shown}"
        );
    }
}

#[test]
fn a_read_tree_is_read_only_and_hides_what_the_policy_denies() {
    for path in ["a/x.txt", "a/sub/z.txt", "a/new.txt", "a/sub", "a"] {
        let changes = [
            "write",
            "create_new",
            "append",
            "truncate",
            "mkdir",
            "rmdir",
            "unlink",
            "set_times",
        ];
        let mut ops: Vec<Value> = changes.iter().map(|op| json!({ "op": op, "path": path })).collect();
        for two in ["rename", "copy", "hard_link", "symlink"] {
            ops.push(json!({ "op": two, "path": path, "to": "a/n.txt" }));
        }
        let (well, same) = attempt(&json!({ "tree": "." }), &ops);
        assert_eq!(well, [""; 0], "{path}");
        assert!(same, "{path}");
    }
    for hidden in [
        ".env",
        "a/.env",
        ".git",
        ".git/config",
        "a/out",
        "a/out/secret.txt",
        "a/out_file",
        "a/abs/passwd",
    ] {
        let mut ops = every_op(hidden, "a/n.txt");
        ops.retain(|op| !["lstat", "readlink"].contains(&op["op"].as_str().unwrap_or("")));
        let (well, same) = attempt(&json!({ "tree": "." }), &ops);
        assert_eq!(well, [""; 0], "{hidden}");
        assert!(same);
    }
}

#[test]
fn a_write_tree_hides_what_the_policy_denies() {
    for hidden in [
        ".env",
        "a/.env",
        ".git",
        ".git/config",
        ".git/hooks",
        ".envrc",
        "a/out/secret.txt",
    ] {
        let (well, same) = attempt(&json!({ "write_tree": "." }), &every_op(hidden, "a/n.txt"));
        assert_eq!(well, [""; 0], "{hidden}");
        assert!(same, "{hidden}");
    }
}

/// What may be done in a tree that is granted for writing really can be.
#[test]
fn a_write_tree_can_be_worked_in() {
    let ops = [
        json!({ "op": "write", "path": "a/x.txt" }),
        json!({ "op": "create_new", "path": "a/new.txt" }),
        json!({ "op": "append", "path": "a/new.txt" }),
        json!({ "op": "mkdir", "path": "a/dir" }),
        json!({ "op": "rename", "path": "a/new.txt", "to": "a/dir/old.txt" }),
        json!({ "op": "unlink", "path": "a/y.txt" }),
        json!({ "op": "unlink", "path": "a/dir/old.txt" }),
        json!({ "op": "rmdir", "path": "a/dir" }),
        json!({ "op": "list", "path": "a/sub" }),
        json!({ "op": "read", "path": "a/to_b/w.txt" }),
    ];
    let (well, same) = attempt(&json!({ "write_tree": "a" }), &ops[..9]);
    assert_eq!(well.len(), 9, "{well:?}");
    assert!(!same);
    // Through a link that leads out of the granted tree, but not out of the workspace: not granted.
    let (well, _) = attempt(&json!({ "write_tree": "a" }), &ops[9..]);
    assert_eq!(well, [""; 0]);
}

/// Devices, pipes and sockets are never opened, so nothing waits for them.
#[test]
fn only_files_and_folders() {
    let world = workspace();
    let pipe = world.path().join("a/pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .expect("mkfifo");
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(world.path().join("a/socket")).expect("a socket");
    for name in ["a/pipe", "a/socket"] {
        for claim in ["path", "write"] {
            let ops = json!([{ "op": "read", "path": name }, { "op": "append", "path": name }, { "op": "write", "path": name }]);
            let outcome = world.call("probe_fs", json!({ claim: name, "ops": ops }));
            let Some(Content::Json(Value::Array(tried))) = outcome.content.first() else {
                panic!("{outcome:?}")
            };
            assert!(tried.iter().all(|tried| tried["ok"] == false), "{tried:?}");
        }
    }
}

/// A guest can't find out what stands beside its grants: there or not, file or folder, it is told the same.
#[test]
fn no_oracle() {
    let pairs = [
        ("a/y.txt", "a/nothing.txt"),
        ("a/y.txt/deeper", "a/nothing.txt/deeper"),
        ("a/sub/z.txt", "a/nothing/z.txt"),
        ("a/sub/../x.txt", "a/nothing/../x.txt"),
        ("a/to_y", "a/to_nothing"),
        ("b/w.txt", "b/nothing.txt"),
        ("b", "nothing"),
        (".git/config", ".git/nothing"),
        ("a/out", "a/nothing"),
        ("a/out/secret.txt", "a/nothing/secret.txt"),
    ];
    let names = [
        "read",
        "stat",
        "lstat",
        "list",
        "readlink",
        "exists",
        "unlink",
        "mkdir",
        "write",
        "set_times",
    ];
    for claim in ["path", "write"] {
        let world = workspace();
        let told = |path: &str| {
            let ops: Vec<Value> = names.iter().map(|op| json!({ "op": op, "path": path })).collect();
            let outcome = world.call("probe_fs", json!({ claim: "a/x.txt", "ops": ops }));
            let Some(Content::Json(Value::Array(tried))) = outcome.content.first() else {
                panic!("{outcome:?}")
            };
            let told = tried
                .iter()
                .map(|tried| (tried["op"].clone(), tried["ok"].clone(), tried["error"].clone()));
            told.collect::<Vec<_>>()
        };
        for (there, not_there) in pairs {
            assert_eq!(told(there), told(not_there), "{claim}: {there} and {not_there}");
        }
    }
}
