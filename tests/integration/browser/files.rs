//! Files between the workspace and pages: uploads of granted files, downloads into a granted folder. It must not find
//! either of them by another way than the tools'.

use super::Site;
use serde_json::{Value, json};
use toolyard::Status;
use toolyard_tests::World;
use toolyard_tests::pages::Pages;

#[test]
fn granted_files_are_uploaded() {
    let world = World::with(&json!({ "a.txt": "first\u{0}bytes", "in/a.txt": "second", "secret/.env": "no" }));
    let site = Site::over(world, Pages::start(), "");
    site.open(
        "/upload",
        r#"<form method="post" action="/got" enctype="multipart/form-data">
        <label>Files <input type="file" name="f" multiple></label><label>One <input type="file" name="o"></label>
        <button>Send</button></form>"#,
    );
    let upload = |target: &str, paths: Value| json!({ "target": target, "paths": paths });
    site.ok(
        "browser_upload",
        upload(&site.reference("Files"), json!(["a.txt", "in/a.txt"])),
    );
    assert_eq!(
        site.js("Array.from(document.forms[0].f.files, (file) => file.name + file.size)"),
        json!(["a.txt11", "a.txt6"])
    );
    site.ok("browser_click", json!({ "target": "button" }));
    let sent = site.pages.wait_for("/got").text();
    assert!(
        sent.contains("filename=\"a.txt\"") && sent.contains("\r\n\r\nfirst\u{0}bytes\r\n"),
        "{sent}"
    );
    assert!(sent.contains("\r\n\r\nsecond\r\n"), "{sent}");
    // The page knows a name, and not where the file was.
    assert!(!sent.contains("in/") && !sent.contains("toolyard"), "{sent}");
    site.ok("browser_navigate_back", json!({}));
    let said = site.fails("browser_upload", upload("[name=o]", json!(["a.txt", "in/a.txt"])));
    assert!(said.starts_with("invalid: "), "{said}");
    let said = site.fails("browser_upload", upload("button", json!(["a.txt"])));
    assert!(said.starts_with("not_actionable: "), "{said}");
    let outcome = site.call("browser_upload", upload("[name=o]", json!(["secret/.env"])));
    assert_eq!(outcome.status, Status::Denied, "{outcome:#?}");
    let outcome = site.call("browser_upload", upload("[name=o]", json!(["../outside/secret.txt"])));
    assert_eq!(outcome.status, Status::Denied, "{outcome:#?}");
}

fn link(id: &str, name: &str, n: u32) -> String {
    format!(r#"<a id="{id}" href="/download?name={name}&n={n}">{id}</a> "#)
}

#[test]
fn downloads_go_where_the_call_may_write() {
    let site = Site::new();
    let links = [
        link("plain", "report.pdf", 3_000_000),
        link("up", "..%2F..%2F..%2Fetc%2Fpasswd", 20),
        link("back", "..%5C..%5Cevil.txt", 20),
        link("hidden", ".bashrc", 20),
        link("dots", "..", 20),
        link("full", "%2Fetc%2Fshadow", 20),
        link("empty", "", 20),
    ];
    let links = format!(
        "{}<a id=\"own\" download=\"../own/name.txt\" href=\"data:text/plain,mine\">own</a>",
        links.concat()
    );
    site.open("/links", &links);
    let get = |id: &str| {
        let arguments = json!({ "target": format!("#{id}"), "folder": "in" });
        let files = site.data("browser_download", arguments)["files"].clone();
        (
            files[0]["path"].as_str().expect("a path").to_owned(),
            files[0]["bytes"].clone(),
        )
    };
    assert_eq!(get("plain"), ("in/report.pdf".to_owned(), json!(3_000_000)));
    let text = site.world.read("in/report.pdf");
    assert!(text.len() == 3_000_000 && text.starts_with("abcdefghijklmnopqrstuvwxyzabc"));
    // Nothing that is there is replaced.
    assert_eq!(get("plain").0, "in/report (2).pdf");
    for id in ["up", "back", "hidden", "dots", "full", "empty", "own"] {
        let (path, _) = get(id);
        let name = path.strip_prefix("in/").unwrap_or_else(|| panic!("{id}: {path}"));
        assert!(
            !name.contains(['/', '\\']) && !name.starts_with('.') && !name.is_empty(),
            "{id}: {path}"
        );
        assert!(!site.world.read(&path).is_empty());
    }
    let everything = site.world.tree();
    let outside = everything
        .as_object()
        .expect("names")
        .keys()
        .filter(|name| !name.starts_with("in"));
    assert_eq!(outside.count(), 0, "{everything:#}");
}

#[test]
fn downloads_outside_of_the_tool_are_refused() {
    let site = Site::new();
    let links = format!(
        "{}<button onclick='document.title = 1'>nothing</button><a id='drip' href='/drip'>drip</a>",
        link("plain", "report.pdf", 50)
    );
    site.open("/links", &links);
    site.ok("browser_click", json!({ "target": "#plain" }));
    let said = site.fails(
        "browser_navigate",
        json!({ "url": site.pages.url("/download?name=x.bin") }),
    );
    assert!(
        said.starts_with("navigation_failed: ") && said.contains("it is a download"),
        "{said}"
    );
    // The page is still there, and so is the session.
    assert!(site.ok("browser_snapshot", json!({})).contains("plain"));
    let said = site.fails(
        "browser_download",
        json!({ "target": "button", "folder": "in", "timeout_ms": 500 }),
    );
    assert!(said.starts_with("no_download: "), "{said}");
    // One that doesn't end in time is broken off, and nothing of it is kept.
    let said = site.fails(
        "browser_download",
        json!({ "target": "#drip", "folder": "in", "timeout_ms": 500 }),
    );
    assert!(
        said.starts_with("download_failed: ") && said.contains("not complete in time"),
        "{said}"
    );
    assert_eq!(site.world.tree().get("in/drip.bin"), None);
    // The next one is not disturbed by what was refused.
    let got = site.data("browser_download", json!({ "target": "#plain", "folder": "in" }));
    assert_eq!(got["files"][0]["path"], json!("in/report.pdf"), "{got}");
    let outcome = site.call(
        "browser_download",
        json!({ "target": "#plain", "folder": "../outside" }),
    );
    assert_eq!(outcome.status, Status::Denied, "{outcome:#?}");
}

#[test]
fn a_download_has_a_limit() {
    let site = Site::with("[limits]\nbrowser_transfer_bytes = 100000\n");
    site.open("/links", &link("big", "big.bin", 300_000));
    let said = site.fails("browser_download", json!({ "target": "#big", "folder": "in" }));
    assert!(said.contains("browser_transfer_bytes"), "{said}");
    assert_eq!(site.world.tree().get("in/big.bin"), None);
}
