//! Pages and what they make without end: lines, requests, windows, frames, workers, files. The host keeps little of it, and
//! nothing lies anywhere afterwards. It must not measure how long that takes.

use super::server::Server;
use super::{add, ground, ground_with, navigate, policy, resident, tries, well};
use crate::suite::Suite;
use serde_json::{Value, json};
use toolyard::Status;

pub fn cases(suite: &mut Suite) {
    add(suite, "console lines, requests and events without end", floods);
    add(suite, "popups, frames, workers and history without end", bombs);
    add(
        suite,
        "downloads that nobody takes, and more than a call may take",
        downloads,
    );
}

fn floods() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let before = resident();
    let pages = [
        "<script>for (let n = 0; n < 5000; n++) console.log('line', n, { a: n })</script>",
        "<script>for (let n = 0; n < 2; n++) console.log('x'.repeat(3e7)); for (let n = 0; n < 500; n++) console.error('é'.repeat(5000))</script>",
        "<script>for (let n = 0; n < 10000; n++) fetch('/many?' + n, { mode: 'no-cors' }).catch(() => 0)</script>",
        "<script>for (let n = 0; n < 300; n++) fetch('http://127.0.0.1:1/' + n, { method: 'M'.repeat(20000) }).catch(() => 0)</script>",
        "<script>for (let n = 0; n < 60; n++) { try { fetch('/big', { method: 'POST', body: 'x'.repeat(300000) }).catch(() => 0) } catch {} }</script>",
        "<script>for (let n = 0; n < 500; n++) setTimeout(() => { throw new Error('y'.repeat(20000)) })</script>",
        "<script>for (let n = 0; n < 1000; n++) history.replaceState(0, '', '#' + 'h'.repeat(3000) + n), document.title = 'z'.repeat(20000) + n</script>",
    ];
    for page in pages {
        let ops = [
            json!({ "op": "navigate", "text": site.html(page), "ms": 15_000, "until": "dom_ready" }),
            json!({ "op": "wait_time", "x": 250, "ms": 250 }),
            json!({ "op": "tabs" }),
        ];
        let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
        let fine =
            |one: &Value| one["ok"] == true || ["TimedOut", "Overloaded"].map(Value::from).contains(&one["error"]);
        assert!(got.iter().all(fine), "{page}: {got:?}");
    }
    // Whatever is kept of all that is little.
    let grown = resident().saturating_sub(before);
    assert!(grown < 500_000, "{grown} kB more");
    let outcome = ground.call(
        "probe_browser_look",
        json!({ "urls": [], "ops": [{ "op": "console" }, { "op": "requests" }] }),
    );
    assert!(
        [Status::Ok, Status::Trapped, Status::Limit].contains(&outcome.status),
        "{outcome:?}"
    );
    well(
        &ground,
        "probe_browser",
        &[&site.url()],
        &[navigate("t1", &site.html("<p>well</p>"))],
    );
    ground.alive();
    pages.len()
}

fn bombs() -> usize {
    let site = Server::start();
    let limits = "[limits]\nbrowser_tabs = 5\n";
    let (ground, _) = ground_with(&format!("{}{limits}", policy(&[&site.url()])), &[]);
    let popups = "<script>const more = () => { for (let n = 0; n < 8; n++) { const w = open('about:blank'); if (w) try { w.open('about:blank') } catch {} } }; more(); setTimeout(more, 100)</script>";
    let ops = [
        json!({ "op": "navigate", "text": site.html(popups), "ms": 10_000, "until": "dom_ready" }),
        json!({ "op": "wait_time", "x": 800 }),
        json!({ "op": "tabs" }),
        json!({ "op": "evaluate", "text": "open('about:blank', 'mine'), 1" }),
    ];
    let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
    let tabs = got[2]["value"].as_str().unwrap_or_default().matches("TabInfo").count();
    assert!((1..=5).contains(&tabs), "{got:?}");
    // The page itself goes on: nothing waits for the windows that it did not get.
    assert_eq!((&got[0]["ok"], &got[3]["ok"]), (&json!(true), &json!(true)), "{got:?}");
    // The first tab's name is for a tab of the caller's own: a page's window never gets it.
    let thief =
        "<script>const w = open('about:blank', 'x'); setTimeout(() => { document.title = 'open' }, 50)</script>";
    let ops = [
        json!({ "op": "close_session" }),
        navigate("t1", &site.html(thief)),
        json!({ "op": "wait_time", "x": 200 }),
        json!({ "op": "tabs" }),
        json!({ "op": "evaluate", "text": "setTimeout(() => { open('about:blank', 'y') }, 0), 1" }),
        json!({ "op": "close_tab", "tab": "t1" }),
        json!({ "op": "evaluate", "tab": "t2", "text": "open('about:blank', 'z'), 1" }),
        json!({ "op": "wait_time", "x": 300 }),
        json!({ "op": "tabs" }),
    ];
    let told = well(&ground, "probe_browser_wide", &[&site.url()], &ops).remove(8);
    assert!(!told.contains("tab: \"t1\""), "{told}");
    for page in [
        "<script>for (let n = 0; n < 10000; n++) try { history.pushState(n, '', '#' + n) } catch {}</script>",
        "<script>for (let n = 0; n < 60; n++) { const f = document.documentElement.appendChild(document.createElement('iframe')); f.src = 'about:blank'; if (n % 2) f.remove() }</script>",
        "<script>for (let n = 0; n < 30; n++) new Worker(URL.createObjectURL(new Blob(['for (let n = 0; n < 1e6; n++);'])))</script>",
        "<script>(async () => { for (let n = 0; n < 25; n++) { const w = open('about:blank'); w?.close(); await 0 } })()</script>",
    ] {
        let ops = [
            json!({ "op": "close_session" }),
            json!({ "op": "navigate", "text": site.html(page), "ms": 10_000, "until": "dom_ready" }),
            json!({ "op": "wait_time", "x": 300 }),
            json!({ "op": "go", "x": -1, "ms": 1000 }),
            json!({ "op": "navigate", "text": site.html("<p>well</p>"), "ms": 15_000 }),
            json!({ "op": "read" }),
        ];
        let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
        assert!(got[5]["value"].to_string().contains("well"), "{page}: {got:?}");
    }
    ground.alive();
    6
}

fn downloads() -> usize {
    let site = Server::start();
    let limits = "[limits]\nbrowser_transfer_bytes = 100_000\n";
    let (ground, _) = ground_with(&format!("{}{limits}", policy(&[&site.url()])), &[]);
    let file = |times: usize| {
        format!(
            "{}/x?type=application%2Foctet-stream&times={times}&body={}",
            site.url(),
            "d".repeat(100)
        )
    };
    let flood = format!(
        "<script>(async () => {{ for (let n = 0; n < 700; n++) {{ const a = document.documentElement.appendChild(document.createElement('a'));
        a.href = '{}'; a.download = 'name-' + n; a.click(); if (n % 20 == 0) await new Promise(d => setTimeout(d, 5)) }} document.title = 'done' }})()</script>",
        file(10)
    );
    // Nobody takes them: nothing is written anywhere, and little is kept of them.
    let ops = [
        navigate("t1", &site.html(&flood)),
        json!({ "op": "wait_time", "x": 1500 }),
        json!({ "op": "downloads" }),
    ];
    let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
    assert_eq!(got[2]["error"], "NoSuch", "{got:?}");
    let written = |folders: &[std::path::PathBuf]| -> Vec<String> {
        let all = folders.iter().map(|folder| toolyard_tests::tree(folder).to_string());
        all.filter(|tree| tree.contains("dddddddddd")).collect()
    };
    let folders: Vec<_> = super::profiles()
        .into_iter()
        .filter(|path| path.is_dir() && path.extension().is_some())
        .collect();
    assert!(
        !folders.is_empty() && written(&folders).is_empty(),
        "{:?}",
        written(&folders)
    );
    // One that takes them, and more than it may: they are broken off though nobody looks at them.
    let page = site.html(&format!(
        "<a href='{}' download=big>x</a><script>onload = () => document.querySelector('a').click()</script>",
        file(200_000)
    ));
    let ops = [
        json!({ "op": "take_downloads" }),
        json!({ "op": "navigate", "text": page, "ms": 5000 }),
        json!({ "op": "wait_time", "x": 1000 }),
        json!({ "op": "downloads", "ms": 3000 }),
    ];
    let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
    let told = got[3]["value"].as_str().unwrap_or_default();
    assert!(
        told.contains("browser_transfer_bytes") && told.contains("complete: false"),
        "{got:?}"
    );
    // A page that begins one after the other all the time: as soon as the call is over, none of them is let in.
    let page = site.html(&format!(
        "<a href='{}' download=one>x</a><script>setInterval(() => document.querySelector('a').click(), 1)</script>",
        file(1)
    ));
    let ops = [
        json!({ "op": "take_downloads" }),
        navigate("t1", &page),
        json!({ "op": "wait_time", "x": 500 }),
    ];
    well(&ground, "probe_browser", &[&site.url()], &ops);
    well(
        &ground,
        "probe_browser_look",
        &[],
        &[json!({ "op": "wait_time", "x": 300 })],
    );
    assert!(written(&folders).is_empty(), "{:?}", written(&folders));
    // And when the call is over, none is taken any more, nor left.
    let ops = [
        navigate("t1", &site.html(&flood)),
        json!({ "op": "wait_time", "x": 300 }),
    ];
    well(&ground, "probe_browser", &[&site.url()], &ops);
    assert!(written(&folders).is_empty());
    ground.unchanged();
    ground.alive();
    // Where the line to the browser is full when the call is over, it can't be told to take no more: it is ended.
    let limits = "[limits]\nbrowser_queue = 8\nbrowser_hang_ms = 60000\n";
    let (ground, _) = ground_with(&format!("{}{limits}", policy(&[&site.url()])), &[]);
    let page = site.html("<script>setTimeout(() => { for (;;); }, 100)</script>");
    let ops = [
        json!({ "op": "take_downloads" }),
        navigate("t1", &page),
        json!({ "op": "wait_time", "x": 300 }),
        json!({ "op": "evaluate", "text": "1", "ms": 20, "count": 50 }),
    ];
    let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
    assert!(got[3]["errors"]["Overloaded"].as_u64() > Some(0), "{got:?}");
    let tabs = well(&ground, "probe_browser_look", &[], &[json!({ "op": "tabs" })]).remove(0);
    assert!(!tabs.contains("t1"), "{tabs}");
    ground.alive();
    5
}
