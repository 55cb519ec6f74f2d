//! Places beside the workspace, and how much may be put anywhere. It must not need more disk than a test may.

use super::GROUP;
use crate::ground::{Ground, ended, well};
use crate::suite::Suite;
use serde_json::json;
use toolyard::{Access, Status};
use toolyard_tests::World;

pub fn cases(suite: &mut Suite) {
    suite.add(
        GROUP,
        "a mount for reading is not written, by any tool or spelling",
        read_only_mount,
    );
    suite.add(GROUP, "a call that fills the disk: bytes, holes, many files", quotas);
}

fn read_only_mount() -> usize {
    let mut checks = 0;
    for stepwise in [false, true] {
        let world = World::with(&json!({ "a.txt": "a\n" }));
        let folder = world.outside();
        let name = folder.display().to_string();
        let ground = Ground::of(world, |builder| {
            let builder = builder.mount("docs", &folder, Access::Read);
            if stepwise { builder.without_openat2() } else { builder }
        });
        for path in [
            "/docs/secret.txt".to_owned(),
            format!("{name}/secret.txt"),
            "/docs/new/x.txt".to_owned(),
        ] {
            for (tool, arguments) in [
                ("write_file", json!({ "path": path, "content": "x" })),
                ("delete_path", json!({ "path": path })),
                ("make_dir", json!({ "path": path })),
                ("move_path", json!({ "from": path, "to": "b.txt" })),
                ("copy_path", json!({ "from": "a.txt", "to": path })),
            ] {
                {
                    let outcome = ground
                        .host
                        .plan(&[toolyard::Call::new(tool, arguments)])
                        .expect("a plan");
                    let (status, error) = outcome.calls[0].refused.clone().expect("refused");
                    assert_eq!(
                        (status, error.code.as_str()),
                        (Status::Denied, "read_only_mount"),
                        "{tool} {path}"
                    );
                    checks += 1;
                }
            }
        }
        ground.unchanged();
        ground.alive();
    }
    checks
}

fn quotas() -> usize {
    let policy = "[limits]\nwrite_bytes = 100000\nmade_files = 20";
    let ground = Ground::of(World::with(&json!({ "d": null })), |builder| {
        builder.policy_text(policy)
    });
    let big = "x".repeat(200_000);
    let outcome = ground.call("write_file", json!({ "path": "big.txt", "content": big }));
    ended(&outcome, Status::Limit, "write_bytes");
    assert!(!ground.world.path().join("big.txt").exists());
    let files: Vec<_> = (0..50)
        .map(|at| json!({ "op": "create_new", "path": format!("d/{at}"), "text": "x" }))
        .collect();
    let tried = ground.tries(&json!({ "write_tree": "d" }), &files);
    assert_eq!(well(&tried).len(), 20, "{tried:?}");
    let folders: Vec<_> = (0..50)
        .map(|at| json!({ "op": "mkdir", "path": format!("d/folder{at}") }))
        .collect();
    let tried = ground.tries(&json!({ "write_tree": "d" }), &folders);
    assert_eq!(well(&tried).len(), 20, "{tried:?}");
    let deep: Vec<String> = (0..30).map(|at| format!("n{at}")).collect();
    let outcome = ground.call(
        "write_file",
        json!({ "path": format!("{}/x.txt", deep.join("/")), "content": "x" }),
    );
    ended(&outcome, Status::Limit, "made_files");
    assert!(
        !ground.world.path().join("n0").exists(),
        "what was made on the way is gone"
    );
    ground.alive();
    4
}
