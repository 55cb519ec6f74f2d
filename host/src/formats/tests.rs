//! Recorded turns of each API as data, definitions of the standard tools, and what is no answer of an API.

use super::*;
use crate::call::{CallError, Content, Footprint, Status, Timing};
use crate::manifest::Tool;
use serde_json::json;
use std::sync::Arc;

pub(super) const TURNS: [(Format, &str); 4] = [
    (Format::Anthropic, include_str!("fixtures/anthropic.json")),
    (Format::OpenAiChat, include_str!("fixtures/openai_chat.json")),
    (Format::OpenAiResponses, include_str!("fixtures/openai_responses.json")),
    (Format::Gemini, include_str!("fixtures/gemini.json")),
];

pub(super) fn recorded(text: &str) -> Value {
    serde_json::from_str(text).expect("a fixture")
}

/// An outcome as fixtures write it: `{status?, content?, structured?, error?, notes?}`.
pub(super) fn outcome(id: &str, told: &Value) -> Outcome {
    let piece = |piece: &Value| match (&piece["text"], &piece["json"], piece["media"].as_str()) {
        (Value::String(text), _, _) => Content::Text(text.clone()),
        (_, json, None) => Content::Json(json.clone()),
        (_, _, Some(media_type)) => {
            let (media_type, bytes) = (media_type.to_owned(), piece["bytes"].as_u64().unwrap_or(0));
            let data = (0..bytes).map(|byte| byte.to_le_bytes()[0]).collect();
            match media_type.starts_with("image/") {
                true => Content::Image { media_type, data },
                false => Content::Blob { media_type, data },
            }
        }
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Outcome {
        id: id.into(),
        tool: "some_tool".into(),
        status: match told["status"].as_str() {
            None => Status::Ok,
            Some("denied") => Status::Denied,
            Some("failed") => Status::Failed,
            Some("invalid_arguments") => Status::InvalidArguments,
            Some(other) => panic!("{other}"),
        },
        content: told["content"].as_array().into_iter().flatten().map(piece).collect(),
        structured: told.get("structured").cloned(),
        error: told.get("error").map(|error| CallError {
            code: text(&error[0]).expect("a code"),
            message: text(&error[1]).expect("a message"),
            hint: text(&error[2]),
        }),
        footprint: Arc::new(Footprint::default()),
        waits: Vec::new(),
        more_waits: 0,
        timing: Timing::default(),
        notes: told["notes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(text)
            .collect(),
        log: String::new(),
    }
}

pub(super) fn told(turn: &Turn) -> Value {
    let calls = turn.calls();
    let one = |call: &Call| json!([call.id, call.tool, call.arguments]);
    calls.iter().map(one).collect()
}

#[test]
fn recorded_turns() {
    for (format, text) in TURNS {
        let case = recorded(text);
        let turn = format.turn(&case["response"]).expect("an answer");
        assert_eq!(told(&turn), case["calls"], "{format:?}");
        // In the order of the calls, whatever order the outcomes come in.
        let outcomes = case["outcomes"].as_object().expect("outcomes");
        let outcomes: Vec<Outcome> = outcomes.iter().rev().map(|(id, told)| outcome(id, told)).collect();
        assert_eq!(json!(turn.results(&outcomes)), case["results"], "{format:?}");
        let words = json!(turn.results_in_words(&outcomes)).to_string();
        assert!(!words.contains("AAEC"), "{format:?}: {words}");
        assert_eq!(turn.results(&[]), Vec::<Value>::new(), "{format:?}");
    }
}

/// What stands in a conversation is read like the answer that it came from.
#[test]
fn messages_and_contents() {
    let pointers = [
        (Format::Anthropic, ""),
        (Format::OpenAiChat, "/choices/0/message"),
        (Format::OpenAiResponses, "/output"),
        (Format::Gemini, "/candidates/0/content"),
    ];
    for ((format, text), (same, pointer)) in TURNS.into_iter().zip(pointers) {
        assert_eq!(format, same);
        let case = recorded(text);
        let inner = case["response"].pointer(pointer).expect("the message");
        assert_eq!(told(&format.turn(inner).expect("an answer")), case["calls"]);
    }
}

#[test]
fn no_calls() {
    for (format, response) in [
        (Format::Anthropic, json!({ "role": "assistant", "content": "Done." })),
        (Format::Anthropic, json!({ "content": [], "stop_reason": "end_turn" })),
        (
            Format::OpenAiChat,
            json!({ "choices": [{ "message": { "role": "assistant", "content": "Done.", "tool_calls": null } }] }),
        ),
        (Format::OpenAiResponses, json!({ "output": [], "error": null })),
        (Format::Gemini, json!({ "candidates": [{ "finishReason": "SAFETY" }] })),
        (
            Format::Gemini,
            json!({ "candidates": [{ "content": { "role": "model" } }] }),
        ),
    ] {
        let turn = format.turn(&response).expect("an answer");
        assert!(turn.is_empty(), "{format:?} {response}");
        assert!(turn.results(&[outcome("1", &json!({}))]).is_empty());
    }
}

/// A call that its answer was cut off in is not run, and its model is told.
#[test]
fn cut_off() {
    let block = json!({ "type": "tool_use", "id": "b", "name": "write_file", "input": { "path": "a" } });
    let whole = json!({ "type": "tool_use", "id": "a", "name": "write_file", "input": { "path": "b" } });
    for (reason, text, cut) in [
        ("max_tokens", false, true),
        ("model_context_window_exceeded", false, true),
        ("tool_use", false, false),
        // The text behind it was cut, not the call.
        ("max_tokens", true, false),
    ] {
        let mut content = vec![whole.clone(), block.clone()];
        if text {
            content.push(json!({ "type": "text", "text": "and th" }));
        }
        let turn = Format::Anthropic.turn(&json!({ "content": content, "stop_reason": reason }));
        let turn = turn.expect("an answer");
        let calls = turn.calls();
        assert_eq!(calls[0].arguments, whole["input"]);
        assert_eq!(calls[1].arguments.is_null(), cut, "{reason}");
        let results = json!(turn.results(&[outcome("b", &json!({}))])).to_string();
        assert_eq!(results.contains("reached its length limit"), cut, "{reason}");
    }
    for (arguments, cut) in [("{\"path\": \"a", true), ("{\"path\": \"a\"}", false)] {
        let call = json!({ "id": "a", "type": "function", "function": { "name": "x", "arguments": arguments } });
        let message = json!({ "role": "assistant", "tool_calls": [call] });
        let turn = Format::OpenAiChat.turn(&json!({ "choices": [{ "message": message, "finish_reason": "length" }] }));
        let results = json!(turn.expect("an answer").results(&[outcome("a", &json!({}))])).to_string();
        assert_eq!(results.contains("reached its length limit"), cut, "{arguments}");
    }
}

#[test]
fn arguments_that_some_servers_write() {
    for (arguments, expect) in [
        (json!(null), json!({})),
        (json!(" \n"), json!({})),
        (json!({ "path": "a" }), json!({ "path": "a" })),
        (json!("{\"path\": \"a\"}"), json!({ "path": "a" })),
        (json!("\"{}\""), json!("{}")),
        (json!("{} trailing"), json!("{} trailing")),
        (json!("{\"x\": NaN}"), json!("{\"x\": NaN}")),
        (json!(7), json!(7)),
    ] {
        let call = json!({ "id": "a", "function": { "name": "x", "arguments": arguments } });
        let turn = Format::OpenAiChat.turn(&json!({ "role": "assistant", "tool_calls": [call] }));
        assert_eq!(turn.expect("an answer").calls()[0].arguments, expect);
    }
}

#[test]
fn no_answers() {
    use Format::{Anthropic, Gemini, OpenAiChat, OpenAiResponses};
    let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    for (format, response, expect) in [
        (Anthropic, json!([]), "the answer: must be an object, and is a list"),
        (Anthropic, json!({}), "content: is missing"),
        (
            Anthropic,
            error.clone(),
            "error: the API answered with an error: Overloaded",
        ),
        (
            Gemini,
            error.clone(),
            "error: the API answered with an error: Overloaded",
        ),
        (
            Anthropic,
            json!({ "content": 7 }),
            "content: must be a list, and is a number",
        ),
        (
            Anthropic,
            json!({ "content": ["x"] }),
            "content[0]: must be an object, and is text",
        ),
        (Anthropic, json!({ "content": [{}] }), "content[0].type: is missing"),
        (
            Anthropic,
            json!({ "content": [{ "type": "text" }, { "type": "tool_use", "id": 1, "name": "x" }] }),
            "content[1].id: must be text, and is a number",
        ),
        (OpenAiChat, json!({}), "role: is missing"),
        (OpenAiChat, json!({ "choices": [] }), "choices: is empty"),
        (
            OpenAiChat,
            json!({ "choices": [{}, {}] }),
            "choices: holds 2; give the message with which the conversation goes on",
        ),
        (
            OpenAiChat,
            json!({ "choices": [{ "delta": { "tool_calls": [] } }] }),
            "choices[0].message: is missing",
        ),
        (
            OpenAiChat,
            json!({ "choices": [{ "message": { "tool_calls": [{ "id": "a", "function": {} }] } }] }),
            "choices[0].message.tool_calls[0].function.name: is missing",
        ),
        (
            OpenAiChat,
            json!({ "role": "assistant", "function_call": { "name": "x", "arguments": "{}" } }),
            "function_call: is of a form that has no ids; requests with `tools` are answered with `tool_calls`",
        ),
        (
            OpenAiResponses,
            json!({ "output": {} }),
            "output: must be a list, and is an object",
        ),
        (
            OpenAiResponses,
            json!([{ "type": "function_call", "id": "fc", "name": "x", "arguments": "{}" }]),
            "[0].call_id: is missing",
        ),
        (
            Gemini,
            json!({ "promptFeedback": { "blockReason": "SAFETY" } }),
            "candidates: is missing",
        ),
        (
            Gemini,
            json!({ "candidates": [{ "content": {}, "finishReason": "MALFORMED_FUNCTION_CALL" }] }),
            "candidates[0].finishReason: MALFORMED_FUNCTION_CALL: the model's call was of no use to the API; ask again",
        ),
        (
            Gemini,
            json!({ "parts": [{ "functionCall": { "name": "x", "willContinue": true } }] }),
            "parts[0].functionCall.willContinue: this is a part of a stream; put the call together first",
        ),
        (
            Gemini,
            json!({ "parts": [{ "functionCall": { "args": {} } }] }),
            "parts[0].functionCall.name: is missing",
        ),
    ] {
        let told = format.turn(&response).map_err(|error| error.to_string());
        assert_eq!(told.map(|_| ()), Err(expect.to_owned()), "{format:?} {response}");
    }
}

#[test]
fn too_large_to_show() {
    let turn = |format: Format| {
        let call = json!({ "functionCall": { "name": "x" } });
        let block = json!({ "type": "tool_use", "id": "1", "name": "x" });
        format.turn(&json!({ "parts": [call], "content": [block] }))
    };
    let fits = (5 << 20) / 4 * 3;
    for (bytes, shown) in [(fits, true), (fits + 1, false)] {
        let outcome = outcome("1", &json!({ "content": [{ "media": "image/png", "bytes": bytes }] }));
        for format in [Format::Anthropic, Format::Gemini] {
            let results = turn(format).expect("an answer").results(std::slice::from_ref(&outcome));
            let results = json!(results).to_string();
            assert_eq!(results.contains("left out: more than"), !shown, "{format:?}");
            assert_eq!(results.contains("AAECAwQF"), shown, "{format:?}");
        }
    }
}

fn tool(name: &str, schema: Value) -> Tool {
    let tool = json!({ "name": name, "description": "Does.", "input_schema": schema });
    serde_json::from_value(tool).expect("a tool")
}

#[test]
fn definitions() {
    let plain = json!({
        "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"], "additionalProperties": false,
    });
    let one = tool("read_it", plain.clone());
    let tools = || [&one].into_iter();
    for (format, expect) in [
        (
            Format::Anthropic,
            json!([{ "name": "read_it", "description": "Does.", "input_schema": plain }]),
        ),
        (
            Format::OpenAiChat,
            json!([{ "type": "function", "function": {
                "name": "read_it", "description": "Does.", "parameters": plain,
            } }]),
        ),
        (
            Format::OpenAiResponses,
            json!([{
                "type": "function", "name": "read_it", "description": "Does.", "parameters": plain, "strict": false,
            }]),
        ),
        (
            Format::Gemini,
            json!([{ "functionDeclarations": [
                { "name": "read_it", "description": "Does.", "parametersJsonSchema": plain },
            ] }]),
        ),
    ] {
        assert_eq!(json!(definitions::all(format, tools())), expect);
        assert!(definitions::all(format, std::iter::empty()).is_empty());
    }
    // What no API takes at the top is left out there, and only there.
    let choice = json!({ "oneOf": [{ "required": ["a"] }] });
    let mut wide = json!({ "$schema": "x", "type": "object", "properties": { "a": choice } });
    wide["oneOf"] = choice["oneOf"].clone();
    let shown = definitions::all(Format::Anthropic, [&tool("t", wide)].into_iter());
    assert_eq!(
        shown[0]["input_schema"],
        json!({ "type": "object", "properties": { "a": choice } })
    );
    let bare = definitions::all(
        Format::OpenAiChat,
        [&tool("t", json!({ "type": "object" }))].into_iter(),
    );
    assert_eq!(
        bare[0]["function"]["parameters"],
        json!({ "type": "object", "properties": {} })
    );
}

/// One odd name would make an API refuse all tools.
#[test]
fn unfit_tools_are_left_out() {
    let with = |property: &str| tool("t", json!({ "type": "object", "properties": { (property): {} } }));
    for (property, fits) in [("a-b.c_D9", true), ("größe", false), ("filter[id]", false), ("", false)] {
        let tool = with(property);
        assert_eq!(
            definitions::unfit(Format::Anthropic, &tool).is_none(),
            fits,
            "{property}"
        );
        assert!(definitions::unfit(Format::OpenAiChat, &tool).is_none());
        let both = [&tool, &with("fine")];
        let shown = definitions::all(Format::Anthropic, both.into_iter());
        assert_eq!(shown.len(), if fits { 2 } else { 1 });
    }
    for name in ["", "a b", "a.b", &"a".repeat(65)] {
        let tool = tool(name, json!({}));
        assert!(definitions::unfit(Format::Gemini, &tool).is_some(), "{name}");
    }
}

/// A manifest can't give a name that an API refuses, and no standard tool is left out anywhere.
#[test]
fn every_tool_of_a_host_fits() {
    let mut catalog = crate::catalog::Catalog::default();
    for (name, bytes) in crate::catalog::STANDARD {
        let plugin = crate::catalog::Plugin::standard(name, bytes).expect("a standard plugin");
        catalog.add(plugin).expect("its tools");
    }
    let count = catalog.tools().count();
    for (format, _) in TURNS {
        assert_eq!(
            catalog.tools().find_map(|entry| format.unfit(entry)),
            None,
            "{format:?}"
        );
        let tools = format.tools(catalog.tools());
        let told = match format {
            Format::Gemini => tools[0]["functionDeclarations"].as_array().map_or(0, Vec::len),
            _ => tools.len(),
        };
        assert_eq!(told, count);
    }
    let longest = format!("a{}", "_9".repeat(31));
    assert!(definitions::unfit(Format::OpenAiChat, &tool(&(longest + "z"), json!({}))).is_none());
}
