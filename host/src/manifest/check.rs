//! What a manifest must be beyond its form: names, lengths, schemas, claims on arguments that exist.
//! It must not be more lenient for a plugin that somebody trusts.

use super::{Claim, Manifest, ManifestError, Source, Tool, compile};
use crate::call::Endpoint;
use serde_json::Value;
use std::collections::HashSet;

const MAX_NAME: usize = 64;
const MAX_TOOLS: usize = 1000;
const MAX_DESCRIPTION: usize = 16 << 10;
const MAX_CLAIMS: usize = 64;
const MAX_DEPTH: usize = 64;

type Result = std::result::Result<(), ManifestError>;

fn wrong(place: impl Into<String>, problem: impl Into<String>) -> Result {
    Err(ManifestError::new(place, problem))
}

pub(super) fn manifest(manifest: &Manifest) -> Result {
    name("name", &manifest.name, true)?;
    line("version", &manifest.version)?;
    if let Some(text) = &manifest.description {
        description("description", text)?;
    }
    if manifest.tools.is_empty() || manifest.tools.len() > MAX_TOOLS {
        return wrong(
            "tools",
            format!("{} tools; from 1 to {MAX_TOOLS} are allowed", manifest.tools.len()),
        );
    }
    let mut seen = HashSet::new();
    for (index, item) in manifest.tools.iter().enumerate() {
        let place = format!("tools[{index}]");
        if !seen.insert(&item.name) {
            return wrong(format!("{place}.name"), format!("a second tool named {}", item.name));
        }
        tool(&place, item)?;
    }
    Ok(())
}

fn tool(place: &str, tool: &Tool) -> Result {
    name(&format!("{place}.name"), &tool.name, false)?;
    if let Some(title) = &tool.title {
        line(&format!("{place}.title"), title)?;
    }
    description(&format!("{place}.description"), &tool.description)?;
    schema(&format!("{place}.input_schema"), &tool.input_schema)?;
    if let Some(output) = &tool.output_schema {
        schema(&format!("{place}.output_schema"), output)?;
    }
    if tool.input_schema.get("type") != Some(&Value::from("object")) {
        return wrong(
            format!("{place}.input_schema.type"),
            "arguments are an object: it must be \"object\"",
        );
    }
    if tool.claims.len() > MAX_CLAIMS {
        return wrong(format!("{place}.claims"), format!("more than {MAX_CLAIMS}"));
    }
    for (index, item) in tool.claims.iter().enumerate() {
        claim(&format!("{place}.claims[{index}]"), item, tool)?;
    }
    Ok(())
}

/// Names are shown, compared and typed: only letters that can't be mistaken.
fn name(place: &str, name: &str, dashes: bool) -> Result {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || (dashes && byte == b'-');
    let good = name.len() <= MAX_NAME && name.bytes().all(fits) && name.starts_with(|c: char| c.is_ascii_lowercase());
    if good {
        return Ok(());
    }
    let shown: String = name.chars().take(MAX_NAME).collect();
    let dash = if dashes { " or -" } else { "" };
    wrong(
        place,
        format!(
            "{shown:?} is no name: it begins with a-z and goes on with a-z, 0-9, _{dash}, at most {MAX_NAME} in all"
        ),
    )
}

fn line(place: &str, text: &str) -> Result {
    match text.is_empty() || text.len() > 200 || text.chars().any(|c| c == '\n' || c == '\t' || unseen(c)) {
        true => wrong(place, "must be one line of 1 to 200 bytes without control characters"),
        false => Ok(()),
    }
}

fn description(place: &str, text: &str) -> Result {
    if text.len() > MAX_DESCRIPTION {
        return wrong(
            place,
            format!("{} bytes, more than the {MAX_DESCRIPTION} allowed", text.len()),
        );
    }
    match text.chars().find(|c| unseen(*c)) {
        Some(c) => wrong(place, format!("holds the invisible character U+{:04X}", u32::from(c))),
        None => Ok(()),
    }
}

/// Control characters, direction marks and zero-width characters: what could make a text read as something else.
fn unseen(c: char) -> bool {
    let plain = c == '\n' || c == '\t';
    let marks = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    (c.is_control() && !plain) || marks
}

fn schema(place: &str, schema: &Value) -> Result {
    if !schema.is_object() {
        return wrong(place, "a JSON Schema must be an object here");
    }
    references(place, schema)?;
    match compile(schema) {
        Ok(_) => Ok(()),
        Err(problem) => wrong(
            place,
            format!(
                "not a valid JSON Schema: {}",
                problem.chars().take(300).collect::<String>()
            ),
        ),
    }
}

/// Every `$ref` stays inside the schema, and nothing nests without end.
fn references(place: &str, schema: &Value) -> Result {
    let mut todo = vec![(schema, 0)];
    while let Some((value, depth)) = todo.pop() {
        if depth > MAX_DEPTH {
            return wrong(place, format!("nested more than {MAX_DEPTH} deep"));
        }
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let names = matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef");
                    if let (true, Some(target)) = (names, value.as_str())
                        && !target.starts_with('#')
                    {
                        return wrong(
                            place,
                            format!("{key} {target:?} leads outside the schema; nothing is fetched"),
                        );
                    }
                    todo.push((value, depth + 1));
                }
            }
            Value::Array(items) => todo.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

fn claim(place: &str, claim: &Claim, tool: &Tool) -> Result {
    if let Claim::Network { methods, method, .. } = claim {
        let fine = |method: &String| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if methods.is_empty() || !methods.iter().all(fine) {
            return wrong(format!("{place}.methods"), "must list HTTP methods in capital letters");
        }
        if let Some(method) = methods
            .iter()
            .find(|method| matches!(method.as_str(), "CONNECT" | "TRACE"))
        {
            return wrong(format!("{place}.methods"), format!("{method} is given to nobody"));
        }
        if let Some(from) = method {
            let known = |property| {
                tool.input_schema
                    .get("properties")
                    .is_some_and(|all| all.get(property).is_some())
            };
            let plain = from
                .strip_prefix("$.")
                .filter(|name| first_property(from) == Some(name));
            if !plain.is_some_and(known) {
                let problem = format!("{from} must be one property of input_schema, like $.method");
                return wrong(format!("{place}.method"), problem);
            }
        }
        if let Source::Fixed(value) = claim.source()
            && let Err(error) = Endpoint::parse(value)
        {
            return wrong(format!("{place}.network"), error.to_string());
        }
    }
    let kind = match claim {
        Claim::Path { .. } => "path",
        Claim::Network { .. } => "network",
        Claim::Browser { .. } => "browser",
    };
    match claim.source() {
        Source::Fixed(value) if value.is_empty() => wrong(format!("{place}.{kind}"), "is empty"),
        Source::Fixed(_) => Ok(()),
        Source::From { text, .. } => {
            let place = format!("{place}.{kind}.from");
            let Some(property) = first_property(text) else {
                return wrong(
                    place,
                    format!("{text} must begin with a property of the arguments, like $.path"),
                );
            };
            match tool.input_schema.get("properties").and_then(|all| all.get(property)) {
                Some(_) => Ok(()),
                None => wrong(
                    place,
                    format!("the claim reads {text}, but input_schema has no property {property}"),
                ),
            }
        }
    }
}

/// The property that a JSONPath begins with: `path` of `$.path`, `$.path[*]`, `$['path']`.
pub(super) fn first_property(text: &str) -> Option<&str> {
    let rest = text.trim().strip_prefix('$')?;
    if let Some(name) = rest.strip_prefix('.') {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        return name.get(..end).filter(|name| !name.is_empty() && *name != "*");
    }
    let rest = rest.strip_prefix('[')?;
    let quote = rest.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let name = rest.get(1..)?;
    name.get(..name.find(quote)?)
}
