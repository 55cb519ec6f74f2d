//! The house rules as tests: the import table, the opening of every file, sizes. It must not compile anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use toolyard_tests::repository;

/// Which rooms of `host/src` a room may import, in reading order. ARCHITECTURE.md says why.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("call", &[]),
    ("manifest", &["call"]),
    ("policy", &["call", "manifest"]),
    ("schedule", &["call"]),
    ("workspace", &["call", "policy"]),
    ("egress", &["call"]),
    ("browser", &["call", "policy", "egress"]),
    ("sandbox", &["call", "policy", "workspace", "egress", "browser"]),
    ("native", &["call", "manifest", "policy", "workspace", "sandbox"]),
    ("catalog", &["call", "manifest", "sandbox", "native"]),
    ("report", &["call"]),
    ("formats", &["call", "manifest", "catalog", "report"]),
    ("audit", &["call", "report"]),
    (
        "dispatch",
        &[
            "call",
            "manifest",
            "policy",
            "schedule",
            "workspace",
            "browser",
            "sandbox",
            "native",
            "catalog",
            "audit",
        ],
    ),
    (
        "host",
        &[
            "call",
            "manifest",
            "policy",
            "schedule",
            "workspace",
            "egress",
            "browser",
            "sandbox",
            "native",
            "catalog",
            "audit",
            "dispatch",
        ],
    ),
    ("join", &["call", "host"]),
    ("mcp", &["call", "manifest", "catalog", "report", "host"]),
    (
        "cli",
        &[
            "call", "manifest", "policy", "browser", "sandbox", "catalog", "report", "host", "join", "mcp",
        ],
    ),
];

/// Crates that only these rooms may name.
const ONLY_IN: [(&str, &[&str]); 10] = [
    ("wasmtime", &["sandbox"]),
    ("wasmtime_wasi", &["sandbox"]),
    ("wasmparser", &["catalog"]),
    ("rustix", &["workspace", "sandbox", "browser", "host", "join", "mcp"]),
    ("hyper", &["sandbox", "browser", "mcp"]),
    ("rmcp", &["mcp"]),
    (
        "tokio",
        &[
            "egress", "sandbox", "native", "catalog", "dispatch", "browser", "join", "mcp", "cli",
        ],
    ),
    ("anyhow", &["cli"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
];

const LONGEST_FILE: usize = 400;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

fn walk(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && name != "target" && !name.starts_with('.') {
            walk(&path, end, found);
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&repository().join(folder), ".rs", &mut files);
    files.sort();
    files
}

fn sources() -> Vec<Source> {
    let base = repository().join("host/src");
    let files = rust_files("host/src").into_iter();
    let sources = files.map(|path| {
        let inside = path.strip_prefix(&base).expect("below host/src");
        let room = inside
            .components()
            .next()
            .expect("a name")
            .as_os_str()
            .to_string_lossy();
        let room = room.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).expect("a source file");
        Source { path, room, text }
    });
    sources.collect()
}

/// The rooms that a line of code names after `crate::`.
fn rooms_named(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut rooms = Vec::new();
    for line in code {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            rooms.push(&rest[..end]);
        }
    }
    rooms
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = MAY_IMPORT.into_iter().collect();
    let mut wrong = Vec::new();
    // The walls' switches are no room: every wall asks for its own, and they know nobody.
    for source in sources()
        .iter()
        .filter(|source| !["lib", "main", "walls"].contains(&source.room.as_str()))
    {
        let Some(allowed) = table.get(source.room.as_str()) else {
            wrong.push(format!(
                "{}: the room {} is not in the table",
                source.path.display(),
                source.room
            ));
            continue;
        };
        for named in rooms_named(&source.text) {
            if named != source.room && table.contains_key(named) && !allowed.contains(&named) {
                wrong.push(format!(
                    "{}: {} may not import {named}",
                    source.path.display(),
                    source.room
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    // What only tests use is nobody's to carry.
    let tests = |source: &&Source| source.path.ends_with("tests.rs");
    for source in sources().iter().filter(|source| source.room != "lib" && !tests(source)) {
        for (name, rooms) in ONLY_IN {
            let used = source
                .text
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(&format!("{name}::")));
            if used && !rooms.contains(&source.room.as_str()) {
                wrong.push(format!("{}: {name} belongs in {rooms:?}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_its_job_first_and_stays_short() {
    let mut wrong = Vec::new();
    for folder in ["host", "tests", "plugins"] {
        for path in rust_files(folder) {
            let text = fs::read_to_string(&path).expect("a source file");
            if !text.starts_with("//!") {
                wrong.push(format!("{} does not open with //!", path.display()));
            }
            let lines = text.lines().count();
            if lines > LONGEST_FILE {
                wrong.push(format!("{}: {lines} lines, more than {LONGEST_FILE}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The table above and the one in ARCHITECTURE.md are one table.
#[test]
fn architecture_shows_the_table() {
    let text = fs::read_to_string(repository().join("host/ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (room, allowed) in MAY_IMPORT {
        let cell = if allowed.is_empty() {
            "–".to_owned()
        } else {
            allowed.join(", ")
        };
        let mut rows = text.lines().filter(|line| line.starts_with(&format!("| {room} |")));
        assert!(
            rows.any(|row| row.ends_with(&format!("| {cell} |"))),
            "no row of {room} ends with {cell}"
        );
    }
}

/// What the repository must not carry: traces of one machine.
#[test]
fn no_machine_paths() {
    let mut files = Vec::new();
    for end in [".rs", ".md", ".toml", ".sh", ".wit", ".json"] {
        walk(&repository(), end, &mut files);
    }
    let marks = [
        ["/ro", "ot/."].concat(),
        ["/ho", "me/"].concat(),
        ["crates-", "io-"].concat(),
    ];
    let mut wrong = Vec::new();
    for path in files
        .iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "target"))
    {
        let text = fs::read_to_string(path).unwrap_or_default();
        wrong.extend(
            marks
                .iter()
                .filter(|mark| text.contains(*mark))
                .map(|mark| format!("{}: {mark}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
