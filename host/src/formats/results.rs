//! Outcomes as each API wants results. It must not have words of its own for how a call ended: those are the report room's.

use super::{Asked, Format, Shows};
use crate::call::{Content, Outcome, Status};
use crate::report;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The largest picture or document that is shown, in bytes: in base64 it is the 5 MiB that the narrowest API takes.
const MAX_MEDIA: usize = (5 << 20) / 4 * 3;

/// A piece of a result.
enum Piece<'a> {
    Text(String),
    Media { media_type: &'static str, data: &'a [u8] },
}

const PDF: &str = "application/pdf";

/// One result, as it stands beside others of the turn.
pub(super) fn result(format: Format, asked: &Asked, outcome: &Outcome, shows: Shows) -> Value {
    let failed = outcome.status != Status::Ok;
    // Where a failure is marked as one, it must be text alone; it has no pictures anyway.
    let shows = if failed { Shows::Words } else { shows };
    let told = report::told(outcome);
    let mut pieces: Vec<Piece<'_>> = told.iter().filter_map(|piece| shown(format, piece, shows)).collect();
    if asked.cut {
        pieces.push(Piece::Text(
            "note: the answer reached its length limit inside this call, so it was not run; send it again, as several shorter \
             calls if it is long"
                .to_owned(),
        ));
    }
    if pieces.is_empty() {
        pieces.push(Piece::Text("[no output]".to_owned()));
    }
    let mut result = match format {
        Format::Anthropic => anthropic(asked, &pieces, failed),
        Format::OpenAiChat => {
            let content = marked(&pieces, failed);
            json!({ "role": "tool", "tool_call_id": asked.id, "content": content })
        }
        Format::OpenAiResponses => responses(asked, &pieces, failed),
        Format::Gemini => gemini(asked, &pieces, failed),
    };
    if let Some(fields) = result.as_object_mut() {
        fields.extend(asked.echo.clone());
    }
    result
}

/// All results of a turn, as what is appended to the conversation.
pub(super) fn together(format: Format, results: Vec<Value>) -> Vec<Value> {
    match format {
        _ if results.is_empty() => results,
        Format::Anthropic => vec![json!({ "role": "user", "content": results })],
        Format::Gemini => vec![json!({ "role": "user", "parts": results })],
        Format::OpenAiChat | Format::OpenAiResponses => results,
    }
}

fn anthropic(asked: &Asked, pieces: &[Piece<'_>], failed: bool) -> Value {
    let block = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => json!({ "type": "text", "text": text }),
        Piece::Media { media_type, data } => {
            let kind = if *media_type == PDF { "document" } else { "image" };
            let source = json!({ "type": "base64", "media_type": media_type, "data": STANDARD.encode(data) });
            json!({ "type": kind, "source": source })
        }
    };
    let content: Vec<Value> = pieces.iter().map(block).collect();
    let mut result = json!({ "type": "tool_result", "tool_use_id": asked.id, "content": content });
    if let (true, Some(fields)) = (failed, result.as_object_mut()) {
        fields.insert("is_error".to_owned(), Value::Bool(true));
    }
    result
}

fn responses(asked: &Asked, pieces: &[Piece<'_>], failed: bool) -> Value {
    let item = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => json!({ "type": "input_text", "text": text }),
        Piece::Media { media_type, data } => {
            let url = format!("data:{media_type};base64,{}", STANDARD.encode(data));
            match *media_type == PDF {
                true => json!({ "type": "input_file", "filename": "document.pdf", "file_data": url }),
                false => json!({ "type": "input_image", "image_url": url }),
            }
        }
    };
    let output = match pieces.iter().any(|piece| matches!(piece, Piece::Media { .. })) {
        true => pieces.iter().map(item).collect(),
        false => Value::String(marked(pieces, failed)),
    };
    json!({ "type": "function_call_output", "call_id": asked.id, "output": output })
}

fn gemini(asked: &Asked, pieces: &[Piece<'_>], failed: bool) -> Value {
    let key = if failed { "error" } else { "output" };
    let media = |piece: &Piece<'_>| match piece {
        Piece::Text(_) => None,
        Piece::Media { media_type, data } => {
            Some(json!({ "inlineData": { "mimeType": media_type, "data": STANDARD.encode(data) } }))
        }
    };
    let media: Vec<Value> = pieces.iter().filter_map(media).collect();
    let mut response = Map::new();
    if let Some(id) = &asked.id {
        response.insert("id".to_owned(), json!(id));
    }
    response.insert("name".to_owned(), json!(asked.call.tool));
    response.insert("response".to_owned(), json!({ key: joined(pieces) }));
    if !media.is_empty() {
        response.insert("parts".to_owned(), Value::Array(media));
    }
    json!({ "functionResponse": response })
}

/// The text, which begins with a word that nobody misses if the call failed: for APIs that have no other mark.
fn marked(pieces: &[Piece<'_>], failed: bool) -> String {
    let text = joined(pieces);
    match failed {
        true => format!("error: {text}"),
        false => text,
    }
}

/// All pieces as one text; a picture's place in it is seen.
fn joined(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for piece in pieces {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Media { media_type, .. } => text.push_str(&format!("[{media_type}, beside this text]")),
        }
    }
    text
}

fn shown<'a>(format: Format, piece: &'a Content, shows: Shows) -> Option<Piece<'a>> {
    match piece {
        Content::Text(text) if text.is_empty() => None,
        // Blank text is an error to one API, and nothing to look at for any model.
        Content::Text(text) if text.trim().is_empty() => {
            Some(Piece::Text(format!("[{} bytes of white space]", text.len())))
        }
        Content::Text(text) => Some(Piece::Text(text.clone())),
        Content::Json(value) => Some(Piece::Text(value.to_string())),
        Content::Image { media_type, data } | Content::Blob { media_type, data } => {
            Some(seen(format, media_type, data, shows))
        }
    }
}

fn seen<'a>(format: Format, media_type: &str, data: &'a [u8], shows: Shows) -> Piece<'a> {
    let known = match media_type {
        "image/png" => Some("image/png"),
        "image/jpeg" | "image/jpg" => Some("image/jpeg"),
        "image/webp" => Some("image/webp"),
        "image/gif" if format != Format::Gemini => Some("image/gif"),
        PDF => Some(PDF),
        _ => None,
    };
    let words = shows == Shows::Words || format == Format::OpenAiChat;
    let why = match known {
        _ if words => "only text can be shown here".to_owned(),
        None => "this kind can't be shown here".to_owned(),
        Some(_) if data.len() > MAX_MEDIA => format!("more than the {MAX_MEDIA} bytes that can be shown here"),
        Some(media_type) => return Piece::Media { media_type, data },
    };
    // A media type is a guest's word.
    let media_type: String = media_type.chars().take(100).collect();
    Piece::Text(format!("[{media_type}, {} bytes, left out: {why}]", data.len()))
}
