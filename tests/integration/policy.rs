//! `policy check`, `policy explain`, `policy limits`, `allow` and `approve` as commands. It must not look inside.

use crate::cli::toolyard;
use serde_json::{Value, json};
use toolyard_tests::World;

fn said(world: &World, args: &[&str]) -> (Option<i32>, String, String) {
    let output = toolyard(world, args, "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn checked() {
    let world = World::new();
    let (code, out, _) = said(&world, &["policy", "check"]);
    assert!(code == Some(0) && out.contains("the built-in policy holds"), "{out}");
    world.add(&json!({ "toolyard.toml": "[files]\ndeny = []\n[plugins.nobody.limits]\nwall_ms = 1\n[network]\nallow = [\"*\"]\n\
        [mounts.docs]\npath = \"/no/such/folder\"\naccess = \"read\"" }));
    let (code, out, err) = said(&world, &["policy", "check"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("ok, 4 warnings"), "{out}{err}");
    for word in ["nobody", "every server", "/no/such/folder", ".git"] {
        assert!(err.contains(word), "{word}: {err}");
    }
    world.add(&json!({ "toolyard.toml": "[files]\nreed = []" }));
    let (code, _, err) = said(&world, &["policy", "check"]);
    assert!(
        code == Some(2) && err.contains("unknown field `reed`") && err.contains("line 2"),
        "{err}"
    );
}

#[test]
fn explained() {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let (code, out, _) = said(
        &world,
        &[
            "policy",
            "explain",
            "edit_file",
            "path=a.txt",
            "edits=[{\"old_text\":\"a\",\"new_text\":\"b\"}]",
        ],
    );
    assert!(
        code == Some(0) && out.contains("by write = [\"**\"] in [files] of the built-in policy"),
        "{out}"
    );
    let (code, out, _) = said(
        &world,
        &[
            "policy",
            "explain",
            "read_files",
            "paths=a.txt",
            "paths=.env",
            "paths=.git/x",
        ],
    );
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(
        (out.matches("allowed").count(), out.matches("refused  ").count()),
        (1, 2),
        "{out}"
    );
    let (code, out, _) = said(
        &world,
        &["policy", "explain", "fetch", "url=https://example.com", "--json"],
    );
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (code, &value["resources"][0]["allowed"]),
        (Some(1), &json!(false)),
        "{out}"
    );
    let (code, out, _) = said(&world, &["policy", "limits"]);
    assert!(
        code == Some(0) && out.contains("memory_bytes") && out.contains("an endless loop"),
        "{out}"
    );
}

/// What `allow` shows is what it writes, and what it writes allows the call: for awkward names, too.
#[test]
fn allowed() {
    let world =
        World::with(&json!({ ".git/a[1]*.txt": "kept\n", "toolyard.toml": "# mine\n[limits]\nwall_ms = 20000" }));
    let path = "path=.git/a[1]*.txt";
    assert_eq!(said(&world, &["call", "read_file", path]).0, Some(1));
    let (code, out, err) = said(&world, &["allow", "read_file", path]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("[[allow]]\ntool = \"read_file\"\nscope = \"file\"\nread = ") && err.contains("--yes"),
        "{out}{err}"
    );
    assert_eq!(world.read("toolyard.toml"), "# mine\n[limits]\nwall_ms = 20000");
    let (code, shown, _) = said(&world, &["allow", "read_file", path, "--yes"]);
    assert_eq!(code, Some(0), "{shown}");
    let written = world.read("toolyard.toml");
    assert!(
        written.starts_with("# mine\n[limits]\nwall_ms = 20000\n\n[[allow]]"),
        "{written}"
    );
    let (code, out, err) = said(&world, &["call", "read_file", path]);
    assert!(code == Some(0) && out.contains("kept"), "{out}{err}");
    assert_eq!(
        said(&world, &["call", "delete_path", path]).0,
        Some(1),
        "for that tool alone"
    );
    let (code, out, _) = said(&world, &["allow", "read_file", path]);
    assert!(code == Some(0) && out.contains("nothing to write"), "{out}");
    // Once more, for the network, into the same file.
    assert_eq!(
        said(&world, &["allow", "fetch", "url=http://127.0.0.1:1/x", "--yes"]).0,
        Some(0)
    );
    let (code, out, _) = said(&world, &["policy", "explain", "fetch", "url=http://127.0.0.1:1/x"]);
    assert!(code == Some(0) && out.contains("[[allow]]"), "{out}");
}

#[test]
fn approved() {
    let world = World::new();
    let (code, out, err) = said(&world, &["approve", "fs"]);
    assert!(
        code == Some(1) && out.contains("edit_file: writes the file") && err.contains("--yes"),
        "{out}{err}"
    );
    assert_eq!(said(&world, &["approve", "nobody"]).0, Some(2));
    assert_eq!(said(&world, &["approve", "fs", "--yes"]).0, Some(0));
}
