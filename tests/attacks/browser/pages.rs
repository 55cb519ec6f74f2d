//! Pages that are hostile to whoever looks at them: to the scripts that read them, to the patience of a caller, and to the
//! terminal of a person.

use super::server::Server;
use super::{add, got, ground, navigate, resident, tries, words};
use crate::suite::Suite;
use serde_json::{Value, json};
use std::time::Duration;
use toolyard::{Call, Status, report};
use toolyard_tests::run;

pub fn cases(suite: &mut Suite) {
    add(suite, "pages that clobber names and patch prototypes", patched);
    add(suite, "pages of a size that nobody expects", huge);
    add(
        suite,
        "dialogs in a loop, pages that don't let go, windows that close themselves",
        traps,
    );
    add(
        suite,
        "a page that computes without end, and one that takes memory without end",
        stuck,
    );
    add(
        suite,
        "terminal escapes and halves of characters in all that a page can say",
        escapes,
    );
}

/// What a page may have changed before anybody looks at it.
const PATCHED: &str = "
    <form id=f name=body><input name=children><input name=attributes><input name=nodeType><input name=parentNode>
      <input name=getAttribute><input name=querySelectorAll><input name=textContent><input name=ownerDocument>
      <input name=tagName><input name=isConnected><input name=getBoundingClientRect><input name=id></form>
    <img name=title><img name=documentElement><img name=getElementById><img name=toolyard><img name=defaultView>
    <iframe name=JSON></iframe><iframe name=getComputedStyle></iframe><p id=p>honest words</p><button onclick='pressed()'>Press</button>
    <script>
    const all = [Array, Object, String, Function, Map, Set, WeakMap, Promise, RegExp, Number, Element, Node, Document, EventTarget, HTMLElement, Range, Selection, ShadowRoot, MutationObserver, NodeList, HTMLCollection, TreeWalker];
    for (const kind of all) for (const key of Object.getOwnPropertyNames(kind.prototype ?? {}))
        if (key !== 'constructor' && !(kind === Function && key === 'call')) try { Object.defineProperty(kind.prototype, key, { value() { while (window.armed) ; return 'FOR' + 'GED' }, configurable: true, writable: true }) } catch {}
    window.toolyard = new Proxy({}, { get() { return () => ({ text: 'FOR' + 'GED', title: 'FOR' + 'GED', url: 'http://for' + 'ged/' }) } });
    window.armed = false;
    </script>";

fn patched() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let page = PATCHED.replace("pressed()", &format!("new Image().src=\"{}/pressed\"", site.url()));
    let ops = [
        json!({ "op": "navigate", "text": site.html(&page), "ms": 8000, "until": "dom_ready" }),
        json!({ "op": "read" }),
        json!({ "op": "snapshot" }),
        json!({ "op": "read", "target": "#p" }),
        json!({ "op": "wait_text", "text": "honest" }),
        json!({ "op": "tabs" }),
        json!({ "op": "enter", "target": "input[name=children]", "text": "typed" }),
        json!({ "op": "click", "target": "button", "x": 1 }),
        json!({ "op": "element_picture", "target": "#p" }),
    ];
    let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
    assert_eq!(words(&got), ["ok"; 9], "{got:?}");
    let said = json!(got).to_string();
    assert!(!said.contains("FORGED") && !said.contains("forged"), "{said}");
    assert!(
        got[1]["value"].to_string().contains("honest words") && got[2]["value"].to_string().contains("Press"),
        "{said}"
    );
    assert!(
        site.heard("/pressed", usize::MAX, Duration::from_secs(3)),
        "the click did not arrive"
    );
    ground.alive();
    9
}

fn huge() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let before = resident();
    let pages = [
        (
            "an attribute of 10 MB",
            "<script>onload = () => { for (const name of ['title', 'aria-label', 'alt', 'href', 'value', 'class', 'id']) { const e = document.body.appendChild(document.createElement('a')); e.setAttribute(name, 'x'.repeat(1e7)); e.textContent = 'y' } }</script>",
        ),
        (
            "100,000 elements in each other",
            "<script>onload = () => { let e = document.body; for (let n = 0; n < 1e5; n++) e = e.appendChild(document.createElement('div')); e.textContent = 'deepest' }</script>",
        ),
        (
            "15,000 elements beside each other",
            "<script>onload = () => { document.body.innerHTML = '<button>b</button>'.repeat(15000) }</script>",
        ),
        (
            "a title of 1 MB",
            "<script>onload = () => { document.title = 't\\n'.repeat(5e5) }</script><p>x",
        ),
        (
            "an address of 1 MB",
            "<script>onload = () => history.replaceState(0, '', '/' + 'u'.repeat(1e6))</script><p>x",
        ),
        (
            "a text of 4 MB",
            "<script>onload = () => { document.body.textContent = 'w '.repeat(2e6) }</script>",
        ),
        (
            "1,000 shadow trees in each other",
            "<script>onload = () => { let e = document.body; for (let n = 0; n < 1000; n++) { const s = e.attachShadow?.call(e, { mode: 'open' }) ?? e; e = s.appendChild(document.createElement('div')) } }</script>",
        ),
        (
            "60 frames",
            "<script>onload = () => { for (let n = 0; n < 60; n++) document.body.appendChild(document.createElement('iframe')).srcdoc = '<p>in' }</script>",
        ),
        (
            "labels that name each other",
            "<p id=a aria-labelledby='b a'>1<p id=b aria-labelledby='a b' aria-owns='a b'>2<label for=c id=d><input id=c aria-labelledby='d c'></label>",
        ),
    ];
    for (name, page) in pages {
        let ops = [
            json!({ "op": "navigate", "text": site.html(page), "ms": 15_000 }),
            json!({ "op": "snapshot", "x": 4_294_967_295_u32 }),
            json!({ "op": "snapshot", "x": 5000 }),
            json!({ "op": "snapshot", "text": "deepest", "x": 5000 }),
            json!({ "op": "read", "x": 5000 }),
            json!({ "op": "picture" }),
            json!({ "op": "tabs" }),
        ];
        let mut call = Call::new("probe_browser", json!({ "urls": [site.url()], "ops": ops }));
        call.timeout = Some(Duration::from_secs(120));
        let got = got(&run(&ground.host, vec![call]).remove(0));
        for (at, one) in got.iter().enumerate() {
            let fine = one["ok"] == true || ["TimedOut", "Failed"].map(Value::from).contains(&one["error"]);
            // The browser itself can't lay that out.
            let fine = fine || (name.contains("in each other") && one["error"] == "Crashed");
            assert!(fine, "{name}: {one}");
            // What was asked to be short is short.
            assert!(
                at < 2 || one["bytes"].as_u64().unwrap_or(0) < 60_000,
                "{name}: {at} {}",
                one["bytes"]
            );
        }
        let there = name.contains("in each other") || got[4]["ok"] == true;
        assert!(there && got[0]["ok"] == true, "{name}: {got:?}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 400_000, "{grown} kB more");
    ground.alive();
    pages.len()
}

fn traps() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let call = |ops: Value| {
        let mut call = Call::new("probe_browser_wide", json!({ "urls": [site.url()], "ops": ops }));
        call.timeout = Some(Duration::from_secs(60));
        got(&run(&ground.host, vec![call]).remove(0))
    };
    let endless = site.html("<script>for (;;) { alert('a'); confirm('b'); prompt('c', 'd') }</script>");
    let got = call(json!([
        { "op": "navigate", "text": endless }, { "op": "read" }, { "op": "evaluate", "text": "1" }, { "op": "picture" },
        { "op": "answer_dialog", "x": 1 }, { "op": "answer_dialog", "x": 0 }, { "op": "answer_dialog", "x": 1, "text": "t" },
        { "op": "answer_dialog", "x": 1, "count": 50 }, { "op": "tabs" }, { "op": "close_tab" }, { "op": "tabs" },
    ]));
    assert_eq!(
        words(&got)[..5],
        ["DialogOpen", "DialogOpen", "DialogOpen", "DialogOpen", "ok"],
        "{got:?}"
    );
    assert_eq!(
        (&got[9]["ok"], &got[10]["value"]),
        (&json!(true), &json!("[]")),
        "{got:?}"
    );
    // One that asks to stay, every time; one that goes on loading; one that closes itself; one that comes back.
    let stays = site.html("<script>onbeforeunload = e => { e.preventDefault(); return 'stay' }; onpagehide = () => { for (let n = 0; n < 1e9; n++); }; document.onclick = () => 0</script><p>stay");
    let slow = format!("{}/serve?wait=60000&type=text%2Fhtml", site.url());
    let closes = site.html("<script>onload = () => { open('', '_self').close(); window.close(); close() }</script>");
    let back = site.html("<script>onload = () => setTimeout(() => location.reload(), 1)</script><p>again");
    let got = call(json!([
        { "op": "navigate", "text": stays }, { "op": "click", "target": "p", "x": 1 }, { "op": "navigate", "text": site.html("<p>next"), "ms": 6000 },
        { "op": "answer_dialog", "x": 1 }, { "op": "close_tab" },
        { "op": "navigate", "text": slow, "ms": 300 }, { "op": "stop" }, { "op": "close_tab" },
        { "op": "navigate", "text": closes, "ms": 3000 }, { "op": "wait_time", "x": 100 }, { "op": "navigate", "text": site.html("<p>after") },
        { "op": "navigate", "text": back, "ms": 3000 }, { "op": "read" }, { "op": "snapshot" }, { "op": "close_tab" },
        { "op": "navigate", "text": site.html("<p>at last") }, { "op": "read" },
    ]));
    assert_eq!(got[5]["error"], "TimedOut", "{got:?}");
    for at in [4, 7, 10, 14, 15] {
        assert_eq!(got[at]["ok"], true, "{at}: {got:?}");
    }
    assert!(got[16]["value"].to_string().contains("at last"), "{got:?}");
    ground.alive();
    6
}

fn stuck() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let call = |ops: Value| {
        let mut call = Call::new("probe_browser_wide", json!({ "urls": [site.url()], "ops": ops }));
        call.timeout = Some(Duration::from_secs(60));
        got(&run(&ground.host, vec![call]).remove(0))
    };
    let got = call(json!([
        { "op": "navigate", "text": site.html("<p>one<script>setTimeout(() => { for (;;); }, 50)</script>") }, { "op": "wait_time", "x": 200 },
        { "op": "wait_text", "text": "x", "ms": 300 }, { "op": "open_tab" }, { "op": "navigate", "tab": "t2", "text": site.html("<p>two"), "ms": 5000 },
        { "op": "read", "tab": "t2" }, { "op": "close_tab" }, { "op": "tabs" },
    ]));
    assert_eq!(got[2]["error"], "TimedOut", "{got:?}");
    assert!(
        got[5]["value"].to_string().contains("two") && got[6]["ok"] == true,
        "{got:?}"
    );
    // One that takes memory until it dies.
    let bomb = "<script>const all = []; setTimeout(() => { for (;;) all.push(new Array(1e6).fill(0).map(() => ({}))) }, 50)</script>";
    let got = call(json!([
        { "op": "navigate", "tab": "t2", "text": "about:blank" }, { "op": "navigate", "text": "about:blank" },
        { "op": "navigate", "text": site.html(&bomb.replace("for (;;)", "for (let n = 0; n < 40; n++)")) },
        { "op": "wait_time", "x": 300 }, { "op": "read", "tab": "t2" }, { "op": "close_session" }, { "op": "navigate", "text": site.html("<p>three") }, { "op": "read" },
    ]));
    assert!(got[7]["value"].to_string().contains("three"), "{got:?}");
    ground.alive();
    2
}

fn escapes() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let evil = "\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\r\\u202e\\ud800\\udfff\\u0000";
    let page = format!(
        "<body><button>press</button><script>const evil = \"{evil}\";
        document.title = evil + 'title'; document.body.append(evil + 'text'); console.log(evil + 'line', {{ [evil]: evil }});
        document.querySelector('button').setAttribute('aria-label', evil + 'label');
        localStorage.setItem(evil + 'key', evil + 'value'); document.cookie = 'c=' + encodeURIComponent('x');
        onload = () => {{ const a = document.body.appendChild(document.createElement('a')); a.download = evil + 'file'; a.href = 'data:text/plain,x'; a.textContent = 'get'; 
            history.replaceState(0, '', '/#' + evil.replace(/[\\ud800-\\udfff]/g, '')); setTimeout(() => {{ throw new Error(evil + 'error') }}) }}</script>"
    );
    let ops = [
        navigate("t1", &site.html(&page)),
        json!({ "op": "wait_time", "x": 100 }),
        json!({ "op": "tabs" }),
        json!({ "op": "snapshot" }),
        json!({ "op": "read" }),
        json!({ "op": "console" }),
        json!({ "op": "requests" }),
        json!({ "op": "stored" }),
        json!({ "op": "export_state" }),
        json!({ "op": "evaluate", "text": "evil" }),
        json!({ "op": "evaluate", "text": "throw new Error(evil)" }),
        json!({ "op": "evaluate", "text": "setTimeout(() => alert(evil + 'dialog'), 10), 1" }),
        json!({ "op": "wait_time", "x": 200 }),
        json!({ "op": "read" }),
        json!({ "op": "answer_dialog", "x": 1 }),
    ];
    let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
    let expect = [
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "Script",
        "ok",
        "ok",
        "DialogOpen",
        "ok",
    ];
    assert_eq!(words(&got), expect, "{got:?}");
    // The same through the tools that people use: what is printed holds no command.
    let tools = [
        ("browser_navigate", json!({ "url": site.html(&page) })),
        ("browser_tabs", json!({})),
        ("browser_snapshot", json!({})),
        ("browser_read_page", json!({})),
        ("browser_console", json!({})),
        ("browser_network", json!({})),
        ("browser_evaluate", json!({ "script": "evil" })),
        ("browser_evaluate", json!({ "script": "throw new Error(evil)" })),
    ];
    for (tool, arguments) in tools {
        let outcome = ground.call(tool, arguments);
        let printed = report::line(&outcome, 4, 10, report::Style::Plain) + &report::visible(&report::answer(&outcome));
        let bad: Vec<char> = printed
            .chars()
            .filter(|c| c.is_control() && !matches!(c, '\n' | '\t'))
            .collect();
        assert!(bad.is_empty(), "{tool}: {bad:?} in {printed:?}");
        assert!(
            outcome.status == Status::Ok || outcome.status == Status::Failed,
            "{outcome:?}"
        );
    }
    ground.alive();
    ops.len() + 8
}
