//! `find_files` and `grep`.

use super::*;

fn tree() -> Scratch {
    Scratch::with(&[
        ("a.rs", "fn one() {}\nlet x = 1;\nfn two() {}\n"),
        ("b.md", "# One\r\nfn\r\n"),
        ("src/c.rs", "FN\n"),
        ("src/deep/d.rs", "none\n"),
        ("src/deep/d.ts", "fn\n"),
        (".env", "fn=1\n"),
        (".gitignore", "out/\n"),
        ("out/e.rs", "fn\n"),
        ("bin", "fn\0"),
    ])
}

#[test]
fn globs_match_names_or_paths() {
    let scratch = tree();
    let find = |pattern: &str| {
        scratch
            .text("find_files", json!({ "path": "", "pattern": pattern }))
            .replace("@/", "")
    };
    assert_eq!(find("*.rs"), "a.rs\nsrc/c.rs\nsrc/deep/d.rs");
    assert_eq!(find("src/*.rs"), "src/c.rs");
    assert_eq!(find("./src/**/*.{rs,ts}"), "src/c.rs\nsrc/deep/d.rs\nsrc/deep/d.ts");
    assert_eq!(find("**/d.*"), "src/deep/d.rs\nsrc/deep/d.ts");
    assert_eq!(find(".env"), ".env");
    assert!(find("*.py").ends_with("matches *.py (hidden and ignored files left out)"));
    assert!(find("[").starts_with("invalid_pattern: "));
}

#[test]
fn finding_is_bounded_and_can_look_everywhere() {
    let scratch = tree();
    let find = |mut arguments: Value| {
        arguments["path"] = json!("");
        scratch.text("find_files", arguments).replace("@/", "")
    };
    let text = find(json!({ "pattern": "*.rs", "max_results": 2 }));
    assert!(
        text.starts_with("a.rs\nsrc/c.rs\n[2 paths shown, there are more"),
        "{text}"
    );
    assert_eq!(
        find(json!({ "pattern": "*.rs", "max_results": 3 })),
        "a.rs\nsrc/c.rs\nsrc/deep/d.rs"
    );
    assert_eq!(find(json!({ "pattern": "e.rs", "no_ignore": true })), "out/e.rs");
    assert_eq!(find(json!({ "pattern": "*", "kind": "folder" })), "src/\nsrc/deep/");
    assert!(find(json!({ "pattern": "*", "hidden": true })).contains(".gitignore"));
}

fn grep(scratch: &Scratch, mut arguments: Value) -> String {
    if arguments["path"].is_null() {
        arguments["path"] = json!("");
    }
    scratch.text("grep", arguments).replace("@/", "")
}

#[test]
fn lines_are_shown_by_path_and_number() {
    let scratch = tree();
    let expected = "a.rs:1:fn one() {}\na.rs:3:fn two() {}\nb.md:2:fn\nsrc/deep/d.ts:1:fn\n\
        [4 lines in 3 of 6 files searched; 1 not text]";
    assert_eq!(grep(&scratch, json!({ "pattern": "^fn" })), expected);
    assert!(grep(&scratch, json!({ "pattern": "fn$" })).starts_with("b.md:2:fn\nsrc/deep/d.ts:1:fn\n["));
    let files = grep(&scratch, json!({ "pattern": "fn", "files_only": true }));
    assert_eq!(files, "a.rs\nb.md\nsrc/deep/d.ts\n[3 of 6 files searched; 1 not text]");
    let counts = grep(&scratch, json!({ "pattern": "fn", "count_only": true, "glob": "*.rs" }));
    assert_eq!(counts, "a.rs:2\n[2 lines in 1 of 3 files searched]");
    let one = grep(&scratch, json!({ "pattern": "x = ", "path": "a.rs" }));
    assert_eq!(one, "a.rs:2:let x = 1;\n[1 line in 1 of 1 file searched]");
    let none = grep(&scratch, json!({ "pattern": "nowhere" }));
    assert!(none.starts_with("no match in "), "{none}");
}

#[test]
fn options_change_what_matches() {
    let scratch = tree();
    let first = |arguments: Value| grep(&scratch, arguments).lines().next().unwrap().to_owned();
    assert_eq!(
        first(json!({ "pattern": "fn", "ignore_case": true, "glob": "src/*.rs" })),
        "src/c.rs:1:FN"
    );
    assert_eq!(
        first(json!({ "pattern": "two()", "fixed": true })),
        "a.rs:3:fn two() {}"
    );
    assert!(first(json!({ "pattern": "tw", "word": true })).starts_with("no match in"));
    assert_eq!(first(json!({ "pattern": "fn", "hidden": true })), ".env:1:fn=1");
    assert_eq!(
        first(json!({ "pattern": "fn", "no_ignore": true, "glob": "e.rs" })),
        "out/e.rs:1:fn"
    );
    assert_eq!(first(json!({ "pattern": "fn", "glob": "!*.rs" })), "b.md:2:fn");
    assert!(first(json!({ "pattern": "(" })).starts_with("invalid_pattern: "));
    assert!(first(json!({ "pattern": "a\\nb" })).starts_with("invalid_pattern: "));
    assert!(first(json!({ "pattern": "a\\\\nb" })).starts_with("no match"));
}

#[test]
fn a_match_stays_on_its_line() {
    let scratch = Scratch::with(&[("a", "a\nb\nab\n")]);
    assert!(grep(&scratch, json!({ "pattern": "a\\s*b" })).starts_with("a:3:ab\n["));
    assert!(grep(&scratch, json!({ "pattern": "[^x]*b$" })).starts_with("a:2:b\na:3:ab\n["));
}

#[test]
fn context_is_grouped() {
    let scratch = Scratch::with(&[("a", "1\nx\n3\n4\n5\n6\nx\nx\n9\n10\n"), ("b", "x\n")]);
    let text = grep(&scratch, json!({ "pattern": "x", "context": 1 }));
    let expected = "a-1-1\na:2:x\na-3-3\n--\na-6-6\na:7:x\na:8:x\na-9-9\n--\nb:1:x\n[4 lines in 2 of 2 files searched]";
    assert_eq!(text, expected);
}

#[test]
fn a_search_is_bounded() {
    let scratch = Scratch::with(&[("a", &"x\n".repeat(1000)), ("b", &"y".repeat(5000))]);
    let text = grep(&scratch, json!({ "pattern": "x", "max_matches": 3 }));
    assert!(
        text.starts_with("a:1:x\na:2:x\na:3:x\n[3 lines in 1 of 1 file searched]\n[stopped early: "),
        "{text}"
    );
    let data = scratch.data("grep", json!({ "path": "", "pattern": "x", "max_matches": 3 }));
    assert_eq!((&data["total"], &data["truncated"]), (&json!(3), &json!(true)));
    assert_eq!(data["matches"][2]["line"], 3);
    let text = grep(&scratch, json!({ "pattern": "y$" }));
    assert!(text.len() < 500 && text.starts_with("b:1:…yy"), "{text}");
    let long = format!("{}needle{}", "é".repeat(3000), "é".repeat(3000));
    let scratch = Scratch::with(&[("a", &long)]);
    let text = grep(&scratch, json!({ "pattern": "needle" }));
    assert!(
        text.starts_with("a:1:…é") && text.contains("needle") && text.len() < 500,
        "{text}"
    );
}

#[test]
fn a_file_larger_than_a_block_is_searched_whole() {
    let mut content = "filler filler filler\n".repeat(100_000);
    content.push_str("needle\nlast");
    let scratch = Scratch::with(&[("a", &content)]);
    let text = grep(&scratch, json!({ "pattern": "needle", "context": 1 }));
    assert!(
        text.starts_with("a-100000-filler filler filler\na:100001:needle\na-100002-last\n["),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let scratch = Scratch::with(&[("d/a", "x\n")]);
    std::os::unix::fs::symlink("d", scratch.0.join("l")).unwrap();
    std::os::unix::fs::symlink(".", scratch.0.join("d/loop")).unwrap();
    assert_eq!(
        grep(&scratch, json!({ "pattern": "x" })),
        "d/a:1:x\n[1 line in 1 of 1 file searched]"
    );
}
