//! Dialogs of every kind: what they stop, and how they are answered. It must not leave one open for the next test.

use super::Site;
use serde_json::{Value, json};

const PAGE: &str = r#"<title>dialogs</title><script>const say = (what) => document.title = String(what);</script>
  <button id="alert" onclick="alert('Look out'); say('seen')">Alert</button>
  <button id="confirm" onclick="say(confirm('Really?'))">Confirm</button>
  <button id="prompt" onclick="say(prompt('Your name', 'Ann'))">Prompt</button>
  <input id="dirty" aria-label="Dirty">
  <script>addEventListener("beforeunload", (e) => { if (dirty.value) e.preventDefault(); });</script>"#;

fn title(site: &Site) -> Value {
    site.js("document.title")
}

#[test]
fn a_dialog_stops_its_tab_until_it_is_answered() {
    let site = Site::new();
    site.open("/dialogs", PAGE);
    let open = |button: &str| site.data("browser_click", json!({ "target": button }))["dialog"].clone();
    let answer = |arguments: Value| site.ok("browser_handle_dialog", arguments);
    assert_eq!(open("#alert"), json!({ "kind": "alert", "message": "Look out" }));
    for (tool, arguments) in [
        ("browser_snapshot", json!({})),
        ("browser_read_page", json!({})),
        ("browser_screenshot", json!({})),
        ("browser_evaluate", json!({ "script": "1" })),
        ("browser_click", json!({ "target": "#confirm" })),
        ("browser_wait_for", json!({ "text": "Alert" })),
    ] {
        let said = site.fails(tool, arguments);
        assert!(
            said.starts_with("dialog_open: ") && said.contains("Look out"),
            "{tool}: {said}"
        );
    }
    // What needs no page goes on.
    let tabs = site.ok("browser_tabs", json!({}));
    assert!(tabs.contains("[open dialog: alert “Look out”]"), "{tabs}");
    site.ok("browser_console", json!({}));
    answer(json!({ "accept": true }));
    assert_eq!(title(&site), json!("seen"));
    assert_eq!(open("#confirm")["kind"], json!("confirm"));
    answer(json!({ "accept": false }));
    assert_eq!(title(&site), json!("false"));
    open("#confirm");
    answer(json!({ "accept": true }));
    assert_eq!(title(&site), json!("true"));
    assert_eq!(
        open("#prompt"),
        json!({ "kind": "prompt", "message": "Your name", "proposed": "Ann" })
    );
    answer(json!({ "accept": true, "text": "Bob" }));
    assert_eq!(title(&site), json!("Bob"));
    open("#prompt");
    answer(json!({ "accept": false }));
    assert_eq!(title(&site), json!("null"));
    let said = site.fails("browser_handle_dialog", json!({ "accept": true }));
    assert!(said.starts_with("no_such: "), "{said}");
}

#[test]
fn a_page_that_asks_before_it_is_left() {
    let site = Site::new();
    site.open("/dialogs", PAGE);
    site.ok("browser_type", json!({ "target": "#dirty", "text": "unsaved" }));
    let away = || json!({ "url": site.pages.url("/away") });
    let said = site.fails("browser_navigate", away());
    assert!(
        said.starts_with("dialog_open: ") && said.contains("beforeunload"),
        "{said}"
    );
    site.ok("browser_handle_dialog", json!({ "accept": false }));
    assert_eq!(site.js("location.pathname + dirty.value"), json!("/dialogsunsaved"));
    assert_eq!(site.pages.to("/away").len(), 0);
    let said = site.fails("browser_navigate", away());
    assert!(said.starts_with("dialog_open: "), "{said}");
    let acted = site.data("browser_handle_dialog", json!({ "accept": true }));
    assert_eq!(acted["url"], json!(site.pages.url("/away")), "{acted}");
    site.ok("browser_wait_for", json!({ "url": "/away" }));
}

#[test]
fn dialogs_that_come_by_themselves() {
    let site = Site::new();
    site.pages.put(
        "/greets",
        "<title>greets</title><script>alert('Welcome')</script><p>Text",
    );
    let said = site.fails("browser_navigate", json!({ "url": site.pages.url("/greets") }));
    assert!(said.starts_with("dialog_open: ") && said.contains("Welcome"), "{said}");
    site.ok("browser_handle_dialog", json!({ "accept": true }));
    site.ok("browser_wait_for", json!({ "text": "Text" }));
    // One that opens while somebody waits ends the wait.
    site.js("setTimeout(() => alert('Meanwhile'), 200) && 0");
    let said = site.fails("browser_wait_for", json!({ "text": "what never shows" }));
    assert!(
        said.starts_with("dialog_open: ") && said.contains("Meanwhile"),
        "{said}"
    );
    // Another tab of the session is not stopped by it.
    site.pages.put("/other", "<title>other</title><p>Other");
    let tab = site.data("browser_new_tab", json!({ "url": site.pages.url("/other") }))["tab"].clone();
    let shown = site.ok("browser_snapshot", json!({ "tab": tab }));
    assert!(shown.contains("Other"), "{shown}");
    site.ok("browser_handle_dialog", json!({ "accept": true }));
    // A tab goes with its dialog.
    site.js("setTimeout(() => alert('Bye'), 0) && 0");
    site.ok("browser_wait_for", json!({ "time_ms": 100 }));
    site.ok("browser_close_tab", json!({ "tab": "t1" }));
    assert!(!site.ok("browser_tabs", json!({})).contains("t1"));
}

/// The browser tells of something else in the very moment in which a dialog ends a call: neither stands in the other's way.
#[test]
fn dialogs_amid_a_stream_of_events() {
    let site = Site::new();
    site.open("/dialogs", PAGE);
    let busy = "<script>setInterval(() => { for (let n = 0; n < 10; n++) console.log(n) }, 1)</script>";
    site.pages.put("/busy", busy);
    site.ok("browser_new_tab", json!({ "url": site.pages.url("/busy") }));
    for _ in 0..150 {
        let asks = json!({ "tab": "t1", "script": "new Promise(() => setTimeout(() => alert('Here'), 2))", "timeout_ms": 60_000 });
        let said = site.fails("browser_evaluate", asks);
        assert!(said.starts_with("dialog_open: ") && said.contains("Here"), "{said}");
        site.ok("browser_handle_dialog", json!({ "tab": "t1", "accept": true }));
    }
}

#[test]
fn a_dialog_that_is_too_long_to_be_read_can_be_answered() {
    let site = Site::new();
    site.open(
        "/long",
        "<button onclick='document.title = String(prompt(``, `x`.repeat(9e6))).length'>Ask</button>",
    );
    let acted = site.data("browser_click", json!({ "target": "button" }));
    // Nothing of its text is known.
    let dialog = json!({ "kind": "prompt", "message": "", "proposed": "" });
    assert_eq!(acted["dialog"], dialog, "{:.2000}", acted.to_string());
    let said = site.fails("browser_snapshot", json!({}));
    assert!(said.starts_with("dialog_open: "), "{said}");
    site.ok("browser_handle_dialog", json!({ "accept": true, "text": "short" }));
    assert_eq!(title(&site), json!("5"));
}
