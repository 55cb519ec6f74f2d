//! What an answer is: a page, JSON, text, a picture or other bytes, by its media type and by how it begins.
//!
//! It must not believe a media type that the bytes contradict where that would show bytes as text.

/// How much of a body's beginning is looked at, in bytes.
pub const HEAD: usize = 8 * 1024;

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Html,
    /// A JSON document.
    Json,
    /// Any other text.
    Text,
    /// A picture that a model can be shown.
    Picture,
    /// Other bytes.
    Binary,
}

/// A media type without its parameters, in lower case.
pub fn essence(content_type: &str) -> String {
    let end = content_type.find(';').unwrap_or(content_type.len());
    content_type.get(..end).unwrap_or_default().trim().to_ascii_lowercase()
}

/// A parameter of a media type.
pub fn parameter<'t>(content_type: &'t str, name: &str) -> Option<&'t str> {
    let pairs = content_type.split(';').skip(1).filter_map(|part| part.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// What an answer is, by its media type and its first [`HEAD`] bytes.
pub fn of(content_type: Option<&str>, bytes: &[u8]) -> Kind {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let media = content_type.map(essence).unwrap_or_default();
    if picture(head).is_some() {
        return Kind::Picture;
    }
    let wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let utf16 = wide
        || content_type
            .and_then(|text| parameter(text, "charset"))
            .is_some_and(is_utf16);
    if !utf16 && head.contains(&0) {
        return Kind::Binary;
    }
    match media.as_str() {
        "text/html" | "application/xhtml+xml" => Kind::Html,
        "application/json" => Kind::Json,
        _ if media.ends_with("+json") || media == "text/json" => Kind::Json,
        _ if is_text(&media) => Kind::Text,
        "" | "application/octet-stream" | "binary/octet-stream" => by_content(head, utf16),
        _ => Kind::Binary,
    }
}

fn is_utf16(label: &str) -> bool {
    label.to_ascii_lowercase().starts_with("utf-16")
}

fn is_text(media: &str) -> bool {
    let names = [
        "application/xml",
        "application/javascript",
        "application/ecmascript",
        "application/x-javascript",
        "application/x-sh",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/toml",
        "application/yaml",
        "application/x-yaml",
        "application/x-ndjson",
        "application/jsonl",
        "application/sql",
    ];
    media.starts_with("text/") || media.ends_with("+xml") || media.ends_with("+yaml") || names.contains(&media)
}

/// What nobody named.
fn by_content(head: &[u8], utf16: bool) -> Kind {
    let start = head.trim_ascii_start();
    let begins = |text: &[u8]| {
        start
            .get(..text.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    if begins(b"<!doctype html") || begins(b"<html") {
        return Kind::Html;
    }
    match std::str::from_utf8(head) {
        Ok(_) => Kind::Text,
        Err(error) if error.error_len().is_none() || utf16 => Kind::Text,
        Err(_) => Kind::Binary,
    }
}

/// The media type of a picture that a model can be shown.
pub fn picture(head: &[u8]) -> Option<&'static str> {
    let riff = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
    match head {
        _ if head.starts_with(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        _ if head.starts_with(b"\xff\xd8\xff") => Some("image/jpeg"),
        _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => Some("image/gif"),
        _ if riff => Some("image/webp"),
        _ => None,
    }
}
