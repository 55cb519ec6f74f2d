//! Addresses that are not the web's: by address, by redirect, in frames, in popups, by script. None shows anything, and none
//! runs anything.

use super::server::Server;
use super::{add, children, ground, navigate, tries, well, words};
use crate::suite::Suite;
use serde_json::json;
use std::time::Duration;

pub fn cases(suite: &mut Suite) {
    add(
        suite,
        "schemes that lead out of the web, and documents that a page makes itself",
        documents,
    );
    add(
        suite,
        "schemes by address: refused before any browser starts",
        by_address,
    );
}

const OUTSIDE: [&str; 22] = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    " file:///etc/passwd",
    "file://localhost/etc/passwd",
    "view-source:http://127.0.0.1/",
    "view-source:file:///etc/passwd",
    "data:text/html,<title>out</title>",
    "blob:http://127.0.0.1/0b2ff3a5-0000-0000-0000-000000000000",
    "filesystem:http://127.0.0.1/temporary/x",
    "chrome://version/",
    "chrome-untrusted://terms",
    "chrome-search://local-ntp",
    "chrome-error://chromewebdata/",
    "devtools://devtools/bundled/inspector.html",
    "chrome-extension://x/y.html",
    "javascript:document.title='out'",
    "about:version",
    "about:memory",
    "ftp://127.0.0.1/",
    "ws://127.0.0.1/",
    "intent://x#Intent;end",
    "",
];

fn by_address() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let ops: Vec<_> = OUTSIDE.iter().map(|url| navigate("t1", url)).collect();
    let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
    let denied = |word: &&str| ["NavigationDenied", "Invalid"].contains(word);
    assert!(words(&got).iter().all(denied), "{got:?}");
    assert_eq!(children(), [0; 0], "a browser was started for that");
    ground.alive();
    OUTSIDE.len()
}

/// What a document of a page's own making would do: what it asks for is judged as what its page asks for.
fn documents() -> usize {
    let (site, other, blocked) = (Server::start(), Server::start(), Server::start());
    let ground = ground(&[&site, &other]);
    let tell = format!(
        "<script>for (const url of ['{}/ran', '{}/of-the-first-tab']) fetch(url, {{ mode: 'no-cors' }})</script>",
        blocked.url(),
        other.url()
    );
    let script = format!(
        "<script>
        const frame = (src) => document.documentElement.appendChild(Object.assign(document.createElement('iframe'), {{ src }}));
        const attempt = (run) => {{ try {{ run() }} catch {{}} }};
        const blob = (body) => URL.createObjectURL(new Blob([body], {{ type: 'text/html' }}));
        onload = () => {{
            for (const url of {outside}) {{
                attempt(() => frame(url));
                attempt(() => frame('{site}/redirect?to=' + encodeURIComponent(url)));
                attempt(() => open(url));
                attempt(() => fetch(url).then(r => r.text()).then(t => fetch('{site}/ran-fetch-' + t.length)).catch(() => 0));
            }}
            const body = {tell};
            attempt(() => frame('data:text/html,' + encodeURIComponent(body)));
            attempt(() => frame(blob(body)));
            attempt(() => open(blob(body)));
            attempt(() => open('data:text/html,' + encodeURIComponent(body)));
            attempt(() => frame().srcdoc = body);
            attempt(() => open().document.write(body));
            document.documentElement.appendChild(document.createElement('img')).src = '{site}/all-tried';
        }}
        </script>",
        outside = serde_json::to_string(&OUTSIDE.iter().filter(|url| url.contains(':') && !url.starts_with("data")).collect::<Vec<_>>()).expect("JSON"),
        site = site.url(),
        tell = quoted(&tell),
    );
    // Another tab may reach the other server, and nobody the third one.
    well(
        &ground,
        "probe_browser_narrow",
        &[&other.url()],
        &[
            json!({ "op": "open_tab" }),
            json!({ "op": "open_tab" }),
            navigate("t2", &other.url()),
        ],
    );
    well(
        &ground,
        "probe_browser_narrow",
        &[&site.url()],
        &[navigate("t1", &site.html(&script))],
    );
    assert!(site.heard("/all-tried", usize::MAX, Duration::from_secs(5)));
    // A tab that leaves by script, one for each.
    let mut ops = vec![json!({ "op": "wait_time", "x": 200 })];
    for url in OUTSIDE.iter().filter(|url| !url.is_empty()) {
        let page = site.html(&format!(
            "<title>in</title><script>onload = () => location = {url:?}</script>"
        ));
        ops.push(json!({ "op": "navigate", "text": page, "ms": 5000, "until": "dom_ready" }));
        ops.push(json!({ "op": "wait_time", "x": 40 }));
        ops.push(json!({ "op": "tabs" }));
        // Some leave a document behind that can't be left by script any more.
        ops.push(json!({ "op": "navigate", "text": "about:blank" }));
    }
    let got = tries(&ground, "probe_browser_narrow", &[&site.url()], &ops);
    let tabs = tries(&ground, "probe_browser_narrow", &[], &[json!({ "op": "tabs" })]);
    for told in got.iter().chain(&tabs) {
        let text = told["value"].as_str().unwrap_or_default();
        for begin in ["file:", "view-source:", "filesystem:", "chrome:", "devtools:", "ftp:"] {
            assert!(!text.contains(&format!("url: \"{begin}")), "{begin} in {text}");
        }
    }
    let lines = [site.lines(), other.lines()].concat();
    let ran: Vec<_> = lines
        .into_iter()
        .filter(|line| line.contains("/ran") || line.contains("/of-the-first-tab"))
        .collect();
    assert_eq!(ran, [""; 0]);
    assert_eq!(blocked.hits(), 0, "{:?}", blocked.lines());
    ground.alive();
    OUTSIDE.len() * 5 + 12
}

/// As a text in a script, which no markup in it ends.
fn quoted(text: &str) -> String {
    format!("{text:?}").replace("</", "<\\/")
}
