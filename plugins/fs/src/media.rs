//! Tells text from bytes that are not, by how a file begins.
//!
//! It must not go by the file's name, nor read any file.

/// How much of a file's beginning is looked at, in bytes.
pub const HEAD: usize = 8 * 1024;

/// The media type of UTF-16 text, which has zero bytes and is text all the same.
const UTF16: &str = "text/plain; charset=utf-16";

/// How known formats begin: at which byte, with what, and their media type.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"\0\0\x01\0", "image/x-icon"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\0asm", "application/wasm"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"!<arch>\n", "application/x-archive"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"\xff\xfe", UTF16),
    (0, b"\xfe\xff", UTF16),
];

/// The media type of a file that is not text, from its first [`HEAD`] bytes; `None` for text.
///
/// Not text is what has a zero byte, or what isn't UTF-8 and begins like a known format. Anything else is taken as
/// text, in whatever encoding.
pub fn binary(head: &[u8]) -> Option<&'static str> {
    let zero = memchr::memchr(0, head).is_some();
    if !zero && is_utf8(head) {
        return None;
    }
    let known = SIGNATURES
        .iter()
        .find(|(at, begin, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(begin)));
    match known {
        Some((_, _, media)) => Some(media),
        None if zero => Some("application/octet-stream"),
        None => None,
    }
}

/// Whether a model can be shown it as a picture.
pub fn is_picture(media: &str) -> bool {
    matches!(media, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// Whether it is UTF-8, but for a last character that may be cut.
fn is_utf8(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}
