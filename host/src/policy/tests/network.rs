//! Servers, addresses and secrets as tables. It must not look up a name.

use super::*;
use std::net::IpAddr;

fn reach(url: &str, method: &str) -> Entry {
    let endpoint = Endpoint::parse(url).expect("an endpoint");
    let resource = Resource::Network(Reach {
        endpoint,
        methods: [method.to_owned()].into(),
        redirects: false,
    });
    Entry {
        resource,
        access: Access::Read,
    }
}

fn judged(policy: &Policy, url: &str, method: &str) -> bool {
    policy.judge(&reach(url, method)) == Verdict::Allowed
}

#[test]
fn global_addresses() {
    for (text, expect) in [
        ("8.8.8.8", true),
        ("1.1.1.1", true),
        ("93.184.216.34", true),
        ("2606:2800:220:1:248:1893:25c8:1946", true),
        ("2a00:1450:4001:81b::200e", true),
        ("0.0.0.0", false),
        ("0.1.2.3", false),
        ("10.0.0.1", false),
        ("100.64.0.1", false),
        ("127.0.0.1", false),
        ("127.255.255.254", false),
        ("169.254.169.254", false),
        ("172.16.0.1", false),
        ("172.31.255.255", false),
        ("172.32.0.1", true),
        ("192.0.0.1", false),
        ("192.0.2.1", false),
        ("192.88.99.1", false),
        ("192.168.1.1", false),
        ("198.18.0.1", false),
        ("198.51.100.7", false),
        ("203.0.113.7", false),
        ("224.0.0.1", false),
        ("239.255.255.250", false),
        ("240.0.0.1", false),
        ("255.255.255.255", false),
        ("::", false),
        ("::1", false),
        ("::ffff:8.8.8.8", false),
        ("::ffff:127.0.0.1", false),
        ("::127.0.0.1", false),
        ("64:ff9b::7f00:1", false),
        ("64:ff9b:1::1", false),
        ("100::1", false),
        ("2001::1", false),
        ("2001:db8::1", false),
        ("2002:7f00:1::", false),
        ("3fff::1", false),
        ("5f00::1", false),
        ("fc00::1", false),
        ("fd00:ec2::254", false),
        ("fe80::1", false),
        ("fec0::1", false),
        ("ff02::1", false),
    ] {
        let address: IpAddr = text.parse().expect("an address");
        assert_eq!(is_global(address), expect, "{text}");
    }
}

#[test]
fn ranges() {
    let range = |text: &str| text.parse::<AddressRange>();
    for (text, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("0.0.0.0/0", "8.8.8.8", "::1"),
        ("fd00::/8", "fd12::1", "fc00::1"),
        ("::1", "::1", "::2"),
        ("::/0", "ff02::1", "127.0.0.1"),
    ] {
        let parsed = range(text).expect(text);
        assert!(parsed.contains(inside.parse().expect("an address")), "{text} {inside}");
        assert!(
            !parsed.contains(outside.parse().expect("an address")),
            "{text} {outside}"
        );
        assert_eq!(range(&parsed.to_string()), Ok(parsed), "{text} is shown as it is read");
    }
    for text in ["", "10", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "a.b", "10.0.0.0/8/8"] {
        assert!(range(text).is_err(), "{text}");
    }
}

#[test]
fn rules() {
    let text = "[network]\ndeny = [\"bad.c.com\", { host = \"a.com\", methods = [\"DELETE\"] }]\nallow = [\"a.com\", \
        \"https://b.com:8443\", \"*.c.com\", { host = \"d.com\", methods = [\"GET\"] }, \"http://127.0.0.1:8080\", \
        { host = \"10.0.0.7\", addresses = [\"10.0.0.0/8\"] }, \"8.8.8.8\", { host = \"*\", port = 9000 }]";
    let policy = Policy::parse(text, "p").expect("a policy");
    for (url, method, expect) in [
        ("https://a.com/x", "GET", true),
        ("https://A.COM./x", "PUT", true),
        ("https://a.com", "DELETE", false),
        ("https://a.com", "CONNECT", false),
        ("https://a.com", "TRACE", false),
        ("https://a.com:8443", "GET", false),
        ("https://b.com:8443", "GET", true),
        ("http://b.com:8443", "GET", false),
        ("https://b.com", "GET", false),
        ("https://x.c.com", "GET", true),
        ("https://x.y.c.com", "GET", true),
        ("https://c.com", "GET", false),
        ("https://bad.c.com", "GET", false),
        ("https://xc.com", "GET", false),
        ("https://a.com.evil.com", "GET", false),
        ("https://d.com", "GET", true),
        ("https://d.com", "POST", false),
        ("http://127.0.0.1:8080", "GET", true),
        ("http://2130706433:8080", "GET", true),
        ("http://127.0.0.1:8081", "GET", false),
        ("http://127.0.0.2:8080", "GET", false),
        ("http://[::ffff:127.0.0.1]:8080", "GET", false),
        ("https://10.0.0.7", "GET", true),
        ("https://8.8.8.8", "GET", true),
        ("https://anything.org:9000", "GET", true),
        ("https://192.168.0.1:9000", "GET", false),
        ("https://9.9.9.9:9000", "GET", true),
    ] {
        assert_eq!(judged(&policy, url, method), expect, "{method} {url}");
    }
}

#[test]
fn mistakes() {
    for (line, expect) in [
        ("allow = [\"a.com/x\"]", "no rule like"),
        ("allow = [\"*a.com\"]", "no rule like"),
        ("allow = [\"a.com:0\"]", "no port from 1"),
        ("allow = [\"ftp://a.com\"]", "only http and https"),
        ("allow = [\"*.127.0.0.1\"]", "nothing below"),
        ("allow = [\"user@a.com\"]", "no rule like"),
        ("allow = [{ host = \"a.com\", methods = [\"get\"] }]", "capital letters"),
        (
            "allow = [{ host = \"a.com\", addresses = [\"10.0.0.0/40\"] }]",
            "range of addresses",
        ),
        (
            "allow = [{ host = \"a.com\", adresses = [] }]",
            "unknown field `adresses`",
        ),
        ("allow = [7]", "expected a text like"),
        ("allwo = []", "unknown field"),
    ] {
        let error = Policy::parse(&format!("[network]\n{line}"), "my.toml")
            .expect_err(line)
            .to_string();
        assert!(error.contains(expect), "{line}: {error}");
    }
}

/// What a connection may go to when the name has been looked up.
#[test]
fn addresses_of_names() {
    let text = "[network]\nallow = [\"a.com\", { host = \"in.corp\", addresses = [\"10.0.0.0/8\"] }]\n\
        deny = [{ host = \"*\", addresses = [\"9.9.9.0/24\"] }]";
    let policy = Policy::parse(text, "p").expect("a policy");
    let may = |url: &str, address: &str| {
        let endpoint = Endpoint::parse(url).expect("an endpoint");
        policy
            .common()
            .may_connect(&endpoint, "GET", address.parse().expect("an address"))
    };
    for (url, address, expect) in [
        ("https://a.com", "8.8.8.8", true),
        ("https://a.com", "127.0.0.1", false),
        ("https://a.com", "10.1.2.3", false),
        ("https://a.com", "::1", false),
        ("https://a.com", "9.9.9.9", false),
        ("https://in.corp", "10.1.2.3", true),
        ("https://in.corp", "11.1.2.3", true),
        ("https://in.corp", "192.168.0.1", false),
    ] {
        assert_eq!(may(url, address).is_ok(), expect, "{url} {address}");
    }
    let refusal = may("https://a.com", "127.0.0.1").expect_err("loopback");
    assert!(
        refusal
            .line()
            .contains("{ host = \"https://a.com\", addresses = [\"127.0.0.1\"] }"),
        "{refusal:?}"
    );
}

/// The line that a refusal shows really allows what it refused, and keeps what was allowed.
#[test]
fn the_shown_line_allows_it() {
    let text = "[network]\nallow = [\"a.com\", { host = \"d.com\", methods = [\"GET\"] }]";
    for (url, method) in [
        ("https://b.com", "GET"),
        ("http://b.com:8080", "POST"),
        ("https://d.com", "POST"),
        ("http://127.0.0.1:81", "GET"),
        ("https://[fd00::1]:81", "GET"),
    ] {
        let policy = Policy::parse(text, "p").expect("a policy");
        let mut line = String::new();
        // An address needs two things: the server listed, and its address named.
        for _ in 0..2 {
            let policy = match line.is_empty() {
                true => policy.clone(),
                false => Policy::parse(&line, "p").expect(&line),
            };
            match policy.judge(&reach(url, method)) {
                Verdict::Allowed => {}
                Verdict::Refused(refusal) => line = refusal.line().replace("[network] ", "[network]\n"),
            }
        }
        let widened = Policy::parse(&line, "p").expect(&line);
        assert!(judged(&widened, url, method), "{url}: {line}");
        assert!(judged(&widened, "https://a.com", "GET"), "{url}: {line}");
    }
}

#[test]
fn plain_http_after_https() {
    let policy = Policy::parse("[network]\nallow = [\"a.com\", \"http://b.com\"]", "p").expect("a policy");
    let may = |from: &str, to: &str| {
        let endpoint = |url: &str| Endpoint::parse(url).expect("an endpoint");
        policy
            .common()
            .may_follow(&endpoint(from), &endpoint(to), "GET")
            .is_ok()
    };
    assert!(may("http://x.com", "http://a.com"));
    assert!(may("https://x.com", "https://a.com"));
    assert!(!may("https://x.com", "http://a.com"), "no line names plain http for it");
    assert!(may("https://x.com", "http://b.com"));
    assert!(!may("https://x.com", "https://c.com"));
}

#[test]
fn secrets() {
    let text = "[secrets.hub]\nhosts = [\"api.a.com\", \"http://127.0.0.1:8080\"]\nheader = \"Authorization\"\n\
        prefix = \"Bearer \"\nenv = \"HUB\"\nplugins = [\"web\"]";
    let policy = Policy::parse(text, "p").expect("a policy");
    assert!(policy.for_tool("other", "x").secrets().is_empty());
    let rules = policy.for_tool("web", "fetch");
    let [secret] = rules.secrets() else {
        panic!("one secret")
    };
    for (url, expect) in [
        ("https://api.a.com/x", true),
        ("http://api.a.com/x", false),
        ("https://a.com", false),
        ("http://127.0.0.1:8080", true),
    ] {
        assert_eq!(
            secret.is_for(&Endpoint::parse(url).expect("an endpoint")),
            expect,
            "{url}"
        );
    }
    for (line, expect) in [
        ("hosts = [\"a.com\"]\nheader = \"x\"", "one of env and file"),
        ("hosts = []\nheader = \"x\"\nenv = \"A\"", "at least one"),
        ("hosts = [\"a.com\"]\nheader = \"Host\"\nenv = \"A\"", "no header that"),
        ("hosts = [\"a.com\"]\nheader = \"a b\"\nenv = \"A\"", "no header that"),
    ] {
        let error = Policy::parse(&format!("[secrets.s]\n{line}"), "p")
            .expect_err(line)
            .to_string();
        assert!(error.contains(expect) && error.contains("[secrets.s]"), "{error}");
    }
}

/// What is refused is refused under every name, port and in every combination of other lines.
#[test]
fn refused_whatever_stands_above() {
    let text = "[network]\nallow = [{ host = \"*\", port = 8080, addresses = [\"0.0.0.0/0\"] }, \"*.example.com:8443\", \
        { host = \"c.com\", methods = [\"GET\"], addresses = [\"10.0.0.0/8\"] }, \"c.com\"]\n\
        deny = [\"127.0.0.1\", \"169.254.169.254\", \"internal.example.com\", { host = \"post.com\", methods = [\"POST\"] }]";
    let policy = Policy::parse(text, "p").expect("a policy");
    let may = |url: &str, method: &str, address: &str| {
        let endpoint = Endpoint::parse(url).expect("an endpoint");
        let address = address.parse().expect("an address");
        let rules = policy.common();
        rules.may_request(&endpoint, method).is_ok() && rules.may_connect(&endpoint, method, address).is_ok()
    };
    for (url, method, address, expect) in [
        ("http://good.com:8080", "GET", "10.0.0.1", true),
        ("http://localhost:8080", "GET", "127.0.0.1", false),
        ("http://metadata:8080", "GET", "169.254.169.254", false),
        ("https://internal.example.com:8443", "GET", "8.8.8.8", false),
        ("https://other.example.com:8443", "GET", "8.8.8.8", true),
        ("http://post.com:8080", "POST", "8.8.8.8", false),
        ("http://post.com:8080", "GET", "8.8.8.8", true),
        // One line names the address, another one gives the method: neither gives both.
        ("https://c.com", "GET", "10.0.0.1", true),
        ("https://c.com", "POST", "10.0.0.1", false),
        ("https://c.com", "POST", "8.8.8.8", true),
    ] {
        assert_eq!(may(url, method, address), expect, "{method} {url} at {address}");
    }
    let plain = "[secrets.s]\nhosts = [{ host = \"a.com\", methods = [\"GET\"] }]\nheader = \"x\"\nenv = \"A\"";
    let error = Policy::parse(plain, "p")
        .expect_err("methods mean nothing there")
        .to_string();
    assert!(error.contains("no methods"), "{error}");
}
