//! Every file operation against every kind of grant: what a claim doesn't name can't be reached. It must not use a tool
//! of the standard plugins.

use super::GROUP;
use crate::ground::{Ground, told, well};
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
fn attempt(grounds: &mut [Ground; 2], claims: &Value, ops: &[Value]) -> (Vec<String>, bool) {
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
fn nothing(grounds: &mut [Ground; 2], claims: &Value, ops: &[Value]) -> usize {
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
    suite.add(GROUP, "a write tree can be worked in", worked_in);
    suite.add(GROUP, "nested grants with different rights", nested);
    suite.add(GROUP, "guest-made links with .. or absolute targets", guest_links);
    suite.add(
        GROUP,
        "no oracle: what is beside a grant is told like what isn't there",
        no_oracle,
    );
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

/// What may be done in a tree that is granted for writing really can be.
fn worked_in() {
    let ops = [
        json!({ "op": "write", "path": "a/x.txt" }),
        json!({ "op": "truncate", "path": "a/x.txt" }),
        json!({ "op": "set_times", "path": "a/x.txt" }),
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
    let mut grounds = Ground::both();
    let (well, same) = attempt(&mut grounds, &json!({ "write_tree": "a" }), &ops[..11]);
    assert_eq!(well.len(), 11, "{well:?}");
    assert!(!same);
    // Through a link that leads out of the granted tree, but not out of the workspace: not granted.
    nothing(&mut grounds, &json!({ "write_tree": "a" }), &ops[11..]);
}

fn nested() -> usize {
    let mut grounds = Ground::both();
    let mut checks = 0;
    // A read grant inside a write tree stays a read grant, and the folder above it can't be carried off with it.
    let inner = json!({ "write_tree": "a", "path": "a/sub/z.txt" });
    let mut ops: Vec<Value> = every_op("a/sub/z.txt", "a/n.txt");
    ops.retain(|op| {
        !["read", "stat", "lstat", "exists", "open_dir", "copy"].contains(&op["op"].as_str().unwrap_or(""))
    });
    ops.push(json!({ "op": "rename", "path": "a/sub", "to": "a/sub2" }));
    ops.push(json!({ "op": "rename", "path": "a/y.txt", "to": "a/sub/z.txt" }));
    checks += nothing(&mut grounds, &inner, &ops);
    let inner = json!({ "write_tree": "a", "tree": "a/sub" });
    let below = ["a/sub/z.txt", "a/sub/new.txt", "a/sub/deep/q.txt", "a/sub/deep"];
    for path in below {
        let ops = [
            "write",
            "create_new",
            "append",
            "truncate",
            "mkdir",
            "unlink",
            "rmdir",
            "set_times",
        ];
        checks += nothing(&mut grounds, &inner, &ops.map(|op| json!({ "op": op, "path": path })));
        checks += nothing(
            &mut grounds,
            &inner,
            &[json!({ "op": "rename", "path": path, "to": "a/gone" })],
        );
    }
    // A write grant inside a read tree opens nothing else.
    let outer = json!({ "tree": ".", "write": "a/x.txt" });
    for path in ["a/y.txt", "a/new.txt", "a", "a/sub", "top.txt"] {
        let ops = [
            "write",
            "create_new",
            "append",
            "truncate",
            "mkdir",
            "unlink",
            "rmdir",
            "set_times",
        ];
        checks += nothing(&mut grounds, &outer, &ops.map(|op| json!({ "op": op, "path": path })));
        checks += nothing(
            &mut grounds,
            &outer,
            &[json!({ "op": "rename", "path": path, "to": "a/x.txt" })],
        );
    }
    let (well, _) = attempt(
        &mut grounds,
        &outer,
        &[
            json!({ "op": "write", "path": "a/x.txt" }),
            json!({ "op": "read", "path": "top.txt" }),
        ],
    );
    assert_eq!(well, ["read top.txt", "write a/x.txt"]);
    checks + 2
}

/// A guest makes no link at all, so it makes none that leads anywhere.
fn guest_links() -> usize {
    let mut grounds = Ground::both();
    let targets = [
        "..",
        "../..",
        "../../outside",
        "/",
        "/etc/passwd",
        "x.txt",
        ".",
        "",
        "a/",
        "../../outside/",
    ];
    let mut checks = 0;
    for claims in [
        json!({ "write_tree": "." }),
        json!({ "write_tree": "a" }),
        json!({ "write_directory": "a" }),
        json!({ "write": "a/n" }),
    ] {
        let ops = targets.iter().flat_map(|target| {
            ["a/n", "a/n/", "a/sub/n"].map(|to| json!({ "op": "symlink", "path": target, "to": to }))
        });
        checks += nothing(&mut grounds, &claims, &ops.collect::<Vec<_>>());
        let ops = ["a/x.txt", "a/out_file", "/etc/passwd", "top.txt"]
            .map(|from| json!({ "op": "hard_link", "path": from, "to": "a/n" }));
        checks += nothing(&mut grounds, &claims, &ops);
    }
    checks
}

/// A guest can't find out what stands beside its grants: there or not, file or folder, it is told the same.
fn no_oracle() -> usize {
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
    let mut checks = 0;
    for ground in Ground::both() {
        for claim in ["path", "write"] {
            let ask = |path: &str| {
                told(&ground.tries(
                    &json!({ claim: "a/x.txt" }),
                    &names.map(|op| json!({ "op": op, "path": path })),
                ))
            };
            for (there, not_there) in pairs {
                assert_eq!(ask(there), ask(not_there), "{claim}: {there} and {not_there}");
                checks += names.len();
            }
        }
    }
    checks
}
