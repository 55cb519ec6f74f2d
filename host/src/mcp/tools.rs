//! Manifests as the protocol tells them. It must not say anything of a tool that its claims don't say: the hints are what
//! the host enforces, and no plugin's own word.

use super::answer::WORDS;
use crate::call::Access;
use crate::catalog::Entry;
use crate::manifest::Claim;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::sync::Arc;

/// Methods that only look (RFC 9110, 9.2.1).
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Methods that do the same however often they are sent (RFC 9110, 9.2.2).
const IDEMPOTENT: [&str; 5] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];

/// As a client sees a tool.
pub(super) fn tool(entry: &Entry) -> Tool {
    let tool = &entry.tool;
    let mut told = Tool::new(tool.name.clone(), tool.description.clone(), object(&tool.input_schema));
    if let Some(title) = &tool.title {
        told = told.with_title(title.clone());
    }
    if let Some(schema) = tool.output_schema.as_ref().filter(|schema| of_object(schema)) {
        told = told.with_raw_output_schema(match takes_words(Some(schema)) {
            true => with_words(schema),
            false => object(schema),
        });
    }
    told.with_annotations(hints(&tool.claims))
}

/// What a schema of an object may say of the whole for it to be sure that a member more changes nothing.
const HARMLESS: [&str; 12] = [
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "additionalProperties",
    "default",
    "definitions",
    "description",
    "examples",
    "properties",
    "required",
    "title",
];

/// Whether structured answers of a tool with this schema can have what is told in words beside them: it has no place of that name, and does not
/// speak against one.
pub(super) fn takes_words(output_schema: Option<&Value>) -> bool {
    let schema = output_schema.filter(|schema| of_object(schema));
    schema.and_then(Value::as_object).is_none_or(|schema| {
        let free = |properties: &JsonObject| !properties.contains_key(WORDS);
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.is_none_or(free)
            && schema
                .keys()
                .all(|key| key == "type" || HARMLESS.contains(&key.as_str()))
    })
}

/// The schema of structured answers, as clients get them: with what is told in words beside them.
fn with_words(schema: &Value) -> Arc<JsonObject> {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        let words = json!({ "type": "string", "description": "The answer in words, as in content" });
        properties.insert(WORDS.to_owned(), words);
    }
    Arc::new(schema)
}

fn object(schema: &Value) -> Arc<JsonObject> {
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

/// Whether the protocol has a place for a structured answer of this schema: only for objects. The host checks it all the same.
fn of_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

/// What the claims let a tool do, at most.
fn hints(claims: &[Claim]) -> ToolAnnotations {
    let (mut looks, mut repeats, mut open) = (true, true, false);
    for claim in claims {
        match claim {
            Claim::Path { access, .. } => {
                looks &= *access == Access::Read;
                // Writing a file twice may be adding to it twice.
                repeats &= *access == Access::Read;
            }
            Claim::Network { methods, .. } => {
                open = true;
                looks &= methods.iter().all(|method| SAFE.contains(&method.as_str()));
                repeats &= methods.iter().all(|method| IDEMPOTENT.contains(&method.as_str()));
            }
            Claim::Browser { access, .. } => {
                open = true;
                // What a whole browser has to bring to the front for being shown is the same page all the same.
                let drives = access.access(false) == Access::Write;
                looks &= !drives;
                repeats &= !drives;
            }
        }
    }
    ToolAnnotations::new()
        .read_only(looks)
        .destructive(!looks)
        .idempotent(repeats)
        .open_world(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(claims: Value) -> Value {
        let claims: Vec<Claim> = serde_json::from_value(claims).unwrap();
        serde_json::to_value(hints(&claims)).unwrap()
    }

    #[test]
    fn hints_are_what_the_claims_allow() {
        let path = |access: &str| json!({ "path": "$.path", "access": access, "scope": "file" });
        let net = |methods: Value| json!({ "network": "$.url", "methods": methods });
        for (claims, read_only, idempotent, open) in [
            (json!([]), true, true, false),
            (json!([path("read")]), true, true, false),
            (json!([path("read"), path("write")]), false, false, false),
            (json!([net(json!(["GET", "HEAD"]))]), true, true, true),
            (json!([net(json!(["GET", "PUT"]))]), false, true, true),
            (json!([net(json!(["POST"]))]), false, false, true),
            (
                json!([{ "browser": "$.session", "access": "observe" }]),
                true,
                true,
                true,
            ),
            (json!([{ "browser": "$.session", "access": "view" }]), true, true, true),
            (
                json!([{ "browser": "$.session", "access": "drive" }]),
                false,
                false,
                true,
            ),
        ] {
            let expected = json!({
                "readOnlyHint": read_only, "destructiveHint": !read_only, "idempotentHint": idempotent, "openWorldHint": open,
            });
            assert_eq!(told(claims.clone()), expected, "{claims}");
        }
    }

    #[test]
    fn words_only_where_a_schema_lets_them_in() {
        for (schema, takes) in [
            (json!({ "type": "object" }), true),
            (
                json!({ "type": "object", "properties": { "n": {} }, "additionalProperties": false }),
                true,
            ),
            (
                json!({ "type": "object", "properties": { "text": { "type": "number" } } }),
                false,
            ),
            (json!({ "type": "object", "maxProperties": 1 }), false),
            (
                json!({ "type": "object", "allOf": [{ "additionalProperties": false }] }),
                false,
            ),
            // Not told to clients.
            (json!({ "type": "array", "maxItems": 1 }), true),
        ] {
            assert_eq!(takes_words(Some(&schema)), takes, "{schema}");
        }
        assert!(takes_words(None));
    }
}
