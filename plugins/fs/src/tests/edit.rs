//! `edit_file`.

use super::*;

fn edit(content: &str, edits: Value) -> (String, String) {
    let scratch = Scratch::with(&[("a", content)]);
    let text = scratch.text("edit_file", json!({ "path": "a", "edits": edits }));
    (text, scratch.read("a"))
}

fn hint(content: &str, edits: Value) -> String {
    let scratch = Scratch::with(&[("a", content)]);
    let failure = scratch
        .call("edit_file", json!({ "path": "a", "edits": edits }))
        .unwrap_err();
    format!("{failure:?}")
}

#[test]
fn edits_apply_in_order_and_answer_with_a_diff() {
    let edits = json!([
        { "old_text": "b", "new_text": "B" },
        { "old_text": "B\nc", "new_text": "B\nC" },
    ]);
    let (text, content) = edit("a\nb\nc\n", edits);
    assert_eq!(content, "a\nB\nC\n");
    let expected = "edited @/a: 2 replacements\n--- @/a\n+++ @/a\n@@ -1,3 +1,3 @@\n a\n-b\n-c\n+B\n+C\n";
    assert_eq!(text, expected);
}

#[test]
fn all_or_nothing() {
    let edits = json!([{ "old_text": "a", "new_text": "A" }, { "old_text": "zzz", "new_text": "" }]);
    let (text, content) = edit("a\nb\n", edits);
    assert_eq!(
        text,
        "no_match: @/a, edit 2: the file has no such text; nothing was changed"
    );
    assert_eq!(content, "a\nb\n");
}

#[test]
fn an_ambiguous_text_names_its_lines() {
    let (text, content) = edit("x\ny\nx\n", json!([{ "old_text": "x", "new_text": "z" }]));
    assert_eq!(
        text,
        "ambiguous: @/a, edit 1: the text stands there 2 times, at lines 1, 3; nothing was changed"
    );
    assert_eq!(content, "x\ny\nx\n");
    // Occurrences that overlap are ambiguous too.
    let (text, _) = edit("aaa", json!([{ "old_text": "aa", "new_text": "b" }]));
    assert!(text.starts_with("ambiguous: "), "{text}");
}

#[test]
fn all_replaces_every_occurrence() {
    let (text, content) = edit("x\ny\nx", json!([{ "old_text": "x", "new_text": "xx", "all": true }]));
    assert!(text.starts_with("edited @/a: 2 replacements\n"));
    assert_eq!(content, "xx\ny\nxx");
    let (_, content) = edit("aaaa", json!([{ "old_text": "aa", "new_text": "b", "all": true }]));
    assert_eq!(content, "bb");
}

#[test]
fn nonsense_is_refused() {
    let (text, _) = edit("a", json!([{ "old_text": "", "new_text": "b" }]));
    assert_eq!(text, "empty_old_text: @/a, edit 1: `old_text` is empty");
    let (text, _) = edit("a", json!([{ "old_text": "a", "new_text": "a" }]));
    assert_eq!(text, "no_change: @/a, edit 1: `old_text` and `new_text` are the same");
    let (text, _) = edit("a", json!([]));
    assert_eq!(text, "invalid_arguments: `edits` is empty");
    let (text, _) = edit("a", json!([{ "old_text": "a", "new_text": "b", "regex": true }]));
    assert!(text.starts_with("invalid_arguments: "));
}

#[test]
fn line_ends_are_kept() {
    let edits = json!([{ "old_text": "a\nb", "new_text": "a\nx\nb" }]);
    assert_eq!(edit("a\r\nb\r\n", edits.clone()).1, "a\r\nx\r\nb\r\n");
    let crlf = json!([{ "old_text": "a\r\nb", "new_text": "a\r\nx\r\nb" }]);
    assert_eq!(edit("a\r\nb\r\n", crlf.clone()).1, "a\r\nx\r\nb\r\n");
    assert_eq!(edit("a\nb\n", crlf).1, "a\nx\nb\n");
    // A line without an end in the old text, and with one in the new.
    let one = json!([{ "old_text": "b", "new_text": "b\nc" }]);
    assert_eq!(edit("a\r\nb\r\n", one).1, "a\r\nb\r\nc\r\n");
    // Mixed: what is there decides.
    assert_eq!(edit("a\r\nb\r\nc\n", edits.clone()).1, "a\r\nx\r\nb\r\nc\n");
    assert_eq!(edit("c\r\na\nb\n", edits).1, "c\r\na\nx\nb\n");
}

#[test]
fn a_dry_run_writes_nothing() {
    let scratch = Scratch::with(&[("a", "a\n")]);
    let edits = json!([{ "old_text": "a", "new_text": "ä" }]);
    let arguments = json!({ "path": "a", "edits": edits, "dry_run": true });
    let text = scratch.text("edit_file", arguments.clone());
    assert!(
        text.starts_with("dry run, nothing written; @/a: 1 replacement\n--- "),
        "{text}"
    );
    assert_eq!(scratch.read("a"), "a\n");
    assert_eq!(
        scratch.data("edit_file", arguments),
        json!({ "replacements": 1, "written": false, "bytes": 3 })
    );
}

#[test]
fn the_hint_shows_what_comes_close() {
    let file = "fn main() {\n\tlet total = compute(1, 2);\n\tprintln!(\"{total}\");\n}\n";
    let space = hint(
        file,
        json!([{ "old_text": "    let total = compute(1, 2);", "new_text": "" }]),
    );
    assert!(
        space.contains("Only white space differs") && space.contains("Line 2 is"),
        "{space}"
    );
    let typo = hint(
        file,
        json!([{ "old_text": "let total = compute(2, 1)", "new_text": "" }]),
    );
    assert!(typo.contains("The closest lines:\\n2: →let total"), "{typo}");
    let block = "fn main() {\n\tlet total = compute(1, 2);\n\tprintln!(\"{sum}\");";
    let block = hint(file, json!([{ "old_text": block, "new_text": "" }]));
    assert!(block.contains("would begin at line 1; its line 3 is"), "{block}");
    let none = hint(file, json!([{ "old_text": "qqqqqqqqq", "new_text": "" }]));
    assert!(none.contains("No line of the file comes close"), "{none}");
    let gone = json!([{ "old_text": "main", "new_text": "start" }, { "old_text": "main", "new_text": "" }]);
    assert!(hint(file, gone).contains("they changed it"));
    let _ = hint("", json!([{ "old_text": "\n", "new_text": "" }]));
    let _ = hint("x", json!([{ "old_text": " \n\n ", "new_text": "" }]));
}

#[test]
fn a_long_diff_is_cut() {
    let content: String = (0..5_000).map(|line| format!("line {line}\n")).collect();
    let (text, _) = edit(
        &content,
        json!([{ "old_text": "line", "new_text": "row", "all": true }]),
    );
    assert!(
        text.len() < 34_000 && text.contains("[the diff is cut: "),
        "{}",
        text.len()
    );
}

#[test]
fn bytes_that_are_not_utf8_are_not_edited() {
    let scratch = Scratch::new();
    fs::write(scratch.0.join("a"), b"caf\xe9").unwrap();
    let edits = json!([{ "old_text": "c", "new_text": "k" }]);
    let text = scratch.text("edit_file", json!({ "path": "a", "edits": edits }));
    assert_eq!(text, "not_text: @/a is not UTF-8 text: byte 3");
}
