//! Outcomes as tool results. It must not hide how a call ended: what did not end `ok` is an error that a model can read.

use super::desk::among_ours;
use crate::call::{Content, Outcome, Status};
use crate::report;
use base64::Engine as _;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ResourceContents};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The name under which a result says how its call went.
const OUTCOME: &str = "toolyard/outcome";

/// Where a structured answer has what is told in words.
pub(super) const WORDS: &str = "text";

/// As a client sees how a call ended. A structured answer has what is told in words beside it, if its tool `takes_words`.
pub(super) fn result(outcome: &Outcome, takes_words: bool) -> CallToolResult {
    let told = report::told(outcome);
    let content = (0_usize..)
        .zip(&told)
        .map(|(at, piece)| block(outcome, at, piece))
        .collect();
    let structured = outcome
        .structured
        .as_ref()
        .and_then(|value| whole(value, outcome, &told, takes_words));
    let mut result = match outcome.status {
        Status::Ok => CallToolResult::success(content),
        _ => CallToolResult::error(content),
    };
    result.structured_content = structured;
    let mut meta = MetaObject::default();
    meta.insert(OUTCOME.to_owned(), beside(outcome));
    result.meta = Some(meta);
    result
}

/// A structured answer with what is told in words beside it: many clients show a model either the one or the other. None if the
/// protocol has no place for it.
fn whole(structured: &Value, outcome: &Outcome, told: &[Cow<'_, Content>], takes_words: bool) -> Option<Value> {
    let mut whole = structured.as_object()?.clone();
    let only = outcome.content.is_empty() && outcome.error.is_none() && outcome.notes.is_empty();
    if takes_words && !only && !whole.contains_key(WORDS) {
        let words = told.iter().filter_map(|piece| match &**piece {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let words: Vec<&str> = words.collect();
        whole.insert(WORDS.to_owned(), Value::String(words.join("\n")));
    }
    Some(Value::Object(whole))
}

fn block(outcome: &Outcome, at: usize, piece: &Content) -> ContentBlock {
    let encoded = |data: &[u8]| base64::engine::general_purpose::STANDARD.encode(data);
    match piece {
        Content::Text(text) => ContentBlock::text(text.clone()),
        Content::Json(value) => ContentBlock::text(value.to_string()),
        Content::Image { media_type, data } => ContentBlock::image(encoded(data), media_type.clone()),
        Content::Blob { media_type, data } if media_type.starts_with("audio/") => {
            ContentBlock::audio(encoded(data), media_type.clone())
        }
        Content::Blob { media_type, data } => {
            let uri = format!("toolyard://calls/{}/{at}", outcome.id.as_str());
            let mime_type = Some(media_type.clone());
            ContentBlock::resource(match readable(media_type, data) {
                Some(text) => ResourceContents::TextResourceContents {
                    uri,
                    mime_type,
                    text: text.to_owned(),
                    meta: None,
                },
                None => ResourceContents::BlobResourceContents {
                    uri,
                    mime_type,
                    blob: encoded(data),
                    meta: None,
                },
            })
        }
    }
}

/// The text of a document that a model can read as it is.
fn readable<'a>(media_type: &str, data: &'a [u8]) -> Option<&'a str> {
    let text = media_type.starts_with("text/") || media_type == "application/json";
    std::str::from_utf8(data).ok().filter(|_| text)
}

/// What a client may want to know beside the answer.
fn beside(outcome: &Outcome) -> Value {
    let waited = outcome.waits.iter().map(|wait| report::other(&among_ours(wait)));
    let waited: Vec<String> = waited.collect();
    json!({
        "id": outcome.id.as_str(),
        "status": outcome.status.as_str(),
        "waited_for": waited,
        "queued_us": outcome.timing.start_us.saturating_sub(outcome.timing.queued_us),
        "run_us": outcome.timing.run_us,
    })
}
