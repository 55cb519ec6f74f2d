//! `read_file` and `read_files`.

use super::*;

#[test]
fn a_small_file_comes_as_it_is() {
    for text in [
        "one\ntwo\n",
        "no newline at the end",
        "crlf\r\nlines\r\n",
        "\n\n",
        "Ünïcödé ✓\n",
    ] {
        let scratch = Scratch::with(&[("a", text)]);
        assert_eq!(scratch.text("read_file", json!({ "path": "a" })), text);
    }
    let scratch = Scratch::with(&[("a", "")]);
    assert_eq!(scratch.text("read_file", json!({ "path": "a" })), "[the file is empty]");
}

#[test]
fn parts_of_a_file_say_what_is_left() {
    let scratch = Scratch::with(&[("a", "1\n2\n3\n4\n5")]);
    let read = |arguments: Value| {
        let mut arguments = arguments;
        arguments["path"] = json!("a");
        scratch.text("read_file", arguments)
    };
    assert_eq!(
        read(json!({ "limit": 2 })),
        "1\n2\n[lines 1-2 of 5; 5 bytes left; continue with offset 3]"
    );
    assert_eq!(
        read(json!({ "offset": 3, "limit": 2 })),
        "3\n4\n[lines 3-4 of 5; 1 byte left; continue with offset 5]"
    );
    assert_eq!(read(json!({ "offset": 5 })), "5[lines 5-5 of 5]");
    assert_eq!(read(json!({ "offset": 6 })), "past_end: @/a has 5 lines");
    assert_eq!(read(json!({ "head": 9 })), "1\n2\n3\n4\n5");
    assert_eq!(read(json!({ "tail": 2 })), "4\n5[lines 4-5 of 5]");
    assert_eq!(read(json!({ "tail": 5 })), "1\n2\n3\n4\n5");
    assert_eq!(
        read(json!({ "tail": 2, "line_numbers": true })),
        "4\t4\n5\t5[lines 4-5 of 5]"
    );
    assert!(read(json!({ "tail": 2, "head": 2 })).starts_with("invalid_arguments: "));
    assert!(read(json!({ "tail": 2, "offset": 2 })).starts_with("invalid_arguments: "));
}

#[test]
fn the_note_is_a_piece_of_its_own() {
    let scratch = Scratch::with(&[("a", "1\n2\n")]);
    let output = scratch.call("read_file", json!({ "path": "a", "limit": 1 })).unwrap();
    assert_eq!(output.len(), 2);
    assert_eq!(scratch.call("read_file", json!({ "path": "a" })).unwrap().len(), 1);
}

#[test]
fn an_answer_is_bounded() {
    let many: String = (1..=5000).map(|line| format!("line {line}\n")).collect();
    let wide: String = (1..=100).map(|line| format!("{line}{}\n", "x".repeat(9_000))).collect();
    let scratch = Scratch::with(&[("many", &many), ("wide", &wide)]);
    let text = scratch.text("read_file", json!({ "path": "many" }));
    assert!(text.ends_with("line 2000\n[lines 1-2000 of 5000; 30000 bytes left; continue with offset 2001]"));
    let text = scratch.text("read_file", json!({ "path": "wide" }));
    assert!(text.len() < 257 * 1024);
    assert!(
        text.ends_with("[lines 1-29 of 100; 639214 bytes left; continue with offset 30]"),
        "{}",
        &text[text.len() - 90..]
    );
    let text = scratch.text("read_file", json!({ "path": "wide", "tail": 1000 }));
    assert!(
        text.starts_with("72x") && text.ends_with("[lines 72-100 of 100]"),
        "{}",
        &text[text.len() - 90..]
    );
}

#[test]
fn a_long_line_is_cut_between_characters() {
    let scratch = Scratch::with(&[("a", "ääää\nb\n")]);
    let text = scratch.text("read_file", json!({ "path": "a", "max_line_length": 3 }));
    let expected = "ä… [6 bytes of this line left out]\nb\n[1 long line cut; a larger `max_line_length` shows more]";
    assert_eq!(text, expected);
    let huge = "x".repeat(3_000_000);
    let scratch = Scratch::with(&[("a", &huge)]);
    let text = scratch.text("read_file", json!({ "path": "a" }));
    assert!(text.len() < 11_000 && text.contains("2990000 bytes of this line left out"));
    let text = scratch.text("read_file", json!({ "path": "a", "tail": 1 }));
    assert!(text.len() < 11_000);
}

#[test]
fn what_is_not_text_is_told() {
    let scratch = Scratch::new();
    let write = |name: &str, bytes: &[u8]| fs::write(scratch.0.join(name), bytes).unwrap();
    write("zero", b"a\0b");
    write("zip", b"PK\x03\x04\0\0");
    write("png", b"\x89PNG\r\n\x1a\n\0\0");
    write("latin", b"caf\xe9\n");
    let read = |name: &str| scratch.text("read_file", json!({ "path": name }));
    assert_eq!(
        read("zero"),
        "binary_file: @/zero is not text: application/octet-stream, 3 bytes"
    );
    assert_eq!(read("zip"), "binary_file: @/zip is not text: application/zip, 6 bytes");
    assert_eq!(
        read("latin"),
        "caf\u{fffd}\n[not all of it is UTF-8; other bytes are shown as U+FFFD]"
    );
    assert_eq!(read("png"), "");
    assert_eq!(scratch.call("read_file", json!({ "path": "png" })).unwrap().len(), 1);
    assert_eq!(read("gone"), "not_found: @/gone: no such file or folder");
    fs::create_dir(scratch.0.join("folder")).unwrap();
    assert_eq!(read("folder"), "is_a_directory: @/folder: a folder, not a file");
}

#[test]
fn several_files_fail_one_by_one() {
    let scratch = Scratch::with(&[("a", "1\n2\n3\n"), ("b", "last")]);
    let arguments = json!({ "paths": ["a", "gone", "b"], "limit": 2 });
    let expected = "==> @/a <==\n1\n2\n[lines 1-2 of 3; 2 bytes left; continue with offset 3]\n\
        ==> @/gone <==\n[not_found: @/gone: no such file or folder]\n==> @/b <==\nlast\n";
    assert_eq!(scratch.text("read_files", arguments.clone()), expected);
    let data = scratch.data("read_files", arguments);
    assert_eq!(data["files"][0]["more"], true);
    assert_eq!(data["files"][1]["lines"], Value::Null);
    assert_eq!(data["files"][2]["lines"], 1);
}
