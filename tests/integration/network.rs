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
        // As it stands there.
        policy = hint.split("would allow it:\n").nth(1).expect("lines").to_owned();
        said.push(error.message);
    }
    assert_eq!(said.len(), 2, "first the name, then its address: {said:?}\n{policy}");
    assert_eq!(server.seen().len(), 1);
}

/// A call claims the one method that it uses, so a policy that allows reading is enough to read.
#[test]
fn methods_are_exact() {
    let (world, server) = (World::new(), Server::start());
    let policy = format!(
        "[network]\nallow = [{{ host = {:?}, methods = [\"GET\"] }}]",
        server.url()
    );
    let host = world.builder().policy_text(policy).build().expect("a host");
    for (arguments, expect) in [
        (json!({}), Status::Ok),
        (json!({ "method": "GET" }), Status::Ok),
        (json!({ "method": "HEAD" }), Status::Denied),
        (json!({ "method": "POST", "body": "x" }), Status::Denied),
    ] {
        let mut arguments = arguments;
        arguments["url"] = json!(format!("{}/hello", server.url()));
        let outcome = call(&host, "fetch", arguments);
        assert_eq!(outcome.status, expect, "{outcome:#?}");
    }
    let many = json!({ "urls": [format!("{}/hello", server.url())] });
    check(&call(&host, "fetch_many", many), Status::Ok, "");
    assert_eq!(server.seen().len(), 3);
    // What is posted and answered with another place is asked for there.
    let host = self::host(&world, &[&server], "");
    let url = format!("{}/redirect?to=/hello", server.url());
    let outcome = call(&host, "fetch", json!({ "url": url, "method": "POST", "body": "x" }));
    check(&outcome, Status::Ok, "");
    assert!(text(&outcome).contains("hello"), "{outcome:#?}");
}
