//! What killed hosts leave is swept where this host writes, and nothing else is.

use super::super::leftovers::{PREFIX, lock};
use super::*;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

/// The number of a process that has ended.
fn dead() -> u32 {
    let mut child = std::process::Command::new("true").spawn().expect("a process");
    child.wait().expect("its end");
    child.id()
}

fn plant(folder: &Path, name: &str, age: u64) -> File {
    let file = File::create(folder.join(name)).expect("a file");
    let changed = SystemTime::now() - Duration::from_secs(age);
    file.set_modified(changed).expect("a time");
    file
}

#[test]
fn only_what_nobody_works_on_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (dead, alive) = (dead(), std::process::id());
    let name = |process: u32, number: u32| format!("{}{process}-{number}", PREFIX);
    // Left by a process that is gone; and by one whose number somebody else has now.
    plant(folder.path(), &name(dead, 1), 0);
    plant(folder.path(), &name(alive, 2), 3600);
    // Of a host that lives and has no lock yet; and locked, by whomever the number says.
    plant(folder.path(), &name(alive, 3), 0);
    let held = [
        plant(folder.path(), &name(dead, 4), 3600),
        plant(folder.path(), &name(alive, 5), 3600),
    ];
    held.iter().for_each(lock);
    // Nobody's copies.
    let other = [
        format!("{}{dead}", PREFIX),
        format!("{}x-1", PREFIX),
        ".toolyard-tmp-".to_owned(),
    ];
    for name in &other {
        plant(folder.path(), name, 3600);
    }
    fs::create_dir(at(&name(dead, 6))).expect("a folder");
    symlink("keep", at(&name(dead, 7))).expect("a link");
    plant(folder.path(), "keep", 3600);
    fs::create_dir(at("sub")).expect("a folder");
    plant(&at("sub"), &name(dead, 8), 3600);

    let grants = [
        ("new", Scope::File, Access::Write),
        ("again", Scope::File, Access::Write),
    ];
    let mut guest = Guest::new(gate(folder.path(), &grants));
    let root = guest.preopen(".");
    assert!(
        at(&name(dead, 1)).exists(),
        "nothing is swept before something is written"
    );
    guest
        .open(&root, "new", OpenFlags::CREATE, DescriptorFlags::WRITE)
        .expect("a copy");
    for gone in [name(dead, 1), name(alive, 2)] {
        assert!(!at(&gone).exists(), "{gone}");
    }
    let stay = [3, 5].map(|number| name(alive, number));
    let stay = stay
        .into_iter()
        .chain([4, 6].map(|number| name(dead, number)))
        .chain(other);
    for name in stay.chain(["keep".to_owned(), format!("sub/{}", name(dead, 8))]) {
        assert!(at(&name).exists(), "{name}");
    }
    assert!(at(&name(dead, 7)).is_symlink());
    // Once is enough: a folder is not read again for every write.
    plant(folder.path(), &name(dead, 9), 0);
    guest
        .open(&root, "again", OpenFlags::CREATE, DescriptorFlags::WRITE)
        .expect("a copy");
    assert!(at(&name(dead, 9)).exists());
    guest.gate.commit().expect("both in place");
    assert!(at("new").exists() && at("again").exists());
}
