//! The host's tools as each API wants them declared. It must not make a schema narrower than it is.

use super::Format;
use crate::manifest::Tool;
use serde_json::{Map, Value, json};

/// Words that APIs refuse at the top level of a schema (and `$schema`, which says nothing to a model).
const NOT_ON_TOP: [&str; 6] = ["oneOf", "anyOf", "allOf", "not", "enum", "$schema"];

/// The longest name of a tool, or of a property of its arguments, that all of them take.
const MAX_NAME: usize = 64;

pub(super) fn all<'a>(format: Format, tools: impl Iterator<Item = &'a Tool>) -> Vec<Value> {
    let fits = tools.filter(|tool| unfit(format, tool).is_none());
    let all: Vec<Value> = fits.map(|tool| one(format, tool)).collect();
    match format {
        Format::Gemini if !all.is_empty() => vec![json!({ "functionDeclarations": all })],
        _ => all,
    }
}

fn one(format: Format, tool: &Tool) -> Value {
    let (name, description, schema) = (&tool.name, &tool.description, schema(&tool.input_schema));
    match format {
        Format::Anthropic => json!({ "name": name, "description": description, "input_schema": schema }),
        Format::OpenAiChat => json!({
            "type": "function",
            "function": { "name": name, "description": description, "parameters": schema },
        }),
        // Strict is the default here, and only here.
        Format::OpenAiResponses => json!({
            "type": "function", "name": name, "description": description, "parameters": schema, "strict": false,
        }),
        // `parameters` would be another language than JSON Schema.
        Format::Gemini => json!({ "name": name, "description": description, "parametersJsonSchema": schema }),
    }
}

/// Why the API would refuse this tool. Every name that a manifest may give is a good one, so it is rarely the name.
pub(super) fn unfit(format: Format, tool: &Tool) -> Option<String> {
    let name = &tool.name;
    let letters = |name: &str, also: &[u8]| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
        !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(fine)
    };
    if !letters(name, b"_-") || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Some(format!("{name:?} is no name of a tool there"));
    }
    let properties = tool.input_schema.get("properties").and_then(Value::as_object)?;
    let odd = properties.keys().find(|key| !letters(key, b"_.-"));
    match (format, odd) {
        (Format::Anthropic, Some(odd)) => Some(format!("{name}: {odd:?} is no name of a property there")),
        _ => None,
    }
}

/// What the model is shown of the arguments' schema.
fn schema(declared: &Value) -> Value {
    let mut shown: Map<String, Value> = declared.as_object().cloned().unwrap_or_default();
    shown.retain(|word, _| !NOT_ON_TOP.contains(&word.as_str()));
    // Wanted also where there are none.
    shown.entry("properties").or_insert_with(|| json!({}));
    Value::Object(shown)
}
