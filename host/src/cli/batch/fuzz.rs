//! Batches of any bytes: calls, or an error; never a panic, and never a field that is passed over. It must not run a call.

use super::parse;
use proptest::prelude::*;
use serde_json::{Value, json};

fn good() -> Value {
    json!([
        { "id": "a", "tool": "read_file", "arguments": { "path": "x" }, "priority": 1, "timeout_ms": 5, "max_wait_ms": 6 },
        { "id": 2, "tool": "hash", "after": ["a"], "when": "failed", "arguments": { "text": { "$result": "a", "path": "$.x" } } },
        { "tool": "hash", "after": ["a"], "when": { "id": "a", "path": "$", "equals": [1] } },
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        drop(parse(&text));
    }

    #[test]
    fn any_words(words in prop::collection::vec(prop::sample::select(vec![
        "[", "]", "{", "}", ",", ":", "\n", "\"tool\"", "\"a\"", "\"id\"", "1", "-1", "1e999", "null", "\"after\"", "\"when\"", "\u{feff}",
    ]), 0..40)) {
        drop(parse(&words.concat()));
    }

    /// A good one with some bytes changed, in both of its forms.
    #[test]
    fn bent(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), lines in any::<bool>()) {
        let good = good();
        let text = match (lines, good.as_array()) {
            (true, Some(calls)) => calls.iter().map(|call| format!("{call}\n")).collect(),
            _ => good.to_string(),
        };
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(parse(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn no_field_is_passed_over(name in "[a-z_]{1,12}", at in 0_usize..3) {
        let mut batch = good();
        let known = ["id", "tool", "arguments", "after", "priority", "timeout_ms", "when", "max_wait_ms"];
        prop_assume!(!known.contains(&name.as_str()));
        batch[at][&name] = json!(1);
        let error = format!("{:#}", parse(&batch.to_string()).expect_err("an unknown field"));
        prop_assert!(error.contains(&format!("call {}: unknown field `{name}`", at + 1)), "{error}");
    }
}
