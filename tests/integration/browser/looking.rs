//! What a page is like: its text, pictures and prints of it, its logs, waiting, and scripts. It must not compare pictures by
//! more than their size and whether they show something.

use super::{Site, text};
use serde_json::json;
use toolyard::{Content, Outcome};
use toolyard_tests::pages::Pages;
use toolyard_tests::{World, run};

/// Width and height that a PNG says it has.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(
        png.starts_with(b"\x89PNG\r\n\x1a\n") && &png[12..16] == b"IHDR",
        "no PNG"
    );
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

fn picture(outcome: &Outcome) -> (&str, &[u8]) {
    let mut pictures = outcome.content.iter().filter_map(|piece| match piece {
        Content::Image { media_type, data } => Some((media_type.as_str(), data.as_slice())),
        _ => None,
    });
    pictures
        .next_back()
        .unwrap_or_else(|| panic!("no picture: {outcome:#?}"))
}

#[test]
fn pictures_and_prints() {
    let site = Site::new();
    site.open(
        "/tall",
        r#"<body style="margin: 0"><div id="box" style="width: 123px; height: 45px; background: red"></div>
        <div style="height: 3000px">tall</div><p id="low" style="width: 50px; height: 60px">low</p>"#,
    );
    site.ok("browser_resize", json!({ "width": 640, "height": 480 }));
    assert_eq!(site.js("[innerWidth, innerHeight]"), json!([640, 480]));
    let take = |arguments| super::fine(site.call("browser_screenshot", arguments));
    assert_eq!(size(picture(&take(json!({}))).1), (640, 480));
    let whole = take(json!({ "full_page": true }));
    let (width, height) = size(picture(&whole).1);
    assert!(width == 640 && (3100..3200).contains(&height), "{width} x {height}");
    assert_eq!(size(picture(&take(json!({ "target": "#box" }))).1), (123, 45));
    assert_eq!(size(picture(&take(json!({ "target": "#low" }))).1), (50, 60));
    let jpeg = take(json!({ "type": "jpeg", "quality": 50 }));
    let (media, bytes) = picture(&jpeg);
    assert!(media == "image/jpeg" && bytes.starts_with(b"\xff\xd8\xff"));
    site.ok("browser_screenshot", json!({ "path": "shots/a.png" }));
    let bytes = std::fs::read(site.world.path().join("shots/a.png")).expect("a picture");
    assert_eq!(size(&bytes), (640, 480));
    let printed = site.data("browser_pdf", json!({ "path": "page.pdf" }));
    let bytes = std::fs::read(site.world.path().join("page.pdf")).expect("a print");
    assert!(bytes.starts_with(b"%PDF-") && printed["bytes"] == json!(bytes.len()));
    let pages = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches("/Type /Page\n").count();
    assert!(pages(&bytes) > 1, "{}", pages(&bytes));
    site.ok(
        "browser_pdf",
        json!({ "path": "one.pdf", "pages": "1", "landscape": true, "scale": 0.5, "background": true }),
    );
    let bytes = std::fs::read(site.world.path().join("one.pdf")).expect("a print");
    assert_eq!(pages(&bytes), 1);
    let said = site.fails("browser_pdf", json!({ "path": "none.pdf", "pages": "90-95" }));
    assert!(said.starts_with("invalid: "), "{said}");
    let said = site.fails("browser_screenshot", json!({ "target": "#none" }));
    assert!(said.starts_with("no_element: "), "{said}");
}

#[test]
fn text_as_markdown_and_in_pieces() {
    let site = Site::new();
    site.open(
        "/text",
        r#"<title>text</title><h1>Head</h1><p>One <b>two</b> <a href="/x">link</a>.</p>
        <table><tr><th>A<th>B<tr><td>1<td>2</table><ul><li>i<li>ii</ul><p hidden>hidden</p>"#,
    );
    let shown = site.ok("browser_read_page", json!({}));
    assert!(
        shown.contains("# Head") && shown.contains("**two**") && shown.contains("| 1 | 2 |"),
        "{shown}"
    );
    assert!(shown.contains(&format!("[link]({})", site.pages.url("/x"))), "{shown}");
    assert!(!shown.contains("hidden"), "{shown}");
    let plain = site.ok("browser_read_page", json!({ "format": "text", "target": "h1" }));
    assert!(plain.ends_with("Head") && !plain.contains("One"), "{plain}");
    // In pieces it is the same text, not a character more or less.
    let words: String = (0..900).map(|at| format!("wörd{at} ")).collect();
    site.open("/long", &format!("<pre>{words}</pre>"));
    let whole = site.ok("browser_read_page", json!({ "format": "text" }));
    let (mut pieces, mut offset) = (String::new(), 0);
    loop {
        let piece = site.call(
            "browser_read_page",
            json!({ "format": "text", "offset": offset, "max_chars": 1000 }),
        );
        pieces.push_str(text(&piece).split_once('\n').expect("a first line").1);
        match piece.structured.expect("data")["next_offset"].as_u64() {
            Some(next) => offset = next,
            None => break,
        }
    }
    assert_eq!(pieces, whole.split_once('\n').expect("a first line").1);
}

#[test]
fn logs_of_the_page() {
    let site = Site::new();
    site.open(
        "/logs",
        r#"<script>console.log("a", 1, { b: 2 }); console.warn("careful"); console.error("bad");
        setTimeout(() => { throw new Error("thrown") }, 0);
        fetch("/missing"); fetch("/slow?ms=10"); fetch("http://elsewhere.test/x").catch(() => 0);</script>"#,
    );
    site.ok("browser_wait_for", json!({ "until": "idle" }));
    let said = site.ok("browser_console", json!({}));
    for line in [
        "info: a 1 Object",
        "warning: careful",
        "error: bad",
        "error: uncaught Error: thrown",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
    let errors = site.data("browser_console", json!({ "level": "error" }));
    assert!(!errors.to_string().contains("careful"), "{errors}");
    let after = errors["next_after"].clone();
    site.js("console.log('later')");
    let later = site.data("browser_console", json!({ "after": after }));
    assert_eq!(
        (later["lines"].as_array().map(Vec::len), &later["lines"][0]["text"]),
        (Some(1), &json!("later"))
    );
    let all = site.data("browser_network", json!({}));
    let find = |path: &str| {
        let lines = all["requests"].as_array().into_iter().flatten();
        let mut own = lines.filter(|line| line["url"].as_str().is_some_and(|url| url.contains(path)));
        own.next().unwrap_or_else(|| panic!("{path} in {all:#}")).clone()
    };
    assert_eq!(
        (&find("/logs")["kind"], &find("/logs")["status"]),
        (&json!("Document"), &json!(200))
    );
    assert_eq!(find("/missing")["status"], json!(404));
    assert!(find("/slow")["bytes"].as_u64() > Some(4));
    assert!(find("elsewhere.test")["failure"].is_string(), "{all:#}");
    let failed = site.ok("browser_network", json!({ "failed_only": true }));
    assert!(
        failed.contains("/missing") && failed.contains("elsewhere.test") && !failed.contains("/slow"),
        "{failed}"
    );
    let told = site.data("browser_navigate", json!({ "url": site.pages.url("/logs") }));
    assert!(told["refused"].to_string().contains("elsewhere.test"), "{told}");
}

#[test]
fn every_kind_of_waiting() {
    let site = Site::new();
    site.open(
        "/wait",
        r#"<title>wait</title><p id="old">Old text</p><script>
        const later = (ms, what) => setTimeout(what, ms);
        later(150, () => document.body.insertAdjacentHTML("beforeend", "<p id=new>New text</p>"));
        later(250, () => old.style.display = "none");
        later(350, () => history.pushState(0, "", "/wait/done"));
        </script>"#,
    );
    let wait = |arguments| site.ok("browser_wait_for", arguments);
    wait(json!({ "text": "New text" }));
    wait(json!({ "selector": "#new" }));
    wait(json!({ "text_gone": "Old text" }));
    wait(json!({ "selector_gone": "#old" }));
    wait(json!({ "url": "*/wait/done" }));
    wait(json!({ "until": "load" }));
    wait(json!({ "until": "idle" }));
    assert!(site.data("browser_wait_for", json!({ "time_ms": 60 }))["waited_ms"].as_u64() >= Some(60));
    for condition in [
        json!({ "text": "nowhere", "timeout_ms": 100 }),
        json!({ "text_gone": "New text", "timeout_ms": 100 }),
        json!({ "selector": "#none", "timeout_ms": 100 }),
        json!({ "selector_gone": "#new", "timeout_ms": 100 }),
        json!({ "url": "/nowhere", "timeout_ms": 100 }),
    ] {
        let said = site.fails("browser_wait_for", condition.clone());
        assert!(said.starts_with("timed_out: waiting for "), "{condition}: {said}");
    }
    let said = site.fails("browser_wait_for", json!({ "selector": "p >" }));
    assert!(said.starts_with("invalid: "), "{said}");
    // What is waited for may come with the next document.
    site.pages.put("/next", "<p>Next text");
    site.js("setTimeout(() => location = '/next', 200) && 0");
    wait(json!({ "text": "Next text" }));
    wait(json!({ "url": "/next" }));
}

#[test]
fn scripts_and_what_they_are_worth() {
    let site = Site::new();
    site.open("/script", "<title>script</title><p class=a>one</p><p class=a>two</p>");
    for (script, value) in [
        ("1 + 1", json!(2)),
        ("document.title", json!("script")),
        ("() => ({ a: [1, null], b: 'ü' })", json!({ "a": [1, null], "b": "ü" })),
        ("async () => { await 0; return 'late'; }", json!("late")),
        ("Promise.resolve(5)", json!(5)),
        ("undefined", json!(null)),
        ("const x = 3; x * 2", json!(6)),
        ("({ a: 1 })", json!({ "a": 1 })),
        ("fetch('/echo').then((answer) => answer.status)", json!(200)),
    ] {
        assert_eq!(site.js(script), value, "{script}");
    }
    let on = json!({ "script": "p => p.textContent", "target": ".a + .a" });
    assert_eq!(site.data("browser_evaluate", on)["value"], json!("two"));
    for (script, kind, words) in [
        ("null.x", "script: ", "TypeError"),
        ("throw new RangeError('too far')", "script: ", "RangeError: too far"),
        ("Promise.reject(new Error('broken'))", "script: ", "broken"),
        ("(", "script: ", "SyntaxError"),
    ] {
        let said = site.fails("browser_evaluate", json!({ "script": script }));
        assert!(said.starts_with(kind) && said.contains(words), "{script}: {said}");
    }
    for script in ["for (;;);", "new Promise(() => 0)"] {
        let said = site.fails("browser_evaluate", json!({ "script": script, "timeout_ms": 400 }));
        assert!(said.starts_with("timed_out: "), "{script}: {said}");
    }
    // The page has survived it.
    assert_eq!(site.js("document.title"), json!("script"));
    let long = site.data("browser_evaluate", json!({ "script": "'x'.repeat(1e6)" }));
    assert_eq!(long, json!({ "value": null, "truncated": true }));
}

#[test]
fn a_right_that_is_not_given_is_refused() {
    let (world, pages) = (World::new(), Pages::start());
    let policy = super::policy(&pages, "").replace("rights = [\"evaluate\", \"storage\"]", "rights = []");
    let host = world.builder().policy_text(policy).build().expect("a host");
    for (tool, arguments) in [
        ("browser_evaluate", json!({ "script": "1" })),
        ("browser_cookies", json!({})),
        ("browser_storage", json!({})),
        ("browser_export_state", json!({ "path": "state.json" })),
    ] {
        let outcome = run(&host, vec![toolyard::Call::new(tool, arguments)]).remove(0);
        assert_eq!(outcome.status, toolyard::Status::Denied, "{outcome:#?}");
    }
    assert_eq!(host.browser_sessions().len(), 0);
}

#[test]
fn workers_and_sockets_reach_what_is_granted() {
    let site = Site::new();
    site.open("/live", "<title>live</title>");
    // Whatever runs beside a page: workers, workers of workers, worklets.
    let blob = |source: &str| format!("URL.createObjectURL(new Blob([{source:?}], {{ type: 'text/javascript' }}))");
    let worker = |source: &str| {
        format!(
            "new Promise((done) => {{ const worker = new Worker({}); worker.onmessage = (e) => done(e.data); \
            worker.onerror = (e) => done(e.message); worker.postMessage('hi'); }})",
            blob(source)
        )
    };
    let asks = "onmessage = async (e) => postMessage((await fetch(location.origin + '/echo?' + e.data)).status)";
    assert_eq!(site.js(&worker(asks)), json!(200));
    let asked = site.pages.to("/echo").pop().expect("a request");
    assert_eq!(asked.path, "/echo?hi");
    let inner = "new Worker(URL.createObjectURL(new Blob(['postMessage(7)']))).onmessage = (e) => postMessage(e.data)";
    assert_eq!(site.js(&worker(inner)), json!(7));
    let shared = format!(
        "new Promise((done) => {{ new SharedWorker({}).port.onmessage = (e) => done(e.data) }})",
        blob("onconnect = (e) => e.ports[0].postMessage(8)")
    );
    assert_eq!(site.js(&shared), json!(8));
    let worklet = format!(
        "new OfflineAudioContext(1, 128, 44100).audioWorklet.addModule({}).then(() => 9)",
        blob("globalThis.x = 1")
    );
    assert_eq!(site.js(&worklet), json!(9));
    let socket = |host: &str| {
        format!(
            "new Promise((done) => {{ const socket = new WebSocket('ws://{host}:{}/socket'); \
            socket.onopen = () => socket.send('hello'); socket.onmessage = (e) => {{ done(e.data); socket.close(); }}; \
            socket.onerror = () => done('refused'); }})",
            site.pages.port()
        )
    };
    assert_eq!(site.js(&socket("127.0.0.1")), json!("echo hello"));
    assert_eq!(site.js(&socket("localhost")), json!("echo hello"));
    assert_eq!(site.js(&socket("elsewhere.test")), json!("refused"));
    assert_eq!(site.pages.to("/socket").len(), 2);
}
