//! `write_file` and `make_dir`.

use super::*;

#[test]
fn a_file_is_created_and_replaced() {
    let scratch = Scratch::new();
    let write = |content: &str| scratch.text("write_file", json!({ "path": "a", "content": content }));
    assert_eq!(write("one\ntwo"), "created @/a: 7 bytes, 2 lines");
    assert_eq!(write(""), "replaced @/a: 0 bytes, 0 lines");
    assert_eq!(scratch.read("a"), "");
    let data = scratch.data("write_file", json!({ "path": "a", "content": "é\r\n" }));
    assert_eq!(data, json!({ "created": false, "bytes": 4 }));
    assert_eq!(scratch.read("a"), "é\r\n");
}

#[test]
fn a_folder_is_no_file() {
    let scratch = Scratch::with(&[("d/a", "")]);
    let text = scratch.text("write_file", json!({ "path": "d", "content": "x" }));
    assert_eq!(text, "is_a_directory: @/d: a folder, not a file");
    assert_eq!(
        scratch.text("make_dir", json!({ "path": "d" })),
        "@/d/ is there already"
    );
    assert_eq!(scratch.text("make_dir", json!({ "path": "e" })), "created @/e/");
    assert_eq!(
        scratch.text("make_dir", json!({ "path": "d/a" })),
        "already_exists: @/d/a: already exists"
    );
}
