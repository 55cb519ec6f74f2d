//! The resolver against the kernel on random trees: whatever a spelling means to `openat2` below the root, it means here, in
//! both ways of looking up. It must not make anything outside its own folder.

use super::*;
use proptest::prelude::*;
use rustix::fs::ResolveFlags;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsRawFd;

#[derive(Clone, Debug)]
enum Thing {
    Folder,
    File,
    Link(String),
}

/// A spelling of a few names, dots and empty parts.
fn spelling(most: usize) -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "a", "b", "b", "c", "d", "..", "..", ".", ""]);
    let parts = prop::collection::vec(part, 1..most);
    (parts, prop::bool::weighted(0.15)).prop_map(|(parts, slash)| {
        let text = parts.join("/");
        let text = text.trim_start_matches('/').to_owned();
        if slash && !text.is_empty() { text + "/" } else { text }
    })
}

fn things() -> impl Strategy<Value = Vec<(Vec<&'static str>, Thing)>> {
    let place = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4);
    let thing = prop_oneof![
        3 => Just(Thing::Folder),
        1 => Just(Thing::File),
        3 => spelling(5).prop_filter("a link has a text", |text| !text.is_empty()).prop_map(Thing::Link),
    ];
    prop::collection::vec((place, thing), 1..16)
}

/// Makes what can be made: only in folders that were made here, so that no link leads the making astray.
fn build(root: &Path, things: &[(Vec<&'static str>, Thing)]) {
    let mut folders = BTreeSet::from([Vec::new()]);
    for (place, thing) in things {
        let Some((_, above)) = place.split_last() else { continue };
        let path = root.join(place.join("/"));
        if !folders.contains(above) || path.symlink_metadata().is_ok() {
            continue;
        }
        match thing {
            Thing::Folder => {
                fs::create_dir(&path).expect("a folder");
                folders.insert(place.clone());
            }
            Thing::File => fs::write(&path, "x").expect("a file"),
            Thing::Link(target) => std::os::unix::fs::symlink(target, &path).expect("a link"),
        }
    }
}

/// What the kernel makes of it: the one name and the inode, or why not.
fn kernel(workspace: &Workspace, value: &str, last: Last) -> Result<(String, u64), &'static str> {
    let mut flags = OFlags::PATH | OFlags::CLOEXEC;
    if last == Last::Keep {
        flags |= OFlags::NOFOLLOW;
    }
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(&workspace.main.fd, value, flags, Mode::empty(), how) {
        Ok(fd) => {
            let own = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let path = fs::read_link(own).expect("its name");
            let inside = path.strip_prefix(workspace.path()).expect("inside");
            let stat = rustix::fs::fstat(&fd).expect("a record");
            Ok((
                inside.to_str().expect("UTF-8").to_owned(),
                Found::from_stat(&stat).object.inode,
            ))
        }
        Err(Errno::NOENT) => Err("nothing"),
        Err(Errno::XDEV) => Err("outside_workspace"),
        Err(Errno::LOOP) => Err("too_many_links"),
        Err(Errno::NOTDIR) => Err("not_a_directory"),
        Err(other) => panic!("{value:?}: {other}"),
    }
}

fn ours(workspace: &Workspace, value: &str, last: Last) -> Result<(String, u64), &'static str> {
    match workspace.resolve(&workspace.root(), value, last) {
        Ok(Place {
            path,
            found: Some(found),
            ..
        }) => Ok((path.path().to_owned(), found.object.inode)),
        Ok(_) | Err(ResolveError::Missing(..) | ResolveError::Empty) => Err("nothing"),
        Err(error) => Err(error.code()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_the_kernel_means_it(things in things(), values in prop::collection::vec(spelling(8), 20)) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("work");
        fs::create_dir(&root).expect("a folder");
        build(&root, &things);
        if Lookup::detect() == Lookup::Stepwise {
            return Ok(());
        }
        for lookup in [Lookup::Kernel, Lookup::Stepwise] {
            let workspace = Workspace::open_with(&root, lookup).expect("the workspace");
            for value in &values {
                for last in [Last::Follow, Last::Keep] {
                    let expect = kernel(&workspace, value, last);
                    let found = ours(&workspace, value, last);
                    prop_assert_eq!(&found, &expect, "{:?} {:?} by {:?} in {:?}", value, last, lookup, things);
                    // A canonical name is its own canonical name, reached through nothing.
                    if let Ok((path, inode)) = found {
                        let again = if path.is_empty() { "." } else { path.as_str() };
                        let place = workspace.resolve(&workspace.root(), again, Last::Keep).expect("a place");
                        prop_assert_eq!(place.path.path(), path.as_str());
                        prop_assert!(place.via.is_empty());
                        prop_assert_eq!(place.found.map(|found| found.object.inode), Some(inode));
                    }
                }
            }
        }
    }
}
