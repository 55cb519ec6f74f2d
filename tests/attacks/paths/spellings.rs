//! What a caller spells in an argument that a claim names: judged before any guest runs, alike for every claim and both
//! ways of looking up. It must not try anything below a grant; `reach` does.

use super::GROUP;
use crate::ground::{Ground, ended, files};
use crate::suite::Suite;
use serde_json::{Value, json};
use toolyard::{Call, Content, Status};
use toolyard_tests::World;

/// Every claim that the probe can make on a path.
const CLAIMS: [&str; 6] = ["path", "write", "tree", "write_tree", "directory", "write_directory"];

pub fn cases(suite: &mut Suite) {
    for (name, spellings, code) in refused() {
        suite.add(GROUP, name, move || check(&spellings, code));
    }
    suite.add(GROUP, "absolute paths, and a sibling with the same prefix", absolute);
    suite.add(GROUP, "characters with a meaning elsewhere are literal bytes", literal);
    suite.add(GROUP, "two spellings of one file in two calls are one lock", one_lock);
    suite.add(
        GROUP,
        "writes that later become code: refused unless the policy names them",
        code,
    );
}

/// Spellings that are refused, and the code of the refusal.
fn refused() -> Vec<(&'static str, Vec<String>, &'static str)> {
    let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let long = |part: &str, bytes: usize| part.repeat(bytes / part.len());
    vec![
        (
            "../x and a/../../x",
            texts(&[
                "..",
                "../",
                "../x",
                "../outside/secret.txt",
                "a/../../x",
                "a/sub/../../../work/top.txt",
                "./../x",
            ]),
            "outside_workspace",
        ),
        (
            "a link to an outside file, an outside folder and a child of it",
            texts(&[
                "a/out_file",
                "a/out",
                "a/out/",
                "a/out/secret.txt",
                "a/out/new.txt",
                "a/out_slash",
                "a/abs",
                "a/abs/passwd",
                "a/evil/secret.txt",
            ]),
            "outside_workspace",
        ),
        (
            "chains of links",
            texts(&["a/chain", "a/chain2", "a/to_out/secret.txt", "a/to_b/../../a/chain"]),
            "outside_workspace",
        ),
        (
            "a dangling link to the outside",
            texts(&["a/dangling_out", "./a//dangling_out"]),
            "outside_workspace",
        ),
        (
            "/proc/self and /dev through planted links",
            texts(&[
                "a/proc",
                "a/proc/environ",
                "a/proc/root/etc/passwd",
                "a/proc/fd/0",
                "a/zero",
                "/proc/self/environ",
                "/dev/zero",
            ]),
            "outside_workspace",
        ),
        (
            "loops of links",
            texts(&["a/loop", "a/loop1", "a/loop/x"]),
            "too_many_links",
        ),
        ("empty", texts(&[""]), "invalid_path"),
        ("NUL", texts(&["\0", "a\0b", "a/x.txt\0"]), "invalid_path"),
        (
            "a name of 256 bytes",
            vec![
                long("n", 256),
                format!("a/{}", long("n", 256)),
                format!("{}/x", long("n", 256)),
            ],
            "invalid_path",
        ),
        (
            "paths of 4096 bytes and of half a MiB",
            vec![
                long("ab/", 4098),
                long("../", 6000),
                long("./", 4096),
                long("n", 500_000),
            ],
            "invalid_path",
        ),
        ("10,000 folders deep, spelled", vec![long("d/", 20_000)], "invalid_path"),
        (
            "a trailing slash on a file, a file where a folder is wanted",
            texts(&["a/x.txt/", "a/x.txt/y", "a/x.txt/.", "a/to_y/", "a/x.txt/.."]),
            "not_a_directory",
        ),
        (
            "below what does not exist",
            texts(&["no/../a/x.txt", "a/no/../x.txt"]),
            "not_found",
        ),
    ]
}

fn status(code: &str) -> Status {
    match code {
        "outside_workspace" => Status::Denied,
        _ => Status::InvalidArguments,
    }
}

fn check(spellings: &[String], code: &str) -> usize {
    let mut checks = 0;
    for ground in Ground::both() {
        for spelling in spellings {
            for claim in CLAIMS {
                let outcome = ground.call(
                    "probe_fs",
                    json!({ claim: spelling, "ops": [{ "op": "write", "path": spelling }] }),
                );
                ended(&outcome, status(code), code);
                let message = outcome.error.map(|error| error.message).unwrap_or_default();
                assert!(message.contains("(claim ") && message.len() < 6000, "{message}");
                checks += 1;
            }
        }
        ground.unchanged();
        ground.alive();
    }
    checks
}

fn absolute() -> usize {
    let mut checks = 0;
    for ground in Ground::both() {
        let root = ground.world.path().display().to_string();
        let out = [
            "/".to_owned(),
            "//".to_owned(),
            "/etc/passwd".to_owned(),
            "/work-evil/secret.txt".to_owned(),
            format!("{root}-evil/secret.txt"),
            format!("{root}/../outside/secret.txt"),
            format!("{root}/.."),
            ground.world.outside().join("secret.txt").display().to_string(),
        ];
        for (spelling, claim) in out.iter().flat_map(|out| CLAIMS.map(|claim| (out, claim))) {
            ended(
                &ground.call("probe_fs", json!({ claim: spelling, "ops": [] })),
                Status::Denied,
                "outside_workspace",
            );
            checks += 1;
        }
        let read = |path: &str| json!([{ "op": "read", "path": path }]);
        let inside = [
            format!("{root}/a/x.txt"),
            format!("{root}//a/./x.txt"),
            format!("{root}/a/sub/../x.txt"),
        ];
        for spelling in inside {
            let outcome = ground.call("probe_fs", json!({ "path": spelling, "ops": read("a/x.txt") }));
            let Some(Content::Json(tried)) = outcome.content.first() else {
                panic!("{outcome:?}")
            };
            assert_eq!(tried[0]["value"], "x\n", "{spelling}");
            checks += 1;
        }
        ground.unchanged();
        ground.alive();
    }
    checks
}

/// Whatever looks like more than a name is one: exactly these bytes come to be on disk, and nothing else.
fn literal() -> usize {
    let long = "ü".repeat(127) + "x";
    let names = [
        " ",
        "a b",
        "'q'",
        "\"q\"",
        "...",
        "..x",
        "x..",
        "~",
        "~root",
        "$HOME",
        "${HOME}",
        "$(id)",
        "`id`",
        "%2e%2e%2f",
        "%2e%2e",
        "..\\x",
        "\\",
        "C:\\x",
        "new\nline",
        "\t",
        "*",
        "?",
        "[a]",
        "-rf",
        "--",
        "#",
        "a;b",
        "a|b",
        "\u{202e}txt",
        "\u{200b}",
        "e\u{301}",
        "é",
        "\u{1b}[2J",
        long.as_str(),
    ];
    let mut checks = 0;
    for stepwise in [false, true] {
        let ground = Ground::of(
            World::new(),
            |builder| if stepwise { builder.without_openat2() } else { builder },
        );
        for (number, name) in names.iter().enumerate() {
            let tried = ground.tries(
                &json!({ "write": name }),
                &[json!({ "op": "write", "path": name, "text": name })],
            );
            assert_eq!(tried[0]["ok"], true, "{name:?}: {tried:?}");
            let files: Vec<String> = std::fs::read_dir(ground.world.path())
                .expect("the workspace")
                .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
                .collect();
            assert!(
                files.len() == number + 1 && files.iter().any(|file| file == name),
                "{name:?} in {files:?}"
            );
            assert_eq!(ground.world.read(name), *name);
            checks += 1;
        }
        ground.alive();
    }
    checks
}

fn one_lock() -> usize {
    let mut checks = 0;
    for ground in Ground::both() {
        let root = ground.world.path().display().to_string();
        std::fs::hard_link(
            ground.world.path().join("a/x.txt"),
            ground.world.path().join("b/hard.txt"),
        )
        .expect("a hard link");
        std::os::unix::fs::symlink("a", ground.world.path().join("to_a")).expect("a link");
        std::os::unix::fs::symlink("a/x.txt", ground.world.path().join("to_x")).expect("a link");
        let absolute = format!("{root}/a/x.txt");
        let spellings = [
            "a//x.txt",
            "./a/./x.txt",
            "a/sub/../x.txt",
            "to_a/x.txt",
            "to_x",
            "b/hard.txt",
            "a/to_b/hard.txt",
            absolute.as_str(),
        ];
        let new = [
            ("a/n.txt", "a/sub/../n.txt"),
            ("to_a/m.txt", "a/m.txt"),
            ("new/deep/f.txt", "./new/deep//f.txt"),
        ];
        let pairs = spellings.iter().map(|other| ("a/x.txt", *other)).chain(new);
        for (one, other) in pairs {
            let append =
                |path: &str, text: &str| Call::new("probe_append", json!({ "path": path, "text": text, "ms": 2 }));
            let old = std::fs::read_to_string(ground.world.path().join(one)).unwrap_or_default();
            let outcomes = ground.batch(vec![append(one, "1"), append(other, "2")]);
            assert!(
                outcomes.iter().all(|outcome| outcome.status == Status::Ok),
                "{one} and {other}: {outcomes:?}"
            );
            assert_eq!(ground.world.read(one), old + "12", "{one} and {other}");
            assert_eq!(outcomes[1].waited_for(), ["1".into()], "{one} and {other}");
            checks += 1;
        }
        ground.alive();
    }
    checks
}

/// A tool that writes, and its arguments for a path.
type Writer = (&'static str, fn(&str) -> Value);

fn code() -> usize {
    let places = [
        ".git/hooks/pre-commit",
        ".git/config",
        ".GIT/config",
        ".Git/hooks/x",
        "a/.git/hooks/post-checkout",
        "./a/../.git/config",
        "new/.git/config",
        ".envrc",
        "a/sub/.envrc",
        ".env",
        ".env.local",
        ".hg/hgrc",
        ".svn/x",
        ".jj/x",
        "toolyard.toml",
    ];
    let tools: [Writer; 6] = [
        ("write_file", |path| json!({ "path": path, "content": "x" })),
        (
            "edit_file",
            |path| json!({ "path": path, "edits": [{ "old_text": "a", "new_text": "b" }] }),
        ),
        ("make_dir", |path| json!({ "path": path })),
        ("copy_path", |path| json!({ "from": "a/x.txt", "to": path })),
        ("move_path", |path| json!({ "from": "a/x.txt", "to": path })),
        (
            "probe_fs",
            |path| json!({ "write": path, "ops": [{ "op": "write", "path": path }] }),
        ),
    ];
    let mut checks = 0;
    for ground in Ground::both() {
        for (place, (tool, arguments)) in places.iter().flat_map(|place| tools.map(|tool| (place, tool))) {
            let outcome = ground.call(tool, arguments(place));
            ended(&outcome, Status::Denied, "denied");
            let hint = outcome.error.and_then(|error| error.hint).unwrap_or_default();
            assert!(hint.contains("toolyard.toml would allow it"), "{hint}");
            checks += 1;
        }
        ground.unchanged();
    }
    // What a tool makes is never executable, and what was stays it.
    let mut files = files();
    files["run.sh"] = json!({ "mode": "755", "text": "old\n" });
    let ground = Ground::with(&files);
    for path in ["new.sh", "run.sh"] {
        assert_eq!(
            ground
                .call("write_file", json!({ "path": path, "content": "x" }))
                .status,
            Status::Ok
        );
    }
    let tree = ground.world.tree();
    assert_eq!((&tree["new.sh"], &tree["run.sh"]["mode"]), (&json!("x"), &json!("755")));
    // The policy may name them.
    let policy = "[files]\nexcept = [\".envrc\"]\n";
    let named = Ground::of(World::new(), |builder| builder.policy_text(policy));
    assert_eq!(
        named
            .call("write_file", json!({ "path": ".envrc", "content": "x" }))
            .status,
        Status::Ok
    );
    named.alive();
    checks + 3
}
