//! Pages that are hard on a browser and on whoever drives it. It must not be timed: what is slow here is slow by itself, and
//! an end that comes at all comes before the limits.

use super::{Site, why};
use serde_json::json;
use std::fs;
use toolyard::Status;

#[test]
fn a_page_that_never_loads() {
    let site = Site::new();
    site.pages.put("/waits", "<title>waits</title><h1>Here already</h1><img src='/never'><button onclick='document.title = `done`'>Use me</button>");
    let go =
        |path: &str, until: &str, ms: u32| json!({ "url": site.pages.url(path), "until": until, "timeout_ms": ms });
    let said = site.fails("browser_navigate", go("/waits", "load", 400));
    assert!(
        said.starts_with("timed_out: loading the page until load took longer than 4"),
        "{said}"
    );
    site.ok("browser_navigate", go("/waits", "dom_ready", 20_000));
    assert!(site.ok("browser_snapshot", json!({})).contains("Here already"));
    // What is done on a page that is still loading is no way to another one.
    let acted = site.data("browser_click", json!({ "target": site.reference("Use me") }));
    assert_eq!(
        (&acted["navigating"], site.js("document.title")),
        (&json!(false), json!("done"))
    );
    assert!(site.ok("browser_tabs", json!({})).contains("[loading]"));
    site.ok("browser_stop", json!({}));
    let begun = std::time::Instant::now();
    while site.ok("browser_tabs", json!({})).contains("[loading]") {
        assert!(begun.elapsed().as_secs() < 60, "it is loading still");
    }
    // One whose own text doesn't end.
    let said = site.fails("browser_navigate", go("/half", "dom_ready", 400));
    assert!(said.starts_with("timed_out: "), "{said}");
    site.ok("browser_navigate", go("/half", "committed", 20_000));
    site.ok("browser_wait_for", json!({ "text": "Half a page" }));
    assert!(site.ok("browser_snapshot", json!({})).contains("Half a page"));
    assert!(site.ok("browser_read_page", json!({})).contains("# Half a page"));
    // One that doesn't even answer.
    let said = site.fails("browser_navigate", go("/never", "committed", 400));
    assert!(said.starts_with("timed_out: "), "{said}");
    site.ok("browser_navigate", go("/waits", "dom_ready", 20_000));
}

#[test]
fn a_page_in_an_endless_loop() {
    let site = Site::new();
    site.open("/fine", "<title>fine</title>");
    site.pages
        .put("/loop", "<title>loop</title><button onclick='for (;;);'>Loop</button>");
    site.open("/loop", "<title>loop</title><button onclick='for (;;);'>Loop</button>");
    let outcome = site.call("browser_click", json!({ "target": "button" }));
    assert_eq!(outcome.status, Status::Failed, "{outcome:#?}");
    assert!(why(&outcome).starts_with("timed_out: "), "{outcome:#?}");
    let said = site.fails("browser_wait_for", json!({ "text": "Loop", "timeout_ms": 300 }));
    assert!(said.starts_with("timed_out: "), "{said}");
    let said = site.fails("browser_evaluate", json!({ "script": "1", "timeout_ms": 300 }));
    assert!(said.starts_with("timed_out: "), "{said}");
    // Another tab goes on, and the tab itself can be left.
    site.ok("browser_new_tab", json!({ "url": site.pages.other("/fine") }));
    assert!(site.ok("browser_tabs", json!({})).contains("t2"));
    let landed = site.data("browser_navigate", json!({ "url": site.pages.url("/fine") }));
    assert_eq!(landed["title"], json!("fine"));
    assert_eq!(site.js("document.title"), json!("fine"));
    // One that loops while it loads.
    site.pages
        .put("/stuck", "<title>stuck</title><script>for (;;);</script>");
    let said = site.fails(
        "browser_navigate",
        json!({ "url": site.pages.url("/stuck"), "timeout_ms": 500 }),
    );
    assert!(said.starts_with("timed_out: "), "{said}");
    let landed = site.data("browser_navigate", json!({ "url": site.pages.url("/fine") }));
    assert_eq!(landed["title"], json!("fine"));
}

#[test]
fn a_script_that_never_ends_is_ended() {
    let site = Site::new();
    site.open("/fine", "<title>fine</title><button>B</button>");
    for target in [json!(null), json!("button")] {
        let mut arguments = json!({ "script": "() => { for (;;); }", "timeout_ms": 500 });
        if target.is_string() {
            arguments["target"] = target;
        }
        let said = site.fails("browser_evaluate", arguments);
        assert!(said.starts_with("timed_out: "), "{said}");
        assert_eq!(site.js("document.title"), json!("fine"));
    }
    // One that only waits too long ends nothing of the page's own.
    let waits = json!({ "script": "() => new Promise(() => 0)", "target": "button", "timeout_ms": 500 });
    assert!(site.fails("browser_evaluate", waits).starts_with("timed_out: "));
    assert_eq!(site.js("document.title"), json!("fine"));
}

#[test]
fn an_answer_that_is_nested_too_deep() {
    let site = Site::new();
    site.open("/deep", "<title>deep</title>");
    let script = "let a = []; for (let i = 0; i < 150; i++) a = [a]; a";
    let said = site.fails("browser_evaluate", json!({ "script": script }));
    assert!(said.starts_with("failed: ") && said.contains("nested"), "{said}");
    assert_eq!(site.js("1"), json!(1));
}

#[test]
fn fifty_thousand_elements() {
    let site = Site::new();
    site.open(
        "/many",
        r#"<title>many</title><ul></ul><script>
        document.querySelector("ul").innerHTML = Array.from({ length: 25000 }, (_, i) => `<li><a href="/x${i}">Link number ${i}</a></li>`).join("");
        </script>"#,
    );
    for (tool, arguments) in [
        ("browser_snapshot", json!({ "max_chars": 5000 })),
        ("browser_snapshot", json!({ "max_chars": 5000, "interactive": true })),
        ("browser_read_page", json!({ "max_chars": 5000 })),
    ] {
        let outcome = super::fine(site.call(tool, arguments.clone()));
        let (length, data) = (super::text(&outcome).len(), outcome.structured.expect("data"));
        assert!(length < 5500, "{tool} {arguments}: {length}");
        assert_eq!(data["truncated"], json!(true), "{tool} {arguments}");
    }
    // All of it is looked through, or it is said that it wasn't.
    let (tool, find) = ("browser_snapshot", json!({ "find": "number 24987" }));
    let outcome = super::fine(site.call(tool, find));
    let whole = outcome.structured.as_ref().map(|data| &data["truncated"]) == Some(&json!(false));
    assert!(!whole || super::text(&outcome).contains("number 24987"), "{outcome:#?}");
    let found = site.ok("browser_snapshot", json!({ "target": "li:nth-child(24988)" }));
    let acted = site.data("browser_click", json!({ "target": super::reference(&found, "24987") }));
    assert_eq!(acted["url"], json!(site.pages.url("/x24987")));
}

/// The processes that were started by this one and show pages.
fn renderers(browser: u32) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("a list of processes").flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // After the name in brackets: the state, the parent, the group.
        let group = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2));
        if group == Some(browser.to_string().as_str()) && line.contains("--type=renderer") {
            found.push(pid);
        }
    }
    found
}

#[test]
fn a_renderer_that_dies() {
    let site = Site::new();
    site.open("/a", "<title>a</title><p>Text");
    site.pages.put("/b", "<title>b</title><p>Other text");
    site.ok("browser_new_tab", json!({ "url": site.pages.other("/b") }));
    let browser = site.host.browser_sessions().remove(0).pid;
    let batch = site.host.submit(vec![toolyard::Call::new(
        "browser_wait_for",
        json!({ "text": "never" }),
    )]);
    let batch = batch.expect("a batch");
    while !site.host.status().iter().any(|call| call.started) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for pid in renderers(browser) {
        super::signal(pid, rustix::process::Signal::KILL);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcomes = runtime.expect("a runtime").block_on(batch.outcomes());
    assert!(why(&outcomes[0]).starts_with("crashed: "), "{outcomes:#?}");
    let said = site.fails("browser_snapshot", json!({}));
    assert!(said.starts_with("crashed: the process of tab t1 has crashed"), "{said}");
    assert!(
        site.ok("browser_tabs", json!({})).contains("t1 ") && site.ok("browser_tabs", json!({})).contains("[crashed]")
    );
    // The tab can be used again, in the same browser.
    let landed = site.data("browser_navigate", json!({ "url": site.pages.url("/a") }));
    assert_eq!(landed["title"], json!("a"));
    site.ok("browser_reload", json!({ "tab": "t2" }));
    assert!(
        site.ok("browser_read_page", json!({ "tab": "t2" }))
            .contains("Other text")
    );
    assert_eq!(site.host.browser_sessions().remove(0).pid, browser);
}

#[test]
fn references_of_a_page_that_was_left() {
    let site = Site::new();
    site.open(
        "/a",
        "<title>a</title><button onclick='document.title = `pressed`'>Press</button>",
    );
    let old = site.reference("Press");
    site.ok("browser_reload", json!({}));
    let said = site.fails("browser_click", json!({ "target": old }));
    assert!(said.starts_with("stale_reference: "), "{said}");
    let new = site.reference("Press");
    assert_ne!(old, new);
    // One of another tab is no reference here.
    site.ok("browser_new_tab", json!({ "url": site.pages.url("/a") }));
    let said = site.fails("browser_click", json!({ "tab": "t2", "target": new }));
    assert!(said.starts_with("stale_reference: "), "{said}");
    site.ok("browser_click", json!({ "target": new }));
    assert_eq!(site.js("document.title"), json!("pressed"));
    for nonsense in ["e0", "e999999", "e99999999999999999999999"] {
        let said = site.fails("browser_click", json!({ "target": nonsense }));
        assert!(!said.starts_with("timed_out"), "{nonsense}: {said}");
    }
}
