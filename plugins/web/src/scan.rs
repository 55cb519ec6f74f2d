//! A look over a page's tags in one pass, before it is read as a browser reads it.
//!
//! A page can be written so that reading it properly takes time that grows with the square of its length: nested
//! without end, or with attributes without end. Such a page is not for reading; what text it has is found here.
//!
//! It must take time that grows with the page's length and no faster, and must not recurse.

/// A page that is nested deeper is not read properly.
const DEEPEST: usize = 500;

/// A tag with more attributes is not read properly.
const ATTRIBUTES: usize = 1_000;

/// Elements that hold no others, or that end by themselves where the next one begins.
const FLAT: [&str; 32] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p",
    "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "option", "optgroup", "rp", "rt",
    "html", "head", "body",
];

/// Elements whose content is no text of the page.
const RAW: [&str; 5] = ["script", "style", "textarea", "noscript", "iframe"];

/// Whether a page can be read properly in good time.
pub fn is_reasonable(html: &str) -> bool {
    let mut depth = 0_usize;
    let mut sane = true;
    pieces(html, |piece| match piece {
        Piece::Open { name, parts } => {
            if !FLAT.iter().any(|flat| flat.eq_ignore_ascii_case(name)) {
                depth += 1;
            }
            sane &= depth <= DEEPEST && parts <= ATTRIBUTES;
        }
        Piece::Close { name } => {
            if !FLAT.iter().any(|flat| flat.eq_ignore_ascii_case(name)) {
                depth = depth.saturating_sub(1);
            }
        }
        Piece::Text(_) => {}
    });
    sane
}

/// What is between the tags, its white space as one space.
pub fn text(html: &str) -> String {
    let mut text = String::new();
    pieces(html, |piece| {
        let Piece::Text(piece) = piece else {
            return;
        };
        for word in piece.split_whitespace() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    });
    text
}

enum Piece<'h> {
    Text(&'h str),
    /// A tag, and how many parts it has at most beside its name.
    Open {
        name: &'h str,
        parts: usize,
    },
    Close {
        name: &'h str,
    },
}

/// Hands over texts and tags one by one.
fn pieces<'h>(html: &'h str, mut each: impl FnMut(Piece<'h>)) {
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        each(Piece::Text(before));
        rest = if let Some(comment) = after.strip_prefix("!--") {
            comment.split_once("-->").map_or("", |(_, rest)| rest)
        } else if after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            let tag = tag(after);
            let (closing, name) = match tag.name.strip_prefix('/') {
                Some(name) => (true, name),
                None => (false, tag.name),
            };
            each(match closing {
                true => Piece::Close { name },
                false => Piece::Open { name, parts: tag.parts },
            });
            match closing {
                true => tag.rest,
                false => after_raw(name, tag.rest),
            }
        } else {
            each(Piece::Text("<"));
            after
        };
    }
    each(Piece::Text(rest));
}

struct Tag<'h> {
    name: &'h str,
    parts: usize,
    rest: &'h str,
}

/// A tag, up to the `>` that is not in quotes.
fn tag(text: &str) -> Tag<'_> {
    let ends = |(at, c): (usize, char)| (c.is_whitespace() || c == '>' || (c == '/' && at > 0)).then_some(at);
    let end = text.char_indices().find_map(ends).unwrap_or(text.len());
    let (name, inside) = text.split_at_checked(end).unwrap_or((text, ""));
    let (mut parts, mut quote) = (0, None);
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                parts += 1;
            }
            (None, b'>') => {
                let rest = inside.get(at + 1..).unwrap_or_default();
                return Tag { name, parts, rest };
            }
            (None, b'/') => parts += 1,
            (None, _) if byte.is_ascii_whitespace() => parts += 1,
            (None, _) => {}
        }
    }
    Tag { name, parts, rest: "" }
}

/// What comes after the content of an element that is no text.
fn after_raw<'h>(name: &str, text: &'h str) -> &'h str {
    if !RAW.iter().any(|raw| raw.eq_ignore_ascii_case(name)) {
        return text;
    }
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("</")) {
        let start = from + at;
        let after = text.get(start + 2..).unwrap_or_default();
        if after
            .get(..name.len())
            .is_some_and(|end| end.eq_ignore_ascii_case(name))
        {
            return text.get(start..).unwrap_or_default();
        }
        from = start + 2;
    }
    ""
}
