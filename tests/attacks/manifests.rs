//! Attacks by manifests: broken ones, as data, and sound ones that lie. It must not test what a manifest's form allows;
//! the host's own tests do.

use crate::components::made::{Made, manifest, with_manifest};
use crate::ground::{Ground, alive, ended, files, well};
use crate::suite::{End, Suite};
use serde_json::{Value, json};
use toolyard::{Call, Host, Status};
use toolyard_tests::{World, probe, repository, run};

const GROUP: &str = "manifests";

pub fn cases(suite: &mut Suite) {
    let text = std::fs::read_to_string(repository().join("tests/attacks/data/manifests.json")).expect("the table");
    let table: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    for case in table {
        suite.add(GROUP, case["name"].as_str().expect("a name").to_owned(), move || {
            left_out(&case)
        });
    }
    suite.add(GROUP, "duplicate tool over two plugins", duplicates);
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
    suite.add(GROUP, "manifest changed since it was approved", || {
        End::Skipped("plugins are not approved one by one: what a folder holds at the start is what is loaded".into())
    });
}

/// The good manifest that each broken one begins as.
fn good() -> Value {
    let mut good = manifest("bad", "bad_tool");
    good["tools"][0]["claims"] = json!([{ "path": { "from": "$.path" }, "access": "read", "scope": "file" }]);
    good
}

fn broken(case: &Value) -> Vec<u8> {
    if let Some(bytes) = case["bytes"].as_array() {
        return bytes.iter().filter_map(Value::as_u64).map(|byte| byte as u8).collect();
    }
    if let Some(text) = case["text"].as_str() {
        return text.into();
    }
    let mut broken = good();
    let tool = broken["tools"][0].clone();
    if let Some(place) = case["at"].as_str() {
        let long = case["repeat"]
            .as_str()
            .map(|part| json!(part.repeat(case["times"].as_u64().unwrap_or(0) as usize)));
        set(&mut broken, place, long.unwrap_or_else(|| case["value"].clone()));
    }
    if let Some((above, name)) = case["remove"].as_str().and_then(|place| place.rsplit_once('/')) {
        broken
            .pointer_mut(above)
            .and_then(Value::as_object_mut)
            .expect("an object")
            .remove(name);
    }
    if case["double"] == true {
        broken["tools"] = json!([tool, tool]);
    }
    if let Some(count) = case["tools"].as_u64() {
        broken["tools"] = json!(vec![tool.clone(); count as usize]);
    }
    if let Some(count) = case["claims"].as_u64() {
        broken["tools"][0]["claims"] = json!(vec![tool["claims"][0].clone(); count as usize]);
    }
    let mut text = broken.to_string();
    if let Some(depth) = case["nest"].as_u64() {
        let deep = format!(
            "{}{{}}{}",
            "{\"not\":".repeat(depth as usize),
            "}".repeat(depth as usize)
        );
        text = text.replace("{\"type\":\"string\"}", &deep);
    }
    if let Some(before) = case["before"].as_str() {
        text.replace_range(..1, before);
    }
    text.push_str(case["behind"].as_str().unwrap_or_default());
    text.into_bytes()
}

fn set(value: &mut Value, place: &str, new: Value) {
    let (above, name) = place.rsplit_once('/').expect("a place");
    match value.pointer_mut(above).expect("a place") {
        Value::Array(items) => items[name.parse::<usize>().expect("a number")] = new,
        other => other[name] = new,
    }
}

/// The plugin is left out with the reason and its place; everything else works, and the tool isn't there.
fn left_out(case: &Value) {
    let bytes = Made {
        manifest: broken(case),
        ..Made::default()
    }
    .bytes();
    let world = World::new();
    let host = world
        .builder()
        .without_standard_plugins()
        .component("bad.wasm", bytes)
        .build()
        .expect("a host");
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    let [problem] = &problems[..] else {
        panic!("{problems:?}")
    };
    assert!(
        problem.starts_with("bad.wasm: manifest: ") && problem.contains(case["error"].as_str().expect("an error")),
        "{problem}"
    );
    assert!(
        problem.len() < 1500 && !problem.contains('\u{1b}') && !problem.contains('\u{202e}'),
        "{problem}"
    );
    ended(
        &run(&host, vec![Call::new("bad_tool", json!({}))])[0],
        Status::NotFound,
        "unknown_tool",
    );
    alive(&host);
}

fn duplicates() {
    let world = World::new();
    let plugin = |name: &str, tool: &str| {
        Made {
            manifest: manifest(name, tool).to_string().into(),
            ..Made::default()
        }
        .bytes()
    };
    let builder = world
        .builder()
        .component("one.wasm", plugin("one", "same"))
        .component("two.wasm", plugin("two", "same"));
    let host = builder
        .component("three.wasm", plugin("three", "read_file"))
        .build()
        .expect("a host");
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems[0], "two.wasm: its tool same is already part of one.wasm");
    assert!(
        problems.len() == 2 && problems[1].starts_with("three.wasm: its tool read_file is already part of"),
        "{problems:?}"
    );
    assert_eq!(run(&host, vec![Call::new("same", json!({}))])[0].status, Status::Ok);
    alive(&host);
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
