//! The policy as tables. It must not touch a file.

mod fuzz;
mod network;
mod sections;

use super::*;
use crate::call::{CanonicalPath, Endpoint, Rights, Scope, SessionName};

fn path(text: &str) -> CanonicalPath {
    CanonicalPath::new("", text)
}

fn check(policy: &Policy, access: Access, text: &str, expect: bool) {
    assert_eq!(
        policy.common().visible(&path(text), access),
        expect,
        "{access:?} {text}"
    );
}

#[test]
fn the_shipped_file_is_the_built_in_policy() {
    let shipped = Policy::parse(DEFAULT_TEXT, "the built-in policy").expect("the shipped file");
    let empty = Policy::parse("", "the built-in policy").expect("an empty file");
    for policy in [&shipped, &empty] {
        assert_eq!(
            format!("{:?}", policy.common()),
            format!("{:?}", Policy::default().common())
        );
        assert_eq!(policy.limits(), Policy::default().limits());
    }
}

#[test]
fn built_in() {
    let policy = Policy::default();
    for text in [
        "",
        "a",
        "a/b/c.txt",
        ".gitignore",
        ".github/x.yml",
        ".gitattributes",
        ".env.example",
        "env",
        "a/.environment",
    ] {
        check(&policy, Access::Read, text, true);
        check(&policy, Access::Write, text, true);
    }
    for text in [
        ".git",
        ".git/config",
        "a/b/.git/hooks/x",
        ".GIT/config",
        ".env",
        "a/.env",
        ".env.local",
        ".envrc",
        ".hg",
        ".svn/x",
        ".jj",
    ] {
        check(&policy, Access::Read, text, false);
        check(&policy, Access::Write, text, false);
    }
    check(&policy, Access::Read, "toolyard.toml", true);
    check(&policy, Access::Write, "toolyard.toml", false);
}

#[test]
fn patterns() {
    let text = "[files]\nread = [\"src\", \"/top\", \"docs/*.md\", \"a/**/z\"]\nwrite = []\ndeny = [\"*.key\", \"src/private/**\"]\nexcept = [\"src/private/ok\"]";
    let policy = Policy::parse(text, "p").expect("a policy");
    for yes in [
        "src",
        "src/x",
        "x/src/y",
        "top/x",
        "docs/a.md",
        "a/b/c/z/x",
        "a/z",
        "src/private/ok",
        "src/private/ok/x",
    ] {
        check(&policy, Access::Read, yes, true);
        check(&policy, Access::Write, yes, false);
    }
    for no in [
        "",
        "x",
        "srcx",
        "x/top",
        "docs/b/a.md",
        "docs",
        "src/my.key",
        "src/k.KEY/x",
        "src/private/x",
        "src/private",
    ] {
        check(&policy, Access::Read, no, false);
    }
}

#[test]
fn refusals() {
    let refusal = |policy: &Policy, resource: Resource, access| match policy.judge(&Entry { resource, access }) {
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Refused(refusal) => format!("{} | {}", refusal.message("t", 0, &[]), refusal.hint()),
    };
    let file = |text: &str| Resource::Path {
        path: path(text),
        scope: Scope::File,
        object: None,
    };
    let host = |host: &str, port| {
        Resource::Network(Reach {
            endpoint: Endpoint::parse(&format!("{host}:{port}")).expect("an endpoint"),
            methods: ["GET".to_owned()].into(),
            redirects: false,
        })
    };
    let policy = Policy::default();
    let said = refusal(&policy, file(".git/config"), Access::Write);
    assert_eq!(
        said,
        "t: write of .git/config (claim 1) is refused by deny = [\".git\"] in [files] of the built-in policy | \
        these lines in toolyard.toml would allow it:\n[files]\nexcept = [\".env.example\", \".env.sample\", \".env.template\", \".git/config\"]"
    );
    assert!(
        refusal(&policy, host("example.com", 443), Access::Read)
            .contains("[network]\nallow = [\"https://example.com\"]")
    );
    let session = Resource::Browser {
        session: SessionName::of("browser", "main"),
        rights: Rights::default(),
    };
    assert!(refusal(&policy, session.clone(), Access::Write).contains("[browser]\nsessions = [\"main\"]"));
    let text = "[network]\nallow = [\"a.com\", \"b.com:8443\", \"*.c.com\"]\n[browser]\nsessions = [\"*\"]";
    let policy = Policy::parse(text, "p").expect("a policy");
    for (name, port, expect) in [
        ("a.com", 443, true),
        ("a.com", 80, true),
        ("b.com", 8443, true),
        ("b.com", 443, false),
        ("x.c.com", 443, true),
        ("c.com", 443, false),
        ("xc.com", 443, false),
        ("a.com.evil.com", 443, false),
        ("xa.com", 443, false),
    ] {
        assert_eq!(
            refusal(&policy, host(name, port), Access::Read) == "allowed",
            expect,
            "{name}:{port}"
        );
    }
    assert_eq!(refusal(&policy, session, Access::Write), "allowed");
}

/// The line that a refusal shows really allows what it refused.
#[test]
fn the_shown_line_allows_it() {
    for (text, access) in [
        (".git/config", Access::Write),
        (".env", Access::Read),
        ("toolyard.toml", Access::Write),
    ] {
        let resource = Resource::Path {
            path: path(text),
            scope: Scope::File,
            object: None,
        };
        let entry = Entry { resource, access };
        let Verdict::Refused(refusal) = Policy::default().judge(&entry) else {
            panic!("{text} is allowed")
        };
        let line = refusal.allow.replace("[files] ", "[files]\n");
        let widened = Policy::parse(&line, "widened").expect("a policy");
        assert_eq!(widened.judge(&entry), Verdict::Allowed, "{line}");
    }
}

#[test]
fn mistakes() {
    for (text, expect) in [
        ("[files", "line 1"),
        ("[files]\nreed = []", "unknown field `reed`"),
        ("[files]\nread = \"src\"", "line 2"),
        ("[files]\ndeny = [\"a[\"]", "[files] deny: \"a[\""),
        ("[files]\ndeny = [\"../x\"]", "without . and .."),
        ("[files]\ndeny = [\"\"]", "[files] deny"),
        ("[limits]\nwall_ms = -1", "line 2"),
        ("[limits]\nwall = 1", "unknown field `wall`"),
    ] {
        let error = Policy::parse(text, "my.toml").expect_err(text).to_string();
        assert!(
            error.starts_with("my.toml: ") && error.contains(expect),
            "{text}: {error}"
        );
    }
}

#[test]
fn limits() {
    let text = "[limits]\nwall_ms = 1000\n[plugins.fs.limits]\nwall_ms = 5000\nmemory_bytes = 1";
    let policy = Policy::parse(text, "p").expect("a policy");
    assert_eq!(policy.limits().wall.as_millis(), 1000);
    let narrow = policy.for_tool("fs", "read_file").limits().clone();
    assert_eq!(
        (narrow.wall.as_millis(), narrow.memory),
        (1000, 1),
        "never wider than the limits of all"
    );
    assert_eq!(policy.for_tool("text", "hash").limits(), policy.limits());
}
