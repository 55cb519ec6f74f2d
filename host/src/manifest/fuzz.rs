//! Manifests of any bytes: a manifest, or an error that is short; never a panic, and never a field that is passed over. It
//! must not need a component.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn good() -> Value {
    json!({ "name": "fs", "version": "0.1.0", "description": "Files.", "tools": [{
        "name": "edit", "title": "Edit", "description": "Edits.",
        "input_schema": { "type": "object", "properties": { "path": { "type": "string" }, "url": {} }, "required": ["path"] },
        "output_schema": { "type": "object" },
        "claims": [
            { "path": { "from": "$.path", "default": "." }, "access": "write", "scope": "file", "symlink": "keep", "optional": true },
            { "network": { "from": "$.url" }, "methods": ["GET"] },
            { "browser": "main", "access": "drive" },
        ],
    }] })
}

/// Places whose objects are the manifest's own, not a schema's.
const PLACES: [&str; 6] = [
    "",
    "/tools/0",
    "/tools/0/claims/0",
    "/tools/0/claims/0/path",
    "/tools/0/claims/1",
    "/tools/0/claims/2",
];

fn short(error: &ManifestError) -> bool {
    error.to_string().len() < 2000
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Manifest::parse(&bytes).is_err_and(|error| short(&error)));
    }

    /// A good one with some bytes changed: what is still one is written again as it was read.
    #[test]
    fn bent(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5), cut in prop::option::weighted(0.2, any::<prop::sample::Index>())) {
        let mut bytes = good().to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match Manifest::parse(&bytes) {
            Err(error) => prop_assert!(short(&error), "{error}"),
            Ok(manifest) => {
                let again = serde_json::to_vec(&manifest).expect("JSON");
                let twice = Manifest::parse(&again).expect("the same manifest");
                prop_assert_eq!(serde_json::to_value(&twice).ok(), serde_json::to_value(&manifest).ok());
            }
        }
    }

    #[test]
    fn no_field_is_passed_over(name in "[a-z_$]{1,10}", place in prop::sample::select(PLACES.to_vec()), value in prop::sample::select(vec![json!(null), json!(1), json!("x"), json!({}), json!([])])) {
        let mut manifest = good();
        let fields = manifest.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
        let known = ["name", "version", "description", "tools", "title", "input_schema", "output_schema", "claims", "path", "network", "browser", "access", "scope", "symlink", "optional", "methods", "from", "default"];
        prop_assume!(!known.contains(&name.as_str()));
        fields.insert(name.clone(), value);
        prop_assert!(Manifest::parse(manifest.to_string().as_bytes()).is_err(), "{} at {} is passed over", name, place);
    }

    /// Any value in any place of it: read or refused.
    #[test]
    fn any_value(place in prop::sample::select(vec!["/name", "/version", "/tools", "/tools/0", "/tools/0/name", "/tools/0/input_schema", "/tools/0/input_schema/properties", "/tools/0/claims", "/tools/0/claims/0", "/tools/0/claims/0/path/from", "/tools/0/claims/1/methods"]), text in any::<String>(), number in any::<i64>(), form in 0..6) {
        let mut manifest = good();
        let value = match form {
            0 => json!(text),
            1 => json!(number),
            2 => json!([text]),
            3 => json!({ text.as_str(): number }),
            4 => json!(null),
            _ => json!(format!("$.{text}")),
        };
        *manifest.pointer_mut(place).expect("a place") = value;
        if let Err(error) = Manifest::parse(manifest.to_string().as_bytes()) {
            prop_assert!(short(&error), "{error}");
        }
    }
}
