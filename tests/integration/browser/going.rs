//! Going somewhere: addresses, redirects, history, loading again, and what is refused. It must not count on how fast a page
//! comes.

use super::Site;
use serde_json::{Value, json};
use toolyard::Status;

#[test]
fn history_forth_and_back() {
    let site = Site::new();
    for name in ["a", "b", "c"] {
        site.open(&format!("/{name}"), &format!("<title>{name}</title><p id=x>{name}</p>"));
    }
    let back = |arguments: Value| site.data("browser_navigate_back", arguments)["title"].clone();
    assert_eq!(back(json!({})), json!("b"));
    assert_eq!(site.data("browser_navigate_forward", json!({}))["title"], json!("c"));
    assert_eq!(back(json!({ "steps": 2 })), json!("a"));
    let said = site.fails("browser_navigate_back", json!({ "steps": 5 }));
    assert!(said.starts_with("invalid: "), "{said}");
    assert_eq!(site.js("document.title"), json!("a"));
    // Within one document.
    site.js("history.pushState(0, '', '#one'); history.pushState(0, '', '#two'); window.kept = 1; 0");
    let landed = site.data("browser_navigate_back", json!({}));
    assert_eq!(landed["url"], json!(site.pages.url("/a#one")));
    assert_eq!(site.js("window.kept"), json!(1));
    let landed = site.data("browser_navigate", json!({ "url": site.pages.url("/a#three") }));
    assert_eq!(landed["url"], json!(site.pages.url("/a#three")));
    assert_eq!(site.js("window.kept"), json!(1));
    let hits = site.pages.to("/a").len();
    site.ok("browser_reload", json!({}));
    assert_eq!(
        (site.pages.to("/a").len(), site.js("window.kept")),
        (hits + 1, json!(null))
    );
}

#[test]
fn answers_of_every_kind() {
    let site = Site::new();
    site.pages.put("/there", "<title>there</title>");
    let go = |path: &str| json!({ "url": site.pages.url(path) });
    let landed = site.data("browser_navigate", go("/redirect?to=/there"));
    assert_eq!(
        (&landed["url"], &landed["status"]),
        (&json!(site.pages.url("/there")), &json!(200))
    );
    let landed = site.data("browser_navigate", go("/missing"));
    assert_eq!((&landed["status"], &landed["title"]), (&json!(404), &json!("missing")));
    // To another origin, which the policy allows.
    let far = format!("/redirect?to=http%3A%2F%2Flocalhost:{}%2Fthere", site.pages.port());
    let landed = site.data("browser_navigate", go(&far));
    assert_eq!(landed["url"], json!(site.pages.other("/there")));
    let landed = site.data(
        "browser_navigate",
        json!({ "url": site.pages.other("/there"), "skip_if_there": true }),
    );
    assert_eq!(landed["skipped"], json!(true));
    assert_eq!(site.pages.count("localhost", "/there"), 1);
    // Nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let nobody = nobody.expect("a port").port();
    let more = format!("[[allow]]\ntool = \"browser_navigate\"\nhost = \"http://127.0.0.1:{nobody}\"\n");
    let outcome = site.call(
        "browser_navigate",
        json!({ "url": format!("http://127.0.0.1:{nobody}/") }),
    );
    assert_eq!(outcome.status, Status::Denied, "{more}: {outcome:#?}");
    let said = site.fails("browser_navigate", go("/redirect?to=http%3A%2F%2Felsewhere.test%2F"));
    assert!(
        said.starts_with("navigation_denied: ") && said.contains("elsewhere.test"),
        "{said}"
    );
    let said = site.fails("browser_navigate", go("/redirect?to=file%3A%2F%2F%2Fetc%2Fpasswd"));
    assert!(said.starts_with("navigation_"), "{said}");
    assert!(
        !site
            .ok("browser_read_page", json!({ "format": "text" }))
            .contains("root:")
    );
}

#[test]
fn what_is_no_page_is_refused() {
    let site = Site::new();
    for url in [
        "file:///etc/passwd",
        "chrome://crash",
        "chrome://version",
        "data:text/html,<p>x",
        "javascript:alert(1)",
        "view-source:http://127.0.0.1/",
        "ftp://127.0.0.1/",
        "about:memory",
        "http://127.0.0.1:1/",
        "http://user:secret@127.0.0.1/",
        "nonsense",
    ] {
        let outcome = site.call("browser_navigate", json!({ "url": url }));
        assert_ne!(outcome.status, Status::Ok, "{url}: {outcome:#?}");
    }
    assert_eq!(site.host.browser_sessions().len(), 0, "nothing was started for it");
    // A page can't go there either.
    site.open(
        "/a",
        "<title>a</title><a id=f href='file:///etc/passwd'>f</a><a id=d href='data:text/html,x'>d</a>",
    );
    for target in ["#f", "#d"] {
        site.ok("browser_click", json!({ "target": target }));
        assert_eq!(site.js("location.pathname"), json!("/a"));
    }
    for script in [
        "location = 'chrome://version'",
        "location = 'file:///etc/passwd'",
        "location = 'data:text/html,x'",
    ] {
        site.ok("browser_evaluate", json!({ "script": format!("{script}; 0") }));
        site.ok("browser_wait_for", json!({ "time_ms": 100 }));
        assert_eq!(site.js("location.pathname"), json!("/a"), "{script}");
    }
}
