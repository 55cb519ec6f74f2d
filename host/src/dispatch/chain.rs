//! Calls that build on the results of others: where arguments name a result, and what stands there when it is known. Pure.
//! It must not schedule: it says which calls are named, and fills in what they gave.
//!
//! In arguments, an object `{"$result": "id"}` or `{"$result": "id", "path": "$.…"}` stands for a value of the result of
//! the call `id`: its structured answer if it gives one, else its only JSON document, else its text. `{"$literal": …}`
//! stands for what it holds, as it is. Filled-in values are not looked at again: a result can't name another.

use crate::call::{Call, CallId, Content, LITERAL, RESULT, When};
use crate::sandbox::Ended;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;
use std::collections::HashMap;
use std::sync::Arc;

const PATH: &str = "path";

/// What is known of calls that have ended and that others name.
pub(super) type Results = HashMap<CallId, Result<Arc<Value>, ()>>;

/// What a call names, apart from `after`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// The calls whose results are in its arguments or its condition, each once.
    pub(crate) on: Vec<CallId>,
    /// For each place in the arguments that takes a result: the property that it is in (`None` if the arguments are all a
    /// result), and the call.
    pub(crate) places: Vec<(Option<String>, CallId)>,
    /// Whether the arguments have a `$literal`, which is to be unwrapped.
    literal: bool,
}

impl Links {
    /// Whether the arguments are complete only when others have ended.
    pub(crate) fn takes(&self) -> bool {
        !self.places.is_empty()
    }

    /// Whether something is to be filled in, if only what `$literal` holds.
    pub(crate) fn fills(&self) -> bool {
        self.takes() || self.literal
    }
}

/// What stands at a place in the arguments.
enum Node<'a> {
    Reference { id: CallId, path: &'a str },
    Literal(&'a Value),
    Other,
}

fn node<'a>(fields: &'a Map<String, Value>) -> Result<Node<'a>, String> {
    if let (Some(value), 1) = (fields.get(LITERAL), fields.len()) {
        return Ok(Node::Literal(value));
    }
    let Some(id) = fields.get(RESULT) else {
        return Ok(Node::Other);
    };
    let id = match id {
        Value::String(id) => CallId::from(id.as_str()),
        Value::Number(id) => CallId::from(id.to_string()),
        _ => return Err(format!("{RESULT} must be the id of a call, and is {id}")),
    };
    let path = match fields.get(PATH) {
        None => "$",
        Some(Value::String(path)) => path,
        Some(path) => return Err(format!("{PATH} beside {RESULT} must be a JSONPath, and is {path}")),
    };
    let other = fields.keys().find(|key| *key != RESULT && *key != PATH);
    match other {
        Some(key) => Err(format!(
            "{key:?} beside {RESULT}: there may only be {PATH:?}; what is meant as it is goes into {{{LITERAL:?}: …}}"
        )),
        None => Ok(Node::Reference { id, path }),
    }
}

/// What a call names.
///
/// # Errors
/// A sentence, if a reference or a condition makes no sense.
pub(crate) fn links(call: &Call) -> Result<Links, String> {
    let mut links = Links::default();
    let mut literals: Vec<Option<&str>> = Vec::new();
    // The property of the arguments that a value stands in goes along.
    let mut todo: Vec<(&Value, Option<&str>)> = vec![(&call.arguments, None)];
    while let Some((value, property)) = todo.pop() {
        match value {
            Value::Object(fields) => match node(fields)? {
                Node::Literal(_) => literals.push(property),
                Node::Reference { id, path } => {
                    JsonPath::parse(path).map_err(|error| format!("{path:?} is no JSONPath: {error}"))?;
                    links.on.push(id.clone());
                    links.places.push((property.map(str::to_owned), id));
                }
                Node::Other => todo.extend(fields.iter().map(|(key, value)| (value, property.or(Some(key))))),
            },
            Value::Array(items) => todo.extend(items.iter().map(|item| (item, property))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    links.literal = !literals.is_empty();
    if let Some((_, id)) = links.places.first().cloned() {
        // Unwrapped together with the rest, and so not known before.
        let late = literals
            .into_iter()
            .map(|property| (property.map(str::to_owned), id.clone()));
        links.places.extend(late);
    }
    if let When::Equals { id, path, .. } = &call.when {
        JsonPath::parse(path).map_err(|error| format!("when.path: {path:?} is no JSONPath: {error}"))?;
        match (id, &call.after[..]) {
            (Some(id), _) => links.on.push(id.clone()),
            (None, [only]) => links.on.push(only.clone()),
            (None, _) => {
                let message = "when.path needs when.id, or exactly one call in after".to_owned();
                return Err(message);
            }
        }
    }
    links.on.sort();
    links.on.dedup();
    Ok(links)
}

/// The arguments with every result filled in, at most about `most` bytes of them: one result may be named many times.
///
/// # Errors
/// A sentence that names the reference which leads nowhere, or too far.
pub(super) fn fill(arguments: &Value, results: &Results, most: u64) -> Result<Value, String> {
    let mut left = most;
    let mut filled = arguments.clone();
    let mut todo: Vec<&mut Value> = vec![&mut filled];
    while let Some(value) = todo.pop() {
        let instead = match value {
            Value::Object(fields) => match node(fields)? {
                Node::Literal(literal) => Some(literal.clone()),
                Node::Reference { id, path } => {
                    let found = look_up(results, &id, path, left)?;
                    left = left.saturating_sub(weight(&found));
                    Some(found)
                }
                Node::Other => None,
            },
            _ => None,
        };
        match (instead, value) {
            (Some(instead), value) => *value = instead,
            (None, Value::Object(fields)) => todo.extend(fields.values_mut()),
            (None, Value::Array(items)) => todo.extend(items),
            (None, _) => {}
        }
    }
    Ok(filled)
}

fn look_up(results: &Results, id: &CallId, path: &str, most: u64) -> Result<Value, String> {
    let Some(Ok(document)) = results.get(id) else {
        return Err(format!("call {id} left no result"));
    };
    let query = JsonPath::parse(path).map_err(|error| format!("{path:?} is no JSONPath: {error}"))?;
    let found = query.query(document).all();
    if found.iter().map(|value| weight(value)).sum::<u64>() > most {
        return Err(format!(
            "{path} of the result of call {id} is more than arguments may have"
        ));
    }
    match (is_singular(path), &found[..]) {
        (true, [one]) => Ok((*one).clone()),
        (true, _) => Err(format!("the result of call {id} has nothing at {path}")),
        // A query for many gives a list, however many there are.
        (false, many) => Ok(many.iter().map(|one| (*one).clone()).collect()),
    }
}

/// Whether a query names one place: only names and indices, no wildcard, slice, list, filter or descent (RFC 9535, 2.3.5.1).
fn is_singular(path: &str) -> bool {
    let mut quote = None;
    let mut escaped = false;
    let mut before = ' ';
    for letter in path.chars() {
        match quote {
            Some(end) => match (escaped, letter) {
                (true, _) => escaped = false,
                (false, '\\') => escaped = true,
                (false, letter) if letter == end => quote = None,
                (false, _) => {}
            },
            None => match letter {
                '\'' | '"' => quote = Some(letter),
                '*' | '?' | ':' | ',' => return false,
                '.' if before == '.' => return false,
                _ => {}
            },
        }
        before = letter;
    }
    true
}

/// Whether the condition of a call holds.
///
/// # Errors
/// A sentence that says what stands there instead.
pub(super) fn holds(call: &Call, results: &Results) -> Result<(), String> {
    let When::Equals { id, path, equals } = &call.when else {
        return Ok(());
    };
    let Some(id) = id.as_ref().or(call.after.first()) else {
        return Ok(());
    };
    let found = look_up(results, id, path, u64::MAX)?;
    match found == *equals {
        true => Ok(()),
        false => Err(format!("{path} of call {id} is {}, and not {equals}", short(&found))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The document that paths into the result of a call lead through.
pub(super) fn document(ended: &Ended) -> Value {
    if let Some(structured) = &ended.structured {
        return structured.clone();
    }
    if let [Content::Json(only)] = &ended.content[..] {
        return only.clone();
    }
    let texts = ended.content.iter().filter_map(|piece| match piece {
        Content::Text(text) => Some(text.as_str()),
        Content::Json(_) | Content::Image { .. } | Content::Blob { .. } => None,
    });
    Value::String(texts.collect::<Vec<_>>().join("\n"))
}

/// About as many bytes as the value takes as JSON text.
pub(super) fn weight(value: &Value) -> u64 {
    let mut total = 0_u64;
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        total += match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 8,
            Value::String(text) => text.len() as u64 + 2,
            Value::Array(items) => {
                todo.extend(items);
                2
            }
            Value::Object(fields) => {
                todo.extend(fields.values());
                fields.keys().map(|key| key.len() as u64 + 4).sum::<u64>() + 2
            }
        };
    }
    total
}

/// Whether a value nests deeper than that; found out without recursion.
pub(super) fn nests_deeper(value: &Value, most: usize) -> bool {
    let mut todo = vec![(value, 0)];
    while let Some((value, depth)) = todo.pop() {
        if depth > most {
            return true;
        }
        match value {
            Value::Array(items) => todo.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => todo.extend(fields.values().map(|item| (item, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn results() -> Results {
        let found = json!({ "path": "a.txt", "files": [{ "name": "x" }, { "name": "y" }], "n": 2 });
        HashMap::from([("a".into(), Ok(Arc::new(found))), ("bad".into(), Err(()))])
    }

    fn check(arguments: Value, expect: Result<Value, &str>) {
        let named = links(&Call::new("t", arguments.clone()));
        let filled = match named {
            Ok(_) => fill(&arguments, &results(), 1000),
            Err(error) => Err(error),
        };
        match (filled, expect) {
            (Ok(filled), Ok(expect)) => assert_eq!(filled, expect),
            (Err(error), Err(expect)) => assert!(error.contains(expect), "{error}"),
            (found, expect) => panic!("{arguments}: {found:?}, and not {expect:?}"),
        }
    }

    #[test]
    fn results_are_filled_in() {
        check(json!({ "path": "b" }), Ok(json!({ "path": "b" })));
        check(
            json!({ "path": { "$result": "a", "path": "$.path" } }),
            Ok(json!({ "path": "a.txt" })),
        );
        check(
            json!({ "paths": { "$result": "a", "path": "$.files[*].name" } }),
            Ok(json!({ "paths": ["x", "y"] })),
        );
        check(
            json!({ "list": [{ "deep": { "$result": "a", "path": "$['files'][1].name" } }] }),
            Ok(json!({ "list": [{ "deep": "y" }] })),
        );
        check(
            json!({ "all": { "$literal": { "$result": "a" } } }),
            Ok(json!({ "all": { "$result": "a" } })),
        );
        check(
            json!({ "x": { "$result": "a", "path": "$.none" } }),
            Err("has nothing at $.none"),
        );
        check(json!({ "x": { "$result": "bad" } }), Err("left no result"));
        check(json!({ "x": { "$result": "a", "path": "no" } }), Err("is no JSONPath"));
        check(
            json!({ "x": { "$result": "a", "more": 1 } }),
            Err("\"more\" beside $result"),
        );
        check(json!({ "x": { "$result": {} } }), Err("must be the id of a call"));
        let many: Vec<Value> = (0..100).map(|_| json!({ "$result": "a" })).collect();
        check(json!({ "x": many }), Err("more than arguments may have"));
    }

    #[test]
    fn one_place_or_many() {
        for (path, one) in [
            ("$", true),
            ("$.a.b[0]", true),
            ("$['a,b']['*']", true),
            (r#"$["it's"].x"#, true),
            (r"$['a\'*']", true),
            ("$.a[*]", false),
            ("$..a", false),
            ("$.a[0,1]", false),
            ("$.a[1:2]", false),
            ("$.a[?@.b]", false),
        ] {
            assert_eq!(is_singular(path), one, "{path}");
        }
    }

    #[test]
    fn conditions() {
        let mut call = Call::new("t", json!({}));
        call.after = vec!["a".into()];
        let mut check = |path: &str, equals: Value, expect: bool| {
            call.when = When::Equals {
                id: None,
                path: path.into(),
                equals,
            };
            assert_eq!(holds(&call, &results()).is_ok(), expect, "{path}");
        };
        check("$.n", json!(2), true);
        check("$.n", json!(3), false);
        check("$.files[*].name", json!(["x", "y"]), true);
        check("$.none", json!(null), false);
    }
}
