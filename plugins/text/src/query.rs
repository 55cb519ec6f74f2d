//! The tool `json_query`: JSONPath (RFC 9535) over a JSON value.
//!
//! It must not change the value.

use serde_json_path::JsonPath;
use toolyard_sdk::prelude::*;

/// What a query found.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Found {
    /// The matches, in the order of the query.
    matches: Vec<Match>,
}

/// One match.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Match {
    /// Where it stands: a normalized path (RFC 9535, section 2.7).
    path: String,
    /// What stands there.
    value: Value,
}

/// Finds values in a JSON document with a JSONPath query (RFC 9535): `$.items[?@.price < 10].name`. Answers with one
/// line for each match: its place and its value.
#[tool(title = "Query JSON")]
pub fn json_query(
    /// The document: any JSON value, or a string that holds JSON text.
    json: Value,
    /// The query; it begins with `$`.
    query: String,
) -> Result<Answer<Found>> {
    let path = JsonPath::parse(&query)
        .map_err(|error| Failure::invalid("invalid_query", format!("not a JSONPath query: {error}")))?;
    let document = match json {
        Value::String(text) => toolyard_sdk::serde_json::from_str(&text)
            .map_err(|error| Failure::invalid("invalid_json", format!("the text in `json` is not JSON: {error}")))?,
        value => value,
    };
    let matches = path.query_located(&document);
    let matches = matches.iter().map(|found| Match {
        path: found.location().to_string(),
        value: found.node().clone(),
    });
    let matches = matches.collect::<Vec<_>>();
    let lines = matches
        .iter()
        .map(|found| format!("{}: {}", found.path, found.value))
        .collect::<Vec<_>>();
    let text = if lines.is_empty() {
        "no match".to_owned()
    } else {
        lines.join("\n")
    };
    Ok(Answer::new(text, Found { matches }))
}
