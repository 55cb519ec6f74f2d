//! Files that the host itself trusts, where they lie among those that calls work in. It must not need more than one folder.

use crate::cli::toolyard;
use crate::probes::check;
use serde_json::json;
use toolyard::{Call, Status};
use toolyard_tests::{World, run};

/// Whatever the policy says, no tool changes rules, code or memory, and none reads a secret.
#[test]
fn no_tool_gets_at_them() {
    let world = World::with(&json!({
        "cfg/p.toml": "[files]\ndeny = []\ndeny_write = []\n[secrets.api]\nfile = \"TOKEN\"\nhosts = [\"a.com\"]\nheader = \"x\"\n\
            [[allow]]\ntool = \"*\"\nwrite = \"**\"\n",
        "p.toml": { "link": "cfg/p.toml" }, "token.txt": "tok123\n", "plug/own.wasm": "", "cache/x": "", "free.txt": "a\n",
    }));
    let policy = world
        .read("cfg/p.toml")
        .replace("TOKEN", &world.path().join("token.txt").display().to_string());
    std::fs::write(world.path().join("cfg/p.toml"), policy).expect("a file");
    let at = |name: &str| world.path().join(name);
    let builder = world
        .builder()
        .policy(at("p.toml"))
        .plugins(at("plug"))
        .cache(at("cache"));
    let host = builder
        .remember_claims(at("state/plugins.json"))
        .build()
        .expect("a host");
    let write = |path: &str| Call::new("write_file", json!({ "path": path, "content": "x" }));
    let gone = |path: &str| Call::new("delete_path", json!({ "path": path, "recursive": true }));
    for call in [
        write("cfg/p.toml"),
        write("p.toml"),
        gone("p.toml"),
        write("cache/x"),
        write("cache/new/x.cwasm"),
        write("plug/evil.wasm"),
        gone("plug/own.wasm"),
        write("state/plugins.json"),
        write("token.txt"),
        Call::new("read_file", json!({ "path": "token.txt" })),
        Call::new("move_path", json!({ "from": "token.txt", "to": "b.txt" })),
        Call::new(
            "copy_path",
            json!({ "from": "free.txt", "to": "cache/x", "overwrite": true }),
        ),
    ] {
        let shown = format!("{call:?}");
        let outcome = run(&host, vec![call]).remove(0);
        assert_eq!(outcome.status, Status::Denied, "{shown}: {outcome:#?}");
        let error = outcome.error.expect("an error");
        assert!(error.message.contains("the host itself"), "{error:?}");
    }
    // As parts of a tree they are left alone, too.
    for folder in ["cache", "cfg", "plug"] {
        let outcome = run(&host, vec![gone(folder)]).remove(0);
        assert_ne!(outcome.status, Status::Ok, "{folder}: {outcome:#?}");
        let outcome = run(
            &host,
            vec![Call::new("move_path", json!({ "from": folder, "to": "moved" }))],
        )
        .remove(0);
        assert_ne!(outcome.status, Status::Ok, "{folder}: {outcome:#?}");
    }
    let grep = run(&host, vec![Call::new("grep", json!({ "pattern": "tok", "path": "." }))]).remove(0);
    assert!(!format!("{:?}", grep.content).contains("tok123"), "{grep:#?}");
    assert_eq!(world.read("token.txt"), "tok123\n");
    check(&run(&host, vec![write("free.txt")]).remove(0), Status::Ok, "");
}

/// A file that is planted where the policy's new text would be written is in nobody's way, and no link is followed.
#[test]
fn the_policy_is_written_beside_nobody() {
    let world = World::with(&json!({ "victim.txt": "kept\n" }));
    let output = toolyard(&world, &["allow", "read_file", "path=.git/config", "--yes"], "");
    assert!(output.status.success(), "{output:?}");
    assert!(world.read("toolyard.toml").contains("scope = \"file\""));
    assert_eq!(world.read("victim.txt"), "kept\n");
    let outcome = world.call(
        "write_file",
        json!({ "path": ".toolyard-tmp-1-policy", "content": "x" }),
    );
    assert_ne!(outcome.status, Status::Ok, "{outcome:#?}");
    // A folder that is missing on the way is not what was asked for.
    let output = toolyard(
        &world,
        &["allow", "write_file", "path=.git/hooks/x", "content=y", "--yes"],
        "",
    );
    assert!(output.status.success(), "{output:?}");
    let text = world.read("toolyard.toml");
    assert!(
        !text.contains("\"/.git\"") && text.matches("[[allow]]").count() == 2,
        "{text}"
    );
}
