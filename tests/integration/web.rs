//! The standard plugin `web` through a real host, against real servers on loopback. It must not leave this machine.

use serde_json::{Value, json};
use toolyard::{Call, Content, Outcome, Status};
use toolyard_tests::web::Server;
use toolyard_tests::{World, run};

/// One call under a policy that allows these servers.
fn call(world: &World, servers: &[&Server], more: &str, tool: &str, arguments: Value) -> Outcome {
    let allow: Vec<String> = servers.iter().map(|server| format!("{:?}", server.url())).collect();
    let policy = format!(
        "[network]\nallow = [{}]\n[files]\nwrite = [\"**\"]\n{more}",
        allow.join(", ")
    );
    let host = world.builder().policy_text(policy).build().expect("a host");
    run(&host, vec![Call::new(tool, arguments)]).remove(0)
}

fn text(outcome: &Outcome) -> String {
    let texts = outcome.content.iter().filter_map(|piece| match piece {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn code(outcome: &Outcome) -> &str {
    outcome.error.as_ref().map_or("", |error| error.code.as_str())
}

#[test]
fn fetch_shows_a_page_from_where_it_was_redirected_to() {
    let (first, second) = (Server::start(), Server::start());
    let url = format!("{}/redirect?to={}/page", first.url(), second.url());
    let outcome = call(&World::new(), &[&first, &second], "", "fetch", json!({ "url": url }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    assert!(
        text(&outcome).ends_with("; T]\n# Head\n\nOne **two**."),
        "{}",
        text(&outcome)
    );
    let data = outcome.structured.expect("a structured answer");
    assert_eq!(
        (&data["url"], &data["redirects"]),
        (&json!(format!("{}/page", second.url())), &json!(1))
    );
    let outcome = call(&World::new(), &[&first], "", "fetch", json!({ "url": url }));
    assert_eq!(
        (outcome.status, code(&outcome)),
        (Status::Denied, "network_denied"),
        "{outcome:#?}"
    );
    let error = outcome.error.expect("an error");
    assert!(
        error.message.contains(&second.url().replace("http://", "")),
        "{error:?}"
    );
}

#[test]
fn fetch_tells_statuses_and_refusals_apart() {
    let server = Server::start();
    let outcome = call(
        &World::new(),
        &[&server],
        "",
        "fetch",
        json!({ "url": format!("{}/missing", server.url()) }),
    );
    assert_eq!(
        (outcome.status, code(&outcome)),
        (Status::Failed, "http_status"),
        "{outcome:#?}"
    );
    assert!(
        outcome
            .error
            .expect("an error")
            .message
            .ends_with("answered 404 Not Found: there is no such page")
    );
    let outcome = call(&World::new(), &[], "", "fetch", json!({ "url": server.url() }));
    assert_eq!(outcome.status, Status::Denied, "{outcome:#?}");
    assert_eq!(server.connections(), 1);
}

#[test]
fn what_is_posted_arrives() {
    let server = Server::start();
    let arguments =
        json!({ "url": format!("{}/echo", server.url()), "method": "POST", "body": { "a": "x".repeat(300_000) } });
    let outcome = call(&World::new(), &[&server], "", "fetch", arguments);
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    assert!(
        text(&outcome).contains("content-type: application/json"),
        "{}",
        text(&outcome)
    );
    assert_eq!(server.seen().first().map(|seen| seen.body), Some(300_008));
}

#[test]
fn a_download_is_a_whole_file_or_none() {
    let (world, server) = (World::new(), Server::start());
    let save = |path: &str| json!({ "url": format!("{}{path}", server.url()), "save_to": "in/file.bin" });
    let outcome = call(&world, &[&server], "", "fetch", save("/big?n=3000000"));
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    assert_eq!(world.read("in/file.bin").len(), 3_000_000);
    let outcome = call(&world, &[&server], "", "fetch", save("/short"));
    assert_eq!(outcome.status, Status::Failed, "{outcome:#?}");
    assert_eq!(world.read("in/file.bin").len(), 3_000_000);
}

#[test]
fn many_are_fetched_at_one_time_and_fail_alone() {
    let server = Server::start();
    let url = |path: &str| format!("{}{path}", server.url());
    let mut urls = vec![url("/wait?ms=300"); 4];
    urls.extend([url("/missing"), url("/page")]);
    let outcome = call(&World::new(), &[&server], "", "fetch_many", json!({ "urls": urls }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    assert!(server.most_open() >= 4, "{}", server.most_open());
    let data = outcome.structured.expect("a structured answer");
    let ok = data["pages"]
        .as_array()
        .expect("pages")
        .iter()
        .map(|page| page["ok"] == json!(true));
    assert_eq!(ok.collect::<Vec<_>>(), [true, true, true, true, false, true]);
}

#[test]
fn search_asks_the_endpoints_of_the_policy() {
    let (one, two) = (Server::start(), Server::start());
    let more = format!(
        "[tools.search.defaults]\nendpoints = [{{ name = \"one\", url = \"{}/search\" }}, {{ name = \"two\", url = \"{}/missing\" }}]",
        one.url(),
        two.url()
    );
    let outcome = call(
        &World::new(),
        &[&one, &two],
        &more,
        "search",
        json!({ "query": "cats" }),
    );
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    let shown = text(&outcome);
    assert!(
        shown.starts_with("1. about cats\n   https://one.example/\n   first\n   [one]\n2. two"),
        "{shown}"
    );
    assert!(shown.contains("[two did not answer: http_status: "), "{shown}");
    let outcome = call(&World::new(), &[], "", "search", json!({ "query": "cats" }));
    assert_eq!(code(&outcome), "no_endpoints", "{outcome:#?}");
}
