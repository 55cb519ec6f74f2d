//! Pages made of several documents, of one origin and of several. It must not reach into a frame by another way than a person
//! could.

use super::Site;
use serde_json::json;

/// A page with frames of its own origin and of another one, deep in scrolled and bordered boxes.
fn framed() -> Site {
    let site = Site::new();
    let inner = |name: &str, more: &str| {
        format!(
            r#"<title>{name}</title><body style="margin: 30px"><p>Text of {name}</p><div style="height: 700px">space</div>
            <button onclick="fetch('/clicked/{name}')">Press {name}</button><input aria-label="Field of {name}">{more}"#
        )
    };
    site.pages.put("/same", &inner("same", ""));
    site.pages.put("/far", &inner("far", r#"<iframe src="http://127.0.0.1:{port}/deep" style="border: 7px solid; width: 250px; height: 120px"></iframe>"#));
    site.pages.put("/deep", &inner("deep", ""));
    site.open(
        "/frames",
        r#"<title>frames</title><body style="margin: 0"><div style="height: 900px">above</div>
        <iframe src="/same" style="margin-left: 40px; border: 5px solid; padding: 11px; width: 300px; height: 150px"></iframe>
        <div style="width: 420px; height: 300px; overflow: auto"><div style="height: 500px">scrolled</div>
        <iframe src="http://localhost:{port}/far" style="border: 3px solid; padding: 5px; width: 350px; height: 220px"></iframe></div>
        <iframe srcdoc="<p>Given text</p>"></iframe>"#,
    );
    site
}

#[test]
fn frames_are_shown_and_used() {
    let site = framed();
    assert_eq!(site.pages.count("localhost", "/far"), 1);
    let shown = site.ok("browser_snapshot", json!({}));
    for name in ["same", "far", "deep"] {
        assert!(shown.contains(&format!("Text of {name}")), "{name}:\n{shown}");
    }
    assert!(shown.contains("Given text"), "{shown}");
    for name in ["same", "far", "deep"] {
        let button = super::reference(&shown, &format!("Press {name}"));
        site.ok("browser_click", json!({ "target": button }));
        let _ = site.pages.wait_for(&format!("/clicked/{name}"));
        let field = super::reference(&shown, &format!("Field of {name}"));
        site.ok(
            "browser_type",
            json!({ "target": field, "text": format!("typed into {name}") }),
        );
        let now = site.ok("browser_snapshot", json!({ "find": format!("typed into {name}") }));
        assert!(now.contains(&format!("Field of {name}")), "{now}");
        let value = json!({ "target": field, "script": "field => field.value" });
        assert_eq!(
            site.data("browser_evaluate", value)["value"],
            json!(format!("typed into {name}"))
        );
        let picture = site.data("browser_screenshot", json!({ "target": button }));
        assert_eq!(picture["media_type"], json!("image/png"));
    }
    let clicks = site
        .pages
        .hits()
        .into_iter()
        .filter(|hit| hit.path.starts_with("/clicked"));
    assert_eq!(clicks.count(), 3);
}

#[test]
fn a_frame_that_changes_its_document() {
    let site = framed();
    let shown = site.ok("browser_snapshot", json!({}));
    let button = super::reference(&shown, "Press same");
    site.js("document.querySelector('iframe').src = '/deep'; 0");
    site.js("new Promise((done) => document.querySelector('iframe').onload = () => done(0))");
    let said = site.fails("browser_click", json!({ "target": button }));
    assert!(said.starts_with("stale_reference: "), "{said}");
    site.js("document.querySelectorAll('iframe')[1].remove()");
    let said = site.fails(
        "browser_click",
        json!({ "target": super::reference(&shown, "Press far") }),
    );
    assert!(said.starts_with("stale_reference: "), "{said}");
    assert!(!site.ok("browser_snapshot", json!({})).contains("Text of far"));
    assert!(!site.pages.hits().iter().any(|hit| hit.path.starts_with("/clicked")));
}

#[test]
fn what_a_policy_leaves_out_is_not_framed() {
    let site = Site::with("[tools.browser_navigate.network]\nallow = []\n");
    let policy = super::policy(&site.pages, "").replace("http://localhost", "http://elsewhere.test");
    let host = site.world.builder().policy_text(policy).build().expect("a host");
    let site = Site { host, ..site };
    site.pages.put("/far", "<p>Text of far");
    site.open(
        "/frames",
        "<title>frames</title><p>Own text</p><iframe src='http://localhost:{port}/far'></iframe>",
    );
    let shown = site.ok("browser_snapshot", json!({}));
    assert!(shown.contains("Own text") && !shown.contains("Text of far"), "{shown}");
    assert_eq!(site.pages.count("localhost", "/far"), 0);
}
