//! The modules that the tools stand on, where a call would be a long way round.

use std::io::{BufReader, Cursor};

use crate::lines::{self, Rest, Wanted};
use crate::text::{clip, count, rfc3339, seconds, visible, window};

/// Reads with a buffer so small that every edge is crossed.
fn shown(text: &[u8], skip: u64, lines: u64) -> lines::Shown {
    let wanted = Wanted {
        skip,
        lines,
        bytes: 100,
        line: 10,
        numbered: None,
    };
    let all = lines::read(&mut Cursor::new(text), &wanted).unwrap();
    for capacity in 1..5 {
        let mut reader = BufReader::with_capacity(capacity, text);
        assert_eq!(lines::read(&mut reader, &wanted).unwrap(), all);
    }
    all
}

#[test]
fn lines_are_the_same_whatever_the_buffer() {
    let page = shown(b"a\r\nb\r\nc", 1, 1);
    assert_eq!((page.text.as_str(), page.skipped, page.lines), ("b\r\n", 1, 1));
    let rest = Rest {
        lines: 1,
        bytes: 1,
        more: false,
    };
    assert_eq!(page.rest, rest);
    assert_eq!(shown(b"a\r\nb", 0, 9).text, "a\r\nb");
    assert_eq!(shown(b"a\rb\n\r", 0, 9).text, "a\rb\n\r");
    assert_eq!(shown(b"", 3, 9).skipped, 0);
    assert_eq!(shown(b"a\nb", 3, 9).skipped, 2);
    assert_eq!(shown(b"a\nb\n", 3, 9).skipped, 2);
    assert_eq!(shown(b"\n\n\n", 1, 1).rest.lines, 1);
    assert!(shown(b"0123456789\r\nx", 0, 9).text.starts_with("0123456789\r\n"));
    let cut = shown(b"0123456789abc\r\nx", 0, 9);
    assert_eq!((cut.cut, cut.lines), (1, 2));
    assert!(cut.text.starts_with("0123456789… [3 bytes of this line left out]\r\nx"));
    assert!(
        shown("12345678ää".as_bytes(), 0, 1)
            .text
            .starts_with("12345678ä… [2 bytes")
    );
    assert!(
        shown("123456789ää".as_bytes(), 0, 1)
            .text
            .starts_with("123456789… [4 bytes")
    );
    assert!(shown(b"\xff\n", 0, 1).lossy);
}

#[test]
fn the_bytes_of_a_page_are_bounded() {
    let text = "123456789\n".repeat(50);
    let page = shown(text.as_bytes(), 0, 50);
    assert_eq!((page.lines, page.rest.lines, page.rest.bytes), (10, 40, 400));
}

#[test]
fn the_tail_is_found_from_the_end() {
    let tail = |text: &str, lines, max| lines::tail(&mut Cursor::new(text), lines, max).unwrap();
    assert_eq!(tail("a\nb\nc\n", 1, 100), 4);
    assert_eq!(tail("a\nb\nc", 1, 100), 4);
    assert_eq!(tail("a\nb\nc", 3, 100), 0);
    assert_eq!(tail("a\nb\nc", 9, 100), 0);
    assert_eq!(tail("", 1, 100), 0);
    assert_eq!(tail("\n", 1, 100), 0);
    assert_eq!(tail("aaaa\nbbbb\ncc\n", 9, 8), 5);
    assert_eq!(tail("aaaaaaaaaaaa", 1, 8), 4);
    let long = "0123456789\n".repeat(50_000);
    assert_eq!(tail(&long, 10_000, 1_000_000), 440_000);
}

#[test]
fn dates_are_written_as_rfc_3339() {
    assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
    assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
    assert_eq!(rfc3339(1_709_251_199), "2024-02-29T23:59:59Z");
    assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
    assert_eq!(seconds(std::time::UNIX_EPOCH), 0);
}

#[test]
fn words_fit_their_numbers_and_bounds() {
    let words = [
        count(0, "line"),
        count(1, "entry"),
        count(2, "entry"),
        count(3, "match"),
    ];
    assert_eq!(words, ["0 lines", "1 entry", "2 entries", "3 matches"]);
    assert_eq!(clip("äb", 1), "");
    assert_eq!(clip("äb", 9), "äb");
    assert_eq!(window("0123456789", 9, 4), "…6789");
    assert_eq!(window("0123456789", 0, 4), "0123…");
    assert_eq!(window("0123456789", 5, 4), "…4567…");
    assert_eq!(visible("\ta\u{a0}b", 20), "→a<U+00A0>b");
}
