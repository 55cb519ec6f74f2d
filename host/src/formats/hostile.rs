//! Answers of any shape: a turn, or an error that names its place; never a panic, and never a call that is lost. It must not
//! need a host.

use super::tests::{TURNS, outcome, recorded, told};
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::HashSet;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|half| Value::from(f64::from(half) / 2.0)),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "tool_use",
            "function_call",
            "function",
            "max_tokens",
            "length",
            "{",
            "{}"
        ])
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-z_$]{0,8}",
        prop::sample::select(vec![
            "content",
            "type",
            "id",
            "name",
            "input",
            "choices",
            "message",
            "role",
            "tool_calls",
            "function",
            "arguments",
            "output",
            "call_id",
            "candidates",
            "parts",
            "functionCall",
            "args",
            "error",
            "$result",
            "$literal",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every place in a document.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    found.push(place.to_owned());
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| places(value, &format!("{place}/{key}"), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| places(value, &format!("{place}/{index}"), found)),
        _ => {}
    }
}

fn check(format: Format, response: &Value) {
    let turn = match format.turn(response) {
        Ok(turn) => turn,
        Err(error) => {
            assert!(
                !error.place.is_empty() && error.to_string().chars().count() < 1000,
                "{error}"
            );
            return;
        }
    };
    let calls = turn.calls();
    let ids: HashSet<&CallId> = calls.iter().filter_map(|call| call.id.as_ref()).collect();
    assert_eq!(ids.len(), calls.len(), "ids that the host would refuse");
    let outcomes: Vec<Outcome> = ids.iter().map(|id| outcome(id.as_str(), &json!({}))).collect();
    let results = turn.results(&outcomes);
    let answered = match format {
        Format::Anthropic => results
            .first()
            .and_then(|message| message["content"].as_array())
            .map_or(0, Vec::len),
        Format::Gemini => results
            .first()
            .and_then(|content| content["parts"].as_array())
            .map_or(0, Vec::len),
        Format::OpenAiChat | Format::OpenAiResponses => results.len(),
    };
    assert_eq!(answered, calls.len(), "{response}");
}

/// All calls of an answer have one id, or ids that look like those made of it.
#[test]
fn one_id_for_all() {
    let of = |id: String| json!({ "type": "tool_use", "id": id, "name": "t", "input": {} });
    let calls: Vec<Value> = (0..100_000)
        .map(|at| of(if at % 5 == 1 { format!("x#{at}") } else { "x".to_owned() }))
        .collect();
    let turn = Format::Anthropic.turn(&json!({ "type": "message", "role": "assistant", "content": calls }));
    let calls = turn.expect("a turn").calls();
    let ids: HashSet<&CallId> = calls.iter().filter_map(|call| call.id.as_ref()).collect();
    assert_eq!((calls.len(), ids.len()), (100_000, 100_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value(response in value()) {
        for (format, _) in TURNS {
            check(format, &response);
        }
    }

    /// A recorded answer with one place changed or gone.
    #[test]
    fn almost_right(which in 0..TURNS.len(), at in any::<prop::sample::Index>(), instead in prop::option::of(value())) {
        let (format, text) = TURNS[which];
        let mut response = recorded(text)["response"].take();
        let mut all = Vec::new();
        places(&response, "", &mut all);
        let place = at.get(&all);
        match (instead, place.rsplit_once('/')) {
            (Some(instead), _) => *response.pointer_mut(place).expect("a place") = instead,
            (None, None) => response = Value::Null,
            (None, Some((above, name))) => match response.pointer_mut(above) {
                Some(Value::Object(fields)) => drop(fields.remove(name)),
                Some(Value::Array(items)) => drop(items.remove(name.parse().expect("an index"))),
                _ => {}
            },
        }
        check(format, &response);
    }

    /// What a model wrote as arguments comes out as it was, whatever it is.
    #[test]
    fn arguments_round(arguments in value()) {
        let written = json!({ "x": arguments });
        let call = json!({ "id": "a", "type": "function", "function": { "name": "t", "arguments": written.to_string() } });
        let turn = Format::OpenAiChat.turn(&json!({ "role": "assistant", "tool_calls": [call] })).expect("an answer");
        let got = &turn.calls()[0].arguments;
        prop_assert_eq!(got.get("$literal").unwrap_or(got), &written);
    }
}

/// As deep as nobody's parser goes.
#[test]
fn deep() {
    let mut deep = json!({});
    for _ in 0..500 {
        deep = json!({ "a": [deep] });
    }
    let block = json!({ "type": "tool_use", "id": "a", "name": "t", "input": deep });
    let turn = Format::Anthropic
        .turn(&json!({ "content": [block] }))
        .expect("an answer");
    assert_eq!(told(&turn)[0][0], "a");
    for (format, _) in TURNS {
        check(format, &deep);
    }
}
