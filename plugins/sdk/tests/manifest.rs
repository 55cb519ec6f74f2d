//! The manifest that the macros make, compared whole with what the host is to read, and calls through it.
//!
//! It must not test a tool of any plugin.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use toolyard_sdk::failure::Kind;
use toolyard_sdk::prelude::*;

/// How a text is compared.
#[derive(Deserialize, Serialize, Schema, Debug, PartialEq)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
enum Way {
    Exact,
    IgnoreCase,
}

/// One change.
#[derive(Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
struct Edit {
    /// The file to change.
    file: WriteFile,
    /// What to look for.
    old: String,
    #[serde(default)]
    all: bool,
    /// Up to here.
    line: Option<u32>,
    way: Option<Way>,
    #[serde(rename = "backup-file")]
    backup: Option<WriteFile>,
}

#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
struct Count {
    /// How many.
    lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest: Option<u16>,
    note: Option<String>,
}

/// Lists a "folder" and
/// everything in it.
///
/// - one
/// - two
#[tool(title = "List")]
fn list(
    /// Where to begin.
    #[arg(default = ".")]
    path: ReadDirectory,
    /// How many at most.
    #[arg(default = 10, minimum = 1, maximum = 1000)]
    limit: u32,
    #[arg(keep_link)] other: Option<ReadTree>,
    #[arg(minimum = 2)] depth: Option<u8>,
) -> Result<String> {
    Ok(format!(
        "{path} {limit} {:?} {depth:?}",
        other.map(|other| other.to_string())
    ))
}

/// Changes files.
#[tool(
    name = "edit_all",
    claim(path = "Cargo.lock", access = "read", scope = "file"),
    claim(from = "$.extra", default = ".", access = "read", scope = "tree", symlink = "keep"),
    network(from = "$.url", methods = ["GET", "HEAD"]),
    network(host = "example.com:443", methods = ["GET"], redirects = true),
    browser(from = "$.session", default = "main", access = "drive")
)]
fn edit(
    edits: Vec<Edit>,
    paths: Vec<ReadFile>,
    labels: Option<BTreeMap<String, f64>>,
    any: Value,
) -> Result<Json<Count>> {
    let all = edits
        .iter()
        .filter(|edit| edit.all && edit.line.is_none() && edit.old.is_empty())
        .count();
    let ways = edits
        .iter()
        .filter(|edit| edit.way == Some(Way::IgnoreCase) && edit.backup.is_none())
        .count();
    let files = edits.iter().filter(|edit| edit.file.as_str() == "a").count();
    let lines = all + ways + files + paths.len() + labels.map_or(0, |labels| labels.len());
    Ok(Json(Count {
        lines: lines as u64,
        longest: None,
        note: any.as_str().map(str::to_owned),
    }))
}

/// Watches.
#[tool(browser = "observe", browser(session = "login", access = "drive", rights = ["storage", "evaluate"]))]
fn watch(#[arg(default = "main")] session: String) -> Result<String> {
    Ok(session)
}

mod nested {
    //! A tool in a module is named by its path.
    use toolyard_sdk::prelude::*;

    /// Fails.
    #[tool]
    pub fn fail() -> Result<Answer<bool>> {
        Err(Failure::new("no", "it failed").hint("never mind"))
    }
}

plugin!(list, edit, watch, nested::fail);

#[test]
fn the_manifest_is_what_the_host_reads() {
    let manifest: Value = serde_json::from_str(toolyard_manifest()).expect("JSON");
    let expected = json!({
        "name": "sdk",
        "version": env!("CARGO_PKG_VERSION"),
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "tools": [expected_list(), expected_edit(), expected_watch(), {
            "name": "fail",
            "description": "Fails.",
            "input_schema": { "type": "object", "properties": {}, "additionalProperties": false },
            "output_schema": { "type": "boolean" },
            "claims": [],
        }],
    });
    assert_eq!(manifest, expected, "{manifest:#}");
}

fn expected_list() -> Value {
    json!({
        "name": "list",
        "title": "List",
        "description": "Lists a \"folder\" and everything in it.\n\n- one\n- two",
        "input_schema": {
            "type": "object",
            "properties": {
                "path": { "type": "string", "default": ".", "description": "Where to begin." },
                "limit": {
                    "type": "integer", "minimum": 1, "maximum": 1000, "default": 10,
                    "description": "How many at most.",
                },
                "other": { "type": "string" },
                "depth": { "type": "integer", "minimum": 2, "maximum": 255 },
            },
            "additionalProperties": false,
        },
        "claims": [
            { "path": { "from": "$.path", "default": "." }, "access": "read", "scope": "directory" },
            { "path": { "from": "$.other" }, "access": "read", "scope": "tree", "symlink": "keep" },
        ],
    })
}

fn expected_edit() -> Value {
    let line = json!({ "type": "integer", "minimum": 0, "maximum": 4294967295u32 });
    let way = json!({ "type": "string", "enum": ["exact", "ignore_case"], "description": "How a text is compared." });
    json!({
        "name": "edit_all",
        "description": "Changes files.",
        "input_schema": {
            "type": "object",
            "properties": {
                "edits": { "type": "array", "items": {
                    "type": "object",
                    "properties": {
                        "file": { "type": "string", "description": "The file to change." },
                        "old": { "type": "string", "description": "What to look for." },
                        "all": { "type": "boolean" },
                        "line": { "anyOf": [line, { "type": "null" }], "description": "Up to here." },
                        "way": { "anyOf": [way, { "type": "null" }], "description": "How a text is compared." },
                        "backup-file": { "type": "string" },
                    },
                    "required": ["file", "old"],
                    "additionalProperties": false,
                    "description": "One change.",
                } },
                "paths": { "type": "array", "items": { "type": "string" } },
                "labels": { "type": "object", "additionalProperties": { "type": "number" } },
                "any": {},
            },
            "required": ["edits", "paths", "any"],
            "additionalProperties": false,
        },
        "output_schema": {
            "type": "object",
            "properties": {
                "lines": { "type": "integer", "minimum": 0, "description": "How many." },
                "longest": { "type": "integer", "minimum": 0, "maximum": 65535 },
                "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            },
            "required": ["lines"],
        },
        "claims": [
            { "path": { "from": "$.edits[*].file" }, "access": "write", "scope": "file" },
            { "path": { "from": "$.edits[*]['backup-file']" }, "access": "write", "scope": "file" },
            { "path": { "from": "$.paths[*]" }, "access": "read", "scope": "file" },
            { "path": "Cargo.lock", "access": "read", "scope": "file" },
            { "path": { "from": "$.extra", "default": "." }, "access": "read", "scope": "tree", "symlink": "keep" },
            { "network": { "from": "$.url" }, "methods": ["GET", "HEAD"] },
            { "network": "example.com:443", "methods": ["GET"], "redirects": true },
            { "browser": { "from": "$.session", "default": "main" }, "access": "drive" },
        ],
    })
}

fn expected_watch() -> Value {
    json!({
        "name": "watch",
        "description": "Watches.",
        "input_schema": {
            "type": "object",
            "properties": { "session": { "type": "string", "default": "main" } },
            "additionalProperties": false,
        },
        "claims": [
            { "browser": { "from": "$.session", "default": "main" }, "access": "observe" },
            { "browser": "login", "access": "drive", "rights": ["storage", "evaluate"] },
        ],
    })
}

#[test]
fn defaults_stand_in_for_missing_arguments() {
    let text = |arguments| toolyard_call("list", arguments).expect("a good call").to_text();
    assert_eq!(text("{}"), ". 10 None None");
    assert_eq!(text(""), ". 10 None None");
    assert_eq!(
        text(r#"{"path":"src","limit":3,"other":"x","depth":7}"#),
        r#"src 3 Some("x") Some(7)"#
    );
}

#[test]
fn a_structured_answer_is_there_twice() {
    let arguments = r#"{"edits":[{"file":"a","old":"","all":true,"way":"ignore_case"}],"paths":["p","q"],"any":"n"}"#;
    let output = toolyard_call("edit_all", arguments).expect("a good call");
    assert_eq!(output.as_structured(), Some(r#"{"lines":5,"note":"n"}"#));
    assert_eq!(output.to_text(), r#"{"lines":5,"note":"n"}"#);
}

#[test]
fn nothing_that_comes_in_is_a_panic() {
    let failure = |name, arguments| {
        let failure = toolyard_call(name, arguments).expect_err("a bad call");
        (failure.whose(), failure.code().to_owned(), failure.message().to_owned())
    };
    let invalid = |code: &str, message: &str| (Kind::InvalidArguments, code.to_owned(), message.to_owned());
    assert_eq!(
        failure("list", "[]"),
        invalid("invalid_arguments", "the arguments are not a JSON object")
    );
    assert_eq!(failure("list", "{").1, "invalid_arguments");
    assert_eq!(
        failure("list", r#"{"nope":1}"#),
        invalid("unknown_argument", "there is no argument `nope`")
    );
    assert_eq!(
        failure("edit_all", "{}"),
        invalid("missing_argument", "the argument `edits` is missing")
    );
    assert_eq!(
        failure("list", r#"{"limit":-1}"#),
        invalid(
            "invalid_arguments",
            "the argument `limit`: invalid value: integer `-1`, expected u32"
        )
    );
    assert_eq!(failure("none", "{}").0, Kind::NotFound);
    assert_eq!(
        failure("fail", "{}"),
        (Kind::Failed, "no".to_owned(), "it failed".to_owned())
    );
}
