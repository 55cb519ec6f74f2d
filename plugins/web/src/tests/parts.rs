//! The parts: encodings of text and of bodies, kinds, windows.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use toolyard_sdk::prelude::*;

use super::headers;
use crate::ask::one_line;
use crate::charset;
use crate::coding::{FREE, RATIO, decoded};
use crate::kind::{self, Kind};
use crate::page::window;
use crate::scan;

fn encoded<W: Write>(mut encoder: W, bytes: &[u8], finish: impl Fn(W) -> Vec<u8>) -> Vec<u8> {
    encoder.write_all(bytes).unwrap();
    finish(encoder)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    encoded(GzEncoder::new(Vec::new(), Compression::best()), bytes, |e| {
        e.finish().unwrap()
    })
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    encoded(ZlibEncoder::new(Vec::new(), Compression::best()), bytes, |e| {
        e.finish().unwrap()
    })
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    encoded(DeflateEncoder::new(Vec::new(), Compression::best()), bytes, |e| {
        e.finish().unwrap()
    })
}

/// The body decoded, or the failure's code.
fn read(coding: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    let headers = headers(&[("Content-Encoding", coding)]);
    let all = decoded(body, &headers).and_then(|mut reader| {
        let mut all = Vec::new();
        reader.read_to_end(&mut all)?;
        Ok(all)
    });
    all.map_err(|failure: Failure| failure.code().to_owned())
}

#[test]
fn codings_are_taken_off_in_turn() {
    let text = b"some text, some text, some text".to_vec();
    assert_eq!(read("gzip", &gzip(&text)), Ok(text.clone()));
    assert_eq!(read("X-GZIP, identity", &gzip(&text)), Ok(text.clone()));
    assert_eq!(read("deflate", &zlib(&text)), Ok(text.clone()));
    assert_eq!(read("deflate", &deflate(&text)), Ok(text.clone()));
    assert_eq!(read("deflate, gzip", &gzip(&zlib(&text))), Ok(text.clone()));
    let two = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(read("gzip", &two), Ok(b"one two".to_vec()));
    assert_eq!(read("", &text), Ok(text.clone()));
    assert_eq!(read("gzip", b""), Ok(Vec::new()));
    for unknown in ["br", "zstd", "gzip, gzip, gzip", "gzip gzip"] {
        assert_eq!(read(unknown, b"x"), Err("unknown_encoding".to_owned()), "{unknown}");
    }
    for damaged in [&b"x"[..], b"\x1f\x8b\x08", &gzip(&text)[..20]] {
        assert_eq!(read("gzip", damaged), Err("bad_encoding".to_owned()));
    }
}

#[test]
fn what_gets_out_of_proportion_is_stopped() {
    let zeros = |bytes: u64| vec![0; usize::try_from(bytes).unwrap()];
    assert_eq!(read("gzip", &gzip(&zeros(FREE))).map(|all| all.len() as u64), Ok(FREE));
    assert_eq!(
        read("gzip", &gzip(&zeros(FREE + 1_000_000))),
        Err("decompression_bomb".to_owned())
    );
    let nested = gzip(&gzip(&zeros(2 * FREE)));
    assert!((nested.len() as u64) < 2 * FREE / RATIO / 10);
    assert_eq!(read("gzip, gzip", &nested), Err("decompression_bomb".to_owned()));
}

#[test]
fn texts_are_read_in_their_encodings() {
    let read = |bytes: &[u8], media: Option<&str>, html| {
        let text = charset::text(bytes, media, html);
        (text.text, text.encoding, text.lossy)
    };
    let plain = |text: &str, encoding, lossy| (text.to_owned(), encoding, lossy);
    assert_eq!(read("ä€".as_bytes(), None, false), plain("ä€", "UTF-8", false));
    assert_eq!(
        read(b"\xef\xbb\xbfa", Some("text/plain; charset=latin1"), false),
        plain("a", "UTF-8", false)
    );
    assert_eq!(
        read(b"\xe4", Some("text/plain; charset=ISO-8859-1"), false),
        plain("ä", "windows-1252", false)
    );
    assert_eq!(read(b"\xe4\xf6 x", None, false), plain("äö x", "windows-1252", false));
    assert_eq!(read(b"\xff\xfea\0\xe4\0", None, false), plain("aä", "UTF-16LE", false));
    assert_eq!(
        read(b"\0a", Some("text/plain;charset=\"utf-16be\""), false),
        plain("a", "UTF-16BE", false)
    );
    assert_eq!(
        read(b"a\xff", Some("text/plain; charset=utf-8"), false),
        plain("a\u{fffd}", "UTF-8", true)
    );
    assert_eq!(
        read(b"<meta charset=\"shift_jis\">\x82\xa0", None, true).0,
        "<meta charset=\"shift_jis\">あ"
    );
    assert_eq!(read(b"<meta charset=utf-16>\xc3\xa4", None, true).1, "UTF-8");
    assert_eq!(read(b"charset=shift_jis \xc3\xa4", None, false).1, "UTF-8");
    // The last character is cut off: no reason to doubt the others.
    assert_eq!(read(b"\xc3\xa4\xc3", None, false), plain("ä\u{fffd}", "UTF-8", true));
}

#[test]
fn kinds_are_told_by_type_and_content() {
    assert_eq!(kind::of(Some("Text/HTML; charset=x"), b"x"), Kind::Html);
    assert_eq!(kind::of(None, b" <!DOCTYPE HTML>"), Kind::Html);
    assert_eq!(kind::of(Some("application/ld+json"), b"{}"), Kind::Json);
    assert_eq!(kind::of(Some("image/svg+xml"), b"<svg/>"), Kind::Text);
    assert_eq!(kind::of(Some("application/octet-stream"), b"fn main() {}"), Kind::Text);
    assert_eq!(kind::of(Some("application/octet-stream"), b"\xff\x00"), Kind::Binary);
    assert_eq!(kind::of(Some("text/plain"), b"a\0b"), Kind::Binary);
    assert_eq!(kind::of(Some("text/plain"), b"\xff\xfea\0"), Kind::Text);
    assert_eq!(kind::of(Some("text/html"), b"\x89PNG\r\n\x1a\n\0"), Kind::Picture);
    assert_eq!(kind::of(Some("application/pdf"), b"%PDF-1.7"), Kind::Binary);
    assert_eq!(kind::of(None, b""), Kind::Text);
}

#[test]
fn windows_cut_no_character() {
    let part = |offset, max| {
        let window = window("aäb", offset, max);
        (window.text, window.from, window.next)
    };
    assert_eq!(part(0, 100), ("aäb", 0, None));
    assert_eq!(part(0, 2), ("a", 0, Some(1)));
    assert_eq!(part(1, 1), ("ä", 1, Some(3)));
    assert_eq!(part(2, 2), ("ä", 1, Some(3)));
    assert_eq!(part(3, 9), ("b", 3, None));
    assert_eq!(part(usize::MAX, usize::MAX), ("", 4, None));
}

#[test]
fn lines_are_short_and_plain() {
    assert_eq!(one_line(" a\u{1b}[31m\n\tb ", 100), "a [31m b");
    assert_eq!(one_line("äää äää", 3), "ä…");
}

#[test]
fn pages_that_take_for_ever_are_told_in_one_pass() {
    let good =
        "<!-- <b> --><p>a<p>b<ul><li>1<li>2</ul><script>if (a<b && c) { x = '<i>' }</SCRIPT><b title='>'>c</b> 1 < 2";
    assert!(scan::is_reasonable(good));
    assert_eq!(scan::text(good), "a b 1 2 c 1 < 2");
    assert!(scan::is_reasonable(&"<p>a<br><li>b".repeat(10_000)));
    assert!(scan::is_reasonable(&"<div><span>a</span></div>".repeat(10_000)));
    assert!(!scan::is_reasonable(&"<div>".repeat(501)));
    assert!(!scan::is_reasonable(&format!("<a{}>", " x".repeat(1_001))));
    assert!(!scan::is_reasonable(&format!("<a{}>", "/x".repeat(1_001))));
    assert!(!scan::is_reasonable(&format!("<a {}>", "x='1'".repeat(1_001))));
    for odd in [
        "<",
        "</",
        "<!--",
        "<script>",
        "<script></scr",
        "<a",
        "<a href='",
        "<ä>",
        "</script",
        "",
    ] {
        let _ = (scan::is_reasonable(odd), scan::text(odd));
    }
}
