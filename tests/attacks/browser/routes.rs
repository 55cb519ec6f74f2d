//! Every way for a page to reach a server: none leads to one that was not granted. Each way is shown to work at a server
//! that was, at the same time.

use super::server::Server;
use super::ways::{ELEMENTS, HELP, Leads, NAVIGATIONS, REPORTS, Route, SCRIPTS, WORKERS};
use super::{add, ground_with, policy, tries};
use crate::suite::Suite;
use serde_json::json;
use std::time::Duration;

/// As long as a way to a granted server may take.
const PATIENCE: Duration = Duration::from_secs(4);

pub fn cases(suite: &mut Suite) {
    for (name, routes) in [
        (
            "scripts that reach for a server: fetch, XHR, beacon, streams, imports",
            SCRIPTS,
        ),
        (
            "elements that reach for a server: images, styles, fonts, media, frames, hints",
            ELEMENTS,
        ),
        (
            "navigations to a server: redirects, refresh, forms, links, popups, history",
            NAVIGATIONS,
        ),
        ("workers of every kind that reach for a server", WORKERS),
        ("reports, pings and what the browser itself asks for", REPORTS),
    ] {
        add(suite, name, move || routed(routes));
    }
}

fn routed(routes: &[Route]) -> usize {
    let (site, granted, blocked) = (Server::start(), Server::start(), Server::start());
    let secure = granted.url().replace("http:", "https:");
    let (ground, _) = ground_with(&policy(&[&site.url(), &granted.url(), &secure]), &[]);
    let mut silent = Vec::new();
    for (at, (name, leads, body)) in routes.iter().enumerate() {
        let page = |server: &Server| {
            let begin = format!(
                "<script>const U = '{}/way-{at}-.js', S = '{}', H = '127.0.0.1:{}'</script>",
                server.url(),
                site.url(),
                server.port()
            );
            let body = body.replace("@U", &format!("{}/way-{at}-.js", server.url()));
            let path = format!("/page-{at}");
            site.html(&format!("{begin}{HELP}{body}")).replace("/serve", &path)
        };
        let before = granted.hits();
        let load = |tab: &str, server: &Server| json!({ "op": "navigate", "tab": tab, "text": page(server), "ms": 3000, "until": "dom_ready" });
        let ops = [load("t2", &blocked), load("t1", &granted)];
        if at == 0 {
            let _ = tries(
                &ground,
                "probe_browser_wide",
                &[],
                &[json!({ "op": "open_tab" }), json!({ "op": "open_tab" })],
            );
        }
        let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
        let word = format!("/way-{at}-");
        let came = *leads == Leads::Never || granted.heard(&word, before, PATIENCE);
        if !came {
            silent.push(*name);
        }
        assert_eq!(blocked.hits(), 0, "{name}: {:?}", blocked.lines());
    }
    // What is late comes now.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(blocked.hits(), 0, "{:?}", blocked.lines());
    assert!(silent.is_empty(), "these led nowhere at all: {silent:?}");
    ground.alive();
    routes.len()
}
