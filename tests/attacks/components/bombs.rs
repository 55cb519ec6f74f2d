//! Components that are large rather than broken, and plugins that change on disk while they are in use. It must not wait
//! for a compilation that a limit is there to avoid.

use super::GROUP;
use super::bent::host_of;
use super::made::{Made, manifest, with_section};
use crate::ground::alive;
use crate::suite::Suite;
use serde_json::json;
use toolyard::catalog::Plugin;
use toolyard::sandbox::Sandbox;
use toolyard::{Call, Content, Host, Status};
use toolyard_tests::{World, probe, run};
use wasm_encoder::{
    CodeSection, Component, Function, FunctionSection, Instruction, Module, ModuleSection, TypeSection,
};

pub fn cases(suite: &mut Suite) {
    suite.add(
        GROUP,
        "1,000,000 functions: kept out by component_bytes",
        million_kept_out,
    );
    suite.add(
        GROUP,
        "more than 1,000,000 functions: refused when it is first called",
        too_many_functions,
    );
    suite.add(
        GROUP,
        "one function of ten thousand blocks: refused or compiled, and other calls answered meanwhile",
        large_function,
    );
    suite.add(GROUP, "plugin replaced on disk while calls run", replaced);
    suite.add(GROUP, "two versions at once", two_versions);
}

/// A plugin that carries a module of so many empty functions.
fn functions(count: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut list, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut body = Function::new([]);
    body.instruction(&Instruction::End);
    for _ in 0..count {
        list.function(0);
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&list).section(&code);
    carrying(&module)
}

/// A plugin with one more module in it.
fn carrying(module: &Module) -> Vec<u8> {
    let mut component = Component::new();
    component.section(&ModuleSection(module));
    let mut bytes = Made::default().bare();
    bytes.extend_from_slice(&component.finish()[8..]);
    with_section(bytes, &Made::default().manifest)
}

fn million_kept_out() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("many.wasm"), functions(1_000_000)).expect("a file");
    let builder = world.builder().policy_text("[limits]\ncomponent_bytes = 1048576\n");
    let host = builder.plugins(folder.path()).build().expect("a host");
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    assert!(
        problems.len() == 1 && problems[0].contains("many.wasm: ") && problems[0].contains("more than the 1048576"),
        "{problems:?}"
    );
    alive(&host);
}

fn too_many_functions() {
    let world = World::new();
    let builder = world.builder().without_cache();
    let host = builder
        .component("many.wasm", functions(1_000_001))
        .build()
        .expect("a host");
    let outcome = run(&host, vec![Call::new("made_tool", json!({}))]).remove(0);
    let error = outcome.error.expect("an error");
    assert_eq!(
        (outcome.status, error.code.as_str()),
        (Status::HostFailure, "unusable_component"),
        "{error:?}"
    );
    assert!(error.message.starts_with("made_tool: the plugin made: "), "{error:?}");
    alive(&host);
}

/// A plugin that carries a function of so many empty blocks, one after another: each costs the compiler more than the last.
pub fn blocks(count: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut list = FunctionSection::new();
    list.function(0);
    let mut body = Function::new([]);
    for _ in 0..count {
        body.instruction(&Instruction::Block(wasm_encoder::BlockType::Empty));
        body.instruction(&Instruction::End);
    }
    body.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&list).section(&code);
    carrying(&module)
}

fn large_function() {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let builder = world.builder().without_cache();
    let host = builder.component("large.wasm", blocks(10_000)).build().expect("a host");
    let slow = host.submit(vec![Call::new("made_tool", json!({}))]).expect("a batch");
    for _ in 0..50 {
        let outcome = run(&host, vec![Call::new("probe_echo", json!({ "text": "x" }))]).remove(0);
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(slow.outcomes()).remove(0);
    assert!(
        [Status::Ok, Status::HostFailure].contains(&outcome.status),
        "{outcome:?}"
    );
    alive(&host);
}

/// A small plugin of that name and version, whose one tool answers nothing.
fn version(name: &str, tool: &str, number: &str) -> Vec<u8> {
    let mut manifest = manifest(name, tool);
    manifest["version"] = json!(number);
    Made {
        manifest: manifest.to_string().into(),
        ..Made::default()
    }
    .bytes()
}

fn replaced() -> usize {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plugin.wasm");
    std::fs::write(&file, version("one", "one_tool", "1.0.0")).expect("a file");
    let host = host_of(&world, folder.path());
    let others = [
        version("two", "two_tool", "2.0.0"),
        Vec::new(),
        b"garbage".to_vec(),
        probe()[..5000].to_vec(),
    ];
    for bytes in &others {
        std::fs::write(&file, bytes).expect("a file");
        let outcomes = run(&host, (0..20).map(|_| Call::new("one_tool", json!({}))).collect());
        assert!(
            outcomes.iter().all(|outcome| outcome.status == Status::Ok),
            "{outcomes:?}"
        );
    }
    std::fs::remove_file(&file).expect("it was there");
    assert_eq!(run(&host, vec![Call::new("one_tool", json!({}))])[0].status, Status::Ok);
    std::fs::write(&file, &others[0]).expect("a file");
    let next = host_of(&world, folder.path());
    let outcomes = run(
        &next,
        vec![Call::new("two_tool", json!({})), Call::new("one_tool", json!({}))],
    );
    assert_eq!((outcomes[0].status, outcomes[1].status), (Status::Ok, Status::NotFound));
    alive(&host);
    others.len() + 2
}

fn two_versions() -> usize {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("v1.wasm"), version("one", "one_tool", "1.0.0")).expect("a file");
    std::fs::write(folder.path().join("v2.wasm"), version("one", "one_tool", "2.0.0")).expect("a file");
    let both = host_of(&world, folder.path());
    let problems: Vec<String> = both.problems().iter().map(ToString::to_string).collect();
    assert!(
        problems.len() == 1 && problems[0].contains("v2.wasm: a plugin named one is already loaded from"),
        "{problems:?}"
    );
    // In hosts of their own, at one time and over one cache folder, each is what it is.
    let host = |number: &str| -> Host {
        let builder = world.builder().without_standard_plugins();
        builder
            .component(format!("{number}.wasm"), version("one", "one_tool", number))
            .build()
            .expect("a host")
    };
    let hosts = ["1.0.0", "2.0.0"].map(host);
    for (host, number) in hosts.iter().zip(["1.0.0", "2.0.0"]) {
        assert_eq!(
            host.tool("one_tool")
                .map(|entry| entry.plugin.manifest.version.clone())
                .as_deref(),
            Some(number)
        );
        assert_eq!(run(host, vec![Call::new("one_tool", json!({}))])[0].status, Status::Ok);
    }
    let sandbox = Sandbox::new(None).expect("an engine");
    let plugin = Plugin::from_bytes("one.wasm", version("one", "one_tool", "3")).expect("a plugin");
    sandbox.compile(plugin.bytes()).expect("a component");
    let echo = run(&both, vec![Call::new("probe_echo", json!({ "text": "x" }))]).remove(0);
    assert_eq!(echo.content, [Content::Text("x".into())]);
    3
}
