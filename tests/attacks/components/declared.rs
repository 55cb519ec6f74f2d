//! What a component declares: imports that nothing covers, and more of everything than there is. It must be refused before
//! any of its code runs.

use super::GROUP;
use super::made::{Made, manifest};
use crate::ground::alive;
use crate::suite::Suite;
use serde_json::json;
use toolyard::catalog::Plugin;
use toolyard::{Call, Outcome, Status};
use toolyard_tests::{World, run};

/// Interfaces that no claim opens, and those that a claim of another kind would.
const UNCOVERED: [&str; 25] = [
    "toolyard:plugin/secrets@0.1.0",
    "wasi:http/incoming-handler@0.2.6",
    "wasi:http/outgoing-handler@0.2.6",
    "wasi:http/types@0.2.6",
    "wasi:http/handler@0.3.0",
    "wasi:http/proxy@0.2.6",
    "wasi:filesystem/types@0.2.6",
    "wasi:filesystem/preopens@0.2.6",
    "wasi:filesystem/types@0.3.0",
    "wasi:keyvalue/store@0.2.0",
    "wasi:keyvalue/atomics@0.2.0",
    "wasi:config/store@0.2.0",
    "wasi:blobstore/blobstore@0.2.0",
    "wasi:nn/graph@0.2.0",
    "wasi:threads/spawn@0.2.0",
    "wasi:logging/logging@0.1.0",
    "wasi:messaging/producer@0.2.0",
    "wasi:tls/types@0.2.0",
    "wasi:webgpu/webgpu@0.0.1",
    "toolyard:plugin/tools@0.1.0",
    "toolyard:plugin/browser@0.1.0",
    "toolyard:host/shell@0.1.0",
    "wasi-snapshot:preview1/all",
    "env",
    "host-exec",
];

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "imports nothing of its covers (each of a list)", uncovered);
    suite.add(
        GROUP,
        "an import that its runtime would bring, of another version or with other functions",
        other_version,
    );
    suite.add(GROUP, "memory bombs in the declared minimum", || {
        declared(&["4097", "5000", "16385", "65536"], |pages| Made {
            memory: pages.into(),
            ..Made::default()
        })
    });
    suite.add(GROUP, "table bombs in the declared minimum", || {
        declared(&["100001", "10000000", "4294967295"], |entries| Made {
            core: format!("(table {entries} funcref)"),
            ..Made::default()
        })
    });
    suite.add(
        GROUP,
        "instance bombs: core instances, memories and tables beyond any need",
        instances,
    );
    suite.add(
        GROUP,
        "proposals that tools don't need: 64-bit memories, threads, exceptions of the garbage collector",
        proposals,
    );
}

fn uncovered() -> usize {
    for import in UNCOVERED {
        let plain = !import.contains(':');
        let form = if plain { "(func)" } else { "(instance)" };
        let made = Made {
            imports: format!("(import \"{import}\" {form})"),
            ..Made::default()
        };
        let error = Plugin::from_bytes("greedy.wasm", made.bytes())
            .expect_err(import)
            .to_string();
        assert!(error.contains(&format!("it imports {import}, which ")), "{error}");
        assert!(
            error.contains("gives to no plugin") || error.contains("claim, and none of its tools has one"),
            "{error}"
        );
        // Left out of a host, too, which goes on with the others.
        let world = World::new();
        let host = world
            .builder()
            .component("greedy.wasm", made.bytes())
            .build()
            .expect("a host");
        assert_eq!(host.problems().len(), 1);
        assert_eq!(
            run(&host, vec![Call::new("made_tool", json!({}))])[0].status,
            Status::NotFound
        );
    }
    UNCOVERED.len()
}

/// The one outcome of a plugin's first call.
fn first_call(made: &Made) -> Outcome {
    let world = World::new();
    let builder = world.builder().without_standard_plugins();
    let host = builder.component("made.wasm", made.bytes()).build().expect("a host");
    assert!(host.problems().is_empty(), "{:?}", host.problems());
    let outcome = run(&host, vec![Call::new("made_tool", json!({}))]).remove(0);
    alive(&host);
    outcome
}

fn other_version() -> usize {
    let odd = [
        "(import \"wasi:io/poll@0.9.0\" (instance (export \"pollable\" (type (sub resource)))))",
        "(import \"wasi:cli/environment@0.2.6\" (instance (export \"get-secrets\" (func (result string)))))",
        "(import \"wasi:cli/run-shell@0.2.6\" (instance (export \"run\" (func (param \"line\" string)))))",
        "(import \"wasi:clocks/wall-clock@0.2.6\" (instance (export \"set\" (func (param \"to\" u64)))))",
        "(import \"toolyard:plugin/report@0.1.0\" (instance (export \"log\" (func (param \"path\" u64)))))",
    ];
    for imports in odd {
        let outcome = first_call(&Made {
            imports: imports.into(),
            ..Made::default()
        });
        let error = outcome.error.expect("an error");
        assert_eq!(
            (outcome.status, error.code.as_str()),
            (Status::HostFailure, "unusable_component"),
            "{error:?}"
        );
        assert!(error.message.contains("made_tool"), "{error:?}");
    }
    odd.len()
}

/// Whatever is declared beyond the limit ends the call before anything of it runs; it never takes the memory.
fn declared(amounts: &[&str], make: impl Fn(&str) -> Made) -> usize {
    for amount in amounts {
        let before = resident();
        let outcome = first_call(&make(amount));
        let error = outcome.error.unwrap_or_else(|| panic!("{amount} went well"));
        assert!(
            [Status::Limit, Status::HostFailure, Status::Trapped].contains(&outcome.status),
            "{amount}: {error:?}"
        );
        assert!(error.message.contains("made_tool"), "{error:?}");
        assert!(
            resident().saturating_sub(before) < 200 << 20,
            "{amount}: {before} bytes became {}",
            resident()
        );
    }
    amounts.len()
}

/// Bytes of this process that are really there.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}

fn instances() -> usize {
    let many = |count: usize, one: &str| {
        (0..count)
            .map(|number| one.replace('#', &number.to_string()))
            .collect::<String>()
    };
    let parts = [
        many(2000, "(core instance $extra# (instantiate $spare))"),
        many(100_000, "(core instance $extra# (instantiate $spare))"),
        format!(
            "(core module $fat {}) (core instance (instantiate $fat))",
            many(200, "(memory 1)")
        ),
        format!(
            "(core module $fat {}) (core instance (instantiate $fat))",
            many(200, "(table 10 funcref)")
        ),
    ];
    for part in &parts {
        let more = format!("(core module $spare) {part}");
        let outcome = first_call(&Made {
            more,
            ..Made::default()
        });
        let error = outcome.error.unwrap_or_else(|| panic!("{} went well", &part[..60]));
        assert!(
            error.message.contains("made_tool") && error.message.len() < 2000,
            "{error:?}"
        );
    }
    parts.len()
}

fn proposals() -> usize {
    let parts = [
        "(memory $wide i64 1)",
        "(memory $shared 1 2 shared)",
        "(type $s (struct (field i32)))",
        "(func (param (ref null 0)))",
        "(func $f (return_call $f))",
    ];
    for part in parts {
        let more = format!("(core module $odd (type (func)) {part})");
        let outcome = first_call(&Made {
            more,
            ..Made::default()
        });
        let error = outcome.error.unwrap_or_else(|| panic!("{part} went well"));
        assert_eq!(outcome.status, Status::HostFailure, "{part}: {error:?}");
    }
    // What is covered is covered: the same parts without the odd one.
    let fine = Made {
        manifest: manifest("made", "made_tool").to_string().into(),
        more: "(core module $odd (type (func)))".into(),
        ..Made::default()
    };
    assert_eq!(first_call(&fine).status, Status::Ok);
    parts.len() + 1
}
