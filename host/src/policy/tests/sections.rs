//! Sections of plugins and tools, `[[allow]]`, approvals, limits and defaults. It must not touch a file.

use super::*;

fn file(text: &str, access: Access) -> Entry {
    let resource = Resource::Path {
        path: path(text),
        scope: Scope::File,
        object: None,
    };
    Entry { resource, access }
}

fn judged(rules: &ToolRules, text: &str, access: Access) -> bool {
    rules.judge(&file(text, access)) == Verdict::Allowed
}

#[test]
fn inner_sections() {
    let text = "[files]\nwrite = [\"out\"]\n[plugins.p.files]\nread = [\"src\"]\ndeny = [\"*.key\"]\n\
        [tools.t.files]\nwrite = [\"tmp\"]\nexcept = [\"ok.key\"]";
    let policy = Policy::parse(text, "p").expect("a policy");
    let (other, plugin, tool) = (
        policy.for_tool("q", "x"),
        policy.for_tool("p", "x"),
        policy.for_tool("p", "t"),
    );
    for (text, access, expect) in [
        ("a", Access::Read, [true, false, false]),
        ("src/a", Access::Read, [true, true, true]),
        ("src/a.key", Access::Read, [true, false, false]),
        ("src/ok.key", Access::Read, [true, false, true]),
        (".git/x", Access::Read, [false, false, false]),
        ("out/a", Access::Write, [true, true, false]),
        ("tmp/a", Access::Write, [false, false, true]),
    ] {
        let said = [&other, &plugin, &tool].map(|rules| judged(rules, text, access));
        assert_eq!(said, expect, "{access:?} {text}");
    }
    let Verdict::Refused(refusal) = tool.judge(&file("out/a", Access::Write)) else {
        panic!("refused")
    };
    assert!(
        refusal.hint().contains("[tools.t.files]\nwrite = [\"tmp\", \"out/a\"]"),
        "{}",
        refusal.hint()
    );
}

#[test]
fn allow() {
    let text = "[[allow]]\ntool = \"t\"\nwrite = \"/.env\"\n[[allow]]\nplugin = \"p\"\nread = \".git/config\"\n\
        [[allow]]\ntool = \"t\"\nnetwork = \"http://127.0.0.1:8080\"\n[[allow]]\ntool = \"*\"\nsession = \"main\"";
    let policy = Policy::parse(text, "p").expect("a policy");
    let tool = policy.for_tool("p", "t");
    assert!(judged(&tool, ".env", Access::Write) && judged(&tool, ".env", Access::Read));
    assert!(!judged(&tool, "a/.env", Access::Write), "exactly what it says");
    assert!(judged(&tool, ".git/config", Access::Read) && !judged(&tool, ".git/config", Access::Write));
    assert!(!judged(&policy.for_tool("p", "u"), ".env", Access::Read));
    assert!(!judged(&policy.for_tool("q", "t"), ".git/config", Access::Read));
    let endpoint = Endpoint::parse("http://127.0.0.1:8080").expect("an endpoint");
    assert!(tool.may_request(&endpoint, "POST").is_ok() && tool.may_request(&endpoint, "TRACE").is_err());
    assert!(
        tool.may_connect(&endpoint, "GET", "127.0.0.1".parse().expect("an address"))
            .is_ok()
    );
    assert!(policy.for_tool("q", "u").may_request(&endpoint, "GET").is_err());
    for (line, expect) in [
        ("tool = \"t\"", "only one"),
        ("read = \"a\"\nwrite = \"b\"", "only one"),
        ("write = \".git\"", "whose it is"),
        (
            "tool = \"t\"\nsession = \"a\"\nscope = \"file\"",
            "go with read or write",
        ),
        ("tool = \"t\"\nread = \"../a\"", "number 1"),
        ("raed = \"a\"", "unknown field"),
    ] {
        let error = Policy::parse(&format!("[[allow]]\n{line}"), "p")
            .expect_err(line)
            .to_string();
        assert!(error.contains(expect), "{error}");
    }
}

/// What is appended to a policy allows exactly what it was made for, with every character that means something in a pattern.
#[test]
fn lines_to_append() {
    for text in [
        ".env",
        "a/.git/hooks/x",
        ".git/a*b",
        ".git/[x]{y}?",
        ".git/\\",
        ".git/\"quoted\"",
        ".git/\u{e4} b",
    ] {
        for access in [Access::Read, Access::Write] {
            let entry = file(text, access);
            assert!(matches!(Policy::default().judge(&entry), Verdict::Refused(_)), "{text}");
            let lines = allow_lines("t", &entry);
            let lines = format!("[files]\nread = []\nwrite = []\n{lines}");
            let policy = Policy::parse(&lines, "p").expect(&lines);
            assert_eq!(policy.for_tool("p", "t").judge(&entry), Verdict::Allowed, "{lines}");
            assert!(
                matches!(policy.for_tool("p", "u").judge(&entry), Verdict::Refused(_)),
                "{lines}"
            );
            let beside = file(&format!("{text}x"), access);
            assert!(
                matches!(policy.for_tool("p", "t").judge(&beside), Verdict::Refused(_)),
                "{lines}"
            );
        }
    }
}

#[test]
fn approvals() {
    let policy = Policy::default();
    let entry = file(".env", Access::Read);
    let rules = policy.common().with([entry.clone()]);
    assert_eq!(rules.judge(&entry), Verdict::Allowed);
    assert!(!judged(&rules, ".env", Access::Write) && !judged(&rules, "b/.env", Access::Read));
    assert_eq!(
        rules.explain(&entry),
        Ok("an approval of the built-in policy".to_owned())
    );
}

#[test]
fn explained() {
    let rules = Policy::default().for_tool("fs", "read_file");
    assert_eq!(
        rules.explain(&file("a", Access::Read)),
        Ok("read = [\"**\"] in [files] of the built-in policy".to_owned())
    );
    assert!(rules.explain(&file(".env", Access::Read)).is_err());
}

#[test]
fn limits_and_defaults() {
    let text = "[limits]\nwall_ms = 1000\n[plugins.p.limits]\nwall_ms = 500\nmemory_bytes = 999999999999\n\
        [tools.t.limits]\nwall_ms = 700\noutput_bytes = 7\n[tools.t.defaults]\nlimit = 5\nnames = [\"a\"]";
    let policy = Policy::parse(text, "p").expect("a policy");
    let tool = policy.for_tool("p", "t");
    assert_eq!(
        tool.limits().wall.as_millis(),
        500,
        "never wider than what is around it"
    );
    assert_eq!(tool.limits().output, 7);
    assert_eq!(
        tool.limits().memory,
        Limits::default().memory,
        "never above the ceiling"
    );
    assert_eq!(
        serde_json::Value::from(tool.defaults().clone()),
        serde_json::json!({ "limit": 5, "names": ["a"] })
    );
    for (text, expect) in [
        ("[plugins.p.limits]\nwaiting_calls = 1", "limit of the host as a whole"),
        ("[plugins.p.defaults]\na = 1", "belong to a tool"),
        ("[tools.t]\nwarm = [\"a.com\"]", "belong to a plugin"),
        ("[plugins.p]\nwarm = [\"file:///x\"]", "warm: "),
        ("[mounts.Bad]\npath = \"/x\"\naccess = \"read\"", "[mounts.Bad]"),
        ("[mounts.a]\npath = \"/x\"\naccess = \"all\"", "unknown variant"),
        ("[[roots]]\npath = \"/x\"", "missing field `access`"),
        (
            "[[roots]]\npath = \"\"\naccess = \"read\"",
            "[[roots]] number 1: path is empty",
        ),
        ("[plugins.p.files]\nread = [\"a[\"]", "[plugins.p.files] read"),
    ] {
        let error = Policy::parse(text, "p").expect_err(text).to_string();
        assert!(error.contains(expect), "{text}: {error}");
    }
}

/// The table of the documentation, the shipped file and the built-in values are one.
#[test]
fn the_table_of_limits() {
    let shipped: toml::Table = DEFAULT_TEXT.parse().expect("TOML");
    let shown = shipped["limits"].as_table().expect("[limits]");
    for row in Limits::TABLE {
        let value = shown
            .get(row.key)
            .unwrap_or_else(|| panic!("{} is not in default-policy.toml", row.key));
        assert_eq!(value.as_integer(), i64::try_from(row.default).ok(), "{}", row.key);
    }
    assert_eq!(shown.len(), Limits::TABLE.len());
}

/// An exception frees what it names and what is below, but not what a list refuses further down, and none is louder than a
/// list of a section further in.
#[test]
fn exceptions_are_exact() {
    let policy = Policy::default();
    for (text, expect) in [
        (".env.example", true),
        (".env.example/a", true),
        (".env.example/.git/hooks/x", false),
        (".git/.env.example", true),
        (".env", false),
    ] {
        assert_eq!(judged(policy.common(), text, Access::Write), expect, "{text}");
    }
    let text = "[tools.t.files]\ndeny = [\"**\"]\n[plugins.p.files]\nexcept = [\"ok.txt\"]";
    let policy = Policy::parse(text, "p").expect("a policy");
    for text in ["a.txt", "ok.txt", ".env.example"] {
        assert!(!judged(&policy.for_tool("p", "t"), text, Access::Read), "{text}");
    }
}

/// What is allowed for one tool is as wide as it was asked for, and no way around what is refused below.
#[test]
fn grants_keep_their_scope() {
    let base = "[files]\nread = [\"src\"]\nwrite = []\n";
    for (scope, inside, outside) in [
        (Scope::File, &["docs"][..], &["docs/a", "docs/.env"][..]),
        (Scope::Directory, &["docs", "docs/a"], &["docs/a/b", "docs/.env"]),
        (
            Scope::Tree,
            &["docs", "docs/a", "docs/a/b"],
            &["docs/.env", "docs/a/.git/config", "other/docs"],
        ),
    ] {
        let resource = Resource::Path {
            path: path("docs"),
            scope,
            object: None,
        };
        let entry = Entry {
            resource,
            access: Access::Read,
        };
        let written = Policy::parse(&format!("{base}{}", allow_lines("t", &entry)), "p").expect("a policy");
        let approved = Policy::parse(base, "p")
            .expect("a policy")
            .for_tool("p", "t")
            .with([entry]);
        for rules in [written.for_tool("p", "t"), approved] {
            for text in inside {
                assert!(judged(&rules, text, Access::Read), "{scope:?} {text}");
            }
            for text in outside {
                assert!(!judged(&rules, text, Access::Read), "{scope:?} {text}");
            }
        }
    }
}

/// With a slash, wherever it stands, a pattern begins at the root.
#[test]
fn patterns_with_slashes() {
    let policy = Policy::parse("[files]\nwrite = [\"src/**\", \"/top\", \"any\"]", "p").expect("a policy");
    for (text, expect) in [
        ("src/a", true),
        ("vendor/src/a", false),
        ("top", true),
        ("a/top", false),
        ("a/any/b", true),
    ] {
        assert_eq!(judged(policy.common(), text, Access::Write), expect, "{text}");
    }
    let error = Policy::parse("[files]\nwrite = [\"src/\"]", "p")
        .expect_err("a slash at the end")
        .to_string();
    assert!(error.contains("no slash at its end"), "{error}");
}

/// What the host itself trusts is opened by no line and no approval.
#[test]
fn reserved() {
    let policy = Policy::parse("[[allow]]\ntool = \"t\"\nwrite = \"cfg\"", "p").expect("a policy");
    let rules = policy
        .for_tool("p", "t")
        .reserve(path("cfg/p.toml"), Access::Write, "this policy");
    let rules = rules.reserve(path("token"), Access::Read, "a secret");
    let rules = rules.with([file("token", Access::Read)]);
    assert!(judged(&rules, "cfg/other", Access::Write) && judged(&rules, "cfg/p.toml", Access::Read));
    assert!(!judged(&rules, "cfg/p.toml", Access::Write) && !judged(&rules, "token", Access::Read));
    let Verdict::Refused(refusal) = rules.judge(&file("cfg/p.toml", Access::Write)) else {
        panic!("refused")
    };
    assert!(
        refusal.reason().contains("this policy") && refusal.hint().contains("no line"),
        "{refusal:?}"
    );
}
