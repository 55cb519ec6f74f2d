//! `list_dir`, `file_info` and `directory_tree`.

use super::*;

fn tree() -> Scratch {
    Scratch::with(&[
        ("b.txt", "12345"),
        (".hidden", ""),
        ("src/a.rs", "fn a() {}\n"),
        ("src/deep/er/x.rs", ""),
        ("target/out", ""),
        (".gitignore", "/target\n*.log\n!keep.log\n"),
        ("x.log", ""),
        ("keep.log", ""),
        ("src/.gitignore", "deep/er/\n"),
        (".git/config", ""),
    ])
}

#[test]
fn a_folder_is_listed_folders_first() {
    let scratch = tree();
    let all = "src/\ntarget/\nb.txt  5\nkeep.log  0\nx.log  0\n";
    assert_eq!(scratch.text("list_dir", json!({ "path": "", "hidden": false })), all);
    let text = scratch.text("list_dir", json!({ "path": "" }));
    assert!(
        text.starts_with(".git/\nsrc/\ntarget/\n.gitignore  24\n.hidden  0\n"),
        "{text}"
    );
    let text = scratch.text("list_dir", json!({ "path": "", "limit": 2, "offset": 1 }));
    assert_eq!(text, "src/\ntarget/\n[5 entries left of 8; continue with offset 3]");
    assert_eq!(scratch.data("list_dir", json!({ "path": "", "limit": 1 }))["total"], 8);
    let text = scratch.text("list_dir", json!({ "path": "", "offset": 99 }));
    assert!(text.ends_with("has 8 entries]"), "{text}");
    assert_eq!(
        scratch.text("list_dir", json!({ "path": "gone" })),
        "not_found: @/gone: no such file or folder"
    );
    fs::create_dir(scratch.0.join("empty")).unwrap();
    assert_eq!(
        scratch.text("list_dir", json!({ "path": "empty" })),
        "[@/empty is empty]"
    );
}

#[cfg(unix)]
#[test]
fn a_link_is_shown_as_a_link() {
    let scratch = Scratch::with(&[("a", "x")]);
    std::os::unix::fs::symlink("a", scratch.0.join("l")).unwrap();
    assert_eq!(scratch.text("list_dir", json!({ "path": "" })), "a  1\nl -> a\n");
    assert!(
        scratch
            .text("file_info", json!({ "path": "l" }))
            .starts_with("@/l: link to a, modified 2")
    );
    let text = scratch.text("directory_tree", json!({ "path": "" }));
    assert_eq!(text, "@//\n  a\n  l (link)\n[0 folders, 2 files]");
}

#[test]
fn a_tree_leaves_out_what_is_ignored() {
    let scratch = tree();
    let text = scratch.text("directory_tree", json!({ "path": "" }));
    assert_eq!(
        text,
        "@//\n  b.txt\n  keep.log\n  src/\n    a.rs\n    deep/\n[2 folders, 3 files]"
    );
    let text = scratch.text("directory_tree", json!({ "path": "", "depth": 1, "no_ignore": true }));
    assert_eq!(
        text,
        "@//\n  b.txt\n  keep.log\n  src/ …\n  target/ …\n  x.log\n[2 folders, 3 files]"
    );
    let text = scratch.text("directory_tree", json!({ "path": "", "max_entries": 2 }));
    assert!(text.contains("[0 folders, 2 files shown; there are more"), "{text}");
}

#[test]
fn a_large_folder_does_not_hide_the_rest() {
    let scratch = Scratch::with(&[("z", "")]);
    fs::create_dir(scratch.0.join("d")).unwrap();
    for number in 0..150 {
        fs::write(scratch.0.join(format!("d/{number:03}")), "").unwrap();
    }
    fs::create_dir(scratch.0.join("d/999")).unwrap();
    fs::write(scratch.0.join("d/999/x"), "").unwrap();
    let text = scratch.text("directory_tree", json!({ "path": "" }));
    assert!(
        text.ends_with("    099\n    … 51 more\n  z\n[1 folder, 101 files]"),
        "{text}"
    );
}

#[test]
fn info_tells_lines_or_media_type() {
    let scratch = tree();
    fs::write(scratch.0.join("bin"), b"\0").unwrap();
    let text = scratch.text("file_info", json!({ "path": "b.txt" }));
    assert!(text.starts_with("@/b.txt: file, 5 bytes, 1 line, modified 2"), "{text}");
    let text = scratch.text("file_info", json!({ "path": "bin" }));
    assert!(
        text.starts_with("@/bin: file, 1 byte, application/octet-stream, modified"),
        "{text}"
    );
    assert!(
        scratch
            .text("file_info", json!({ "path": "src" }))
            .starts_with("@/src: folder, modified")
    );
    assert!(
        scratch
            .text("file_info", json!({ "path": "gone" }))
            .starts_with("not_found: ")
    );
    let data = scratch.data("file_info", json!({ "path": "b.txt" }));
    assert_eq!(data["kind"], "file");
    assert!(data["modified_seconds"].as_i64().unwrap() > 1_600_000_000);
}
