//! JSON that is put together by the compiler: a tree of constants and the two functions that measure and render it.
//!
//! It knows nothing of schemas or manifests. It must not allocate: everything here runs in constant evaluation.

use crate::claims::Claims;

/// A piece of JSON text. Constants of this type nest, so that generic types compose without any run-time work.
#[derive(Clone, Copy, Debug)]
pub enum Json {
    /// Text that is JSON already: a number, `true`, or a whole document.
    Raw(&'static str),
    /// A string, to be quoted and escaped.
    Text(&'static str),
    /// Pieces with a comma between those that aren't empty.
    List(&'static [Json]),
    /// An object of the members in the list.
    Object(&'static [Json]),
    /// An array of the pieces in the list.
    Array(&'static [Json]),
    /// One member of an object; nothing at all if the value is empty.
    Member(&'static str, &'static Json),
    /// A member whose value is a string; nothing at all if the string is empty.
    TextMember(&'static str, &'static str),
    /// The first of these pieces that isn't empty.
    First(&'static [Json]),
    /// The piece, if the condition holds.
    When(bool, &'static Json),
    /// The claims of one argument: its name, what its type claims, and members to add to each claim's source and end.
    Claims {
        /// The argument's name.
        argument: &'static str,
        /// What the argument's type claims.
        claims: &'static Claims,
        /// The member `default` of the source, or nothing.
        default: &'static Json,
        /// Whether a link is claimed itself, not what it points to.
        keep_link: bool,
    },
}

impl Json {
    /// Nothing: no byte, and no comma around it.
    pub const NONE: Json = Json::List(&[]);

    /// Whether it is rendered as nothing at all. Never looks deeper than it must, so that rendering stays linear.
    pub(crate) const fn is_empty(&self) -> bool {
        match self {
            Json::Raw(text) => text.is_empty(),
            Json::Text(_) | Json::Object(_) | Json::Array(_) => false,
            Json::List(pieces) | Json::First(pieces) => {
                let mut i = 0;
                while i < pieces.len() {
                    if !pieces[i].is_empty() {
                        return false;
                    }
                    i += 1;
                }
                true
            }
            Json::Member(_, value) => value.is_empty(),
            Json::TextMember(_, value) => value.is_empty(),
            Json::When(condition, piece) => !*condition || piece.is_empty(),
            Json::Claims { claims, .. } => claims.is_none(),
        }
    }
}

/// The length in bytes of the text that [`render`] makes of this.
pub const fn length(json: &Json) -> usize {
    let mut writer = Writer::<0> {
        bytes: [],
        length: 0,
        comma: false,
    };
    writer.json(json);
    writer.length
}

/// The text, for an `N` that [`length`] gave.
pub const fn render<const N: usize>(json: &Json) -> [u8; N] {
    let mut writer = Writer {
        bytes: [0; N],
        length: 0,
        comma: false,
    };
    writer.json(json);
    assert!(writer.length == N, "the length must come from `length`");
    writer.bytes
}

/// Writes while there is room and counts always; with `N` = 0 it only counts.
pub(crate) struct Writer<const N: usize> {
    bytes: [u8; N],
    length: usize,
    /// A comma is due before the next byte.
    comma: bool,
}

impl<const N: usize> Writer<N> {
    const fn json(&mut self, json: &Json) {
        match json {
            Json::Raw(text) => self.raw(text),
            Json::Text(text) => self.text(text),
            Json::List(pieces) => self.list(pieces),
            Json::Object(pieces) => self.enclosed("{", pieces, "}"),
            Json::Array(pieces) => self.enclosed("[", pieces, "]"),
            Json::Member(name, value) => {
                if !value.is_empty() {
                    self.text(name);
                    self.raw(":");
                    self.json(value);
                }
            }
            Json::TextMember(name, value) => {
                if !value.is_empty() {
                    self.text(name);
                    self.raw(":");
                    self.text(value);
                }
            }
            Json::First(pieces) => {
                let mut i = 0;
                while i < pieces.len() {
                    if !pieces[i].is_empty() {
                        self.json(&pieces[i]);
                        return;
                    }
                    i += 1;
                }
            }
            Json::When(condition, piece) => {
                if *condition {
                    self.json(piece);
                }
            }
            Json::Claims {
                argument,
                claims,
                default,
                keep_link,
            } => {
                crate::claims::write(self, argument, claims, default, *keep_link);
            }
        }
    }

    const fn enclosed(&mut self, open: &str, pieces: &[Json], close: &str) {
        self.raw(open);
        self.list(pieces);
        self.raw(close);
    }

    const fn list(&mut self, pieces: &[Json]) {
        let (start, due) = (self.length, self.comma);
        let mut i = 0;
        while i < pieces.len() {
            let before = self.length;
            self.json(&pieces[i]);
            if self.length > before {
                self.comma = true;
            }
            i += 1;
        }
        self.comma = due && self.length == start;
    }

    /// Writes one more entry of a list that is written piece by piece.
    pub(crate) const fn entry(&mut self, first: bool) {
        if !first {
            self.comma = true;
        }
    }

    /// Writes JSON that stands on its own.
    pub(crate) const fn piece(&mut self, json: &Json) {
        self.json(json);
    }

    /// Writes bytes as they are, after the comma if one is due.
    pub(crate) const fn raw(&mut self, text: &str) {
        if self.comma && !text.is_empty() {
            self.comma = false;
            self.bytes(b",");
        }
        self.bytes(text.as_bytes());
    }

    /// Writes a JSON string.
    pub(crate) const fn text(&mut self, text: &str) {
        self.raw("\"");
        self.escaped(text);
        self.raw("\"");
    }

    /// Writes the inside of a JSON string: runs of plain bytes at once, the others escaped (RFC 8259, section 7).
    pub(crate) const fn escaped(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        let mut plain = 0;
        while plain < rest.len() {
            let byte = rest[plain];
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                plain += 1;
                continue;
            }
            let (run, after) = rest.split_at(plain);
            self.bytes(run);
            self.escape(byte);
            rest = after.split_at(1).1;
            plain = 0;
        }
        self.bytes(rest);
    }

    const fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' => self.bytes(b"\\\""),
            b'\\' => self.bytes(b"\\\\"),
            b'\n' => self.bytes(b"\\n"),
            b'\r' => self.bytes(b"\\r"),
            b'\t' => self.bytes(b"\\t"),
            _ => {
                self.bytes(b"\\u00");
                self.bytes(&[HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]);
            }
        }
    }

    const fn bytes(&mut self, text: &[u8]) {
        if self.length + text.len() <= N {
            let (_, room) = self.bytes.split_at_mut(self.length);
            room.split_at_mut(text.len()).0.copy_from_slice(text);
        }
        self.length += text.len();
    }
}
