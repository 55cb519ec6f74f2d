//! Paths as a table, on both ways of looking them up. It must not need a guest.

use super::*;
use crate::call::Access;
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

/// A workspace and two mounts beside each other, with links between them.
fn mounted(folder: &Path, lookup: Lookup) -> Workspace {
    let at = |name: &str| folder.join(name);
    let workspace = Workspace::open_with(&at("work"), lookup).expect("a workspace");
    let workspace = workspace.mount("lib", &at("lib"), Access::Read).expect("a mount");
    workspace.mount("data-2", &at("data"), Access::Write).expect("a mount")
}

#[test]
fn mounts_have_names_of_their_own() {
    let folder = tree();
    let at = |name: &str| folder.path().join(name);
    for name in ["lib/deep/er", "data"] {
        fs::create_dir_all(at(name)).expect("a folder");
    }
    for name in ["lib/x", "lib/deep/y", "data/x"] {
        fs::write(at(name), name).expect("a file");
    }
    let real = folder.path().canonicalize().expect("a path");
    for (name, target) in [
        ("lib/inside", "deep/y".to_owned()),
        ("lib/up", "../data/x".to_owned()),
        ("lib/to_work", "../work/top".to_owned()),
        ("lib/by_name", "/data-2/x".to_owned()),
        ("lib/abs", real.join("lib/x").display().to_string()),
        ("lib/abs_data", real.join("data/x").display().to_string()),
        ("lib/abs_work", real.join("work/top").display().to_string()),
        ("work/abs_lib", real.join("lib/x").display().to_string()),
        ("work/to_lib", "../lib".to_owned()),
    ] {
        symlink(target, at(name)).expect("a link");
    }
    let absolute = |name: &str| at(name).display().to_string();
    let table = [
        ("/lib/x".to_owned(), "/lib/x"),
        ("//lib//x".to_owned(), "/lib/x"),
        ("/lib".to_owned(), "/lib"),
        ("/lib/".to_owned(), "/lib"),
        ("/lib/.".to_owned(), "/lib"),
        ("/lib/deep/../x".to_owned(), "/lib/x"),
        ("/lib/inside".to_owned(), "/lib/deep/y"),
        ("/lib/abs".to_owned(), "/lib/x"),
        ("/lib/new/er".to_owned(), "+/lib/new/er"),
        ("/data-2/x".to_owned(), "/data-2/x"),
        // The same by where they really are.
        (absolute("lib/x"), "/lib/x"),
        (absolute("lib"), "/lib"),
        (absolute("lib/deep/../x"), "/lib/x"),
        (absolute("data/x"), "/data-2/x"),
        (absolute("work/a/x"), "a/x"),
        // Relative names are the workspace's.
        ("lib/x".to_owned(), "+lib/x"),
        ("a/x".to_owned(), "a/x"),
        // Trailing slashes want a folder, however the beginning is spelled.
        ("/lib/x/".to_owned(), "not_a_directory"),
        (absolute("lib/x/"), "not_a_directory"),
        (absolute("work/a/x/"), "not_a_directory"),
        ("/lib/inside/".to_owned(), "not_a_directory"),
        // Out, in every way; a way into the next root is out, too.
        ("/lib/..".to_owned(), "outside_workspace"),
        ("/lib/../data-2/x".to_owned(), "outside_workspace"),
        ("/lib/deep/../../x".to_owned(), "outside_workspace"),
        ("/lib/up".to_owned(), "outside_workspace"),
        ("/lib/to_work".to_owned(), "outside_workspace"),
        ("/lib/by_name".to_owned(), "outside_workspace"),
        ("/lib/abs_data".to_owned(), "outside_workspace"),
        ("/lib/abs_work".to_owned(), "outside_workspace"),
        ("abs_lib".to_owned(), "outside_workspace"),
        ("to_lib/x".to_owned(), "outside_workspace"),
        ("../lib/x".to_owned(), "outside_workspace"),
        ("/libx".to_owned(), "outside_workspace"),
        ("/data/x".to_owned(), "outside_workspace"),
        ("/".to_owned(), "outside_workspace"),
    ];
    for lookup in [Lookup::Kernel, Lookup::Stepwise] {
        let workspace = mounted(folder.path(), lookup);
        for (value, expect) in &table {
            assert_eq!(lead(&workspace, value, Last::Follow), *expect, "{value} by {lookup:?}");
        }
        let access = ["", "lib", "data-2", "other"].map(|name| workspace.mount_access(&CanonicalPath::new(name, "x")));
        assert_eq!(access, [Access::Write, Access::Read, Access::Write, Access::Read]);
        // A name that is no mount's leads nowhere.
        let nowhere = workspace.open_at(&CanonicalPath::new("other", "x"), OFlags::PATH, Mode::empty());
        assert!(nowhere.is_err());
    }
}

#[test]
fn one_place_has_one_name() {
    let folder = tree();
    let at = |name: &str| folder.path().join(name);
    for name in ["lib/deep", "data"] {
        fs::create_dir_all(at(name)).expect("a folder");
    }
    symlink("lib", at("alias")).expect("a link");
    symlink("work/a", at("into_work")).expect("a link");
    let absolute = folder.path().canonicalize().expect("a path");
    let first = absolute.iter().nth(1).expect("a name").to_str().expect("UTF-8");
    let table = [
        ("m", "work", "is the workspace"),
        ("m", "work/a", "lies inside the workspace"),
        ("m", "into_work", "lies inside the workspace"),
        ("m", ".", "holds the workspace"),
        ("m", "lib", "is the mount lib"),
        ("m", "alias", "is the mount lib"),
        ("m", "lib/deep", "lies inside the mount lib"),
        ("lib", "data", "two mounts are called lib"),
        ("Big", "data", "can't be used"),
        ("", "data", "can't be used"),
        ("2", "data", "can't be used"),
        ("a/b", "data", "can't be used"),
        ("..", "data", "can't be used"),
        ("m", "nothing", "os error 2"),
        ("m", "work/a/x", "os error 20"),
        (first, "data", "begins, so that a path could mean two things"),
    ];
    for (name, path, expect) in table {
        let workspace = Workspace::open(&at("work")).expect("a workspace");
        let workspace = workspace.mount("lib", &at("lib"), Access::Read).expect("a mount");
        let error = workspace.mount(name, &at(path), Access::Write).expect_err(path);
        assert!(error.to_string().contains(expect), "{name} {path}: {error}");
    }
}
