//! What is shown of an answer: its text in the format that was asked for, and a window of it.
//!
//! It must not know how the answer came.

use toolyard_sdk::http::{Headers, Url};
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::{from_str, to_string_pretty};

use crate::kind::{self, Kind};
use crate::{charset, render};

/// At most so much of a body is turned into text, in bytes: 4 MiB.
pub const MOST: usize = 4 * 1024 * 1024;

/// How an answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Format {
    Markdown,
    Text,
    Raw,
    Json,
}

/// An answer as text.
#[derive(Debug, Default)]
pub struct Text {
    /// All of it.
    pub text: String,
    /// The title of a page; empty for none.
    pub title: String,
    /// How it is shown.
    pub format: Option<Format>,
    /// What a reader has to know beside it.
    pub notes: Vec<String>,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Window<'t> {
    /// The part.
    pub text: &'t str,
    /// Where it begins, in bytes.
    pub from: usize,
    /// Where to go on; `None` if nothing is left.
    pub next: Option<usize>,
}

/// A body as text; `complete` says whether it is all there.
///
/// # Errors
/// `not_json`, if JSON was asked for and it is none.
pub fn text(bytes: &[u8], headers: &Headers, url: &Url, format: Option<Format>, complete: bool) -> Result<Text> {
    let media = headers.get("content-type");
    let kind = kind::of(media.as_deref(), bytes);
    let read = charset::text(bytes, media.as_deref(), kind == Kind::Html);
    let mut notes = Vec::new();
    if read.encoding != "UTF-8" {
        notes.push(format!("read as {}", read.encoding));
    }
    if read.lossy && complete {
        notes.push("some bytes could not be read and are shown as U+FFFD".to_owned());
    }
    if !complete {
        notes.push(format!("only the first {MOST} bytes are read; save_to saves all"));
    }
    let format = format.unwrap_or(match kind {
        Kind::Html => Format::Markdown,
        Kind::Json | Kind::Text | Kind::Picture | Kind::Binary => Format::Raw,
    });
    let page = |page: render::Page| (page.title, page.text);
    let (title, text) = match (format, kind) {
        (Format::Markdown, Kind::Html) => page(render::markdown(&read.text, url)),
        (Format::Text, Kind::Html) => page(render::page_text(&read.text, url)),
        (Format::Json, _) => (String::new(), pretty(&read.text, url, complete)?),
        (Format::Markdown | Format::Text | Format::Raw, _) => (String::new(), read.text),
    };
    Ok(Text {
        text,
        title,
        format: Some(format),
        notes,
    })
}

fn pretty(text: &str, url: &Url, complete: bool) -> Result<String> {
    if !complete {
        let message = format!("{url} answered with more than {MOST} bytes, too much to read as JSON");
        return Err(Failure::new("too_large", message).hint("Take the format `raw`, or `save_to`."));
    }
    let value: Value = from_str(text).map_err(|error| {
        let message = format!("{url} didn't answer with JSON: {error}");
        Failure::new("not_json", message).hint("Take another `format`.")
    })?;
    Ok(to_string_pretty(&value)?)
}

/// At most `max` bytes of a text from the byte `offset` on, no character cut.
pub fn window(text: &str, offset: usize, max: usize) -> Window<'_> {
    let from = text.floor_char_boundary(offset);
    let mut end = text.floor_char_boundary(from.saturating_add(max));
    if end == from && end < text.len() {
        // A window narrower than a character shows it all the same, or nobody would ever get past it.
        end = text.ceil_char_boundary(from.saturating_add(1));
    }
    Window {
        text: text.get(from..end).unwrap_or_default(),
        from,
        next: (end < text.len()).then_some(end),
    }
}

impl Window<'_> {
    /// Which part it is, in words; nothing if it is all.
    pub fn extent(&self, total: usize) -> Option<String> {
        let end = self.from + self.text.len();
        match self.next {
            Some(next) => Some(format!(
                "bytes {} to {end} of {total} are shown; go on with offset {next}",
                self.from
            )),
            None if self.from > 0 => Some(format!("bytes {} to {end} of {total} are shown", self.from)),
            None => None,
        }
    }
}
