//! Several tabs: those that a call opens, those that pages open, and how they end. It must not rely on which one is in
//! front.

use super::Site;
use serde_json::{Value, json};

fn tabs(site: &Site) -> Vec<Value> {
    site.data("browser_tabs", json!({}))["tabs"]
        .as_array()
        .expect("tabs")
        .clone()
}

fn ids(site: &Site) -> Vec<String> {
    let ids = tabs(site)
        .into_iter()
        .map(|tab| tab["tab"].as_str().unwrap_or_default().to_owned());
    ids.collect()
}

#[test]
fn pages_open_tabs() {
    let site = Site::new();
    site.pages.put(
        "/second",
        "<title>second</title><button onclick='window.opener.document.title = `told`; window.close()'>Close me</button>",
    );
    site.open(
        "/first",
        "<title>first</title><button onclick='window.open(`/second`)'>Open</button><a target=_blank href='/second?link'>Link</a>",
    );
    let acted = site.data("browser_click", json!({ "target": "button" }));
    assert_eq!(acted["opened"], json!(["t2"]), "{acted}");
    site.ok("browser_wait_for", json!({ "tab": "t2", "text": "Close me" }));
    let both = tabs(&site);
    assert_eq!(
        (&both[1]["tab"], &both[1]["opener"]),
        (&json!("t2"), &json!("t1")),
        "{both:?}"
    );
    assert_eq!(both[1]["title"], json!("second"));
    let acted = site.data("browser_click", json!({ "target": "a" }));
    assert_eq!(
        (&acted["opened"], &acted["navigating"]),
        (&json!(["t3"]), &json!(false)),
        "{acted}"
    );
    assert_eq!(ids(&site), ["t1", "t2", "t3"]);
    // A page that closes itself is gone.
    site.ok("browser_click", json!({ "tab": "t2", "target": "button" }));
    assert_eq!(site.js("document.title"), json!("told"));
    assert_eq!(ids(&site), ["t1", "t3"]);
    let said = site.fails("browser_snapshot", json!({ "tab": "t2" }));
    assert!(said.starts_with("no_such: "), "{said}");
}

#[test]
fn tabs_are_apart() {
    let site = Site::new();
    site.pages.put("/b", "<title>b</title><input aria-label='B field'>");
    site.open("/a", "<title>a</title><input aria-label='A field'>");
    let opened = site.data("browser_new_tab", json!({ "url": site.pages.url("/b") }));
    assert_eq!(
        (&opened["tab"], &opened["landed"]["title"]),
        (&json!("t2"), &json!("b"))
    );
    let a = site.reference("A field");
    let shown = site.ok("browser_snapshot", json!({ "tab": "t2" }));
    assert!(shown.contains("B field") && !shown.contains("A field"), "{shown}");
    site.ok("browser_type", json!({ "target": a, "text": "to a" }));
    site.ok(
        "browser_type",
        json!({ "tab": "t2", "target": "input", "text": "to b" }),
    );
    assert_eq!(site.js("document.querySelector('input').value"), json!("to a"));
    site.ok("browser_activate_tab", json!({ "tab": "t1" }));
    for tab in ["t1", "t2"] {
        site.ok("browser_screenshot", json!({ "tab": tab }));
    }
    let empty = site.data("browser_new_tab", json!({}));
    assert_eq!(empty, json!({ "tab": "t3" }));
    site.ok("browser_close_tab", json!({ "tab": "t2" }));
    assert_eq!(ids(&site), ["t1", "t3"]);
    // A tab that is gone is gone; only the first one comes again.
    let said = site.fails("browser_navigate", json!({ "tab": "t2", "url": site.pages.url("/a") }));
    assert!(said.starts_with("no_such: "), "{said}");
    site.ok("browser_close_tab", json!({ "tab": "t1" }));
    site.ok("browser_navigate", json!({ "url": site.pages.url("/b") }));
    assert_eq!(site.js("document.title"), json!("b"));
}

#[test]
fn a_session_ends_and_begins_again() {
    let site = Site::new();
    site.open("/a", "<title>a</title><script>document.cookie = 'x=1'</script>");
    site.ok("browser_close", json!({}));
    assert_eq!(site.host.browser_sessions().len(), 0);
    assert_eq!(ids(&site), [""; 0]);
    let said = site.fails("browser_snapshot", json!({}));
    assert!(said.starts_with("no_such: "), "{said}");
    site.ok("browser_navigate", json!({ "url": site.pages.url("/never-set") }));
    assert_eq!(site.js("document.cookie"), json!(""));
    // To end what isn't there is no fault.
    site.ok("browser_close", json!({ "session": "other" }));
}

#[test]
fn tabs_have_a_limit_and_sessions_have_one() {
    let site = Site::with("[limits]\nbrowser_tabs = 2\nbrowser_sessions = 2\n");
    site.open(
        "/a",
        "<title>a</title><button onclick='window.open(`/b`)'>Open</button>",
    );
    site.ok("browser_new_tab", json!({}));
    let said = site.fails("browser_new_tab", json!({}));
    assert!(said.starts_with("overloaded: 2 tabs are open"), "{said}");
    // One that a page opens is closed at once.
    site.ok("browser_click", json!({ "target": "button" }));
    assert_eq!(ids(&site), ["t1", "t2"]);
    site.ok("browser_close_tab", json!({ "tab": "t2" }));
    site.ok("browser_new_tab", json!({}));
    let go = |session: &str| json!({ "session": session, "url": site.pages.url("/a") });
    site.ok("browser_navigate", go("second"));
    let said = site.fails("browser_navigate", go("third"));
    assert!(said.starts_with("overloaded: 2 browser sessions are open"), "{said}");
    site.ok("browser_close", json!({ "session": "second" }));
    site.ok("browser_navigate", go("third"));
    let sessions: Vec<String> = site
        .host
        .browser_sessions()
        .into_iter()
        .map(|status| status.session)
        .collect();
    assert_eq!(sessions, ["browser/main", "browser/third"]);
}

#[test]
fn words_that_are_too_long_are_refused_before_they_are_compared() {
    let site = Site::new();
    site.open("/a", "<title>a</title>");
    let said = site.fails(
        "browser_wait_for",
        json!({ "url": "*".repeat(2001), "timeout_ms": 60_000 }),
    );
    assert!(said.starts_with("invalid: ") && said.contains("2000"), "{said}");
    let fits = format!("{}/a", "*".repeat(1998));
    site.ok("browser_wait_for", json!({ "url": fits, "timeout_ms": 60_000 }));
    let said = site.fails("browser_reload", json!({ "tab": format!("t{}", "1".repeat(100_000)) }));
    assert!(said.starts_with("no_such: ") && said.len() < 1000, "{said:.2000}");
}
