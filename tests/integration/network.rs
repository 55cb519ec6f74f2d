//! The network and the plugin `web`, end to end: a real host, real components, real servers on loopback. It must not
//! reach anything else; attacks have a suite of their own.

use crate::probes::check;
use serde_json::{Value, json};
use std::time::Duration;
use toolyard::{Call, Content, Outcome, Status};
use toolyard_tests::web::{Names, Server};
use toolyard_tests::{World, run};

/// A host that may reach these servers, with more lines in its policy.
fn host(world: &World, servers: &[&Server], more: &str) -> toolyard::Host {
    let rules: Vec<String> = servers.iter().map(|server| format!("{:?}", server.url())).collect();
    let policy = format!("{more}\n[network]\nallow = [{}]", rules.join(", "));
    world.builder().policy_text(policy).build().expect("a host")
}

fn call(host: &toolyard::Host, tool: &str, arguments: Value) -> Outcome {
    run(host, vec![Call::new(tool, arguments)]).remove(0)
}

fn text(outcome: &Outcome) -> String {
    let pieces = outcome.content.iter().map(|piece| match piece {
        Content::Text(text) => text.clone(),
        Content::Json(value) => value.to_string(),
        Content::Image { media_type, .. } | Content::Blob { media_type, .. } => media_type.clone(),
    });
    pieces.collect::<Vec<_>>().join("\n")
}

#[test]
pub fn probe_http() {
    let (world, server) = (World::new(), Server::start());
    let host = host(&world, &[&server], "");
    let url = format!("{}/echo", server.url());
    let op = json!({ "url": url, "method": "POST", "body": "hello", "headers": ["x-own: 1"] });
    let outcome = call(&host, "probe_http", json!({ "urls": [url], "ops": [op] }));
    check(&outcome, Status::Ok, "");
    let said = text(&outcome);
    assert!(
        said.contains("POST /echo HTTP/1.1") && said.contains("x-own: 1") && said.contains("body 5"),
        "{said}"
    );
}

#[test]
pub fn probe_http_redirects() {
    let (world, server) = (World::new(), Server::start());
    let host = host(&world, &[&server], "");
    let from = format!("{}/redirect?to=/hello", server.url());
    let ops = json!([{ "url": from }, { "url": format!("{}/hello", server.url()) }]);
    let outcome = call(&host, "probe_http_redirects", json!({ "urls": [from], "ops": ops }));
    check(&outcome, Status::Ok, "");
    assert!(text(&outcome).contains("302"), "{outcome:#?}");
}

#[test]
pub fn probe_secret() {
    let (world, server) = (World::new(), Server::start());
    let host = host(&world, &[&server], "");
    let outcome = call(&host, "probe_secret", json!({ "url": server.url() }));
    check(&outcome, Status::Ok, "");
    assert_eq!(text(&outcome), "[false]");
}

#[test]
pub fn probe_sockets() {
    let (world, server) = (World::new(), Server::start());
    let outcome = call(
        &host(&world, &[&server], ""),
        "probe_sockets",
        json!({ "port": server.port() }),
    );
    check(&outcome, Status::Ok, "");
    let said = text(&outcome);
    assert!(said.contains("PermissionDenied") && !said.contains(":\"ok\""), "{said}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn fetch_in_every_form() {
    let (world, server) = (World::new(), Server::start());
    let host = host(&world, &[&server], "");
    let fetch = |path: &str, more: Value| {
        let mut arguments = more;
        arguments["url"] = json!(format!("{}{path}", server.url()));
        call(&host, "fetch", arguments)
    };
    let page = text(&fetch("/page", json!({})));
    assert!(page.contains("# Head") && page.contains("One **two**."), "{page}");
    let raw = text(&fetch("/page", json!({ "format": "raw" })));
    assert!(raw.contains("<h1>Head</h1>"), "{raw}");
    let pretty = text(&fetch("/json", json!({ "format": "json" })));
    assert!(pretty.contains("\"a\": ["), "{pretty}");
    let posted = text(&fetch(
        "/echo",
        json!({ "method": "POST", "body": { "a": 1 }, "format": "raw" }),
    ));
    assert!(
        posted.contains("POST /echo") && posted.contains("application/json") && posted.contains("body 7"),
        "{posted}"
    );
    let head = fetch("/page", json!({ "method": "HEAD" }));
    check(&head, Status::Ok, "");
    assert_eq!(head.structured.as_ref().expect("data")["status"], 200);
    let moved = fetch("/redirect?to=/hello", json!({}));
    assert!(text(&moved).contains("hello"), "{moved:#?}");
    assert_eq!(moved.structured.as_ref().expect("data")["redirects"], 1);
    let missing = fetch("/missing", json!({}));
    check(&missing, Status::Failed, "http_status");
    assert!(missing.error.expect("an error").message.contains("404"));
    let window = fetch("/big?n=100000", json!({ "max_bytes": 1000 }));
    check(&window, Status::Ok, "");
    assert!(text(&window).len() < 2000);
    // One connection was enough for all that ran one after the other and was read to its end.
    assert!(server.connections() <= 2, "{} connections", server.connections());
}

#[test]
fn fetch_to_a_file() {
    let (world, server) = (World::new(), Server::start());
    let host = host(&world, &[&server], "");
    let url = |length: u64| format!("{}/big?n={length}", server.url());
    let outcome = call(
        &host,
        "fetch",
        json!({ "url": url(20_000_000), "save_to": "new/big.bin" }),
    );
    check(&outcome, Status::Ok, "");
    let saved = std::fs::metadata(world.path().join("new/big.bin")).expect("the file");
    assert_eq!(saved.len(), 20_000_000);
    // A reader of that file waits for the download, and a download to another file does not.
    let calls = vec![
        Call::new("fetch", json!({ "url": url(3_000_000), "save_to": "a.bin" })),
        Call::new("read_file", json!({ "path": "a.bin", "limit": 1 })),
        Call::new("fetch", json!({ "url": url(3_000_000), "save_to": "b.bin" })),
    ];
    let outcomes = run(&host, calls);
    let waited: Vec<_> = outcomes.iter().map(Outcome::waited_for).collect();
    assert_eq!(waited, [vec![], vec!["1".into()], vec![]]);
}

#[test]
fn fetch_many_and_search() {
    let (world, server, down) = (World::new(), Server::start(), Server::start());
    let gone = down.url();
    drop(down);
    let more = format!(
        "[tools.search.defaults]\nendpoints = [{{ name = \"own\", url = \"{}/search\" }}, {{ name = \"gone\", url = \"{gone}/search\" }}]\n\
         [[allow]]\ntool = \"search\"\nnetwork = \"{gone}\"\n[[allow]]\ntool = \"fetch_many\"\nnetwork = \"{gone}\"",
        server.url()
    );
    let host = host(&world, &[&server], &more);
    let urls = ["/hello", "/missing", "/page"].map(|path| format!("{}{path}", server.url()));
    let mut urls = urls.to_vec();
    urls.push(format!("{gone}/x"));
    let outcome = call(&host, "fetch_many", json!({ "urls": urls }));
    check(&outcome, Status::Ok, "");
    let said = text(&outcome);
    assert!(
        said.contains("hello") && said.contains("404") && said.contains("Head"),
        "{said}"
    );
    let outcome = call(&host, "search", json!({ "query": "ferris" }));
    check(&outcome, Status::Ok, "");
    let data = outcome.structured.expect("data");
    assert_eq!(data["hits"][0]["title"], "about ferris", "{data}");
    assert_eq!(data["hits"][1]["url"], "https://two.example/", "{data}");
    assert_eq!(data["failed"][0]["endpoint"], "gone", "{data}");
}

/// Requests of one call run side by side, and calls that wait for servers hold up nobody.
#[test]
fn waiting_for_servers_is_cheap() {
    let (world, server) = (World::new(), Server::start());
    let host = host(&world, &[&server], "");
    let calls: Vec<Call> = (0..30)
        .map(|_| Call::new("fetch", json!({ "url": format!("{}/wait?ms=200", server.url()) })))
        .collect();
    toolyard_tests::warm(&host, &calls);
    let outcomes = run(&host, calls);
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:#?}"
    );
    assert!(server.most_open() > 8, "only {} at once", server.most_open());
}

/// Connections that the policy wants ahead are there before the first call, and building the host waits for none.
#[test]
fn warm_connections() {
    let (world, server) = (World::new(), Server::start());
    let more = format!(
        "[plugins.web]\nwarm = [{:?}, \"http://unreachable.test:81\"]",
        server.url()
    );
    let host = host(&world, &[&server], &more);
    let begun = std::time::Instant::now();
    while server.connections() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "no connection");
        std::thread::sleep(Duration::from_millis(5));
    }
    let outcome = call(&host, "fetch", json!({ "url": server.url() }));
    check(&outcome, Status::Ok, "");
    assert!(server.connections() <= 2);
}

/// What the policy refuses says which line would allow it, and that line does.
#[test]
fn a_refusal_helps() {
    let (world, server) = (World::new(), Server::start());
    let names = Names::new(&[("in.test", &["127.0.0.1"])]);
    let url = format!("http://in.test:{}/hello", server.port());
    let mut policy = String::new();
    let mut said = Vec::new();
    for _ in 0..3 {
        let host = world
            .builder()
            .policy_text(&policy)
            .resolver(names.clone())
            .build()
            .expect("a host");
        let outcome = call(&host, "fetch", json!({ "url": url }));
        if outcome.status == Status::Ok {
            break;
        }
        let error = outcome.error.expect("an error");
        let hint = error.hint.expect("a hint");
        let line = hint.split("would allow it: ").nth(1).expect("a line");
        policy = line.replace("[network] ", "[network]\n");
        said.push(error.message);
    }
    assert_eq!(said.len(), 2, "first the name, then its address: {said:?}\n{policy}");
    assert_eq!(server.seen().len(), 1);
}
