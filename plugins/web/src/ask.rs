//! What is sent beside the URL, and which answers are good.
//!
//! It must not read a body that nobody asked for.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use toolyard_sdk::http::{Headers, Request, Url};
use toolyard_sdk::prelude::*;
use toolyard_sdk::secrets::attached;

use crate::{charset, coding, kind, render};

/// What is said of the sender.
const AGENT: &str = concat!("toolyard-web/", env!("CARGO_PKG_VERSION"));

/// What is read best: some places have pages as Markdown, for those who ask.
pub const PAGES: &str =
    "text/markdown, text/html;q=0.9, application/xhtml+xml;q=0.9, application/json;q=0.8, text/*;q=0.8, */*;q=0.5";

/// At most so much of an answer that is no good is looked at, in bytes.
const LOOKED_AT: u64 = 32 * 1024;

/// At most so much of it is shown, in bytes.
const SHOWN: usize = 400;

/// The request with the headers that every request has, where the caller's don't say otherwise.
pub fn dressed(
    mut request: Request,
    accept: &str,
    headers: Option<&BTreeMap<String, String>>,
    time: Duration,
) -> Request {
    for (name, value) in headers.into_iter().flatten() {
        request.headers.set(name, value.as_str());
    }
    let own = [
        ("user-agent", AGENT),
        ("accept", accept),
        ("accept-encoding", "gzip, deflate"),
    ];
    for (name, value) in own {
        if !request.headers.has(name) {
            request.headers.set(name, value);
        }
    }
    request.timeout(time)
}

/// Whether the answer is what was asked for: a status of 200 to 299.
pub fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The failure that an answer of another status is, with the beginning of what it says.
pub fn bad_status(status: u16, headers: &Headers, url: &Url, body: impl Read) -> Failure {
    let said = match said(headers, url, body) {
        text if text.is_empty() => String::new(),
        text => format!(": {text}"),
    };
    let failure = Failure::new("http_status", format!("{url} answered {}{said}", status_line(status)));
    match hint(status, headers, url) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The beginning of a body, as one line.
fn said(headers: &Headers, url: &Url, body: impl Read) -> String {
    let mut bytes = Vec::new();
    // What can't be read any more is not missed: the status is the news.
    if let Ok(reader) = coding::decoded(body, headers) {
        let _ = reader.take(LOOKED_AT).read_to_end(&mut bytes);
    }
    let media = headers.get("content-type");
    let kind = kind::of(media.as_deref(), &bytes);
    let text = match kind {
        kind::Kind::Picture | kind::Kind::Binary => return String::new(),
        kind::Kind::Html => render::text(&charset::text(&bytes, media.as_deref(), true).text, url),
        kind::Kind::Json | kind::Kind::Text => charset::text(&bytes, media.as_deref(), false).text,
    };
    one_line(&text, SHOWN)
}

/// A text as one line without control characters, of at most so many bytes.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > most {
            line.truncate(line.floor_char_boundary(most));
            line.push('…');
            break;
        }
    }
    line
}

fn hint(status: u16, headers: &Headers, url: &Url) -> Option<String> {
    let wait = headers.get("retry-after").map(|wait| one_line(&wait, 40));
    match (status, wait) {
        (401 | 403, _) if !attached(url.as_str()) => {
            let host = url.host_str().unwrap_or_default();
            Some(format!(
                "It may need a login; the operator has no secret set up for {host}."
            ))
        }
        (429 | 503, Some(wait)) => Some(format!("Try again later (retry-after: {wait}).")),
        (429 | 500..=599, _) => Some("Try again later.".to_owned()),
        (301..=308, _) => {
            let to = headers.get("location").map(|to| one_line(&to, 200))?;
            Some(format!("It points to {to}."))
        }
        _ => None,
    }
}

/// `404 Not Found`.
pub fn status_line(status: u16) -> String {
    let words = match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => return status.to_string(),
    };
    format!("{status} {words}")
}
