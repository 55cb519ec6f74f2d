//! Downloads: their names, and what comes of them.

use toolyard_sdk::browser::Download;

use super::*;
use crate::names::{numbered, plain};

#[test]
fn a_proposed_name_becomes_a_plain_one() {
    let long = format!("{}.tar.gz", "é".repeat(300));
    for (proposed, expected) in [
        ("report.pdf", "report.pdf"),
        ("Bericht für März (1).pdf", "Bericht für März (1).pdf"),
        ("", "download"),
        (".", "download"),
        ("..", "download"),
        ("../../etc/passwd", "passwd"),
        ("a/..", "download"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\x\\y.txt", "y.txt"),
        ("C:y.txt", "C_y.txt"),
        ("/", "download"),
        (".bashrc", "bashrc"),
        ("...hidden", "hidden"),
        (" . .x", "x"),
        ("a.txt. . ", "a.txt"),
        ("a\u{0}b\n.txt", "a_b_.txt"),
        ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
        ("a?b*c<d>|\"e.txt", "a_b_c_d___e.txt"),
        ("name.", "name"),
    ] {
        assert_eq!(plain(proposed), expected, "{proposed:?}");
    }
    let short = plain(&long);
    assert!(short.len() <= 200 && short.ends_with("é.tar.gz"), "{short}");
    assert!(plain(&"x".repeat(5_000)).len() <= 200);
    assert!(plain(&format!("a.{}", "b".repeat(5_000))).len() <= 200);
}

#[test]
fn a_number_stands_before_the_extension() {
    for (name, expected) in [
        ("a.pdf", "a (2).pdf"),
        ("a.b.pdf", "a.b (2).pdf"),
        ("a.tar.gz", "a (2).tar.gz"),
        ("tar.gz", "tar (2).gz"),
        ("README", "README (2)"),
    ] {
        assert_eq!(
            (numbered(name, 1).as_str(), numbered(name, 2).as_str()),
            (name, expected)
        );
    }
}

fn download(id: &str, name: &str) -> Download {
    Download {
        id: id.to_owned(),
        name: name.to_owned(),
        url: "https://a.example/file".to_owned(),
        bytes: 3,
        complete: true,
        failure: None,
    }
}

/// Answers for what comes before the first look for downloads.
fn clicked(acted: Acted) {
    answer(Ok(()));
    answer(Ok(acted));
}

fn pieces(pieces: &[&str]) {
    for piece in pieces {
        answer(Ok(piece.as_bytes().to_vec()));
    }
}

#[test]
fn files_are_written_beside_those_that_are_there() {
    let scratch = Scratch::new();
    fs::write(scratch.path("a.txt"), "old").unwrap();
    clicked(stayed("https://a.example/"));
    answer(Ok(Vec::<Download>::new()));
    answer(Ok(vec![
        download("d1", "../a.txt"),
        Download {
            failure: Some("the server hung up".to_owned()),
            ..download("d2", "b.txt")
        },
        Download {
            complete: false,
            ..download("d3", "c.txt")
        },
    ]));
    pieces(&["ne", "w", ""]);
    let said = text(
        "browser_download",
        json!({ "target": "e1", "folder": scratch.path("") }),
    );
    let lines = [
        "wrote @/a (2).txt: 3 bytes",
        "failed: b.txt: the server hung up",
        "failed: c.txt: not complete in time, 3 bytes so far",
    ];
    assert_eq!(scratch.own(&said), lines.join("\n"));
    assert_eq!(fs::read_to_string(scratch.path("a (2).txt")).unwrap(), "new");
    assert_eq!(fs::read_to_string(scratch.path("a.txt")).unwrap(), "old");
    let read = calls().into_iter().filter(|call| call.starts_with("read_download"));
    let expected = [0, 2, 3].map(|offset| format!(r#"read_download("main", "d1", {offset})"#));
    assert_eq!(read.collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_that_breaks_off_goes_away() {
    let scratch = Scratch::new();
    clicked(stayed("https://a.example/"));
    answer(Ok(vec![download("d1", "a.txt")]));
    pieces(&["ne"]);
    answer::<Vec<u8>>(Err(fault(FaultKind::Crashed, "the browser died")));
    let said = text(
        "browser_download",
        json!({ "target": "e1", "folder": scratch.path("new") }),
    );
    assert!(said.starts_with("crashed: the browser died"), "{said}");
    assert_eq!(fs::read_dir(scratch.path("new")).unwrap().count(), 0);
}

#[test]
fn without_a_download_it_says_what_happened() {
    let scratch = Scratch::new();
    clicked(stayed("https://a.example/"));
    answer(Ok(Vec::<Download>::new()));
    answer(Ok(Vec::<Download>::new()));
    let arguments = json!({ "target": "e1", "folder": scratch.path(""), "timeout_ms": 1 });
    let said = text("browser_download", arguments.clone());
    assert!(
        said.starts_with("no_download: no download began within 1 ms: clicked e1 ("),
        "{said}"
    );
    clicked(Acted {
        dialog: Some(confirm("Sure?")),
        ..stayed("https://a.example/")
    });
    answer(Ok(Vec::<Download>::new()));
    let said = text("browser_download", arguments.clone());
    assert!(
        said.starts_with("dialog_open: clicked e1\nA dialog opened: confirm “Sure?”"),
        "{said}"
    );
    clicked(stayed("https://a.example/"));
    answer(Ok(vec![Download {
        complete: false,
        ..download("d1", "a.txt")
    }]));
    let said = text("browser_download", arguments);
    assert!(
        said.starts_with("download_failed: a.txt: not complete in time"),
        "{said}"
    );
}
