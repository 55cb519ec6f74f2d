//! Secrets of the operator: on the wire to their server, and nowhere else.

use super::{GROUP, got, requests, words};
use crate::ground::Ground;
use crate::suite::Suite;
use serde_json::json;
use std::sync::{Arc, Mutex};
use toolyard::{Content, Event, Status, report};
use toolyard_tests::World;
use toolyard_tests::web::Server;

const SECRET: &str = "very-secret-token-4711";

pub fn cases(suite: &mut Suite) {
    suite.add(GROUP, "secrets go to their server, to no other, and not along with a redirect", attached);
    suite.add(GROUP, "secrets show in no outcome, event, log or audit line", unseen);
    suite.add(GROUP, "a tool may only ask whether a secret is there", asked);
}

fn with_secret(server: &Server, others: &[&Server], more: impl FnOnce(toolyard::HostBuilder) -> toolyard::HostBuilder) -> Ground {
    let world = World::with(&json!({ "a.txt": "a\n" }));
    let file = world.around().join("token");
    std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
    let rules: Vec<String> = others.iter().chain([&server]).map(|server| format!("{:?}", server.url())).collect();
    let policy = format!(
        "[network]\nallow = [{}]\n[secrets.hub]\nhosts = [{:?}]\nheader = \"authorization\"\nprefix = \"Bearer \"\nfile = {file:?}\n\
         [secrets.none]\nhosts = [\"nowhere.test\"]\nheader = \"x-none\"\nenv = \"TOOLYARD_TEST_UNSET\"",
        rules.join(", "),
        server.url(),
    );
    Ground::of(world, |builder| more(builder.policy_text(policy)))
}

fn attached() -> usize {
    let (server, other) = (Server::start(), Server::start());
    let ground = with_secret(&server, &[&other], |builder| builder);
    let url = server.url();
    // The tool's own header of that name gives way.
    let ops = [json!({ "url": url }), json!({ "url": url, "headers": ["authorization: mine"] })];
    requests(&ground, &[&url], &ops);
    for seen in server.seen() {
        let lines: Vec<_> = seen.headers.iter().filter(|line| line.to_lowercase().starts_with("authorization")).collect();
        assert_eq!(lines, [&format!("authorization: Bearer {SECRET}")], "{seen:?}");
    }
    requests(&ground, &[&other.url()], &[json!({ "url": other.url() })]);
    let from = format!("{}/redirect?to={}/x", server.url(), other.url());
    let ops = json!([{ "url": from }, { "url": format!("{}/x", other.url()) }]);
    let outcome = ground.call("probe_http_redirects", json!({ "urls": [from], "ops": ops }));
    assert_eq!(words(&got(&outcome)), ["302", "200"]);
    let outcome = ground.call("fetch", json!({ "url": from }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    let seen = other.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()), "{seen:?}");
    5
}

fn unseen() {
    let server = Server::start();
    let heard = Arc::new(Mutex::new(String::new()));
    let ours = Arc::clone(&heard);
    let logs = tempfile::tempdir().expect("a folder");
    let audit = logs.path().join("audit.jsonl");
    let ground = with_secret(&server, &[], |builder| {
        builder.audit(&audit).observer(Arc::new(move |event: &Event| {
            ours.lock().expect("a list").push_str(&format!("{}\n", report::event(event)));
        }))
    });
    let url = server.url();
    let ops = ["/hello", "/missing", "/lengths", "/headers?n=1000"].map(|path| json!({ "url": format!("{url}{path}") }));
    let outcome = ground.call("probe_http", json!({ "urls": [url], "ops": ops }));
    ground.host.settle_events(std::time::Duration::from_secs(5));
    let audit = std::fs::read_to_string(&audit).expect("a log");
    let events = heard.lock().expect("a list").clone();
    for text in [report::outcome(&outcome).to_string(), format!("{outcome:?}"), audit.clone(), events, format!("{:?}", ground.host)] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(audit.lines().count() >= 2, "{audit}");
}

fn asked() {
    let (server, other) = (Server::start(), Server::start());
    let ground = with_secret(&server, &[&other], |builder| builder);
    let others = [other.url(), "https://nowhere.test/".to_owned(), "nonsense\n".to_owned(), format!("{}/any", server.url())];
    let outcome = ground.call("probe_secret", json!({ "url": server.url(), "others": others }));
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    let Some(Content::Json(said)) = outcome.content.first() else { panic!("{outcome:?}") };
    // One that the policy names and nobody has set is not there.
    assert_eq!(*said, json!([true, false, false, false, true]));
    assert_eq!((server.connections(), other.connections()), (0, 0));
}
