//! Files that are no plugins, or were one before somebody bent them. It must not matter how they came to be so: they are
//! left out with a reason, and everything else loads.

use super::GROUP;
use super::made::{Chance, Made, with_section};
use crate::ground::alive;
use crate::suite::Suite;
use serde_json::json;
use std::path::Path;
use toolyard::catalog::{Plugin, Problem};
use toolyard::sandbox::Sandbox;
use toolyard::{Call, Host, Status};
use toolyard_tests::{World, probe, run};

/// A plugin file, and a word of the reason why it is left out.
type Broken = (&'static str, fn() -> Vec<u8>, &'static str);

const BROKEN: [Broken; 14] = [
    ("empty", || Vec::new(), "the file is empty"),
    (
        "random bytes",
        || {
            let mut chance = Chance(1);
            (0..10_000).map(|_| chance.below(256) as u8).collect()
        },
        "not a WebAssembly component",
    ),
    (
        "the magic number alone",
        || b"\0asm".to_vec(),
        "not a WebAssembly component",
    ),
    (
        "core module",
        || b"\0asm\x01\0\0\0".to_vec(),
        "a core WebAssembly module",
    ),
    (
        "a component with nothing in it",
        || b"\0asm\x0d\0\x01\0".to_vec(),
        "it exports nothing",
    ),
    (
        "another encoding version",
        || b"\0asm\xff\0\x01\0".to_vec(),
        "not a WebAssembly component",
    ),
    (
        "text in place of bytes",
        || b"(component)".to_vec(),
        "not a WebAssembly component",
    ),
    (
        "other WIT version",
        || {
            Made {
                export: "toolyard:plugin/tools@0.2.0".into(),
                ..Made::default()
            }
            .bytes()
        },
        "and must export toolyard:plugin/tools@0.1.0",
    ),
    (
        "WIT without a version",
        || {
            Made {
                export: "toolyard:plugin/tools".into(),
                ..Made::default()
            }
            .bytes()
        },
        "and must export toolyard:plugin/tools@0.1.0",
    ),
    (
        "missing export",
        || {
            Made {
                export: "toolyard:plugin/others@0.1.0".into(),
                ..Made::default()
            }
            .bytes()
        },
        "it exports toolyard:plugin/others@0.1.0",
    ),
    (
        "no manifest",
        || Made::default().bare(),
        "it has no custom section toolyard:manifest",
    ),
    (
        "two manifests",
        || {
            let made = Made::default();
            with_section(made.bytes(), &made.manifest)
        },
        "it has 2 custom sections",
    ),
    (
        "a section longer than the file",
        || {
            let mut bytes = Made::default().bytes();
            bytes.extend(b"\0\xff\xff\xff\x07x");
            bytes
        },
        "not a WebAssembly component",
    ),
    ("a component in a component, without end", nested, ""),
];

pub fn cases(suite: &mut Suite) {
    for (name, make, why) in BROKEN {
        suite.add(GROUP, name, move || left_out(name, &make(), why));
    }
    suite.add(GROUP, "mistyped export", mistyped);
    suite.add(GROUP, "truncated at many places", truncated);
    suite.add(GROUP, "bit flips: left out, or compiled, or a typed error", flips);
    suite.add(
        GROUP,
        "bit flips in what runs: an outcome, and the host alive",
        flips_that_run,
    );
    suite.add(GROUP, "200 MiB", || too_large(200 << 20));
    suite.add(GROUP, "a manifest of 1 GiB", || too_large((1 << 30) + 1000));
}

/// Thousands of components, each holding the next.
fn nested() -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let mut length = bytes.len();
        while length > 0x7f {
            outer.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(bytes);
        bytes = outer;
    }
    bytes
}

/// A host over a folder of plugins.
pub fn host_of(world: &World, folder: &Path) -> Host {
    let builder = world.builder().without_standard_plugins();
    builder.plugins(folder).build().expect("a host")
}

fn left_out(name: &str, bytes: &[u8], why: &str) {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("broken.wasm"), bytes).expect("a file");
    std::fs::write(folder.path().join("good.wasm"), Made::default().bytes()).expect("a file");
    let host = host_of(&world, folder.path());
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    let [problem] = &problems[..] else {
        panic!("{name}: {problems:?}")
    };
    assert!(
        problem.contains("broken.wasm: ") && problem.contains(why),
        "{name}: {problem}"
    );
    assert!(problem.len() < 2000, "{name}: {} bytes of a reason", problem.len());
    let outcome = run(&host, vec![Call::new("made_tool", json!({}))]).remove(0);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    alive(&host);
}

/// The names fit, and the types don't: known when it is compiled, told at the first call, to the caller of that tool alone.
fn mistyped() {
    let others = Made {
        function: "other".into(),
        ..Made::default()
    };
    let text = "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m)) \
        (func $f (canon lift (core func $i \"f\"))) (instance $t (export \"call\" (func $f))) \
        (export \"toolyard:plugin/tools@0.1.0\" (instance $t)))";
    let bytes = wat::parse_str(text).expect("a component");
    for bytes in [others.bytes(), with_section(bytes, &others.manifest)] {
        let world = World::new();
        let host = world
            .builder()
            .component("mistyped.wasm", bytes)
            .build()
            .expect("a host");
        for _ in 0..2 {
            let outcome = run(&host, vec![Call::new("made_tool", json!({}))]).remove(0);
            let error = outcome.error.expect("an error");
            assert!(
                [Status::HostFailure, Status::Trapped].contains(&outcome.status),
                "{error:?}"
            );
            assert!(error.message.starts_with("made_tool"), "{error:?}");
        }
        alive(&host);
    }
}

fn truncated() -> usize {
    let (large, small) = (probe(), Made::default().bytes());
    let places = |bytes: &[u8], step: usize| (0..bytes.len()).step_by(step).collect::<Vec<_>>();
    let mut checks = 0;
    for (bytes, step) in [(&large, large.len() / 500), (&small, 1)] {
        for at in places(bytes, step) {
            let cut = Plugin::from_bytes("cut.wasm", bytes[..at].to_vec());
            assert!(
                matches!(cut, Err(Problem::Read(_) | Problem::Manifest(_))),
                "cut at {at}: {cut:?}"
            );
            checks += 1;
        }
    }
    checks
}

/// Anywhere in a real component, and all over a small one.
fn flips() -> usize {
    let sandbox = Sandbox::new(None).expect("an engine");
    let mut chance = Chance(0x5eed);
    let mut checks = 0;
    let (large, small) = (probe(), Made::default().bytes());
    for number in 0..400 {
        let mut bent = large.clone();
        bent[chance.below(large.len())] ^= 1 << chance.below(8);
        // Compiling a large one takes a while; reading is where strangers' bytes come in first.
        if let (Ok(plugin), 0) = (Plugin::from_bytes("bent.wasm", bent), number % 100) {
            drop(sandbox.compile(plugin.bytes()));
        }
        checks += 1;
    }
    for at in (0..small.len()).step_by(5) {
        let mut bent = small.clone();
        bent[at] ^= 1 << chance.below(8);
        if let Ok(plugin) = Plugin::from_bytes("bent.wasm", bent) {
            drop(sandbox.compile(plugin.bytes()));
        }
        checks += 1;
    }
    checks
}

fn flips_that_run() -> usize {
    let world = World::new();
    let small = Made::default();
    let code = small.bare().len();
    let mut chance = Chance(7);
    let mut ran = 0;
    for _ in 0..120 {
        let mut bent = small.bytes();
        bent[8 + chance.below(code - 8)] ^= 1 << chance.below(8);
        let builder = world.builder().without_standard_plugins().without_cache();
        let host = builder.component("bent.wasm", bent).build().expect("a host");
        if !host.problems().is_empty() {
            continue;
        }
        let mut call = Call::new("made_tool", json!({}));
        call.timeout = Some(std::time::Duration::from_millis(200));
        let outcome = run(&host, vec![call]).remove(0);
        assert!(outcome.status == Status::Ok || outcome.error.is_some(), "{outcome:?}");
        assert_eq!(host.status(), []);
        ran += 1;
    }
    assert!(ran > 20, "only {ran} could be tried");
    ran
}

/// A file is judged by its length before it is read.
fn too_large(bytes: u64) {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = std::fs::File::create(folder.path().join("large.wasm")).expect("a file");
    file.set_len(bytes).expect("a hole");
    std::fs::write(folder.path().join("probe.wasm"), Made::default().bytes()).expect("a file");
    let host = host_of(&world, folder.path());
    let problems: Vec<String> = host.problems().iter().map(ToString::to_string).collect();
    assert!(
        problems.len() == 1 && problems[0].contains("large.wasm: ") && problems[0].contains("more than the 67108864"),
        "{problems:?}"
    );
    alive(&host);
}
