//! Servers that no claim names or no line allows, and names that lead to them. Denied means no connection and, where the
//! name alone is enough to refuse, no lookup.

use super::{GROUP, allow, good, got, ground, requests, words};
use crate::suite::Suite;
use serde_json::json;
use std::time::Duration;
use toolyard::{Call, Status, report};
use toolyard_tests::run;
use toolyard_tests::web::Server;

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "a host that the claim does not name", not_claimed);
    suite.add(
        GROUP,
        "a host that the policy does not list: no connection, no lookup",
        not_listed,
    );
    suite.add(
        GROUP,
        "names that lead to private, shared, link-local, metadata and multicast ranges",
        private_names,
    );
    suite.add(
        GROUP,
        "rebinding: the resolver answers differently the second time",
        rebinding,
    );
    suite.add(
        GROUP,
        "a name with a good and a bad address: only the good one is tried",
        mixed,
    );
    suite.add(
        GROUP,
        "redirects to a denied host, a private address, another scheme",
        redirects,
    );
    suite.add(GROUP, "redirects in a loop", redirect_loop);
    suite.add(
        GROUP,
        "a redirect without leave: the claim does not say so",
        redirect_not_claimed,
    );
    suite.add(
        GROUP,
        "an idle connection is not lent to a tool that may not go there",
        no_lending,
    );
    suite.add(
        GROUP,
        "proxy settings and credentials of the host's environment are not used",
        environment,
    );
    suite.add(GROUP, "raw sockets", sockets);
    suite.add(GROUP, "TLS: an unknown authority, another host's certificate", tls);
}

fn not_claimed() -> usize {
    let (granted, other) = (Server::start(), Server::start());
    let (ground, names) = ground(
        &allow(&[
            "{ host = \"*\", addresses = [\"127.0.0.1\"] }",
            "\"http://127.0.0.1:1\"",
        ]),
        &[],
    );
    drop(ground);
    let rules = [
        format!("{:?}", granted.url()),
        format!("{:?}", other.url()),
        "\"other.test\"".to_owned(),
    ];
    let (ground, _) = super::ground(
        &allow(&rules.each_ref().map(String::as_str)),
        &[("other.test", &["127.0.0.1"])],
    );
    let urls = [
        format!("{}/x", other.url()),
        "http://other.test/".to_owned(),
        format!("https://127.0.0.1:{}/", granted.port()),
        format!("http://127.0.0.2:{}/", granted.port()),
        format!("http://localhost:{}/", granted.port()),
    ];
    let ops: Vec<_> = urls.iter().map(|url| json!({ "url": url })).collect();
    let got = requests(&ground, &[&granted.url()], &ops);
    assert_eq!(words(&got), vec!["HttpRequestDenied"; urls.len()], "{got:?}");
    assert_eq!((other.connections(), granted.connections(), names.asked()), (0, 0, 0));
    good(&ground, &granted);
    urls.len()
}

fn not_listed() -> usize {
    let server = Server::start();
    let (ground, names) = ground(&allow(&["\"listed.test\""]), &[("other.test", &["127.0.0.1"])]);
    let urls = [
        server.url(),
        format!("http://other.test:{}/", server.port()),
        "https://x.listed.test/".to_owned(),
    ];
    for url in &urls {
        let outcome = ground.call("probe_http", json!({ "urls": [url], "ops": [{ "url": url }] }));
        assert_eq!(outcome.status, Status::Denied, "{outcome:?}");
        let error = outcome.error.expect("an error");
        assert!(
            error.message.contains("probe_http") && error.message.contains("[network]"),
            "{error:?}"
        );
        assert!(
            error
                .hint
                .expect("a hint")
                .contains("[network]\nallow = [\"listed.test\", ")
        );
    }
    assert_eq!((server.connections(), names.asked()), (0, 0));
    ground.alive();
    urls.len()
}

/// Every range that is not for everyone, under a name that the policy allows.
fn private_names() -> usize {
    let server = Server::start();
    let addresses = [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ];
    let port = server.port();
    for address in addresses {
        let answers = [address];
        let (ground, names) = ground(&allow(&[&format!("\"in.test:{port}\"")]), &[("in.test", &answers)]);
        let url = format!("http://in.test:{port}/");
        let got = requests(&ground, &[&url], &[json!({ "url": url })]);
        assert_eq!(words(&got), ["DestinationIpProhibited"], "{address}: {got:?}");
        assert_eq!(names.asked(), 1, "{address}");
    }
    assert_eq!(server.connections(), 0);
    addresses.len()
}

fn rebinding() {
    let good = Server::at("127.0.0.2:0", None);
    let bad = Server::at(&format!("127.0.0.1:{}", good.port()), None);
    let port = good.port();
    let rule = format!("{{ host = \"in.test\", port = {port}, addresses = [\"127.0.0.2\"] }}");
    let (ground, names) = ground(&allow(&[&rule]), &[("in.test", &["127.0.0.2", "127.0.0.1"])]);
    let url = format!("http://in.test:{port}/close");
    // The server closes, so that the second request needs a new connection and a new lookup.
    let ops = [json!({ "url": url }), json!({ "url": url })];
    let got = requests(&ground, &[&url], &ops);
    assert_eq!(words(&got), ["200", "DestinationIpProhibited"], "{got:?}");
    assert_eq!((good.connections(), bad.connections(), names.asked()), (1, 0, 2));
    // On a connection that is kept, nothing is looked up again: the address is the one that was judged.
    let (ground, names) = super::ground(&allow(&[&rule]), &[("in.test", &["127.0.0.2", "127.0.0.1"])]);
    let url = format!("http://in.test:{port}/hello");
    let ops = [json!({ "url": url }), json!({ "url": url }), json!({ "url": url })];
    assert_eq!(words(&requests(&ground, &[&url], &ops)), ["200", "200", "200"]);
    assert_eq!((good.connections(), bad.connections(), names.asked()), (2, 0, 1));
}

fn mixed() {
    let good = Server::at("127.0.0.2:0", None);
    let bad = Server::at(&format!("127.0.0.1:{}", good.port()), None);
    let rule = format!(
        "{{ host = \"in.test\", port = {}, addresses = [\"127.0.0.2\"] }}",
        good.port()
    );
    let (ground, _) = ground(&allow(&[&rule]), &[("in.test", &["127.0.0.1 10.0.0.1 127.0.0.2"])]);
    let url = format!("http://in.test:{}/", good.port());
    assert_eq!(words(&requests(&ground, &[&url], &[json!({ "url": url })])), ["200"]);
    assert_eq!((good.connections(), bad.connections()), (1, 0));
}

fn redirects() -> usize {
    let (start, denied, allowed) = (Server::start(), Server::start(), Server::start());
    let rules = [
        format!("{:?}", start.url()),
        format!("{:?}", allowed.url()),
        "\"in.test\"".to_owned(),
    ];
    let (ground, _) = ground(
        &allow(&rules.each_ref().map(String::as_str)),
        &[("in.test", &["127.0.0.1"])],
    );
    let targets = [
        (format!("{}/x", allowed.url()), "200"),
        (format!("{}/x", denied.url()), "HttpRequestDenied"),
        ("http://in.test/".to_owned(), "DestinationIpProhibited"),
        ("https://evil.test/".to_owned(), "HttpRequestDenied"),
        (
            format!("http://[::ffff:127.0.0.1]:{}/", denied.port()),
            "HttpRequestDenied",
        ),
        (format!("http://2130706433:{}/", denied.port()), "HttpRequestDenied"),
        ("file://evil.test/etc/passwd".to_owned(), "HttpProtocolError"),
    ];
    for (target, expect) in &targets {
        let from = format!("{}/redirect?to={target}", start.url());
        let ops = json!([{ "url": from }, { "url": target }]);
        let outcome = ground.call("probe_http_redirects", json!({ "urls": [from], "ops": ops }));
        assert_eq!(words(&got(&outcome)), ["302", expect], "{target}: {outcome:?}");
        let notes = outcome.notes.join("\n");
        assert_eq!(notes.contains(&allowed.url()), *expect == "200", "{notes}");
    }
    // Nobody is sent where no answer has pointed.
    let ops = json!([{ "url": format!("{}/x", allowed.url()) }]);
    let outcome = ground.call("probe_http_redirects", json!({ "urls": [start.url()], "ops": ops }));
    assert_eq!(words(&got(&outcome)), ["HttpRequestDenied"]);
    assert_eq!(denied.connections(), 0);
    targets.len()
}

fn redirect_loop() {
    let server = Server::start();
    let (ground, _) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let outcome = ground.call("fetch", json!({ "url": format!("{}/loop", server.url()) }));
    assert_eq!(outcome.status, Status::Failed, "{outcome:?}");
    assert!(outcome.error.expect("an error").message.contains("redirect"));
    assert!(server.seen().len() <= 21, "{}", server.seen().len());
    good(&ground, &server);
}

fn redirect_not_claimed() {
    let (start, other) = (Server::start(), Server::start());
    let rules = [format!("{:?}", start.url()), format!("{:?}", other.url())];
    let (ground, _) = ground(&allow(&rules.each_ref().map(String::as_str)), &[]);
    let from = format!("{}/redirect?to={}/x", start.url(), other.url());
    let got = requests(
        &ground,
        &[&from],
        &[json!({ "url": from }), json!({ "url": format!("{}/x", other.url()) })],
    );
    assert_eq!(words(&got), ["302", "HttpRequestDenied"]);
    assert_eq!(other.connections(), 0);
}

/// Two tools of one plugin share connections, but not what they may reach.
fn no_lending() {
    let server = Server::start();
    let port = server.port();
    let policy = format!(
        "[tools.probe_http.network]\nallow = [{{ host = \"in.test\", port = {port}, addresses = [\"127.0.0.1\"] }}]\n\
         [tools.probe_http_redirects.network]\nallow = [\"in.test:{port}\"]"
    );
    let (ground, _) = ground(&policy, &[("in.test", &["127.0.0.1"])]);
    let url = format!("http://in.test:{port}/");
    assert_eq!(words(&requests(&ground, &[&url], &[json!({ "url": url })])), ["200"]);
    let outcome = ground.call(
        "probe_http_redirects",
        json!({ "urls": [url], "ops": [{ "url": url }] }),
    );
    assert_eq!(words(&got(&outcome)), ["DestinationIpProhibited"]);
    assert_eq!((server.connections(), server.seen().len()), (1, 1));
}

fn environment() {
    let (server, proxy) = (Server::start(), Server::start());
    let world = toolyard_tests::World::new();
    world.add(&json!({ "toolyard.toml": allow(&[&format!("{:?}", server.url())]) }));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_toolyard-under-test"))
        .args([
            "call",
            "fetch",
            &format!("url={}/echo", server.url()),
            "format=raw",
            "--workspace",
        ])
        .arg(world.path())
        .env("HTTP_PROXY", proxy.url())
        .env("http_proxy", proxy.url())
        .env("ALL_PROXY", proxy.url())
        .env("XDG_STATE_HOME", world.outside())
        .output()
        .expect("the command line");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("GET /echo"), "{output:?}");
    assert!(
        !text.to_lowercase().contains("authorization") && !text.to_lowercase().contains("proxy"),
        "{text}"
    );
    assert_eq!(proxy.connections(), 0);
}

fn sockets() {
    let server = Server::start();
    let (ground, names) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let outcome = ground.call("probe_sockets", json!({ "port": server.port() }));
    let said = report::outcome(&outcome).to_string();
    assert_eq!(outcome.status, Status::Ok, "{said}");
    let told = outcome.structured.expect("what each was told");
    let told: Vec<_> = told.as_object().expect("an object").values().collect();
    assert!(told.len() == 5 && told.iter().all(|word| *word != "ok"), "{said}");
    assert_eq!((server.connections(), names.asked()), (0, 0));
}

fn tls() -> usize {
    let authority = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = parameters.self_signed(&authority).expect("a certificate");
    let issuer = rcgen::Issuer::from_params(&parameters, &authority);
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["good.test".to_owned()];
    let leaf = rcgen::CertificateParams::new(names)
        .expect("names")
        .signed_by(&key, &issuer)
        .expect("a certificate");
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private.into())
        .expect("a configuration");
    let server = Server::at("127.0.0.1:0", Some(config.into()));
    let port = server.port();
    let rules = ["good.test", "other.test"]
        .map(|name| format!("{{ host = \"https://{name}:{port}\", addresses = [\"127.0.0.1\"] }}"));
    let policy = allow(&rules.each_ref().map(String::as_str));
    let hosts: &[(&str, &[&str])] = &[("good.test", &["127.0.0.1"]), ("other.test", &["127.0.0.1"])];
    let (strict, _) = ground(&policy, hosts);
    let names = toolyard_tests::web::Names::new(hosts);
    let trusting = crate::ground::Ground::of(toolyard_tests::World::new(), |builder| {
        builder
            .policy_text(&policy)
            .resolver(names)
            .trust_certificates(root.pem())
    });
    let url = |name: &str| format!("https://{name}:{port}/");
    let word = |ground, name| words(&requests(ground, &[&url(name)], &[json!({ "url": url(name) })])).remove(0);
    assert_eq!(word(&trusting, "good.test"), "200");
    assert_eq!(word(&trusting, "other.test"), "TlsCertificateError");
    assert_eq!(word(&strict, "good.test"), "TlsCertificateError");
    // Plain HTTP to a server that wants TLS, and no answer at all, end too.
    let calls = vec![Call::new(
        "probe_http",
        json!({ "urls": [url("good.test")], "ops": [{ "url": url("good.test") }] }),
    )];
    let outcome = run(&trusting.host, calls).remove(0);
    assert_eq!(words(&got(&outcome)), ["200"]);
    std::thread::sleep(Duration::from_millis(1));
    3
}
