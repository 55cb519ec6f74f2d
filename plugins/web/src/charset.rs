//! Bytes to text, by the encoding that they are in (the labels of the Encoding Standard).
//!
//! It must not fail: what can't be read is shown as U+FFFD.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::kind::parameter;

/// How much of a page's beginning may name its encoding, in bytes.
const HEAD: usize = 1024;

/// Text, and how it was read.
pub struct Text {
    /// The text.
    pub text: String,
    /// The name of the encoding: `UTF-8`.
    pub encoding: &'static str,
    /// Whether something could not be read.
    pub lossy: bool,
}

/// Reads bytes as a byte order mark, the header, or the page itself say; without any word as UTF-8, or as
/// windows-1252 where they are not.
pub fn text(bytes: &[u8], content_type: Option<&str>, html: bool) -> Text {
    let (encoding, bytes) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, bytes.get(length..).unwrap_or_default()),
        None => (
            named(bytes, content_type, html).unwrap_or_else(|| guessed(bytes)),
            bytes,
        ),
    };
    let (text, lossy) = encoding.decode_without_bom_handling(bytes);
    Text {
        text: text.into_owned(),
        encoding: encoding.name(),
        lossy,
    }
}

fn named(bytes: &[u8], content_type: Option<&str>, html: bool) -> Option<&'static Encoding> {
    let header = content_type.and_then(|text| parameter(text, "charset"));
    let header = header.and_then(|label| Encoding::for_label(label.as_bytes()));
    if header.is_some() || !html {
        return header;
    }
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes)).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(['"', '\'', ' ', ';', '>', '/']).unwrap_or(label.len());
    let encoding = Encoding::for_label(label.get(..end)?.as_bytes())?;
    // A page whose bytes could be read so far is not in UTF-16, whatever it says.
    Some(if encoding.is_ascii_compatible() {
        encoding
    } else {
        UTF_8
    })
}

fn guessed(bytes: &[u8]) -> &'static Encoding {
    match std::str::from_utf8(bytes) {
        Ok(_) => UTF_8,
        // A last character that was cut off is no reason to doubt the others.
        Err(error) if error.error_len().is_none() => UTF_8,
        Err(_) => WINDOWS_1252,
    }
}
