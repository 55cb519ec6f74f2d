//! One test for each probe of the browser: what its claims and rights let through, and what they keep. It must not repeat the
//! attacks, which have a suite of their own.

use super::Site;
use serde_json::{Value, json};

/// How each operation went: `ok`, or the fault's kind.
fn tries(site: &Site, tool: &str, ops: Value) -> Vec<String> {
    let urls = [site.pages.url("/probe")];
    site.pages.put("/probe", "<title>Probe</title>");
    let went = site.data(tool, json!({ "urls": urls, "ops": ops }));
    let went = went.as_array().expect("a list").iter();
    went.map(|one| one["error"].as_str().unwrap_or("ok").to_owned())
        .collect()
}

fn navigate(url: &str) -> Value {
    json!({ "op": "navigate", "text": url })
}

#[test]
pub fn probe_browser() {
    let site = Site::new();
    let ops = json!([
        navigate(&site.pages.url("/probe")),
        { "op": "snapshot" },
        { "op": "evaluate", "text": "1" },
        { "op": "cookies" },
        { "op": "stored" },
        { "op": "tabs", "session": "other" },
        { "op": "open_tab" },
    ]);
    let went = tries(&site, "probe_browser", ops);
    assert_eq!(went, ["ok", "ok", "Denied", "Denied", "Denied", "Denied", "ok"]);
}

#[test]
pub fn probe_browser_wide() {
    let site = Site::new();
    let ops = json!([
        navigate(&site.pages.url("/probe")),
        { "op": "evaluate", "text": "1" },
        { "op": "cookies" },
        { "op": "stored" },
    ]);
    assert_eq!(tries(&site, "probe_browser_wide", ops), ["ok"; 4]);
}

#[test]
pub fn probe_browser_narrow() {
    let site = Site::new();
    let elsewhere = site.pages.url("/probe").replace("127.0.0.1", "localhost");
    let ops = json!([
        navigate(&site.pages.url("/probe")),
        navigate(&elsewhere),
        { "op": "evaluate", "text": format!("fetch({elsewhere:?}).then(() => 1)") },
    ]);
    let went = tries(&site, "probe_browser_narrow", ops);
    assert_eq!(went, ["ok", "NavigationDenied", "Script"]);
}

#[test]
pub fn probe_browser_look() {
    let site = Site::new();
    let ops = json!([
        { "op": "tabs" },
        { "op": "snapshot" },
        { "op": "open_tab" },
        navigate(&site.pages.url("/probe")),
        { "op": "close_session" },
    ]);
    let went = tries(&site, "probe_browser_look", ops);
    assert_eq!(went, ["ok", "NoSuch", "Denied", "Denied", "Denied"]);
}
