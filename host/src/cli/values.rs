//! `key=value` words and `--args` to one JSON object, guided by the tool's schema.
//! It must not check the result: the catalog does, as for every caller.

use super::args::ToolCall;
use super::batch::read_source;
use crate::call::Call;
use crate::catalog::Entry;
use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// The call that the command line names, guided by the schema of its tool, if there is one of that name.
pub(super) fn call(tool: Option<&Entry>, words: &ToolCall) -> anyhow::Result<Call> {
    let schema = tool.map(|entry| &entry.tool.input_schema);
    let arguments = arguments(schema, words.args.as_deref(), &words.pairs)?;
    Ok(Call::new(&words.tool, arguments))
}

/// The arguments of a call.
fn arguments(schema: Option<&Value>, whole: Option<&str>, pairs: &[String]) -> anyhow::Result<Value> {
    let mut fields = match whole {
        None => Map::new(),
        Some(text) => object(text)?,
    };
    let given = fields.clone();
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=') else {
            bail!("{pair:?} is not of the form key=value");
        };
        let value = value(property(schema, key), key, text)?;
        let again = !given.contains_key(key);
        match fields.get_mut(key) {
            Some(Value::Array(items)) if again && is_list(property(schema, key)) => match value {
                Value::Array(more) => items.extend(more),
                item => items.push(item),
            },
            Some(_) if again => bail!("{key} is given twice, and is not a list"),
            Some(_) | None => _ = fields.insert(key.to_owned(), value),
        }
    }
    Ok(Value::Object(fields))
}

fn object(text: &str) -> anyhow::Result<Map<String, Value>> {
    let text = match text.strip_prefix('@') {
        Some(file) => read_source(file)?,
        None if text == "-" => read_source("-")?,
        None => text.to_owned(),
    };
    match serde_json::from_str(&text).context("--args is not JSON")? {
        Value::Object(fields) => Ok(fields),
        other => bail!("--args is not a JSON object but {}", kind(&other)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn property<'a>(schema: Option<&'a Value>, key: &str) -> Option<&'a Value> {
    schema?.get("properties")?.get(key)
}

fn is_list(property: Option<&Value>) -> bool {
    property.is_some_and(|property| has_type(property, "array"))
}

fn has_type(property: &Value, name: &str) -> bool {
    match property.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(some)) => some.iter().any(|one| one == name),
        _ => false,
    }
}

/// Text where the schema wants text (or says nothing and it isn't JSON), JSON elsewhere; one item of a list of texts.
fn value(property: Option<&Value>, key: &str, text: &str) -> anyhow::Result<Value> {
    let Some(property) = property else {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()));
    };
    if is_list(Some(property)) {
        if let Ok(Value::Array(items)) = serde_json::from_str(text) {
            return Ok(Value::Array(items));
        }
        let item = value(property.get("items"), key, text)?;
        return Ok(Value::Array(vec![item]));
    }
    if has_type(property, "string") || property.get("type").is_none() && serde_json::from_str::<Value>(text).is_err() {
        return Ok(text.into());
    }
    serde_json::from_str(text).with_context(|| format!("{key}={text}: not the JSON that the tool's schema asks for"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(whole: Option<&str>, pairs: &[&str], expect: Result<Value, &str>) {
        let schema = json!({ "properties": {
            "path": { "type": "string" }, "n": { "type": "integer" }, "maybe": { "type": ["boolean", "null"] },
            "paths": { "type": "array", "items": { "type": "string" } },
        }});
        let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        match (arguments(Some(&schema), whole, &pairs), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect),
            (Err(error), Err(expect)) => assert!(format!("{error:#}").contains(expect), "{error:#}"),
            (found, expect) => panic!("{found:?}, and not {expect:?}"),
        }
    }

    #[test]
    fn words() {
        check(None, &[], Ok(json!({})));
        check(
            None,
            &["path=12", "n=12", "maybe=true"],
            Ok(json!({"path": "12", "n": 12, "maybe": true})),
        );
        check(None, &["path=a=b"], Ok(json!({"path": "a=b"})));
        check(None, &["paths=a", "paths=b"], Ok(json!({"paths": ["a", "b"]})));
        check(None, &[r#"paths=["a","b"]"#], Ok(json!({"paths": ["a", "b"]})));
        check(
            Some(r#"{"path":"x","n":1}"#),
            &["n=2"],
            Ok(json!({"path": "x", "n": 2})),
        );
        check(None, &["path"], Err("not of the form key=value"));
        check(None, &["path=a", "path=b"], Err("given twice"));
        check(None, &["n=many"], Err("n=many"));
        check(Some("[1]"), &[], Err("not a JSON object but a list"));
        check(Some("{"), &[], Err("not JSON"));
    }
}
