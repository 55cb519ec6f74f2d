//! Every file operation against every kind of grant: what a claim doesn't name can't be reached. It must not use a tool
//! of the standard plugins.

use super::GROUP;
use crate::ground::{Ground, well};
use crate::suite::Suite;
use serde_json::{Value, json};

const ONE: [&str; 15] = [
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
const TWO: [&str; 4] = ["rename", "copy", "hard_link", "symlink"];

/// Every operation on one path; `other` is where two-path operations go.
pub fn every_op(path: &str, other: &str) -> Vec<Value> {
    let single = ONE.iter().map(|op| json!({ "op": op, "path": path }));
    let double = TWO.iter().map(|op| json!({ "op": op, "path": path, "to": other }));
    single.chain(double).collect()
}

/// Tries `ops` under the grants in `claims`, in both ways of looking up: those that went well, and whether all is as it
/// was. The host answers afterwards.
pub fn attempt(grounds: &mut [Ground; 2], claims: &Value, ops: &[Value]) -> (Vec<String>, bool) {
    let [mut first, second] = grounds.each_mut().map(|ground| {
        let tried = ground.tries(claims, ops);
        let same = ground.changed().is_empty();
        ground.settle();
        ground.alive();
        (well(&tried), same)
    });
    assert_eq!(first, second, "the two ways of looking up disagree");
    first.0.sort();
    first
}

/// Nothing of `ops` goes well, and nothing changes.
pub fn nothing(grounds: &mut [Ground; 2], claims: &Value, ops: &[Value]) -> usize {
    for ground in grounds.iter_mut() {
        let well = well(&ground.tries(claims, ops));
        assert_eq!(well, [""; 0], "under {claims}");
        ground.unchanged();
    }
    ops.len() * 2
}

const ELSEWHERE: [&str; 27] = [
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
    "a/sub/../y.txt",
    "a/./y.txt",
    "a//y.txt",
    "a/evil/secret.txt",
    "../work-evil/secret.txt",
    "a/proc/environ",
    "/proc/self/environ",
    "a/zero",
    "a/chain",
    "a/dangling_out",
    "a/out_slash/secret.txt",
];

pub fn cases(suite: &mut Suite) {
    for claim in ["path", "write"] {
        suite.add(
            GROUP,
            format!("nothing beside a file granted by `{claim}`: every operation on every other path"),
            move || {
                let mut grounds = Ground::both();
                let checks = ELSEWHERE
                    .map(|place| nothing(&mut grounds, &json!({ claim: "a/x.txt" }), &every_op(place, "a/n.txt")));
                grounds.iter().for_each(Ground::alive);
                checks.iter().sum::<usize>()
            },
        );
    }
    for claim in ["tree", "write_tree", "directory", "write_directory"] {
        suite.add(
            GROUP,
            format!("nothing beside a folder granted by `{claim}`: every operation on every other path"),
            move || {
                let mut grounds = Ground::both();
                let outside = ELSEWHERE.iter().filter(|place| !place.contains("/sub/z"));
                let mut checks = 0;
                for place in outside.chain(&[
                    "a/x.txt",
                    "a/new",
                    "b",
                    "a/to_b",
                    "a/sub/../../b/w.txt",
                    "a/sub/../x.txt",
                ]) {
                    checks += nothing(&mut grounds, &json!({ claim: "a/sub" }), &every_op(place, "a/n.txt"));
                }
                if claim.ends_with("directory") {
                    for place in ["a/sub/deep/q.txt", "a/sub/deep/new.txt", "a/sub/deep/new/x"] {
                        checks += nothing(&mut grounds, &json!({ claim: "a/sub" }), &every_op(place, "a/n.txt"));
                    }
                }
                grounds.iter().for_each(Ground::alive);
                checks
            },
        );
    }
    suite.add(
        GROUP,
        "no other end of a granted file: rename, copy and links both ways",
        no_other_end,
    );
    suite.add(GROUP, "reading a file is all that a read grant allows", read_only_file);
    suite.add(
        GROUP,
        "the folder of a granted file stays shut, and shows that file alone",
        shut_folder,
    );
    suite.add(GROUP, "a read tree is read-only", read_only_tree);
    suite.add(GROUP, "what the policy denies is hidden inside granted trees", hidden);
}

/// Under a write grant of one file, nothing can be brought into it from elsewhere or out of it.
fn no_other_end() -> usize {
    let mut grounds = Ground::both();
    let mut checks = 0;
    for elsewhere in ELSEWHERE {
        let ops = ["rename", "hard_link", "symlink"].into_iter().flat_map(|op| {
            let out = (op != "symlink").then(|| json!({ "op": op, "path": "a/x.txt", "to": elsewhere }));
            out.into_iter()
                .chain([json!({ "op": op, "path": elsewhere, "to": "a/x.txt" })])
        });
        checks += nothing(&mut grounds, &json!({ "write": "a/x.txt" }), &ops.collect::<Vec<_>>());
    }
    checks
}

fn read_only_file() {
    let mut grounds = Ground::both();
    let (well, same) = attempt(
        &mut grounds,
        &json!({ "path": "a/x.txt" }),
        &every_op("a/x.txt", "a/n.txt"),
    );
    assert_eq!(
        well,
        [
            "exists a/x.txt",
            "lstat a/x.txt",
            "open_dir a/x.txt",
            "read a/x.txt",
            "stat a/x.txt"
        ]
    );
    assert!(same);
}

fn shut_folder() -> usize {
    let mut grounds = Ground::both();
    let mut checks = 0;
    for claim in ["path", "write"] {
        for folder in ["a/sub", "b", ".git", "a/to_b", "a/out", ".."] {
            checks += nothing(&mut grounds, &json!({ claim: "a/x.txt" }), &every_op(folder, "a/n"));
        }
        for ground in &grounds {
            let lists = [
                json!({ "op": "list", "path": "a" }),
                json!({ "op": "list", "path": "." }),
            ];
            let tried = ground.tries(&json!({ claim: "a/x.txt" }), &lists);
            let listed: Vec<&Value> = tried.iter().map(|tried| &tried["value"]).collect();
            assert_eq!(listed, [&json!("x.txt"), &Value::Null], "{tried:?}");
            checks += 2;
        }
    }
    checks
}

fn read_only_tree() -> usize {
    let mut grounds = Ground::both();
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
    let mut checks = 0;
    for path in ["a/x.txt", "a/sub/z.txt", "a/new.txt", "a/sub", "a", "a/sub/", "a/to_y"] {
        let mut ops: Vec<Value> = changes.iter().map(|op| json!({ "op": op, "path": path })).collect();
        ops.extend(
            TWO.iter()
                .map(|two| json!({ "op": two, "path": path, "to": "a/n.txt" })),
        );
        for claims in [
            json!({ "tree": "." }),
            json!({ "tree": "a" }),
            json!({ "directory": "a" }),
        ] {
            checks += nothing(&mut grounds, &claims, &ops);
        }
    }
    checks
}

fn hidden() -> usize {
    let mut grounds = Ground::both();
    let names = [
        ".env",
        "a/.env",
        ".git",
        ".git/config",
        ".git/hooks",
        ".envrc",
        "a/.envrc",
        ".GIT",
        ".Env",
        "a/out",
        "a/out/secret.txt",
        "a/out_file",
        "a/abs/passwd",
    ];
    let mut checks = 0;
    for claim in ["tree", "write_tree"] {
        for name in names {
            let mut ops = every_op(name, "a/n.txt");
            // A link itself is in the tree, and in a write tree it may go; where it leads is not.
            if name.contains("out") {
                ops.retain(|op| !["lstat", "readlink", "unlink", "rename"].contains(&op["op"].as_str().unwrap_or("")));
            }
            checks += nothing(&mut grounds, &json!({ claim: "." }), &ops);
        }
        for ground in &grounds {
            let tried = ground.tries(
                &json!({ claim: "." }),
                &[
                    json!({ "op": "list", "path": "." }),
                    json!({ "op": "list", "path": "a" }),
                ],
            );
            let listed = tried.iter().map(|tried| tried["value"].to_string()).collect::<String>();
            assert!(
                listed.contains("top.txt") && !listed.contains(".env") && !listed.contains(".git"),
                "{listed}"
            );
            checks += 2;
        }
    }
    checks
}
