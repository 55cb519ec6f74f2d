//! Reads a batch: a JSON array, or JSON Lines. It must not run anything, and every error names the place.

use crate::call::{Call, CallId, When};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use std::io::Read as _;
use std::time::Duration;

/// The largest batch that is read, in bytes.
const MAX_BYTES: u64 = 256 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Option<Id>,
    tool: String,
    #[serde(default)]
    arguments: Option<Value>,
    #[serde(default)]
    after: Vec<Id>,
    #[serde(default)]
    priority: i32,
    timeout_ms: Option<u64>,
    #[serde(default)]
    when: Option<WrittenWhen>,
    max_wait_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "\"ok\", \"failed\", \"always\", or {\"id\"?, \"path\", \"equals\"}"
)]
enum WrittenWhen {
    Word(Word),
    Equals(Equals),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Ok,
    Failed,
    Always,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Equals {
    id: Option<Id>,
    path: String,
    equals: Value,
}

impl From<WrittenWhen> for When {
    fn from(written: WrittenWhen) -> Self {
        match written {
            WrittenWhen::Word(Word::Ok) => Self::Ok,
            WrittenWhen::Word(Word::Failed) => Self::Failed,
            WrittenWhen::Word(Word::Always) => Self::Always,
            WrittenWhen::Equals(Equals { id, path, equals }) => Self::Equals {
                id: id.map(CallId::from),
                path,
                equals,
            },
        }
    }
}

/// An id as text, or as a number that stands for its digits.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an id: a text or a number")]
enum Id {
    Text(String),
    Number(u64),
}

impl From<Id> for CallId {
    fn from(id: Id) -> Self {
        match id {
            Id::Text(text) => CallId::from(text),
            Id::Number(number) => CallId::from(number.to_string()),
        }
    }
}

impl From<Written> for Call {
    fn from(written: Written) -> Self {
        let arguments = written
            .arguments
            .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let mut call = Call::new(written.tool, arguments);
        call.id = written.id.map(CallId::from);
        call.after = written.after.into_iter().map(CallId::from).collect();
        call.priority = written.priority;
        call.timeout = written.timeout_ms.map(Duration::from_millis);
        call.when = written.when.map(When::from).unwrap_or_default();
        call.max_wait = written.max_wait_ms.map(Duration::from_millis);
        call
    }
}

/// The text of `source`: a file, or `-` for standard input.
pub(super) fn read_source(source: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match source {
        "-" => std::io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text),
        file => {
            let file = std::fs::File::open(file).with_context(|| source.to_owned())?;
            file.take(MAX_BYTES + 1).read_to_string(&mut text)
        }
    };
    read.with_context(|| source.to_owned())?;
    if text.len() as u64 > MAX_BYTES {
        bail!("{source}: larger than {MAX_BYTES} bytes");
    }
    Ok(text)
}

/// The calls of a batch.
pub(super) fn read(source: &str) -> anyhow::Result<Vec<Call>> {
    let text = read_source(source)?;
    let name = if source == "-" { "standard input" } else { source };
    parse(&text).with_context(|| name.to_owned())
}

fn parse(text: &str) -> anyhow::Result<Vec<Call>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().as_bytes().first() {
        None => bail!("the batch is empty; an empty list is []"),
        Some(b'[') => parse_array(text),
        Some(_) => parse_lines(text),
    }
}

fn parse_array(text: &str) -> anyhow::Result<Vec<Call>> {
    let items: Vec<Value> = serde_json::from_str(text).context("not a JSON array of calls")?;
    let calls = items.into_iter().enumerate().map(|(index, item)| {
        let written = serde_json::from_value::<Written>(item);
        Ok(written.with_context(|| format!("call {}", index + 1))?.into())
    });
    calls.collect()
}

fn parse_lines(text: &str) -> anyhow::Result<Vec<Call>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let calls = lines.map(|(index, line)| {
        let written = serde_json::from_str::<Written>(line);
        Ok(written
            .with_context(|| format!("line {}: not a call in JSON", index + 1))?
            .into())
    });
    calls.collect()
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&[&str], &str>) {
        let calls = parse(text).map(|calls| calls.iter().map(|call| call.tool.clone()).collect::<Vec<_>>());
        match (calls, expect) {
            (Ok(calls), Ok(expect)) => assert_eq!(calls, expect, "{text}"),
            (Err(error), Err(expect)) => assert!(format!("{error:#}").contains(expect), "{text}: {error:#}"),
            (found, expect) => panic!("{text}: {found:?}, and not {expect:?}"),
        }
    }

    #[test]
    fn batches() {
        check("[]", Ok(&[]));
        check(r#"[{"tool":"a"},{"tool":"b","arguments":{}}]"#, Ok(&["a", "b"]));
        check("{\"tool\":\"a\"}\n\n{\"tool\":\"b\"}\n", Ok(&["a", "b"]));
        check("\u{feff}[{\"tool\":\"a\"}]", Ok(&["a"]));
        check("", Err("empty"));
        check("hello", Err("line 1: not a call"));
        check("[{\"tool\":\"a\"}", Err("not a JSON array of calls"));
        check(r#"[{"tool":"a"},{"tol":"b"}]"#, Err("call 2: unknown field `tol`"));
        check(r#"[{"tool":"a","id":true}]"#, Err("an id: a text or a number"));
        check("{\"tool\":\"a\"}\n{\"tool\":", Err("line 2"));
        check(
            r#"[{"tool":"a","when":"always"},{"tool":"b","when":{"path":"$","equals":1}}]"#,
            Ok(&["a", "b"]),
        );
        check(
            r#"[{"tool":"a","when":"sometimes"}]"#,
            Err(r#""ok", "failed", "always", or {"#),
        );
    }
}
