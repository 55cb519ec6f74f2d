//! Random policies, patterns and URLs: nothing makes the policy panic, and nothing is allowed that a second, simpler reading
//! of the same lines doesn't allow. It must not touch a file.

use super::*;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "A", ".git", "x.key", "c d", "[", "*"]).prop_map(str::to_owned)
}

fn place() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 0..4).prop_map(|parts| parts.join("/"))
}

fn pattern() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "*", "**", "?", "*.key", ".git", "A"]);
    let joined = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    (prop::bool::ANY, joined).prop_map(|(rooted, text)| if rooted { format!("/{text}") } else { text })
}

/// Whether a pattern matches the whole of these names, read in the plainest way.
fn whole(pattern: &str, names: &[String]) -> bool {
    let plain = pattern.strip_prefix('/').unwrap_or(pattern);
    let plain = plain.strip_suffix("/**").unwrap_or(plain);
    if plain == "**" {
        return true;
    }
    let parts: Vec<String> = plain.split('/').map(str::to_lowercase).collect();
    match (pattern.contains('/'), names.last()) {
        (_, None) => false,
        (false, Some(name)) => one(&parts[0], name),
        (true, Some(_)) => all(&parts, names),
    }
}

/// How many of the path's names, from the root down, the patterns match at most.
fn deepest(patterns: &[String], path: &str) -> Option<usize> {
    let names = path.split('/').filter(|name| !name.is_empty()).map(str::to_lowercase);
    let names: Vec<String> = names.collect();
    let matched = |end: &usize| patterns.iter().any(|pattern| whole(pattern, &names[..*end]));
    (0..=names.len()).rev().find(matched)
}

fn all(parts: &[String], names: &[String]) -> bool {
    match (parts.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((part, rest)), _) if part == "**" => {
            // Over any number of folders; at the end over at least one name.
            let least = usize::from(rest.is_empty());
            (least..=names.len()).any(|skip| all(rest, &names[skip..]))
        }
        (Some((part, rest)), Some((name, names))) => one(part, name) && all(rest, names),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn one(part: &str, name: &str) -> bool {
    let (part, name): (Vec<char>, Vec<char>) = (part.chars().collect(), name.chars().collect());
    match part.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => {
            let rest: String = rest.iter().collect();
            (0..=name.len()).any(|skip| one(&rest, &name[skip..].iter().collect::<String>()))
        }
        Some((first, rest)) => {
            let rest: String = rest.iter().collect();
            name.first().is_some_and(|c| c == first || *first == '?')
                && one(&rest, &name[1..].iter().collect::<String>())
        }
    }
}

fn lists() -> impl Strategy<Value = [Vec<String>; 3]> {
    let list = || prop::collection::vec(pattern(), 0..3);
    [list(), list(), list()]
}

/// Texts that look like URLs, and what attackers make of them.
fn url() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["http", "https", "HTTP", "ftp", "", "javascript", "file"]);
    let between = prop::sample::select(vec![
        "://", ":", ":/", ":///", "//", "://@", "://a@", "://a:b@", ":\\\\",
    ]);
    let host = prop::sample::select(vec![
        "a.com",
        "A.Com",
        "a.com.",
        "a.com..",
        "127.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "a.com@b.com",
        "a.com\\@b.com",
        "a.com%40b.com",
        "a.com#@b.com",
        "a.com?@b.com",
        "a.com/@b.com",
        "\u{e4}.com",
        "a\u{3002}com",
        "",
        ".",
        "a_b.com",
        "-a.com",
        "a com",
        "a.com\n",
        "1.2.3.4.5",
        "256.1.1.1",
        "localhost",
    ]);
    let port = prop::sample::select(vec![
        "", ":80", ":443", ":0", ":65535", ":65536", ":", ":8a", ":080", ":+80",
    ]);
    let path = prop::sample::select(vec!["", "/", "/x?y#z", "?q", "#f", "\\x", "/../..", "//b.com"]);
    (scheme, between, host, port, path).prop_map(|(a, b, c, d, e)| format!("{a}{b}{c}{d}{e}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_are_judged_as_they_are_read([read, deny, except] in lists(), path in place()) {
        let text = format!("[files]\nread = {read:?}\ndeny = {deny:?}\nexcept = {except:?}\nwrite = []");
        let policy = Policy::parse(&text, "p").expect("patterns of this alphabet make sense");
        // What is refused may be excepted by its own name or by one below it, and by none above.
        let denied = deepest(&deny, &path).is_some_and(|at| deepest(&except, &path).is_none_or(|other| other < at));
        let expect = deepest(&read, &path).is_some() && !denied;
        let path = CanonicalPath::new("", path.as_str());
        prop_assert_eq!(policy.common().visible(&path, Access::Read), expect, "{} {}", text, path);
        prop_assert!(!policy.common().visible(&path, Access::Write));
    }

    /// Wherever a character is lost or doubled, the policy is read or refused, and what is read can be asked.
    #[test]
    fn broken_policies(at in 0..DEFAULT_TEXT.len(), what in prop::sample::select(vec!["", "\"", "[", "]", "=", "\n", "\u{0}", "[[allow]]", "99999999999999999999", "#"]), cut in 0..40_usize) {
        let begin = (0..=at).rev().find(|at| DEFAULT_TEXT.is_char_boundary(*at)).expect("0 is one");
        let end = (at + cut..=DEFAULT_TEXT.len()).find(|at| DEFAULT_TEXT.is_char_boundary(*at)).unwrap_or(DEFAULT_TEXT.len());
        let text = format!("{}{what}{}", &DEFAULT_TEXT[..begin], &DEFAULT_TEXT[end..]);
        if let Ok(policy) = Policy::parse(&text, "p") {
            let rules = policy.for_tool("fs", "read_file");
            let path = CanonicalPath::new("", ".git/config");
            let endpoint = Endpoint::parse("https://a.com").expect("an endpoint");
            let _ = (rules.visible(&path, Access::Write), rules.may_request(&endpoint, "GET"), policy.mounts(), policy.open_doors());
        }
    }

    /// An endpoint reads back as itself, and a second parser that would have connected somewhere else doesn't exist: where
    /// the one that carries requests takes the text, it takes the same host and port.
    #[test]
    fn urls_mean_one_server(text in url()) {
        let Ok(endpoint) = Endpoint::parse(&text) else { return Ok(()) };
        prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint.clone()), "{}", text);
        prop_assert!(endpoint.port != 0);
        if let Ok(uri) = text.parse::<http::Uri>()
            && let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority())
        {
            let other = crate::call::HostName::parse(authority.host());
            prop_assert_eq!(other.as_ref(), Ok(&endpoint.host), "{}", text);
            let port = authority.port_u16().unwrap_or(endpoint.scheme.default_port());
            prop_assert_eq!(port, endpoint.port, "{}", text);
            prop_assert_eq!(scheme.to_lowercase(), endpoint.scheme.name());
        }
    }

    /// What no line lists is never allowed, whatever stands in the others.
    #[test]
    fn servers_are_listed(text in url(), rules in prop::collection::vec(prop::sample::select(vec!["a.com", "*.com", "https://b.com:8443", "localhost:80", "8.8.8.8", "*.a.com"]), 0..4)) {
        let Ok(endpoint) = Endpoint::parse(&text) else { return Ok(()) };
        let policy = Policy::parse(&format!("[network]\nallow = {rules:?}"), "p").expect("rules");
        let host = endpoint.host.to_string();
        let standard = endpoint.port == endpoint.scheme.default_port();
        let means = |rule: &&str| match *rule {
            "a.com" => host == "a.com" && standard,
            "*.com" => host.ends_with(".com") && standard,
            "*.a.com" => host.ends_with(".a.com") && standard,
            "localhost:80" => host == "localhost" && endpoint.port == 80,
            "https://b.com:8443" => endpoint.to_string() == "https://b.com:8443",
            other => host == other && standard,
        };
        let allowed = policy.common().may_request(&endpoint, "GET").is_ok();
        prop_assert_eq!(allowed, rules.iter().any(means), "{} {:?}", text, rules);
    }
}
