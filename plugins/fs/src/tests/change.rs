//! `copy_path`, `move_path` and `delete_path`.

use super::*;

fn tree() -> Scratch {
    Scratch::with(&[("d/a", "1"), ("d/e/b", "2"), ("f", "3"), ("g/a", "old"), ("g/own", "4")])
}

#[test]
fn a_folder_is_copied_with_all_in_it() {
    let scratch = tree();
    let text = scratch.text("copy_path", json!({ "from": "d", "to": "new" }));
    assert_eq!(text, "copied @/d to @/new: 2 files, 2 folders");
    assert_eq!(
        (scratch.read("new/a"), scratch.read("new/e/b")),
        ("1".into(), "2".into())
    );
    assert_eq!(
        scratch.text("copy_path", json!({ "from": "f", "to": "h" })),
        "copied @/f to @/h: 1 file"
    );
    let text = scratch.text("copy_path", json!({ "from": "gone", "to": "h2" }));
    assert_eq!(text, "not_found: @/gone: no such file or folder");
}

#[test]
fn an_existing_target_needs_overwrite() {
    let scratch = tree();
    let copy = |from: &str, to: &str, overwrite: bool| {
        scratch.text("copy_path", json!({ "from": from, "to": to, "overwrite": overwrite }))
    };
    assert_eq!(copy("d", "g", false), "already_exists: @/g: already exists");
    assert_eq!(copy("f", "d/a", false), "already_exists: @/d/a: already exists");
    assert_eq!(
        copy("f", "d", true),
        "is_a_directory: @/d: a file can't replace a folder"
    );
    assert_eq!(
        copy("d", "f", true),
        "not_a_directory: @/f: a folder can't replace a file"
    );
    assert_eq!(copy("d", "g", true), "copied @/d to @/g: 2 files, 2 folders");
    assert_eq!((scratch.read("g/a"), scratch.read("g/own")), ("1".into(), "4".into()));
}

#[test]
fn nothing_goes_into_itself() {
    let scratch = tree();
    for tool in ["copy_path", "move_path"] {
        for (from, to) in [("d", "d"), ("d", "d/x"), ("d/a", "d")] {
            let text = scratch.text(tool, json!({ "from": from, "to": to, "overwrite": true }));
            assert!(text.starts_with("into_itself: "), "{text}");
        }
        assert!(
            !scratch
                .text(tool, json!({ "from": "d", "to": "dd" }))
                .starts_with("into_itself")
        );
        fs::remove_dir_all(scratch.0.join("dd")).unwrap();
    }
}

#[test]
fn a_move_is_a_rename() {
    let scratch = tree();
    let move_path = |from: &str, to: &str, overwrite: bool| {
        scratch.text("move_path", json!({ "from": from, "to": to, "overwrite": overwrite }))
    };
    assert_eq!(move_path("f", "g/a", false), "already_exists: @/g/a: already exists");
    assert_eq!(move_path("f", "g/a", true), "moved @/f to @/g/a");
    assert_eq!((scratch.read("g/a"), scratch.has("f")), ("3".into(), false));
    assert_eq!(move_path("d", "g", true), "not_empty: @/g: the folder is not empty");
    assert_eq!(move_path("d", "h", false), "moved @/d to @/h");
    assert_eq!(scratch.read("h/e/b"), "2");
}

#[test]
fn a_full_folder_is_deleted_only_if_asked() {
    let scratch = tree();
    let delete =
        |path: &str, recursive: bool| scratch.text("delete_path", json!({ "path": path, "recursive": recursive }));
    assert_eq!(delete("d", false), "not_empty: @/d: the folder is not empty");
    assert_eq!(delete("d", true), "deleted @/d: 2 files, 2 folders");
    assert!(!scratch.has("d"));
    assert_eq!(delete("f", false), "deleted @/f: 1 file");
    assert_eq!(delete("f", false), "not_found: @/f: no such file or folder");
    fs::create_dir(scratch.0.join("empty")).unwrap();
    assert_eq!(delete("empty", false), "deleted @/empty: 0 files, 1 folder");
}

#[test]
fn the_root_stays() {
    for path in [".", "/", "/mount"] {
        let failure = crate::toolyard_call("delete_path", &json!({ "path": path, "recursive": true }).to_string());
        assert_eq!(failure.unwrap_err().code(), "is_root");
    }
}

#[cfg(unix)]
#[test]
fn links_are_things_of_their_own() {
    use std::os::unix::fs::symlink;
    let scratch = tree();
    symlink("../f", scratch.0.join("d/link")).unwrap();
    symlink("../g", scratch.0.join("d/folder")).unwrap();
    symlink("nowhere", scratch.0.join("dangling")).unwrap();
    let text = scratch.text("copy_path", json!({ "from": "d", "to": "new" }));
    assert_eq!(
        text,
        "copied @/d to @/new: 2 files, 2 folders; 2 that are links, pipes or devices left out"
    );
    symlink("../f", scratch.0.join("new/link")).unwrap();
    symlink("../g", scratch.0.join("new/folder")).unwrap();
    let text = scratch.text("copy_path", json!({ "from": "dangling", "to": "x" }));
    assert_eq!(
        text,
        "not_a_file: @/dangling is a link, and only files and folders are copied"
    );
    assert_eq!(
        scratch.text("delete_path", json!({ "path": "d", "recursive": true })),
        "deleted @/d: 4 files, 2 folders"
    );
    assert!(scratch.has("g/own") && scratch.has("f"));
    assert_eq!(
        scratch.text("delete_path", json!({ "path": "new/folder" })),
        "deleted @/new/folder: 1 file"
    );
    assert_eq!(
        scratch.text("move_path", json!({ "from": "dangling", "to": "there" })),
        "moved @/dangling to @/there"
    );
    // A copy replaces a link, and does not write through it.
    let text = scratch.text("copy_path", json!({ "from": "f", "to": "new/link", "overwrite": true }));
    assert_eq!(text, "copied @/f to @/new/link: 1 file");
    assert!(fs::symlink_metadata(scratch.0.join("new/link")).unwrap().is_file());
}
