//! Plugins whose claims change after they were first used. It must not depend on what a claim means.

use crate::components::made::{Made, manifest};
use crate::ground::{alive, ended};
use serde_json::{Value, json};
use toolyard::{Call, Host, Status};
use toolyard_tests::{World, run};

/// Claims that were there at the first use are fine, whatever else changes; one more holds the plugin until it is approved.
pub fn grown() -> usize {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let known = world.outside().join("state/plugins.json");
    let claim = |access: &str| json!({ "path": { "from": "$.path" }, "access": access, "scope": "file" });
    let host = |claims: &[Value]| {
        let mut manifest = manifest("made", "made_tool");
        manifest["tools"][0]["claims"] = json!(claims);
        manifest["version"] = json!(format!("0.{}.0", claims.len()));
        let made = Made {
            manifest: manifest.to_string().into_bytes(),
            ..Made::default()
        };
        let builder = world.builder().component("made.wasm", made.bytes());
        builder.remember_claims(&known).build().expect("a host")
    };
    let call = |host: &Host| run(host, vec![Call::new("made_tool", json!({ "path": "a.txt" }))]).remove(0);
    assert_eq!(call(&host(&[claim("read")])).status, Status::Ok);
    assert_eq!(call(&host(&[claim("read")])).status, Status::Ok);
    assert_eq!(call(&host(&[])).status, Status::Ok, "less is fine");
    for wider in [
        claim("write"),
        json!({ "network": "https://evil.test", "methods": ["GET"] }),
    ] {
        let host = host(&[claim("read"), wider]);
        let outcome = call(&host);
        ended(&outcome, Status::Denied, "claims_grew");
        let hint = outcome.error.expect("an error").hint.expect("a hint");
        assert!(hint.contains("toolyard approve made"), "{hint}");
        alive(&host);
    }
    // Another name, or one that sounds trusted, makes it no other tool.
    for (name, origin) in [("other", "made.wasm"), ("made", "standard plugin made.wasm")] {
        let mut manifest = manifest(name, "made_tool");
        manifest["tools"][0]["claims"] = json!([claim("read"), claim("write")]);
        let made = Made {
            manifest: manifest.to_string().into_bytes(),
            ..Made::default()
        };
        let builder = world.builder().component(origin, made.bytes()).remember_claims(&known);
        ended(&call(&builder.build().expect("a host")), Status::Denied, "claims_grew");
    }
    let wide = host(&[claim("read"), claim("write")]);
    let plugins = wide.plugins();
    let plugin = plugins.iter().find(|plugin| plugin.manifest.name == "made");
    toolyard::host::approve_claims(plugin.expect("the plugin"), &known).expect("written");
    assert_eq!(call(&host(&[claim("read"), claim("write")])).status, Status::Ok);
    // A memory that can't be read is not taken for an empty one.
    std::fs::write(&known, "not JSON").expect("a file");
    let broken = world.builder().remember_claims(&known).build();
    let broken = broken.expect_err("nobody could tell what has grown").to_string();
    assert!(broken.contains("plugins.json"), "{broken}");
    9
}
