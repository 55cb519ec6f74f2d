//! The gate by itself, on real folders and without a guest, where a guest's standard library couldn't ask what is asked here.

mod leftovers;
mod links;

use super::listing::{Listing, Next};
use super::*;
use crate::call::{Access, Entry, Resource, Scope};
use crate::policy::Policy;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use wasmtime::component::Resource as Handle;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, HostDescriptor as _, NewTimestamp, OpenFlags, PathFlags,
};

/// A gate over `folder` with these grants, under the default policy and limits.
fn gate(folder: &Path, grants: &[(&str, Scope, Access)]) -> Gate {
    gate_with(folder, grants, &Limits::default(), Policy::default())
}

fn gate_with(folder: &Path, grants: &[(&str, Scope, Access)], limits: &Limits, policy: Policy) -> Gate {
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
    Gate::new(
        workspace,
        Arc::new(policy.common().clone()),
        &footprint,
        limits,
        Arc::default(),
    )
}

fn at(path: &str) -> CanonicalPath {
    CanonicalPath::new("", path)
}

/// A guest's side of a gate, asked one operation at a time.
struct Guest {
    gate: Gate,
    table: ResourceTable,
    wasi: WasiCtx,
}

type Fd = Handle<Descriptor>;

impl Guest {
    fn new(gate: Gate) -> Self {
        Self {
            gate,
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().allow_blocking_current_thread(true).build(),
        }
    }

    fn view(&mut self) -> GateView<'_> {
        GateView {
            gate: &mut self.gate,
            table: &mut self.table,
            wasi: &mut self.wasi,
        }
    }

    /// The preopened folder of that name.
    fn preopen(&mut self, name: &str) -> Fd {
        let folders = self.view().get_directories().expect("folders");
        let found = folders.into_iter().find(|(_, found)| found == name);
        found.expect("a preopened folder").0
    }

    fn open(&mut self, at: &Fd, path: &str, open: OpenFlags, flags: DescriptorFlags) -> Result<Fd, ErrorCode> {
        let at = Handle::new_borrow(at.rep());
        told(now(self.view().open_at(
            at,
            PathFlags::empty(),
            path.to_owned(),
            open,
            flags,
        )))
    }
}

/// Nothing here waits for anything.
fn now<T>(answer: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(answer)
}

/// What the guest is told.
fn told<T>(answer: FsResult<T>) -> Result<T, ErrorCode> {
    answer.map_err(|error| error.downcast().expect("an error that a guest can be told"))
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
    assert!(gate.open_refused());
}

/// Bytes count however they come about: written, left out, or copied by the host.
#[test]
fn what_a_call_adds_to_the_disk_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("old"), [b'x'; 1000]).expect("a file");
    let limits = Limits {
        write_bytes: 10_000,
        made_files: 3,
        ..Limits::default()
    };
    let grants = [
        ("", Scope::Tree, Access::Write),
        ("old", Scope::File, Access::Write),
        ("whole", Scope::File, Access::Write),
    ];
    let mut guest = Guest::new(gate_with(folder.path(), &grants, &limits, Policy::default()));
    let root = guest.preopen(".");
    let write = DescriptorFlags::WRITE;
    let file = guest.open(&root, "new", OpenFlags::CREATE, write).expect("a file");
    let borrow = || Handle::new_borrow(file.rep());
    let tera = 1 << 40;
    assert_eq!(told(now(guest.view().set_size(borrow(), tera))), Err(ErrorCode::Quota));
    assert!(guest.gate.bytes_refused());
    assert_eq!(fs::metadata(folder.path().join("new")).expect("a file").blocks(), 0);
    assert_eq!(
        told(now(guest.view().write(borrow(), vec![0; 10], tera))),
        Err(ErrorCode::Quota)
    );
    assert_eq!(
        told(now(guest.view().set_size(borrow(), 4000))),
        Ok(()),
        "4000 are gone"
    );
    assert_eq!(
        told(now(guest.view().set_size(borrow(), 0))),
        Ok(()),
        "shrinking is free"
    );
    assert_eq!(
        told(now(guest.view().write(borrow(), vec![0; 1000], 1000))),
        Ok(1000),
        "6000, with the hole"
    );
    // A copy with its old content, then a new one.
    guest
        .open(&root, "old", OpenFlags::empty(), write)
        .expect("7000 are gone");
    let whole = guest.open(&root, "whole", OpenFlags::CREATE, write).expect("a copy");
    let whole = || Handle::new_borrow(whole.rep());
    assert_eq!(told(now(guest.view().set_size(whole(), 3000))), Ok(()), "all are gone");
    assert_eq!(told(now(guest.view().set_size(whole(), 3001))), Err(ErrorCode::Quota));
    let stream = guest.view().write_via_stream(whole(), 0).expect("a stream");
    let stream = guest.table.get_mut(&stream).expect("a stream");
    assert!(stream.write(vec![0; 1].into()).is_err());
    // Two files were made: one more thing may be.
    let made = told(now(guest
        .view()
        .create_directory_at(Handle::new_borrow(root.rep()), "dir".into())));
    assert_eq!(made, Ok(()));
    assert_eq!(
        guest.open(&root, "one more", OpenFlags::CREATE, write).err(),
        Some(ErrorCode::Quota)
    );
    let made = told(now(guest
        .view()
        .create_directory_at(Handle::new_borrow(root.rep()), "more".into())));
    assert_eq!(made, Err(ErrorCode::Quota));
    assert!(guest.gate.made_refused());
    assert!(!folder.path().join("one more").exists() && !folder.path().join("more").exists());
}

/// Times are set where something may be written, of files and of folders, by descriptor and by name, and nowhere else.
#[test]
fn times_are_a_change() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a/ro", "a/held"] {
        fs::create_dir_all(folder.path().join(name)).expect("a folder");
    }
    for name in ["a/x", "a/ro/f", "a/held/f", "one", "beside"] {
        fs::write(folder.path().join(name), name).expect("a file");
    }
    std::os::unix::fs::symlink("../beside", folder.path().join("a/out")).expect("a link");
    let grants = [
        ("a", Scope::Tree, Access::Write),
        ("a/ro", Scope::Tree, Access::Read),
        ("one", Scope::File, Access::Read),
    ];
    let policy = Policy::parse("[files]\ndeny_write = [\"held\"]\n", "a policy").expect("a policy");
    let mut guest = Guest::new(gate_with(folder.path(), &grants, &Limits::default(), policy));
    let time = || {
        NewTimestamp::Timestamp(Datetime {
            seconds: 77,
            nanoseconds: 5,
        })
    };
    let root = guest.preopen(".");
    let seconds = |name: &str| {
        fs::symlink_metadata(folder.path().join(name))
            .expect("a record")
            .mtime()
    };
    for (name, may) in [
        ("a/x", true),
        ("a", true),
        ("a/ro", false),
        ("a/ro/f", false),
        ("a/held", false),
        ("a/held/f", false),
        ("a/out", false),
        ("one", false),
        ("beside", false),
        ("a/x/", false),
        ("", false),
        (".", false),
    ] {
        let before = fs::symlink_metadata(folder.path().join(name))
            .ok()
            .map(|record| record.mtime());
        let at = Handle::new_borrow(root.rep());
        let follow = PathFlags::SYMLINK_FOLLOW;
        let by_name = told(now(guest.view().set_times_at(
            at,
            follow,
            name.to_owned(),
            time(),
            time(),
        )));
        assert_eq!(by_name.is_ok(), may, "{name}: {by_name:?}");
        // A descriptor for reading is as much as anyone gets of what may only be read.
        if let Ok(fd) = guest.open(&root, name, OpenFlags::empty(), DescriptorFlags::READ) {
            let fd = Handle::new_borrow(fd.rep());
            let by_descriptor = told(now(guest.view().set_times(fd, time(), time())));
            let is_file = folder.path().join(name).is_file();
            assert_eq!(by_descriptor.is_ok(), may && !is_file, "{name}: {by_descriptor:?}");
        }
        match may {
            true => assert_eq!(seconds(name), 77, "{name}"),
            false if before.is_some() => assert_eq!(Some(seconds(name)), before, "{name}"),
            false => {}
        }
    }
    // One that is open for writing may have its times set, and the private copy of a whole-file write is no exception.
    let file = guest
        .open(&root, "a/x", OpenFlags::empty(), DescriptorFlags::WRITE)
        .expect("a file");
    let omit = NewTimestamp::NoChange;
    assert_eq!(told(now(guest.view().set_times(file, omit, NewTimestamp::Now))), Ok(()));
    assert_ne!(seconds("a/x"), 77);
}

/// A private copy has its descriptors until the call ends, so as many as may be open may be begun.
#[test]
fn private_copies_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let names: Vec<String> = (0..5).map(|i| i.to_string()).collect();
    let grants: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), Scope::File, Access::Write))
        .collect();
    let limits = Limits {
        open_files: 4,
        ..Limits::default()
    };
    let mut guest = Guest::new(gate_with(folder.path(), &grants, &limits, Policy::default()));
    let root = guest.preopen(".");
    for name in &names[..4] {
        let file = guest.open(&root, name, OpenFlags::CREATE, DescriptorFlags::WRITE);
        guest.view().drop(file.expect(name)).expect("closed");
    }
    let fifth = guest.open(&root, &names[4], OpenFlags::CREATE, DescriptorFlags::WRITE);
    assert_eq!(fifth.err(), Some(ErrorCode::Quota));
    assert!(guest.gate.open_refused());
    // One that was begun can be had again.
    assert!(
        guest
            .open(&root, &names[0], OpenFlags::empty(), DescriptorFlags::WRITE)
            .is_ok()
    );
}

/// A folder is not moved to where the policy would hide something in it.
#[test]
fn a_move_brings_nothing_under_other_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["y/private", "y/open", "z/deep/private", "n"] {
        fs::create_dir_all(folder.path().join(name)).expect("a folder");
    }
    let policy =
        Policy::parse("[files]\ndeny = [\"conf/private\", \"*/deep/private\"]\n", "a policy").expect("a policy");
    let grants = [("", Scope::Tree, Access::Write)];
    let mut guest = Guest::new(gate_with(folder.path(), &grants, &Limits::default(), policy));
    let root = guest.preopen(".");
    for (from, to, expect) in [
        ("y", "conf", Err(ErrorCode::NotPermitted)),
        ("y", "other", Ok(())),
        ("z", "z2", Err(ErrorCode::NotPermitted)),
        ("n", "conf", Ok(())),
    ] {
        let at = || Handle::new_borrow(root.rep());
        let told = told(now(guest.view().rename_at(at(), from.to_owned(), at(), to.to_owned())));
        assert_eq!(told, expect, "{from} to {to}");
    }
}
