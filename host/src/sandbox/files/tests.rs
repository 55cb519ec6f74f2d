//! The gate by itself, on real folders and without a guest, where a guest's standard library couldn't ask what is asked here.

use super::listing::{Listing, Next};
use super::*;
use crate::call::{Access, Entry, Resource, Scope};
use std::fs;
use std::path::Path;

/// A gate over `folder` with these grants, under the default policy.
fn gate(folder: &Path, grants: &[(&str, Scope, Access)]) -> Gate {
    let workspace = Arc::new(Workspace::open(folder).expect("a workspace"));
    let entries = grants.iter().map(|(path, scope, access)| Entry {
        resource: Resource::Path {
            path: CanonicalPath::new("", *path),
            scope: *scope,
            object: None,
        },
        access: *access,
    });
    let footprint = Footprint::new(entries);
    Gate::new(workspace, Arc::new(Policy::default()), &footprint, &Limits::default())
}

fn at(path: &str) -> CanonicalPath {
    CanonicalPath::new("", path)
}

fn list(gate: &mut Gate, folder: &Path, path: &str) -> Listing {
    let file = File::open(folder.join(path)).expect("a folder");
    gate.list(&at(path), &file).expect("a listing")
}

/// All names of a listing, sorted, and how often it stepped back.
fn names(gate: &Gate, listing: &mut Listing) -> (Vec<String>, usize) {
    let (mut names, mut steps) = (Vec::new(), 0);
    loop {
        match listing.next(gate).expect("a step") {
            Next::Entry(entry) => names.push(entry.name),
            Next::Hidden => steps += 1,
            Next::End => break,
        }
    }
    names.sort();
    (names, steps)
}

#[test]
fn a_large_folder_is_read_in_pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("many")).expect("a folder");
    for i in 0..20_000 {
        fs::write(folder.path().join(format!("many/.env.{i}")), "").expect("a file");
    }
    fs::write(folder.path().join("many/seen"), "").expect("a file");
    let mut whole = gate(folder.path(), &[("many", Scope::Directory, Access::Read)]);
    let mut listing = list(&mut whole, folder.path(), "many");
    assert_eq!(listing.waiting(), 0, "nothing is read before it is asked for");
    // What the policy hides is passed over, but not all in one go.
    let (shown, steps) = names(&whole, &mut listing);
    assert_eq!(shown, ["seen"]);
    assert!(steps >= 19, "{steps}");
    // However large, what is held is one piece: a record takes at least 24 bytes of it.
    let mut listing = list(&mut whole, folder.path(), "many");
    drop(listing.next(&whole).expect("a step"));
    assert!(listing.waiting() <= (16 << 10) / 24, "{}", listing.waiting());
    // Where one file is granted, nobody reads what stands beside it.
    let mut one = gate(
        folder.path(),
        &[
            ("many/seen", Scope::File, Access::Read),
            ("many/not there", Scope::File, Access::Write),
        ],
    );
    let mut listing = list(&mut one, folder.path(), "many");
    assert_eq!(names(&one, &mut listing), (vec!["seen".to_owned()], 0));
}

/// Two listings of one folder don't share how far they have read, and each counts as open.
#[test]
fn listings_are_independent_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    for i in 0..10 {
        fs::write(folder.path().join(i.to_string()), "").expect("a file");
    }
    let mut gate = gate(folder.path(), &[("", Scope::Tree, Access::Read)]);
    let mut first = list(&mut gate, folder.path(), "");
    drop(first.next(&gate).expect("a step"));
    let mut second = list(&mut gate, folder.path(), "");
    assert_eq!(names(&gate, &mut first).0.len(), 9);
    assert_eq!(names(&gate, &mut second).0.len(), 10);
    gate.open = gate.max_open;
    let file = File::open(folder.path()).expect("a folder");
    assert!(matches!(gate.list(&at(""), &file), Err(ErrorCode::Quota)));
    assert!(gate.limit_reached());
}
