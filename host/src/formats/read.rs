//! A model's answer, as each API gives it, as the calls in it. It must not judge names or arguments: the host does.

use super::FormatError;
use super::place::At;
use serde_json::{Map, Value};

/// A call as it stands in an answer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Value,
    pub(super) echo: Map<String, Value>,
    pub(super) cut: bool,
}

type Calls = Result<Vec<Found>, FormatError>;

/// `{content: [{type: "tool_use", id, name, input}, …], stop_reason}`, which is also the form of the message.
pub(super) fn anthropic(response: &Value) -> Calls {
    let message = opened(response)?;
    let content = message.need("content")?;
    if content.value.is_string() {
        return Ok(Vec::new());
    }
    let full = matches!(
        message.word("stop_reason")?,
        Some("max_tokens" | "model_context_window_exceeded")
    );
    let blocks = content.list()?;
    let last = blocks.len();
    let mut calls = Vec::new();
    for (number, block) in (1_usize..).zip(&blocks) {
        if block.need("type")?.text()? != "tool_use" {
            continue;
        }
        // What is there of an input that was cut off looks like a whole one.
        let cut = full && number == last;
        let arguments = match cut {
            true => Value::Null,
            false => given(block.field("input")?),
        };
        calls.push(Found {
            id: Some(block.need("id")?.text()?.to_owned()),
            name: block.need("name")?.text()?.to_owned(),
            arguments,
            echo: echo(block, &["toolset_name"])?,
            cut,
        });
    }
    Ok(calls)
}

/// `{choices: [{message: {tool_calls: [{id, type, function: {name, arguments}}, …]}, finish_reason}]}`, or the message.
pub(super) fn openai_chat(response: &Value) -> Calls {
    let response = opened(response)?;
    let (message, full) = match response.field("choices")? {
        None => {
            response.need("role")?;
            (response, false)
        }
        Some(choices) => {
            let choice = only(&choices, "the message")?;
            let full = choice.word("finish_reason")? == Some("length");
            (choice.need("message")?, full)
        }
    };
    let Some(asked) = message.field("tool_calls")? else {
        return match message.field("function_call")? {
            Some(old) => {
                Err(old.wrong("is of a form that has no ids; requests with `tools` are answered with `tool_calls`"))
            }
            None => Ok(Vec::new()),
        };
    };
    let mut calls = Vec::new();
    for call in asked.list()? {
        // Some servers leave the type out.
        if call.word("type")?.is_some_and(|kind| kind != "function") {
            continue;
        }
        let function = call.need("function")?;
        let arguments = parsed(function.field("arguments")?);
        calls.push(Found {
            id: Some(call.need("id")?.text()?.to_owned()),
            name: function.need("name")?.text()?.to_owned(),
            cut: full && !arguments.is_object(),
            arguments,
            echo: Map::new(),
        });
    }
    Ok(calls)
}

/// `{output: [{type: "function_call", call_id, name, arguments}, …], status}`, or the list of items.
pub(super) fn openai_responses(response: &Value) -> Calls {
    let (items, full) = match response.is_array() {
        true => (At::whole(response), false),
        false => {
            let response = opened(response)?;
            let full = response.word("status")? == Some("incomplete");
            (response.need("output")?, full)
        }
    };
    let mut calls = Vec::new();
    for item in items.list()? {
        if item.need("type")?.text()? != "function_call" {
            continue;
        }
        let arguments = parsed(item.field("arguments")?);
        let incomplete = full || item.word("status")? == Some("incomplete");
        calls.push(Found {
            id: Some(item.need("call_id")?.text()?.to_owned()),
            name: item.need("name")?.text()?.to_owned(),
            cut: incomplete && !arguments.is_object(),
            arguments,
            echo: echo(&item, &["caller", "namespace"])?,
        });
    }
    Ok(calls)
}

/// `{candidates: [{content: {parts: [{functionCall: {id?, name, args?}}, …]}, finishReason}]}`, or the content.
pub(super) fn gemini(response: &Value) -> Calls {
    let response = opened(response)?;
    let (content, candidate) = match response.field("parts")? {
        Some(_) => (Some(response), None),
        None => {
            let candidate = only(&response.need("candidates")?, "the content")?;
            (candidate.field("content")?, Some(candidate))
        }
    };
    let parts = content.map(|content| content.field("parts")).transpose()?.flatten();
    let mut calls = Vec::new();
    for part in parts.map(|parts| parts.list()).transpose()?.unwrap_or_default() {
        // The second spelling is what the same API's own libraries write.
        let call = match part.field("functionCall")? {
            Some(call) => Some(call),
            None => part.field("function_call")?,
        };
        let Some(call) = call else { continue };
        let more = [call.field("willContinue")?, call.field("will_continue")?];
        if let Some(more) = more.into_iter().flatten().find(|more| *more.value == Value::Bool(true)) {
            return Err(more.wrong("this is a part of a stream; put the call together first"));
        }
        calls.push(Found {
            id: call.word("id")?.map(str::to_owned),
            name: call.need("name")?.text()?.to_owned(),
            arguments: given(call.field("args")?),
            echo: Map::new(),
            cut: false,
        });
    }
    // There is a call, and nobody can read it: no end of the conversation.
    if let (true, Some(candidate)) = (calls.is_empty(), candidate)
        && let Some(reason) = candidate.field("finishReason")?
        && matches!(reason.text()?, "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL")
    {
        let word = reason.text()?;
        return Err(reason.wrong(format!("{word}: the model's call was of no use to the API; ask again")));
    }
    Ok(calls)
}

/// The answer, if it isn't an error.
fn opened(response: &Value) -> Result<At<'_>, FormatError> {
    let whole = At::whole(response);
    match whole.field("error")? {
        None => Ok(whole),
        Some(error) => {
            let message = error.value.get("message").and_then(Value::as_str);
            let message: String = message.unwrap_or("no message").chars().take(300).collect();
            Err(error.wrong(format!("the API answered with an error: {message}")))
        }
    }
}

/// The one of several possible answers with which the conversation goes on.
fn only<'a>(answers: &At<'a>, instead: &str) -> Result<At<'a>, FormatError> {
    let mut all = answers.list()?;
    match (all.pop(), all.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(answers.wrong("is empty")),
        (Some(_), others) => {
            let all = others.saturating_add(1);
            Err(answers.wrong(format!(
                "holds {all}; give {instead} with which the conversation goes on"
            )))
        }
    }
}

/// Arguments that the API has read. Where it gives none there are none.
fn given(arguments: Option<At<'_>>) -> Value {
    arguments.map_or_else(|| Value::Object(Map::new()), |arguments| arguments.value.clone())
}

/// Arguments that the API gives as the model wrote them: text that should be JSON. What isn't stays text, which no tool takes.
fn parsed(arguments: Option<At<'_>>) -> Value {
    match arguments.as_ref().and_then(|arguments| arguments.value.as_str()) {
        // A tool without arguments is often called so.
        Some(text) if text.trim().is_empty() => Value::Object(Map::new()),
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        // Some servers give the object itself.
        None => given(arguments),
    }
}

/// The members that go back with the result as they are.
fn echo(call: &At<'_>, names: &[&str]) -> Result<Map<String, Value>, FormatError> {
    let mut echo = Map::new();
    for name in names {
        if let Some(field) = call.field(name)? {
            echo.insert((*name).to_owned(), field.value.clone());
        }
    }
    Ok(echo)
}
