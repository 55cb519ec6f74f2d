//! The tool `fetch`: what it shows, what it saves, how it fails.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use toolyard_sdk::answer::IntoOutput;
use toolyard_sdk::http::scripted::{Answer, Scripted};
use toolyard_sdk::http::{Client, Method, Request};
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::from_str;

use crate::ask;
use crate::fetch::{Wanted, run, with_body};
use crate::page::Format;

const URL: &str = "https://example.com/a/page";

const PAGE: &str = "<!doctype html><html><head><title>A  title</title><style>x</style></head><body><nav><a href='/'>home</a>\
    </nav><h1>Head</h1><p>Some <b>bold</b> text and a <a href='../b?c#d'>link</a>.<script>alert(1)</script></p>\
    <ul><li>one<li>two</ul><img src='data:image/png;base64,AAAA' alt='dot'></body></html>";

fn wanted() -> Wanted {
    Wanted {
        format: None,
        max_bytes: 1000,
        offset: 0,
        save_to: None,
    }
}

fn get() -> Request {
    ask::dressed(Request::get(URL).unwrap(), ask::PAGES, None, Duration::from_secs(20))
}

/// What is read, and what programs get; a failure as its code and message.
fn sent(answer: Answer, request: Request, wanted: &Wanted) -> Result<(String, Value), (String, String)> {
    let client = Client::over(Scripted::new().on(URL, answer));
    let output = run(&client, request, wanted).and_then(IntoOutput::into_output);
    output
        .map(|output| (output.to_text(), from_str(output.as_structured().unwrap()).unwrap()))
        .map_err(|failure| (failure.code().to_owned(), failure.message().to_owned()))
}

fn shown(answer: Answer, wanted: &Wanted) -> String {
    match sent(answer, get(), wanted) {
        Ok((text, _)) => text,
        Err((code, message)) => format!("{code}: {message}"),
    }
}

#[test]
fn a_page_is_shown_as_markdown_with_whole_links() {
    let (text, data) = sent(Answer::of("text/html; charset=utf-8", PAGE), get(), &wanted()).unwrap();
    let expected = format!(
        "[200 OK; text/html; charset=utf-8; {} bytes; {URL}; A title][home](https://example.com/)\n\n# Head\n\nSome \
         **bold** text and a [link](https://example.com/b?c#d).\n\n- one\n- two\n\n![dot](data:)",
        PAGE.len()
    );
    assert_eq!(text, expected);
    let expected = json!({
        "url": URL, "status": 200, "content_type": "text/html; charset=utf-8", "bytes": PAGE.len(), "complete": true,
        "redirects": 0, "title": "A title", "format": "markdown", "text_bytes": data["text_bytes"],
    });
    assert_eq!(data, expected);
    let text = Wanted {
        format: Some(Format::Text),
        ..wanted()
    };
    let text = shown(Answer::of("text/html", PAGE), &text);
    assert!(
        text.ends_with("]home\nHead\nSome bold text and a link.\none\ntwo"),
        "{text}"
    );
    let raw = Wanted {
        format: Some(Format::Raw),
        ..wanted()
    };
    assert!(shown(Answer::of("text/html", PAGE), &raw).ends_with(PAGE));
}

#[test]
fn a_page_that_is_nested_without_end_is_text() {
    let page = format!("<html>{}deep{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
    assert!(shown(Answer::of("text/html", page), &wanted()).ends_with("]deep"));
}

#[test]
fn json_is_shown_as_it_is_or_indented() {
    let answer = || Answer::of("application/json", r#"{"b":1,"a":[true]}"#);
    let json = Wanted {
        format: Some(Format::Json),
        ..wanted()
    };
    assert!(shown(answer(), &wanted()).ends_with(r#"]{"b":1,"a":[true]}"#));
    assert!(shown(answer(), &json).contains("  \"a\": [\n    true\n  ]"));
    assert!(shown(Answer::of("text/html", PAGE), &json).starts_with("not_json: "));
}

#[test]
fn long_text_is_shown_in_parts() {
    let answer = || Answer::of("text/plain", "äöü".repeat(100));
    let part = |offset, max_bytes| {
        let wanted = Wanted {
            offset,
            max_bytes,
            ..wanted()
        };
        sent(answer(), get(), &wanted)
    };
    let (text, data) = part(0, 5).unwrap();
    assert!(
        text.ends_with("; bytes 0 to 4 of 600 are shown; go on with offset 4]äö"),
        "{text}"
    );
    assert_eq!((&data["next_offset"], &data["text_bytes"]), (&json!(4), &json!(600)));
    let (text, data) = part(596, 100).unwrap();
    assert!(text.ends_with("; bytes 596 to 600 of 600 are shown]öü"), "{text}");
    assert_eq!(data.get("next_offset"), None);
    assert_eq!(part(600, 5).unwrap_err().0, "past_end");
}

#[test]
fn a_bad_status_is_a_failure_with_what_the_server_says() {
    let html = "<html><head><title>t</title></head><body><h1>No</h1><p>such   page</p></body></html>";
    let text = shown(Answer::new(404, html).header("content-type", "text/html"), &wanted());
    assert_eq!(text, format!("http_status: {URL} answered 404 Not Found: No such page"));
    assert_eq!(
        shown(Answer::new(599, ""), &wanted()),
        format!("http_status: {URL} answered 599")
    );
    let long = shown(Answer::new(500, "word ".repeat(1000)), &wanted());
    assert!(long.len() < 600 && long.ends_with('…'), "{long}");
    let client = Client::over(Scripted::new().on(URL, Answer::new(429, "").header("retry-after", "30")));
    let failure = run(&client, get(), &wanted()).err().unwrap();
    assert_eq!(failure.as_hint(), Some("Try again later (retry-after: 30)."));
}

#[test]
fn compressed_answers_are_read_and_bombs_are_not() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let answer = |bytes: Vec<u8>| Answer::of("text/plain", bytes).header("content-encoding", "gzip");
    assert!(shown(answer(gzip(b"plain text")), &wanted()).ends_with("]plain text"));
    assert!(shown(answer(b"plain text".to_vec()), &wanted()).starts_with("bad_encoding: "));
    let mut cut = gzip(b"plain text");
    cut.truncate(12);
    assert!(shown(answer(cut), &wanted()).starts_with("bad_encoding: "));
    let bomb = gzip(&vec![0; 20 << 20]);
    let save = Scratch::new("bomb");
    assert!(shown(answer(bomb), &save.wanted()).starts_with("decompression_bomb: "));
    let unknown = Answer::of("text/plain", "x").header("content-encoding", "br");
    assert!(shown(unknown, &wanted()).starts_with("unknown_encoding: "));
}

#[test]
fn what_is_not_text_is_told_or_shown_as_a_picture() {
    let zip = || Answer::of("application/zip", b"PK\x03\x04\0\0".to_vec()).header("content-length", "6");
    let text = shown(zip(), &wanted());
    assert!(
        text.contains("application/zip; 6 bytes; ") && text.contains("not text"),
        "{text}"
    );
    let raw = Wanted {
        format: Some(Format::Raw),
        ..wanted()
    };
    let pieces = |answer, wanted: &Wanted| {
        let client = Client::over(Scripted::new().on(URL, answer));
        run(&client, get(), wanted)
            .and_then(IntoOutput::into_output)
            .unwrap()
            .len()
    };
    assert_eq!((pieces(zip(), &wanted()), pieces(zip(), &raw)), (1, 2));
    let png = Answer::of("image/png", b"\x89PNG\r\n\x1a\n....".to_vec());
    assert_eq!(pieces(png, &wanted()), 2);
}

/// A file that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("toolyard-web-{}-{name}", std::process::id())))
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            save_to: Some(WriteFile::from(self.0.to_str().unwrap())),
            ..wanted()
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_download_is_saved_piece_by_piece() {
    let file = Scratch::new("saved");
    let body = (0..300_000_u32).map(|number| number as u8).collect::<Vec<_>>();
    let answer = Answer::of("application/x-thing", body.clone()).pieces(7_777);
    let (text, data) = sent(answer, get(), &file.wanted()).unwrap();
    assert_eq!(fs::read(&file.0).unwrap(), body);
    assert_eq!((&data["bytes"], &data["complete"]), (&json!(300_000), &json!(true)));
    assert!(
        text.contains("; 300000 bytes; ") && text.contains("; saved to "),
        "{text}"
    );
    let refused = Scratch::new("refused");
    assert!(shown(Answer::new(500, "no"), &refused.wanted()).starts_with("http_status: "));
    assert!(!refused.0.exists());
    let broken = Answer::new(200, "half").then(Failure::new("broken_answer", "it broke"));
    assert_eq!(shown(broken, &file.wanted()), "broken_answer: it broke");
}

#[test]
fn head_answers_with_headers() {
    let answer = Answer::of("text/html", "")
        .header("content-length", "12")
        .header("x-a", "1")
        .header("X-A", "2");
    let head = Request::new(Method::Head, URL).unwrap();
    let (text, data) = sent(answer.clone(), head.clone(), &wanted()).unwrap();
    assert!(
        text.ends_with("]content-length: 12\ncontent-type: text/html\nx-a: 1, 2"),
        "{text}"
    );
    assert_eq!((&data["bytes"], &data["headers"]["x-a"]), (&json!(12), &json!("1, 2")));
    let file = Scratch::new("head");
    assert_eq!(sent(answer, head, &file.wanted()).unwrap_err().0, "invalid_arguments");
}

#[test]
fn bodies_are_for_post() {
    let post = || Request::new(Method::Post, URL).unwrap();
    let body = |request: Request, body: Value| {
        let request = with_body(request, Some(body))?;
        let media = request.headers.get("content-type").map(String::from);
        Ok::<_, Failure>((media.unwrap_or_default(), String::from_utf8(request.body).unwrap()))
    };
    let plain = ("text/plain; charset=utf-8".to_owned(), "a".to_owned());
    assert_eq!(body(post(), json!("a")), Ok(plain));
    assert_eq!(
        body(post(), json!({ "a": 1 })),
        Ok(("application/json".to_owned(), r#"{"a":1}"#.to_owned()))
    );
    let own = post().header("Content-Type", "text/x");
    assert_eq!(body(own, json!("a")), Ok(("text/x".to_owned(), "a".to_owned())));
    assert_eq!(body(get(), json!("a")).unwrap_err().code(), "invalid_arguments");
}

#[test]
fn the_callers_headers_stand_in_for_the_usual_ones() {
    let own = [("Accept".to_owned(), "x/y".to_owned())].into();
    let request = ask::dressed(
        Request::get(URL).unwrap(),
        ask::PAGES,
        Some(&own),
        Duration::from_secs(1),
    );
    let names = request.headers.iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, ["Accept", "user-agent", "accept-encoding"]);
}
