//! Manifests as tables: what is refused with which words, and what calls want. It must not need a component.

use super::*;
use crate::call::{Access, Scope};
use serde_json::json;

fn base() -> Value {
    json!({ "name": "fs", "version": "0.1.0", "tools": [{
        "name": "edit", "description": "Edits.",
        "input_schema": { "type": "object", "properties": { "path": { "type": "string" }, "all": { "type": "array" } },
                          "required": ["path"], "additionalProperties": false },
        "claims": [{ "path": { "from": "$.path" }, "access": "write", "scope": "file" }],
    }] })
}

/// The base with one place changed, and the error that comes of it.
fn check(pointer: &str, value: Value, expect: &str) {
    let mut manifest = base();
    match pointer.rsplit_once('/') {
        Some((above, key)) if manifest.pointer(pointer).is_none() => {
            manifest
                .pointer_mut(above)
                .and_then(Value::as_object_mut)
                .expect("an object")
                .insert(key.into(), value);
        }
        _ => *manifest.pointer_mut(pointer).expect("a place") = value,
    }
    let error = Manifest::parse(manifest.to_string().as_bytes()).expect_err(pointer);
    assert!(error.to_string().contains(expect), "{pointer}: {error}");
}

#[test]
fn refused() {
    let remote = json!({ "type": "object", "properties": { "path": { "$ref": "https://example.com/x" } } });
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    let table = [
        ("/name", json!("Fs"), "name: \"Fs\" is no name"),
        ("/name", json!(""), "name: \"\" is no name"),
        ("/name", json!("a".repeat(65)), "is no name"),
        ("/name", json!(7), "name: invalid type"),
        ("/version", json!("a\nb"), "version: must be one line"),
        ("/extra", json!(1), "unknown field `extra`"),
        ("/tools", json!([]), "tools: 0 tools"),
        ("/tools/0/name", json!("edit file"), "tools[0].name"),
        ("/tools/0/name", json!("edit\u{202e}"), "tools[0].name"),
        ("/tools/0/name", json!("edit-file"), "tools[0].name"),
        ("/tools/0/extra", json!(1), "unknown field `extra`"),
        ("/tools/0/title", json!("a\u{7}b"), "tools[0].title"),
        (
            "/tools/0/description",
            json!("x\u{200b}y"),
            "invisible character U+200B",
        ),
        (
            "/tools/0/description",
            json!("x\u{1b}[2J"),
            "invisible character U+001B",
        ),
        (
            "/tools/0/input_schema",
            json!(true),
            "tools[0].input_schema: a JSON Schema must be an object",
        ),
        (
            "/tools/0/input_schema/type",
            json!("string"),
            "tools[0].input_schema.type",
        ),
        (
            "/tools/0/input_schema",
            json!({ "type": "no such type" }),
            "not a valid JSON Schema",
        ),
        ("/tools/0/input_schema", remote, "leads outside the schema"),
        (
            "/tools/0/input_schema",
            json!({ "type": "object", "not": deep }),
            "nested more than",
        ),
        ("/tools/0/claims/0/path/from", json!("path"), "is not a JSONPath"),
        (
            "/tools/0/claims/0/path/from",
            json!("$.pth"),
            "input_schema has no property pth",
        ),
        (
            "/tools/0/claims/0/path/from",
            json!("$..path"),
            "must begin with a property",
        ),
        ("/tools/0/claims/0/path/from", json!("$"), "must begin with a property"),
        ("/tools/0/claims/0/path", json!(""), "is empty"),
        (
            "/tools/0/claims/0/path",
            json!({ "from": "$.path", "else": 1 }),
            "tools[0].claims[0]",
        ),
        (
            "/tools/0/claims/0/access",
            json!("append"),
            "tools[0].claims[0]: unknown variant `append`",
        ),
        ("/tools/0/claims/0/scope", json!("forest"), "unknown variant `forest`"),
        ("/tools/0/claims/0/mode", json!(1), "unknown field `mode`"),
        (
            "/tools/0/claims/0",
            json!({ "gpu": "all" }),
            "tools[0].claims[0]: unknown kind of claim",
        ),
        (
            "/tools/0/claims/0",
            json!({ "path": "a", "network": "b:1" }),
            "path and network in one claim",
        ),
        (
            "/tools/0/claims/0",
            json!({ "network": "b:1", "methods": [] }),
            "methods",
        ),
        (
            "/tools/0/claims/0",
            json!({ "network": "b:1", "methods": ["TRACE"] }),
            "TRACE is given to nobody",
        ),
        (
            "/tools/0/claims/0",
            json!({ "network": "http://u@b", "methods": ["GET"] }),
            "a user name",
        ),
        (
            "/tools/0/claims/0",
            json!({ "network": "b:1", "methods": ["GET"], "method": "$.nothing" }),
            "one property of input_schema",
        ),
        (
            "/tools/0/claims/0",
            json!({ "browser": "main", "access": "write" }),
            "unknown variant `write`",
        ),
    ];
    for (pointer, value, expect) in table {
        check(pointer, value, expect);
    }
}

#[test]
fn refused_as_text() {
    let twice = base().to_string().replace("\"version\"", "\"name\":\"x\",\"version\"");
    let mut doubled = base();
    let tool = doubled["tools"][0].clone();
    doubled["tools"].as_array_mut().expect("a list").push(tool);
    let table: [(Vec<u8>, &str); 9] = [
        (b"".to_vec(), "EOF"),
        (b"{".to_vec(), "EOF"),
        (b"not json".to_vec(), "expected"),
        (b"\xff\xfe{\x00".to_vec(), "not UTF-8"),
        ("\u{feff}{}".into(), "byte order mark"),
        (b"[]".to_vec(), "invalid"),
        (vec![b' '; MAX_BYTES + 1], "more than the"),
        (twice.into(), "duplicate field `name`"),
        (doubled.to_string().into(), "tools[1].name: a second tool named edit"),
    ];
    for (bytes, expect) in table {
        let error = Manifest::parse(&bytes).expect_err(expect);
        assert!(error.to_string().contains(expect), "{error}");
    }
}

#[test]
fn written_again_it_is_the_same() {
    let mut manifest = base();
    manifest["tools"][0]["claims"] = json!([
        { "path": { "from": "$.path", "default": "." }, "access": "read", "scope": "tree", "symlink": "keep" },
        { "path": "Cargo.lock", "access": "read", "scope": "file", "optional": true },
        { "network": { "from": "$['path']" }, "methods": ["GET"] },
        { "network": "https://a.com", "methods": ["GET", "PUT"], "redirects": true, "method": "$.path" },
        { "browser": "main", "access": "drive" },
    ]);
    let parsed = Manifest::parse(manifest.to_string().as_bytes()).expect("a manifest");
    assert_eq!(serde_json::to_value(&parsed).expect("JSON"), manifest);
    let words: Vec<String> = parsed.tools[0].claims.iter().map(Claim::describe).collect();
    let expect = [
        "reads the tree at $.path (default .), a link itself",
        "reads the file at Cargo.lock, if the policy allows it",
        "GET to the host in $['path']",
        "GET, PUT (as $.path says) to the host in https://a.com, and to where it sends on",
        "drives the browser session main",
    ];
    assert_eq!(words, expect);
}

fn tool(claims: Value) -> Tool {
    let mut manifest = base();
    manifest["tools"][0]["claims"] = claims;
    Manifest::parse(manifest.to_string().as_bytes())
        .expect("a manifest")
        .tools
        .remove(0)
}

/// Where an argument says which method is used, that one is wanted, and not all.
#[test]
fn one_method() {
    let claims = json!([{ "network": "https://a.com", "methods": ["GET", "PUT"], "method": "$.path" }]);
    let wanted = |arguments: Value| match tool(claims.clone()).wants(&arguments).expect("wants").remove(0).kind {
        WantKind::Network { methods, .. } => methods.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(wanted(json!({})), "GET");
    assert_eq!(wanted(json!({ "path": null })), "GET");
    assert_eq!(wanted(json!({ "path": "PUT" })), "PUT");
    for unclear in [json!("DELETE"), json!(1), json!({ "$result": "1" })] {
        assert_eq!(wanted(json!({ "path": unclear })), "GET PUT");
    }
}

#[test]
fn wants() {
    let claim = |from: &str| json!([{ "path": { "from": from, "default": "d" }, "access": "read", "scope": "file" }]);
    let path = |value: &str, place: Place| Want {
        claim: 0,
        kind: WantKind::Path {
            value: value.into(),
            access: Access::Read,
            scope: Scope::File,
            symlink: Symlink::Follow,
            place,
        },
    };
    let table = [
        (
            "$.path",
            json!({ "path": "a" }),
            vec![path("a", Place::At("/path".into()))],
        ),
        ("$.path", json!({}), vec![path("d", Place::Insert("path".into()))]),
        (
            "$.path",
            json!({ "path": null }),
            vec![path("d", Place::Insert("path".into()))],
        ),
        (
            "$.all[*]",
            json!({ "all": ["a", "b"] }),
            vec![
                path("a", Place::At("/all/0".into())),
                path("b", Place::At("/all/1".into())),
            ],
        ),
        (
            "$.all[*].x",
            json!({ "all": [{ "x": "a" }, { "y": 1 }] }),
            vec![path("a", Place::At("/all/0/x".into()))],
        ),
    ];
    for (from, arguments, expect) in table {
        assert_eq!(tool(claim(from)).wants(&arguments), Ok(expect), "{from} of {arguments}");
    }
    let error = tool(claim("$.path"))
        .wants(&json!({ "path": 7 }))
        .expect_err("not a text");
    assert_eq!(
        error.to_string(),
        "$['path'] must be a text: claim 1 takes its value from there"
    );
}

#[test]
fn replaced() {
    let check = |place: Place, expect: Value| {
        let mut arguments = json!({ "path": "./a", "all": [{ "x": "b/" }] });
        replace(&mut arguments, &place, "new".into());
        assert_eq!(arguments, expect);
    };
    check(Place::Fixed, json!({ "path": "./a", "all": [{ "x": "b/" }] }));
    check(
        Place::At("/path".into()),
        json!({ "path": "new", "all": [{ "x": "b/" }] }),
    );
    check(
        Place::At("/all/0/x".into()),
        json!({ "path": "./a", "all": [{ "x": "new" }] }),
    );
    check(
        Place::Insert("more".into()),
        json!({ "path": "./a", "all": [{ "x": "b/" }], "more": "new" }),
    );
    check(
        Place::Insert("all".into()),
        json!({ "path": "./a", "all": [{ "x": "b/" }] }),
    );
}

#[test]
fn arguments() {
    let tool = tool(json!([]));
    let check = |arguments: Value, expect: &str| {
        let said = tool
            .check_arguments(&arguments)
            .map_or_else(|error| error.to_string(), |()| String::new());
        assert!(
            said.contains(expect) && said.is_empty() == expect.is_empty(),
            "{arguments}: {said}"
        );
    };
    check(json!({ "path": "a" }), "");
    check(json!([]), "must be a JSON object, and are a list");
    check(
        json!("{\"path\": \"a"),
        "and are text that is no JSON: EOF while parsing a string at line 1 column 11",
    );
    check(
        json!("{\"path\": \"a\"}"),
        "and are a text that holds JSON; the object itself is meant",
    );
    check(json!({}), "\"path\" is a required property");
    check(json!({ "path": 1, "more": 2 }), "path: 1 is not of type");
}

/// A pattern that would take a backtracking engine for ever.
#[test]
fn no_catastrophic_pattern() {
    let mut manifest = base();
    manifest["tools"][0]["input_schema"]["properties"]["path"] = json!({ "type": "string", "pattern": "^(a+)+$" });
    let tool = Manifest::parse(manifest.to_string().as_bytes())
        .expect("a manifest")
        .tools
        .remove(0);
    let long = format!("{}!", "a".repeat(100_000));
    assert!(tool.check_arguments(&json!({ "path": long })).is_err());
}

#[test]
fn answers_are_held_to_what_is_declared() {
    let tool = |output: Value| {
        let mut manifest = json!({ "name": "own", "version": "1", "tools": [{
            "name": "own", "description": "A test's", "input_schema": { "type": "object" },
        }] });
        if !output.is_null() {
            manifest["tools"][0]["output_schema"] = output;
        }
        let mut manifest = Manifest::parse(manifest.to_string().as_bytes()).expect("a manifest");
        manifest.tools.remove(0)
    };
    let free = tool(Value::Null);
    assert_eq!(free.check_answer(None), Ok(()));
    assert_eq!(free.check_answer(Some(&json!([1]))), Ok(()));
    let held = tool(json!({ "type": "object", "properties": { "a": { "items": { "type": "integer" } } } }));
    assert_eq!(held.check_answer(Some(&json!({ "a": [1] }))), Ok(()));
    let wrong = held.check_answer(Some(&json!({ "a": [1, "b"] })));
    assert_eq!(wrong, Err("a[1]: \"b\" is not of type \"integer\"".to_owned()));
    assert!(held.check_answer(None).is_err());
}

#[test]
fn arguments_are_told_by_their_names() {
    let takes = |schema: Value| {
        let manifest = json!({ "name": "own", "version": "1", "tools": [{
            "name": "own", "description": "A test's", "input_schema": schema,
        }] });
        let manifest = Manifest::parse(manifest.to_string().as_bytes()).expect("a manifest");
        manifest.tools[0].takes()
    };
    let two = json!({ "a": {}, "b": {} });
    for (properties, required, told) in [
        (json!({}), json!([]), "own takes no arguments"),
        (two.clone(), json!([]), "own takes, if wanted, a, b"),
        (two.clone(), json!(["b"]), "own takes b and, if wanted, a"),
        (two, json!(["a", "b"]), "own takes a, b"),
    ] {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        assert_eq!(takes(schema), told);
    }
    let many: serde_json::Map<String, Value> = (0..30).map(|at| (format!("a{at}"), json!({}))).collect();
    assert!(takes(json!({ "type": "object", "properties": many })).ends_with("a19 and more"));
}
