//! URLs and requests that could be read in two ways. Each is refused, or means what the grant means.

use super::{GROUP, allow, good, ground, requests, words};
use crate::suite::Suite;
use serde_json::{Value, json};
use toolyard::Status;
use toolyard_tests::web::Server;

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "numbers for addresses: 2130706433, 0x7f.1, 0177.0.0.1, 127.1, 0, [::], [::ffff:127.0.0.1]", numbers);
    suite.add(GROUP, "user@host, host#@host, host.evil.com, trailing dot, upper case, punycode", hosts);
    suite.add(GROUP, "port 0, port 65536, a port that is not granted", ports);
    suite.add(GROUP, "CR and LF in path and headers", line_breaks);
    suite.add(GROUP, "a whole URL in the place of a path, and other odd paths", odd_paths);
    suite.add(GROUP, "a Host header of one's own", host_header);
    suite.add(GROUP, "CONNECT, TRACE and methods that are not granted", methods);
    suite.add(GROUP, "file:, ftp:, data:, ws:, javascript:", schemes);
}

/// Claims with these URLs are refused, and nothing is reached.
fn claims_refused(policy: &str, server: &Server, urls: &[String]) -> usize {
    let (ground, names) = ground(policy, &[]);
    for url in urls {
        let outcome = ground.call("probe_http", json!({ "urls": [url], "ops": [{ "url": url }] }));
        assert!(matches!(outcome.status, Status::Denied | Status::InvalidArguments), "{url}: {outcome:?}");
        let error = outcome.error.expect("an error");
        assert!(error.message.contains("probe_http"), "{error:?}");
    }
    assert_eq!((server.connections(), names.asked()), (0, 0));
    ground.alive();
    urls.len()
}

fn numbers() -> usize {
    let server = Server::start();
    let port = server.port();
    let hosts = ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0", "0x7f000001", "[::]", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1"];
    let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    let refused = claims_refused(&allow(&[&format!("{{ host = \"*\", port = {port} }}")]), &server, &urls);
    // Where the address is named, every spelling of it is the one grant, and nothing else is.
    let (ground, _) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let ops: Vec<Value> = urls.iter().map(|url| json!({ "url": url })).collect();
    let got = requests(&ground, &[&server.url()], &ops);
    let denied = "HttpRequestDenied";
    let expect = ["200", "200", "200", "200", denied, "200", denied, denied, denied, "200"];
    assert_eq!(words(&got), expect);
    refused + urls.len()
}

fn hosts() -> usize {
    let server = Server::start();
    let port = server.port();
    let policy = allow(&[&format!("{{ host = \"allowed.test\", port = {port}, addresses = [\"127.0.0.1\"] }}")]);
    let evil = [
        format!("http://allowed.test@evil.test:{port}/"),
        format!("http://allowed.test:x@evil.test:{port}/"),
        format!("http://evil.test:{port}#@allowed.test:{port}/"),
        format!("http://evil.test:{port}\\@allowed.test:{port}/"),
        format!("http://allowed.test.evil.test:{port}/"),
        format!("http://xallowed.test:{port}/"),
        format!("http://allowed.test%00.evil.test:{port}/"),
        format!("http://allowed\u{3002}test.evil.test:{port}/"),
        format!("http://allowed.test:{port}@evil.test/"),
        format!("http://al lowed.test:{port}/"),
    ];
    let refused = claims_refused(&policy, &server, &evil);
    let (ground, _) = ground(&policy, &[("allowed.test", &["127.0.0.1"]), ("evil.test", &["127.0.0.1"])]);
    let granted = format!("http://allowed.test:{port}/");
    let same = [
        format!("http://ALLOWED.test:{port}/"),
        format!("http://allowed.test.:{port}/"),
        format!("HTTP://allowed.TEST:{port}/hello"),
    ];
    for url in &same {
        let got = requests(&ground, &[url], &[json!({ "url": granted })]);
        assert_eq!(words(&got), ["200"], "{url}: {got:?}");
    }
    // The same as requests under a good grant, as the guest spells authorities.
    let spelled = ["allowed.test@evil.test", "user:x@allowed.test", "allowed.test.evil.test", "evil.test", "", "allowed.test\\@evil.test"];
    for authority in spelled {
        let op = json!({ "url": granted, "authority": format!("{authority}:{port}") });
        let got = requests(&ground, &[&granted], &[op]);
        assert_ne!(words(&got), ["200"], "{authority}: {got:?}");
    }
    let hosts: Vec<_> = server.seen().iter().map(|seen| seen.header("host").unwrap_or_default().to_owned()).collect();
    assert!(hosts.iter().all(|host| *host == format!("allowed.test:{port}")), "{hosts:?}");
    refused + same.len() + spelled.len()
}

fn ports() -> usize {
    let (server, other) = (Server::start(), Server::start());
    let rule = format!("{:?}", server.url());
    let urls = [0, 65536, 99999].map(|port| format!("http://127.0.0.1:{port}/"));
    let urls: Vec<String> = urls.into_iter().chain([other.url(), "http://127.0.0.1:/".to_owned(), "http://127.0.0.1".to_owned()]).collect();
    let refused = claims_refused(&allow(&[&rule]), &server, &urls);
    let (ground, _) = ground(&allow(&[&rule]), &[]);
    let ops: Vec<Value> = urls.iter().map(|url| json!({ "url": url })).collect();
    let got = requests(&ground, &[&server.url()], &ops);
    assert!(words(&got).iter().all(|word| word != "200"), "{got:?}");
    assert_eq!(other.connections(), 0);
    good(&ground, &server);
    refused + ops.len()
}

fn line_breaks() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let url = server.url();
    let ops = [
        json!({ "url": url, "path": "/a\r\nx-evil: 1\r\n\r\nGET /b" }),
        json!({ "url": url, "path": "/a\nb" }),
        json!({ "url": url, "path": "/a b" }),
        json!({ "url": url, "path": "/a\u{0}b" }),
        json!({ "url": url, "path": "/", "headers": ["x-a: 1\r\nx-evil: 1"] }),
        json!({ "url": url, "path": "/", "headers": ["x-a\r\nx-evil: 1: 2"] }),
        json!({ "url": url, "path": "/", "headers": ["x a: 1"] }),
        json!({ "url": url, "path": "/", "authority": format!("127.0.0.1:{}\r\nx-evil: 1", server.port()) }),
        json!({ "url": url, "path": "/", "method": "GET / HTTP/1.1\r\nx-evil: 1\r\n\r\nGET" }),
        json!({ "url": url, "path": "/", "headers": ["transfer-encoding: chunked", "content-length: 5"], "body": "hello" }),
        json!({ "url": url, "path": "/", "headers": ["content-length: 3"], "body": "hello" }),
        json!({ "url": url, "path": "/", "headers": ["content-length: 5", "content-length: 7"], "body": "hello" }),
    ];
    let got = requests(&ground, &[&url], &ops);
    assert!(words(&got).iter().all(|word| word != "200"), "{got:?}");
    for seen in server.seen() {
        assert!(seen.header("x-evil").is_none() && !seen.line.contains("/b"), "{seen:?}");
    }
    good(&ground, &server);
    ops.len()
}

fn odd_paths() -> usize {
    let (server, other) = (Server::start(), Server::start());
    let (ground, _) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let url = server.url();
    let paths = [
        format!("{}/x", other.url()),
        "http://evil.test/".to_owned(),
        "*".to_owned(),
        "x".to_owned(),
        "@evil.test/".to_owned(),
        ":80/".to_owned(),
        "/../../etc/passwd".to_owned(),
        "//evil.test/x".to_owned(),
        "/%2e%2e/x".to_owned(),
        "/x#y".to_owned(),
    ];
    let ops: Vec<Value> = paths.iter().map(|path| json!({ "url": url, "path": path })).collect();
    let got = requests(&ground, &[&url], &ops);
    // Whatever went out went to the granted server, with a path and not with a whole URL.
    assert_eq!(other.connections(), 0);
    let port = server.port();
    for seen in server.seen() {
        assert!(seen.path().starts_with('/'), "{seen:?}");
        assert_eq!(seen.header("host"), Some(format!("127.0.0.1:{port}").as_str()));
    }
    assert!(words(&got).iter().take(6).all(|word| word != "200"), "{got:?}");
    good(&ground, &server);
    ops.len()
}

fn host_header() {
    let server = Server::start();
    let (ground, _) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let url = server.url();
    let headers = ["host: evil.test", "connection: upgrade", "upgrade: websocket", "proxy-authorization: x"];
    let ops: Vec<Value> = headers.iter().map(|line| json!({ "url": url, "headers": [line] })).collect();
    requests(&ground, &[&url], &ops);
    for seen in server.seen() {
        assert_eq!(seen.header("host"), Some(format!("127.0.0.1:{}", server.port()).as_str()));
        assert!(seen.header("upgrade").is_none() && seen.header("proxy-authorization").is_none(), "{seen:?}");
    }
    good(&ground, &server);
}

fn methods() -> usize {
    let server = Server::start();
    let policy = allow(&[&format!("{{ host = {:?}, methods = [\"GET\", \"POST\"] }}", server.url())]);
    let (ground, _) = ground(&policy, &[]);
    let url = server.url();
    let methods = ["CONNECT", "TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "get", "PROPFIND", ""];
    let ops: Vec<Value> = methods.iter().map(|method| json!({ "url": url, "method": method })).collect();
    let got = requests(&ground, &[&url], &ops);
    assert!(words(&got).iter().all(|word| word != "200"), "{got:?}");
    assert_eq!(server.connections(), 0);
    good(&ground, &server);
    methods.len()
}

fn schemes() -> usize {
    let server = Server::start();
    let policy = allow(&[&format!("{{ host = \"*\", port = {} }}", server.port())]);
    let rest = format!("//127.0.0.1:{}/", server.port());
    let urls = ["file", "ftp", "ws", "wss", "gopher", "javascript", "unix", "httpx"].map(|scheme| format!("{scheme}:{rest}"));
    let urls: Vec<String> = urls.into_iter().chain(["data:text/plain,x".to_owned(), "file:///etc/passwd".to_owned()]).collect();
    let refused = claims_refused(&policy, &server, &urls);
    let (ground, _) = ground(&allow(&[&format!("{:?}", server.url())]), &[]);
    let ops: Vec<Value> = ["file", "ftp", "ws", "gopher", "unix"]
        .iter()
        .map(|scheme| json!({ "url": server.url(), "scheme": scheme }))
        .collect();
    let got = requests(&ground, &[&server.url()], &ops);
    assert!(words(&got).iter().all(|word| word != "200"), "{got:?}");
    assert_eq!(server.connections(), 0);
    refused + ops.len()
}
