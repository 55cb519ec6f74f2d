//! Paths as a table, on both ways of looking them up. It must not need a guest.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join("work").join(name);
    for name in ["a/b", "real/sub", "prefix"] {
        fs::create_dir_all(at(name)).expect("a folder");
    }
    fs::create_dir(folder.path().join("work-evil")).expect("a sibling with the same beginning");
    for name in ["a/x", "a/b/y", "real/z", "top"] {
        fs::write(at(name), name).expect("a file");
    }
    fs::hard_link(at("top"), at("hard")).expect("a hard link");
    let inside = at("real/z");
    let absolute = inside.canonicalize().expect("a path");
    let absolute = absolute.to_str().expect("UTF-8");
    for (name, target) in [
        ("to_a", "a"),
        ("to_x", "a/x"),
        ("real/sub/up", ".."),
        ("dangling", "real/new"),
        ("dangling_deep", "no/such/place"),
        ("out", "../work-evil"),
        ("out_file", "../../etc/passwd"),
        ("abs_out", "/etc"),
        ("abs_in", absolute),
        ("loop", "loop"),
        ("slash", "a/"),
        ("file_slash", "a/x/"),
        ("chain", "to_x"),
        ("self", "."),
    ] {
        symlink(target, at(name)).expect("a link");
    }
    folder
}

/// Where `value` leads: the canonical name, `+` before it if nothing is there, or the error's code.
fn lead(workspace: &Workspace, value: &str, last: Last) -> String {
    match workspace.resolve(&workspace.root(), value, last) {
        Ok(place) => match place.found {
            Some(_) => place.path.to_string(),
            None => format!("+{}", place.path),
        },
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn one_name_for_each_place() {
    let folder = tree();
    let root = folder.path().join("work");
    let absolute = root.join("a/x");
    let evil = folder.path().join("work-evil/x");
    let long = "x/".repeat(3000);
    let (absolute, evil) = (absolute.to_str().expect("UTF-8"), evil.to_str().expect("UTF-8"));
    let table = [
        // Spellings of one place.
        ("a/x", "a/x"),
        ("./a//x", "a/x"),
        ("a/./b/../x", "a/x"),
        ("a/b/../../a/x", "a/x"),
        (absolute, "a/x"),
        (".", "."),
        ("./", "."),
        ("a/..", "."),
        ("a", "a"),
        ("a/", "a"),
        ("a/.", "a"),
        // Through links, with `..` meaning what the kernel means.
        ("to_a/x", "a/x"),
        ("to_x", "a/x"),
        ("chain", "a/x"),
        ("to_a/b/../x", "a/x"),
        ("real/sub/up/z", "real/z"),
        ("real/sub/up/../top", "top"),
        ("abs_in", "real/z"),
        ("slash", "a"),
        ("slash/x", "a/x"),
        ("self/self/a", "a"),
        ("to_a/", "a"),
        ("to_a/..", "."),
        // What isn't there yet.
        ("new", "+new"),
        ("a/new", "+a/new"),
        ("no/such/place", "+no/such/place"),
        ("dangling", "+real/new"),
        ("dangling_deep", "+no/such/place"),
        ("to_a/new", "+a/new"),
        ("new/", "+new"),
        // Out, in every way.
        ("..", "outside_workspace"),
        ("../work/a", "outside_workspace"),
        ("a/../../work/a", "outside_workspace"),
        ("/etc/passwd", "outside_workspace"),
        (evil, "outside_workspace"),
        ("/", "outside_workspace"),
        ("out", "outside_workspace"),
        ("out/x", "outside_workspace"),
        ("out_file", "outside_workspace"),
        ("abs_out", "outside_workspace"),
        ("abs_out/passwd", "outside_workspace"),
        ("real/sub/up/../../x", "outside_workspace"),
        // Nonsense.
        ("", "invalid_path"),
        ("a\0b", "invalid_path"),
        (long.as_str(), "invalid_path"),
        ("loop", "too_many_links"),
        ("a/x/y", "not_a_directory"),
        ("a/x/", "not_a_directory"),
        ("to_x/", "not_a_directory"),
        ("file_slash", "not_a_directory"),
        ("no/../a", "not_found"),
        ("a/x/..", "not_a_directory"),
    ];
    for lookup in [Lookup::Kernel, Lookup::Stepwise] {
        let workspace = Workspace::open_with(&root, lookup).expect("the workspace");
        for (value, expect) in table {
            assert_eq!(lead(&workspace, value, Last::Follow), expect, "{value} by {lookup:?}");
        }
    }
}

#[test]
fn a_last_link_can_be_kept() {
    let folder = tree();
    for lookup in [Lookup::Kernel, Lookup::Stepwise] {
        let workspace = Workspace::open_with(&folder.path().join("work"), lookup).expect("the workspace");
        for (value, expect) in [
            ("to_x", "to_x"),
            ("to_a/x", "a/x"),
            ("out", "out"),
            ("out/x", "outside_workspace"),
            ("dangling", "dangling"),
            ("to_a/", "a"),
        ] {
            assert_eq!(lead(&workspace, value, Last::Keep), expect, "{value} by {lookup:?}");
        }
        let place = workspace
            .resolve(&workspace.root(), "chain", Last::Follow)
            .expect("a place");
        assert_eq!(
            place.via.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["chain", "to_x"]
        );
        let place = workspace
            .resolve(&workspace.root(), "to_a/b/../x", Last::Follow)
            .expect("a place");
        assert_eq!(
            place.via.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["to_a", "a/b"]
        );
        let hard = workspace
            .resolve(&workspace.root(), "hard", Last::Follow)
            .expect("a place")
            .found
            .expect("a file");
        assert_eq!(hard.links, 2);
        let deep = workspace
            .resolve(&workspace.root(), "no/such/place", Last::Follow)
            .expect("a place");
        assert_eq!(deep.first_missing.map(|path| path.to_string()).as_deref(), Some("no"));
    }
}

/// Opening a canonical name never follows a link, wherever one has been put meanwhile.
#[test]
fn nothing_is_followed_after_the_look() {
    let folder = tree();
    for lookup in [Lookup::Kernel, Lookup::Stepwise] {
        let workspace = Workspace::open_with(&folder.path().join("work"), lookup).expect("the workspace");
        for name in ["to_a/x", "to_x", "out/x", "abs_out/passwd"] {
            let path = CanonicalPath::new("", name);
            let opened = workspace.open_at(&path, OFlags::RDONLY, Mode::empty());
            assert!(opened.is_err(), "{name} by {lookup:?}");
        }
    }
}
