//! Several grants at once, grants that are worked with, links that a guest would make, and what a guest can find out.
//! It must not use a tool of the standard plugins.

use super::GROUP;
use super::reach::{attempt, every_op, nothing};
use crate::ground::{Ground, told};
use crate::suite::Suite;
use serde_json::{Value, json};

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "a write tree can be worked in", worked_in);
    suite.add(GROUP, "nested grants with different rights", nested);
    suite.add(GROUP, "guest-made links with .. or absolute targets", guest_links);
    suite.add(
        GROUP,
        "no oracle: what is beside a grant is told like what isn't there",
        no_oracle,
    );
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
