//! The hello, lines and the lock, each alone. It must not start a host.

use super::hello::{Answer, Hello, Own, Wants};
use super::lines::Lines;
use super::place::{Owned, Place};
use super::{Board, JoinError};
use crate::call::{Event, Status, What};
use crate::host::Makeup;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

fn makeup() -> Makeup {
    let own = |text: &str| text.to_owned();
    Makeup {
        workspace: own("/w"),
        spelled: own("/link"),
        policy: own("p"),
        plugins: [(own("fs"), own("1")), (own("text"), own("2"))].into(),
        mounts: [(own("docs"), own("read /d"))].into(),
    }
}

/// A hello with one field changed, as it comes.
fn said(field: &str, value: Value) -> Vec<u8> {
    let mut hello = json!(Hello::new(makeup(), None, Wants::Mcp, true));
    hello[field] = value;
    hello.to_string().into_bytes()
}

#[test]
fn who_differs_stays_outside_and_is_told_how() {
    let own = Own {
        makeup: makeup(),
        audit: Some(PathBuf::from("/log")),
    };
    let check = |line: &[u8], expect: &[&str]| match own.judge(line) {
        Ok(hello) => assert!(expect.is_empty(), "{hello:?}"),
        Err(Answer::No { error, hint, .. }) => {
            let told = format!("{error}; {hint}");
            assert!(
                !expect.is_empty() && expect.iter().all(|word| told.contains(word)),
                "{told}"
            );
        }
        Err(welcome) => panic!("{welcome:?}"),
    };
    let pid = std::process::id().to_string();
    check(&said("wants", json!("batch")), &[]);
    check(&said("audit", json!("/log")), &[]);
    check(&said("later", json!("fields are fine")), &[]);
    check(&said("policy", json!("q")), &["another policy", "--policy", &pid]);
    check(&said("workspace", json!("/v")), &["/w is served", "--workspace /w"]);
    check(&said("spelled", json!("/w/")), &[]);
    check(
        &said("spelled", json!("/other")),
        &["know it as /other", "--workspace /w"],
    );
    check(&said("audit", json!("/other")), &["another audit log", "--audit"]);
    check(&said("mounts", json!({})), &["other mounts: docs (only there)"]);
    let plugins = json!({ "fs": "1", "text": "3", "web": "4" });
    check(
        &said("plugins", plugins),
        &["text (another one there), web (only here)", "--plugins"],
    );
    check(
        &said("version", json!("0.0.0")),
        &["toolyard ", "this is 0.0.0", "same version"],
    );
    check(&said("toolyard", json!(2)), &["same version"]);
    for garbage in [
        &b""[..],
        b"GET / HTTP/1.1",
        b"{}",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b"{\"toolyard\":1}",
    ] {
        check(garbage, &[" "]);
    }
    check(&said("wants", json!("everything")), &["no hello"]);
    check(&said("plugins", json!([])), &["no hello"]);
}

#[test]
fn lines_are_bounded_and_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let read = |bytes: &'static [u8]| {
        runtime.block_on(async move {
            let (mut lines, mut found) = (Lines::new(bytes), Vec::new());
            loop {
                match lines.next(4).await {
                    Ok(Some(line)) => found.push(String::from_utf8(line).expect("text")),
                    Ok(None) => return (found, None),
                    Err(error) => return (found, Some(error.kind())),
                }
            }
        })
    };
    let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(read(b"ab\n\nabcd\n"), (own(&["ab", "", "abcd"]), None));
    assert_eq!(read(b""), (own(&[]), None));
    assert_eq!(
        read(b"a\nabcde\n"),
        (own(&["a"]), Some(std::io::ErrorKind::InvalidData))
    );
    assert_eq!(read(b"a\nb"), (own(&["a"]), Some(std::io::ErrorKind::UnexpectedEof)));
}

/// One owner at a time; what one who was killed has left is in nobody's way; a long name is as good as a short one.
#[test]
fn one_owns_and_the_next_may() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["short".to_owned(), "long".repeat(40)] {
        let base = folder.path().join(name);
        let place = Place::of(folder.path(), &base).expect("a place");
        assert!(place.reach().expect("a look").is_none());
        assert!(!base.exists(), "a look leaves nothing");
        let Owned::Ours(ownership, listener) = place.own().expect("a lock") else {
            panic!("nobody was there");
        };
        assert!(matches!(place.own().expect("a way"), Owned::Theirs(_)));
        let reached = place.reach().expect("a look").expect("an owner");
        assert_eq!(reached.holder, format!("process {}", std::process::id()));
        drop((ownership, listener));
        assert_eq!(std::fs::read_dir(&base).expect("a folder").count(), 0);
        // As after a kill: a lock that nobody holds, a socket on which nobody listens.
        let Owned::Ours(ownership, listener) = place.own().expect("a lock") else {
            panic!("nobody was there");
        };
        let left = std::fs::read_dir(&base)
            .expect("a folder")
            .next()
            .expect("one")
            .expect("one");
        let names = ["lock", "socket"].map(|name| left.path().join(name));
        let kept = ["one", "other"].map(|name| folder.path().join(name));
        for (name, kept) in names.iter().zip(&kept) {
            std::fs::hard_link(name, kept).expect("a second name");
        }
        drop((ownership, listener));
        std::fs::create_dir(left.path()).expect("a folder");
        std::fs::set_permissions(left.path(), std::fs::Permissions::from_mode(0o700)).expect("ours");
        for (name, kept) in names.iter().zip(&kept) {
            std::fs::rename(kept, name).expect("what was left");
        }
        assert!(place.reach().expect("a look").is_none());
        assert!(matches!(place.own().expect("a lock"), Owned::Ours(..)));
    }
}

/// Where there can be no folder nobody is found, and nobody can own.
#[test]
fn no_folder_is_nobody() {
    let place = Place::of(&PathBuf::from("/"), &PathBuf::from("/dev/null/owners")).expect("a place");
    assert!(place.reach().expect("a look").is_none());
    assert!(matches!(place.own(), Err(JoinError::Io(..))));
}

#[test]
fn a_folder_that_others_can_enter_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("owners");
    let place = Place::of(folder.path(), &base).expect("a place");
    drop(place.own().expect("a lock"));
    for (mode, fine) in [(0o720, false), (0o702, false), (0o755, true), (0o700, true)] {
        std::fs::set_permissions(&base, std::fs::Permissions::from_mode(mode)).expect("ours");
        let owned = place.own();
        assert_eq!(owned.is_ok(), fine, "{mode:o}: {owned:?}");
        assert!(fine || matches!(owned, Err(JoinError::Unsafe(..))));
        assert_eq!(place.reach().is_ok(), fine, "{mode:o}");
    }
}

/// Who reads too slowly loses the middle and is told how much; the end is counted all the same.
#[test]
fn slow_readers_lose_the_middle() {
    let board = Board::new();
    let observer = board.observer();
    let listening = board.enter(7, true).expect("it is open");
    let event = |batch, what| Event {
        at_us: 0,
        batch,
        id: "a".into(),
        what,
        dropped: 0,
    };
    for _ in 0..20_000 {
        observer(&event(7, What::Started));
        observer(&event(8, What::Started));
    }
    observer(&event(7, What::Finished { status: Status::Ok }));
    assert_eq!(listening.ended(), 1);
    let heard = std::iter::from_fn(|| listening.ready()).count();
    assert_eq!(heard, 16_384);
    observer(&event(7, What::Started));
    let line: Value = serde_json::from_str(&listening.ready().expect("one more")).expect("JSON");
    assert_eq!(line["event"]["dropped"], json!(20_000 - 16_384 + 1));
    drop(listening);
    observer(&event(7, What::Started));
    board.close();
    assert!(board.enter(9, false).is_none());
}
