//! What sites keep: cookies, storage, and taking both from one session to another. It must not show a login to a tool that
//! has no right to it.

use super::Site;
use serde_json::{Value, json};

#[test]
fn cookies_are_listed_set_and_removed() {
    let site = Site::new();
    site.ok("browser_navigate", json!({ "url": site.pages.url("/login") }));
    assert!(site.ok("browser_read_page", json!({})).contains("Welcome back"));
    // Scripts don't see it; the tool with the right does.
    assert_eq!(site.js("document.cookie"), json!(""));
    let all = site.data("browser_cookies", json!({}));
    let login = &all["cookies"][0];
    assert_eq!(
        (
            &login["name"],
            &login["value"],
            &login["http_only"],
            &login["same_site"]
        ),
        (&json!("login"), &json!("secret"), &json!(true), &json!("Lax"))
    );
    assert_eq!(
        site.data("browser_cookies", json!({ "urls": [site.pages.other("/")] }))["cookies"],
        json!([])
    );
    site.ok("browser_clear_cookies", json!({ "name": "login" }));
    site.ok("browser_reload", json!({}));
    assert!(site.ok("browser_read_page", json!({})).contains("Please log in"));
    site.ok(
        "browser_set_cookies",
        json!({ "cookies": [
            { "name": "login", "value": "secret", "domain": "127.0.0.1" },
            { "name": "other", "value": "x", "domain": "localhost", "expires": 4_000_000_000_u64 },
        ] }),
    );
    site.ok("browser_reload", json!({}));
    assert!(site.ok("browser_read_page", json!({})).contains("Welcome back"));
    site.ok("browser_clear_cookies", json!({ "domain": "localhost" }));
    let left = site.data("browser_cookies", json!({}));
    assert_eq!(left["cookies"].as_array().map(Vec::len), Some(1), "{left}");
    site.ok("browser_clear_cookies", json!({}));
    assert_eq!(site.data("browser_cookies", json!({}))["cookies"], json!([]));
    let bad = json!({ "cookies": [{ "name": "", "value": "x", "domain": "a" }] });
    assert!(site.fails("browser_set_cookies", bad).starts_with("invalid: "));
}

#[test]
fn storage_is_read_and_written() {
    let site = Site::new();
    site.open(
        "/store",
        "<script>localStorage.a = 'one'; sessionStorage.b = 'two';</script>",
    );
    let get = |arguments: Value| site.data("browser_storage", arguments)["entries"].clone();
    assert_eq!(get(json!({})), json!([{ "key": "a", "value": "one", "bytes": 3 }]));
    assert_eq!(get(json!({ "area": "session", "key": "b" }))[0]["value"], json!("two"));
    site.ok("browser_set_storage", json!({ "key": "c", "value": "drei" }));
    site.ok("browser_set_storage", json!({ "key": "a" }));
    assert_eq!(site.js("JSON.stringify(localStorage)"), json!(r#"{"c":"drei"}"#));
    assert!(
        site.fails("browser_storage", json!({ "key": "a" }))
            .starts_with("no_such: ")
    );
}

#[test]
fn a_login_is_taken_to_another_session() {
    let site = Site::new();
    site.ok("browser_navigate", json!({ "url": site.pages.url("/login") }));
    site.js("localStorage.setItem('theme', 'dark'); 0");
    site.ok("browser_export_state", json!({ "path": "state.json" }));
    let state: Value = serde_json::from_str(&site.world.read("state.json")).expect("JSON");
    assert_eq!(
        (&state["cookies"][0]["name"], &state["cookies"][0]["expires"]),
        (&json!("login"), &json!(-1.0))
    );
    let other = |tool: &str, arguments: Value| {
        let mut arguments = arguments;
        arguments["session"] = json!("second");
        site.data(tool, arguments)
    };
    site.pages.put(
        "/early",
        "<script>document.title = localStorage.theme || 'none'; localStorage.theme = 'own'</script>",
    );
    other("browser_import_state", json!({ "path": "state.json" }));
    let landed = other("browser_navigate", json!({ "url": site.pages.url("/early") }));
    assert_eq!(landed["title"], json!("dark"));
    // Afterwards the page's own changes count.
    let landed = other("browser_navigate", json!({ "url": site.pages.url("/early") }));
    assert_eq!(landed["title"], json!("own"));
    other("browser_navigate", json!({ "url": site.pages.url("/account") }));
    let shown = site.ok("browser_read_page", json!({ "session": "second" }));
    assert!(shown.contains("Welcome back"), "{shown}");
    let third = site.ok(
        "browser_navigate",
        json!({ "url": site.pages.url("/account"), "session": "third" }),
    );
    assert!(third.contains("account"), "{third}");
    let shown = site.ok("browser_read_page", json!({ "session": "third" }));
    assert!(shown.contains("Please log in"), "{shown}");
    site.ok("browser_close", json!({ "session": "third" }));
    // What is no state is told.
    std::fs::write(site.world.path().join("bad.json"), "{\"cookies\": 1}").expect("a file");
    assert!(
        site.fails("browser_import_state", json!({ "path": "bad.json" }))
            .starts_with("invalid: ")
    );
}

#[test]
fn what_waits_for_its_pages_has_limits() {
    let site = Site::new();
    let import = |name: &str, state: Value| {
        std::fs::write(site.world.path().join(name), state.to_string()).expect("a file");
        json!({ "path": name })
    };
    let of = |origin: String, items: Vec<Value>| json!({ "origin": origin, "localStorage": items });
    let item = |name: &str, value: &str| json!({ "name": name, "value": value });
    let own = of(site.pages.url(""), vec![item("theme", "dark")]);
    site.ok("browser_import_state", import("own.json", json!({ "origins": [own] })));
    // What is empty takes room, too, and so do origins that have nothing.
    let empty = of(site.pages.url(""), vec![item("", ""); 300_000]);
    let many: Vec<Value> = (0..1001)
        .map(|number| of(format!("http://{number}.test"), vec![]))
        .collect();
    let cookies = vec![json!({ "name": "n", "value": "v", "domain": "127.0.0.1" })];
    for origins in [vec![empty], many] {
        let state = json!({ "cookies": cookies, "origins": origins });
        let said = site.fails("browser_import_state", import("much.json", state));
        assert!(
            said.starts_with("invalid: ") && said.contains("would wait for their pages"),
            "{said}"
        );
    }
    // Nothing of it was taken in, and what waited before waits still.
    assert_eq!(site.data("browser_cookies", json!({}))["cookies"], json!([]));
    site.open("/themed", "<script>document.title = localStorage.theme</script>");
    assert_eq!(site.js("document.title"), json!("dark"));
    let urls = vec![site.pages.url("/"); 1001];
    let said = site.fails("browser_cookies", json!({ "urls": urls }));
    assert!(said.starts_with("invalid: 1001 addresses"), "{said}");
}
