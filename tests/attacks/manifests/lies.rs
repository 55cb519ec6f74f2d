//! Sound manifests that lie, or ask for more than there is: told when the tool is called. It must not need a broken file.

use super::GROUP;
use crate::components::made::with_manifest;
use crate::ground::{Ground, ended, files, well};
use crate::suite::Suite;
use serde_json::{Value, json};
use toolyard::{Call, Host, Status};
use toolyard_tests::{World, probe, repository, run};

pub fn cases(suite: &mut Suite) {
    suite.add(
        GROUP,
        "claim on an argument that is not a string, absolute, .., empty",
        odd_values,
    );
    suite.add(GROUP, "a fixed claim that leads outside", fixed_outside);
    suite.add(GROUP, "a claim wider than the policy", wider);
    suite.add(
        GROUP,
        "a claim narrower than what the code does (denied at run time)",
        narrower,
    );
    suite.add(GROUP, "recursive schema, catastrophic regex", slow_schemas);
    suite.add(GROUP, "limits of 0, negative, maximal", limits);
}

/// The probe with one tool's claims and schema exchanged.
fn probe_claiming(tool: &str, claims: Value, schema: Option<Value>) -> Vec<u8> {
    let host = World::new().host();
    let plugin = host.tool("probe_echo").expect("the probe").plugin.clone();
    let mut manifest = serde_json::to_value(&plugin.manifest).expect("JSON");
    let entry = manifest["tools"]
        .as_array_mut()
        .expect("tools")
        .iter_mut()
        .find(|entry| entry["name"] == tool)
        .expect("the tool");
    entry["claims"] = claims;
    if let Some(schema) = schema {
        entry["input_schema"] = schema;
    }
    with_manifest(&probe(), manifest.to_string().as_bytes())
}

/// A host over the usual workspace with the probe changed so.
fn host_with(world: &World, bytes: Vec<u8>) -> Host {
    let host = Host::builder()
        .workspace(world.path())
        .cache(repository().join("target/test-cache"));
    let host = host.component("probe.wasm", bytes).build().expect("a host");
    assert!(host.problems().is_empty(), "{:?}", host.problems());
    host
}

fn odd_values() -> usize {
    let claims = json!([{ "path": { "from": "$.text" }, "access": "write", "scope": "file" }]);
    let open = json!({ "type": "object", "properties": { "text": {} } });
    let world = World::with(&files());
    let before = world.everything();
    let host = host_with(&world, probe_claiming("probe_echo", claims, Some(open)));
    let table = [
        (json!(7), Status::InvalidArguments, "invalid_arguments"),
        (json!(true), Status::InvalidArguments, "invalid_arguments"),
        (json!(["a"]), Status::InvalidArguments, "invalid_arguments"),
        (json!({ "a": "b" }), Status::InvalidArguments, "invalid_arguments"),
        (json!(""), Status::InvalidArguments, "invalid_path"),
        (json!("/etc/passwd"), Status::Denied, "outside_workspace"),
        (json!(".."), Status::Denied, "outside_workspace"),
        (json!("a/out_file"), Status::Denied, "outside_workspace"),
        (json!("a/b\0"), Status::InvalidArguments, "invalid_path"),
    ];
    for (value, status, code) in &table {
        let outcome = run(&host, vec![Call::new("probe_echo", json!({ "text": value }))]).remove(0);
        ended(&outcome, *status, code);
    }
    assert_eq!(world.everything(), before);
    table.len()
}

fn fixed_outside() -> usize {
    let world = World::with(&files());
    for (path, code) in [
        ("../outside", "outside_workspace"),
        ("/etc", "outside_workspace"),
        ("a/out", "outside_workspace"),
        (".git", "denied"),
        ("toolyard.toml", "denied"),
    ] {
        let claims = json!([{ "path": path, "access": "write", "scope": "tree" }]);
        let host = host_with(&world, probe_claiming("probe_echo", claims, None));
        ended(
            &run(&host, vec![Call::new("probe_echo", json!({ "text": "x" }))])[0],
            Status::Denied,
            code,
        );
    }
    5
}

fn wider() -> usize {
    let policy = "[files]\nread = [\"a\"]\nwrite = [\"a/sub\"]\n";
    let ground = Ground::of(World::with(&files()), |builder| builder.policy_text(policy));
    let claims = [
        ("tree", "."),
        ("tree", "b"),
        ("path", "top.txt"),
        ("write", "a/x.txt"),
        ("write_tree", "a"),
        ("write_tree", "."),
        ("write_directory", "b"),
    ];
    for (claim, path) in claims {
        let outcome = ground.call(
            "probe_fs",
            json!({ claim: path, "ops": [{ "op": "write", "path": path }] }),
        );
        ended(&outcome, Status::Denied, "denied");
        let error = outcome.error.expect("an error");
        assert!(
            error.message.contains("in [files] of the given policy") && error.hint.is_some(),
            "{error:?}"
        );
    }
    let tried = ground.tries(
        &json!({ "tree": "a", "write_tree": "a/sub" }),
        &[
            json!({ "op": "read", "path": "a/x.txt" }),
            json!({ "op": "write", "path": "a/x.txt" }),
        ],
    );
    assert_eq!(well(&tried), ["read a/x.txt"]);
    ground.unchanged();
    ground.alive();
    claims.len() + 2
}

/// The probe's code does all that it did; its manifest claims nothing that the code then does.
fn narrower() -> usize {
    let world = World::with(&files());
    let before = world.everything();
    let table = [
        (json!([]), "a/x.txt"),
        (
            json!([{ "path": "a/y.txt", "access": "read", "scope": "file" }]),
            "a/x.txt",
        ),
        (
            json!([{ "path": "a/x.txt", "access": "read", "scope": "file" }]),
            "a/y.txt",
        ),
        (
            json!([{ "path": "a", "access": "read", "scope": "directory" }]),
            "a/sub/z.txt",
        ),
    ];
    for (claims, path) in &table {
        let host = host_with(&world, probe_claiming("probe_fs", claims.clone(), None));
        let ops = [
            "read",
            "write",
            "append",
            "create_new",
            "unlink",
            "truncate",
            "mkdir",
            "list",
        ]
        .map(|op| json!({ "op": op, "path": path }));
        let outcome = run(
            &host,
            vec![Call::new(
                "probe_fs",
                json!({ "write": path, "write_tree": ".", "ops": ops }),
            )],
        )
        .remove(0);
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        let Some(toolyard::Content::Json(Value::Array(tried))) = outcome.content.first() else {
            panic!("{outcome:?}")
        };
        assert_eq!(well(tried), [""; 0], "claiming {claims}");
        assert_eq!(world.everything(), before);
    }
    table.len() * 8
}

fn slow_schemas() -> usize {
    let recursive = json!({ "type": "object", "properties": { "text": { "$ref": "#/properties/text" } } });
    let tree = json!({ "type": "object", "properties": { "text": { "$ref": "#/$defs/node" } }, "$defs": { "node": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "$ref": "#/$defs/node" } }] } } });
    let regex = json!({ "type": "object", "properties": { "text": { "type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$" } } });
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let world = World::new();
    for (schema, text) in [
        (recursive, json!("x")),
        (tree, deep),
        (regex, json!("a".repeat(100_000))),
    ] {
        let bytes = probe_claiming("probe_echo", json!([]), Some(schema));
        // Either the manifest is refused, or the call ends; nothing hangs and nothing overflows.
        let host = Host::builder()
            .workspace(world.path())
            .component("slow.wasm", bytes)
            .build()
            .expect("a host");
        if host.problems().is_empty() {
            let outcome = run(&host, vec![Call::new("probe_echo", json!({ "text": text }))]).remove(0);
            assert_ne!(outcome.status, Status::HostFailure, "{outcome:?}");
        }
    }
    3
}

fn limits() -> usize {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let names = [
        "wall_ms",
        "memory_bytes",
        "output_bytes",
        "log_bytes",
        "argument_bytes",
        "open_files",
        "in_place_bytes",
        "waiting_calls",
        "client_calls",
        "component_bytes",
        "reuse_bytes",
    ];
    let mut checks = 0;
    for name in names {
        for bad in [
            "-1",
            "-9223372036854775808",
            "1.5",
            "\"1\"",
            "true",
            "99999999999999999999",
        ] {
            let built = world
                .builder()
                .policy_text(format!("[limits]\n{name} = {bad}\n"))
                .build();
            let error = built
                .err()
                .unwrap_or_else(|| panic!("{name} = {bad} is taken"))
                .to_string();
            assert!(error.contains("given policy"), "{error}");
            checks += 1;
        }
        for edge in ["0", "1", "9223372036854775807"] {
            let Ok(host) = world
                .builder()
                .policy_text(format!("[limits]\n{name} = {edge}\n"))
                .build()
            else {
                continue;
            };
            let outcome = run(&host, vec![Call::new("read_file", json!({ "path": "a.txt" }))]).remove(0);
            assert!(
                outcome.status == Status::Ok || outcome.error.is_some(),
                "{name} = {edge}: {outcome:?}"
            );
            assert!(
                edge.len() < 2 || outcome.status == Status::Ok,
                "{name} = {edge}: {outcome:?}"
            );
            checks += 1;
        }
    }
    checks
}
