//! Links that guests make: what leads to its own grant, and nothing else, whatever is moved afterwards.

use super::*;
use std::os::unix::fs::symlink;

const ALLOWED: &str = "[files]\nsymlinks = true\n";

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a/b/c", "a/ro", "other"] {
        fs::create_dir_all(folder.path().join(name)).expect("a folder");
    }
    for name in ["a/x", "a/b/y", "a/ro/f", "other/z", "a/.env"] {
        fs::write(folder.path().join(name), name).expect("a file");
    }
    symlink("../other", folder.path().join("a/user_out")).expect("a link");
    symlink("b", folder.path().join("a/to_b")).expect("a link");
    folder
}

fn guest(folder: &Path, policy: &str) -> Guest {
    let grants = [
        ("a", Scope::Tree, Access::Write),
        ("a/ro", Scope::Tree, Access::Read),
        ("other/new", Scope::File, Access::Write),
    ];
    let policy = Policy::parse(policy, "a policy").expect("a policy");
    Guest::new(gate_with(folder, &grants, &Limits::default(), policy))
}

fn make(guest: &mut Guest, target: &str, path: &str) -> Result<(), ErrorCode> {
    let root = guest.preopen(".");
    told(now(guest.view().symlink_at(root, target.to_owned(), path.to_owned())))
}

fn rename(guest: &mut Guest, from: &str, to: &str) -> Result<(), ErrorCode> {
    let root = guest.preopen(".");
    let again = Handle::new_borrow(root.rep());
    told(now(guest.view().rename_at(root, from.to_owned(), again, to.to_owned())))
}

#[test]
fn a_link_keeps_to_its_grant() {
    let refused = Err(ErrorCode::NotPermitted);
    let table = [
        ("x", "a/1", Ok(())),
        ("./b//y", "a/2", Ok(())),
        ("../x", "a/b/3", Ok(())),
        ("../../x", "a/b/c/4", Ok(())),
        ("not there yet", "a/5", Ok(())),
        ("to_b/y", "a/6", Ok(())),
        ("1", "a/7", Ok(())),
        ("..", "a/b/8", Ok(())),
        ("x", "a/1", Err(ErrorCode::Exist)),
        ("x", "a/b", Err(ErrorCode::Exist)),
        // Absolute, nothing, and with a slash at the end of either.
        ("/etc/passwd", "a/n", refused),
        ("/a/x", "a/n", refused),
        ("", "a/n", refused),
        ("b/", "a/n", refused),
        ("x/", "a/n", refused),
        ("x", "a/n/", refused),
        ("x\0", "a/n", refused),
        // Out of the grant, though some come back.
        ("..", "a/n", refused),
        ("../a/x", "a/n", refused),
        ("../../a/x", "a/b/n", refused),
        ("../../../../../etc/passwd", "a/b/n", refused),
        ("../other/z", "a/n", refused),
        ("user_out/z", "a/n", refused),
        ("user_out", "a/n", refused),
        // What a later link could turn round.
        ("b/../x", "a/n", refused),
        ("b/..", "a/n", refused),
        ("missing/../x", "a/n", refused),
        // A narrower grant inside, what the policy hides, and a grant of one name.
        ("ro/f", "a/n", refused),
        (".env", "a/n", refused),
        ("x", "a/ro/n", Err(ErrorCode::ReadOnly)),
        ("z", "other/new", refused),
        ("z", "other/beside", refused),
        ("x", "n", refused),
    ];
    let folder = tree();
    let mut allowed = guest(folder.path(), ALLOWED);
    for (target, path, expect) in table {
        assert_eq!(make(&mut allowed, target, path), expect, "{path} -> {target}");
    }
    let folder = tree();
    let mut usual = guest(folder.path(), "");
    for (target, path, _) in table {
        assert!(make(&mut usual, target, path).is_err(), "{path} -> {target}");
    }
}

#[test]
fn a_link_that_is_moved_keeps_to_its_grant() {
    let folder = tree();
    let mut guest = guest(folder.path(), ALLOWED);
    for (target, path) in [("../x", "a/b/up"), ("y", "a/b/beside"), ("../../x", "a/b/c/far")] {
        assert_eq!(make(&mut guest, target, path), Ok(()), "{path}");
    }
    let refused = Err(ErrorCode::NotPermitted);
    for (from, to, expect) in [
        ("a/b/up", "a/up", refused),
        ("a/b/beside", "a/beside", Ok(())),
        ("a/b/up", "a/b/c/up", Ok(())),
        // With what holds it: what climbs out of the folder stays where it is.
        ("a/b/c/far", "a/b/far", refused),
        ("a/b/c", "a/c", refused),
        ("a/b", "a/d", refused),
    ] {
        assert_eq!(rename(&mut guest, from, to), expect, "{from} to {to}");
    }
    fs::remove_file(folder.path().join("a/b/c/far")).expect("a link");
    assert_eq!(rename(&mut guest, "a/b", "a/d"), Ok(()));
    // A user's own link, too, doesn't come to lead out of the workspace.
    symlink("../..", folder.path().join("a/d/users")).expect("a link");
    assert_eq!(rename(&mut guest, "a/d/users", "a/users"), refused);
    assert_eq!(rename(&mut guest, "a/d/users", "a/d/c/users"), Ok(()));
}
