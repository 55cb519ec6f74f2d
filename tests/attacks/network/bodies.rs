//! Servers that answer too much, too slowly, or not at all, and tools that ask too much. All of it ends within its limit.

use super::{GROUP, allow, good, got, ground, requests, words};
use crate::suite::Suite;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use toolyard::Status;
use toolyard_tests::web::Server;

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "a slow peer: no answer, or a byte a second", slow);
    suite.add(GROUP, "a resolver that never answers", silent);
    suite.add(GROUP, "zero and maximal timeouts", timeouts);
    suite.add(GROUP, "an endless body; a body of 10 GiB", endless);
    suite.add(GROUP, "an upload without end", upload);
    suite.add(
        GROUP,
        "an answer before the request is read: the connection is nobody's any more",
        early,
    );
    suite.add(GROUP, "32,769 headers, both ways", headers);
    suite.add(
        GROUP,
        "conflicting lengths, cut bodies, nonsense instead of HTTP",
        broken,
    );
    suite.add(GROUP, "gzip that grows 1:1000", gzip);
    suite.add(GROUP, "many requests at once, and more than allowed", many);
    suite.add(GROUP, "answers that are never read or given back", leaks);
    suite.add(GROUP, "a call that is stopped in the middle of an answer", stopped);
}

fn limited(server: &Server, limits: &str) -> String {
    format!("{}\n[limits]\n{limits}", allow(&[&format!("{:?}", server.url())]))
}

fn slow() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "first_byte_ms = 300\nconnect_ms = 300"), &[]);
    let begun = Instant::now();
    let urls = ["/silent", "/drip?ms=2000"].map(|path| json!({ "url": format!("{}{path}", server.url()) }));
    let got = requests(&ground, &[&server.url()], &urls);
    let words = words(&got);
    assert!(
        words.iter().all(|word| word.to_lowercase().contains("timeout")),
        "{words:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    good(&ground, &server);
    2
}

/// Looks up for ever.
#[derive(Debug)]
struct Silent;

impl toolyard::Resolve for Silent {
    fn addresses<'a>(&'a self, _: &'a str) -> toolyard::Lookup<'a> {
        Box::pin(std::future::pending())
    }
}

fn silent() {
    let policy = format!("{}\n[limits]\nconnect_ms = 200", allow(&["\"slow.test\""]));
    let ground = crate::ground::Ground::of(toolyard_tests::World::new(), |builder| {
        builder.policy_text(policy).resolver(std::sync::Arc::new(Silent))
    });
    let begun = Instant::now();
    let url = "https://slow.test/";
    let got = requests(&ground, &[url], &[json!({ "url": url })]);
    assert_eq!(words(&got), ["ConnectionTimeout"], "{got:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    ground.alive();
}

fn timeouts() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "first_byte_ms = 2000\nwall_ms = 20000"), &[]);
    let url = format!("{}/hello", server.url());
    let ops = [0, 1, u64::MAX].map(|timeout| json!({ "url": url, "timeout": timeout }));
    let words = words(&requests(&ground, &[&url], &ops));
    // A server on this machine may be faster than the clock ticks.
    assert!(
        words[..2]
            .iter()
            .all(|word| word == "200" || word.to_lowercase().contains("timeout")),
        "{words:?}"
    );
    assert_eq!(words[2], "200");
    good(&ground, &server);
    3
}

fn endless() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "response_bytes = 3000000"), &[]);
    for path in ["/endless", "/big?n=10737418240"] {
        let op = json!({ "url": format!("{}{path}", server.url()), "read": 1_u64 << 40 });
        let got = requests(&ground, &[&server.url()], &[op]);
        let word = words(&got).remove(0);
        assert!(
            word.contains("response body size") || word.contains("ResponseBodySize"),
            "{path}: {word}"
        );
        assert!(got[0]["bytes"].as_u64().expect("a number") <= 3_000_000, "{got:?}");
    }
    // A tool that fails for it ends with the limit's name.
    let (ground, _) = super::ground(&limited(&server, "response_bytes = 3000000"), &[]);
    let arguments = json!({ "url": format!("{}/endless", server.url()), "save_to": "all.txt" });
    let outcome = ground.call("fetch", arguments);
    assert_eq!(outcome.status, Status::Limit, "{outcome:?}");
    assert_eq!(outcome.error.expect("an error").code, "response_bytes");
    assert!(
        !ground.world.path().join("all.txt").exists(),
        "a half answer is no file"
    );
    good(&ground, &server);
    3
}

fn upload() {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "request_bytes = 1000000"), &[]);
    let url = format!("{}/echo", server.url());
    let ops = [
        json!({ "url": url, "method": "POST", "upload": 100_000 }),
        json!({ "url": url, "method": "POST", "upload": 1_u64 << 33 }),
    ];
    let words = words(&requests(&ground, &[&url], &ops));
    assert_eq!(words[0], "200", "{words:?}");
    assert_ne!(words[1], "200", "{words:?}");
    assert!(server.seen().iter().all(|seen| seen.body <= 1_000_000));
    good(&ground, &server);
}

fn early() {
    let server = Server::start();
    let (ground, _) = ground(
        &limited(
            &server,
            "first_byte_ms = 3000\nwall_ms = 4000\nrequest_bytes = 100000000",
        ),
        &[],
    );
    let url = format!("{}/early", server.url());
    let op = json!({ "url": url, "method": "POST", "upload": 20_000_000 });
    drop(ground.call("probe_http", json!({ "urls": [url], "ops": [op] })));
    for _ in 0..3 {
        good(&ground, &server);
    }
}

fn headers() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "response_headers = 100"), &[]);
    let from = |count: u32| json!({ "url": format!("{}/headers?n={count}", server.url()) });
    let to = |count: u32| json!({ "url": server.url(), "more_headers": count });
    let ops = [from(50), from(200), from(32_769), to(50)];
    let words = words(&requests(&ground, &[&server.url()], &ops));
    assert_eq!((words[0].as_str(), words[3].as_str()), ("200", "200"), "{words:?}");
    assert!(
        words[1].contains("HeaderSection") && words[2].contains("HeaderSection"),
        "{words:?}"
    );
    let arguments = json!({ "urls": [server.url()], "ops": [to(32_769)] });
    crate::ground::ended(&ground.call("probe_http", arguments), Status::Limit, "headers");
    good(&ground, &server);
    ops.len()
}

fn broken() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "first_byte_ms = 2000"), &[]);
    let paths = ["/lengths", "/short", "/nonsense"];
    let ops: Vec<Value> = paths
        .iter()
        .map(|path| json!({ "url": format!("{}{path}", server.url()) }))
        .collect();
    let got = requests(&ground, &[&server.url()], &ops);
    assert!(words(&got).iter().all(|word| word != "200"), "{got:?}");
    good(&ground, &server);
    ops.len()
}

/// 1,000 times as large as it comes: 10 MB of zeros.
fn gzip() {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, ""), &[]);
    let body = bomb();
    let url = format!("{}/encoded?body={body}", server.url());
    let outcome = ground.call("fetch", json!({ "url": url, "format": "text" }));
    assert_ne!(outcome.status, Status::HostFailure, "{outcome:?}");
    assert_ne!(outcome.status, Status::Trapped, "{outcome:?}");
    assert!(report_size(&outcome) < 2 << 20);
    good(&ground, &server);
}

fn report_size(outcome: &toolyard::Outcome) -> usize {
    toolyard::report::outcome(outcome).to_string().len()
}

/// 10 MB of zeros as gzip, in hexadecimal digits: made by the system's own `gzip`.
fn bomb() -> String {
    let script = "head -c 10485760 /dev/zero | gzip -9 | od -An -v -tx1 | tr -d ' \\n'";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .output()
        .expect("gzip");
    let text = String::from_utf8(output.stdout).expect("digits");
    assert!(text.len() > 10_000 && text.len() < 60_000, "{}", text.len());
    text
}

fn many() -> usize {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "requests_at_once = 5\nrequests = 60"), &[]);
    let url = format!("{}/wait?ms=30", server.url());
    let got = requests(
        &ground,
        &[&url],
        &[json!({ "url": url, "count": 40 }), json!({ "url": url, "count": 40 })],
    );
    assert_eq!((&got[0]["oks"], &got[1]["oks"]), (&json!(40), &json!(20)), "{got:?}");
    assert_eq!(got[1]["errors"], json!({ "ConnectionLimitReached": 20 }));
    // One may be asked for while the server still counts the one that it has just answered.
    assert!(server.most_open() <= 10, "{}", server.most_open());
    good(&ground, &server);
    80
}

fn leaks() {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "wall_ms = 4000"), &[]);
    let url = format!("{}/big?n=5000000", server.url());
    let op = json!({ "url": url, "count": 10, "leak": true, "read": 10 });
    drop(got(&ground.call("probe_http", json!({ "urls": [url], "ops": [op] }))));
    // What was left open is closed with the call: descriptors are counted around every case.
    good(&ground, &server);
}

fn stopped() {
    let server = Server::start();
    let (ground, _) = ground(&limited(&server, "wall_ms = 300"), &[]);
    let begun = Instant::now();
    let url = format!("{}/drip?ms=50", server.url());
    let outcome = ground.call("probe_http", json!({ "urls": [url], "ops": [{ "url": url }] }));
    assert_eq!(outcome.status, Status::Timeout, "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    good(&ground, &server);
}
