//! Mouse, keys and scrolling. It must not do by script what a tool is there for.

use super::{Site, reference};
use serde_json::json;

#[test]
fn clicks_of_every_kind() {
    let site = Site::new();
    site.open(
        "/clicks",
        r#"<button>Press me</button><output></output><script>
        const b = document.querySelector("button"), say = (text) => document.querySelector("output").append(text + ";");
        b.onclick = (e) => say("click" + e.detail + (e.shiftKey ? "+shift" : "") + (e.isTrusted ? "" : "?"));
        b.ondblclick = () => say("double");
        b.oncontextmenu = (e) => { e.preventDefault(); say("menu"); };
        b.onauxclick = (e) => e.button === 1 && say("middle");
        </script>"#,
    );
    let target = site.reference("Press me");
    let click = |more: serde_json::Value| {
        let mut arguments = json!({ "target": target });
        arguments
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().expect("an object"));
        site.ok("browser_click", arguments);
        site.js("(() => { const out = document.querySelector('output'), text = out.textContent; out.textContent = ''; return text; })()")
    };
    assert_eq!(click(json!({})), json!("click1;"));
    assert_eq!(click(json!({ "double": true })), json!("click1;click2;double;"));
    assert_eq!(click(json!({ "modifiers": ["Shift"] })), json!("click1+shift;"));
    assert_eq!(click(json!({ "button": "right" })), json!("menu;"));
    assert_eq!(click(json!({ "button": "middle" })), json!("middle;"));
}

#[test]
fn shadow_trees_are_looked_and_clicked_into() {
    let site = Site::new();
    site.open(
        "/shadow",
        r#"<x-outer></x-outer><script>
        const make = (name, html) => customElements.define(name, class extends HTMLElement {
          connectedCallback() { this.attachShadow({ mode: "open" }).innerHTML = html; }
        });
        make("x-inner", "<button class='deep' onclick='document.title = this.textContent'>Deep down</button><input aria-label='Deep field'>");
        make("x-outer", "<x-inner></x-inner>");
        </script>"#,
    );
    site.ok("browser_click", json!({ "target": site.reference("Deep down") }));
    assert_eq!(site.js("document.title"), json!("Deep down"));
    site.js("document.title = ''");
    site.ok("browser_click", json!({ "target": ".deep" }));
    assert_eq!(site.js("document.title"), json!("Deep down"));
    site.ok(
        "browser_type",
        json!({ "target": site.reference("Deep field"), "text": "hi" }),
    );
    let shown = site.ok("browser_snapshot", json!({ "find": "deep field" }));
    assert!(shown.contains("hi"), "{shown}");
}

#[test]
fn a_menu_opens_under_the_mouse() {
    let site = Site::new();
    site.open(
        "/menu",
        r#"<style>nav ul { display: none } nav:hover ul { display: block }</style>
        <nav>Menu<ul><li><a href="/chosen">Choose</a></ul></nav>"#,
    );
    assert!(!site.ok("browser_snapshot", json!({})).contains("Choose"));
    site.ok("browser_hover", json!({ "target": "nav" }));
    let acted = site.data("browser_click", json!({ "target": site.reference("Choose") }));
    let there = json!(site.pages.url("/chosen"));
    assert_eq!((&acted["navigating"], &acted["url"]), (&json!(true), &there), "{acted}");
    // To another place of the same document is not to another document.
    site.open(
        "/places",
        "<a href='#there'>Go</a><a href='/download?name=x.bin'>Get</a><p id=there>There",
    );
    for (target, path, navigating) in [("a", "/places#there", false), ("a + a", "/places#there", false)] {
        let acted = site.data("browser_click", json!({ "target": target }));
        let there = json!(site.pages.url(path));
        assert_eq!(
            (&acted["navigating"], &acted["url"]),
            (&json!(navigating), &there),
            "{acted}"
        );
    }
}

#[test]
fn things_are_dragged() {
    let site = Site::new();
    let boxes = r#"<style>div { width: 80px; height: 60px; margin: 20px; background: #ccc }</style>
        <div id="a" draggable="true">thing</div><div id="b">place</div><output></output>"#;
    // As HTML has it, with data.
    site.open(
        "/drag",
        &format!(
            r#"{boxes}<script>
            a.ondragstart = (e) => e.dataTransfer.setData("text/plain", "carried");
            b.ondragover = (e) => e.preventDefault();
            b.ondrop = (e) => {{ e.preventDefault(); document.title = e.dataTransfer.getData("text/plain"); }};
            </script>"#
        ),
    );
    site.ok("browser_drag", json!({ "source": "#a", "destination": "#b" }));
    assert_eq!(site.js("document.title"), json!("carried"));
    // By the mouse alone, as sliders and boards have it.
    site.open(
        "/move",
        &format!(
            r#"{}<script>
            let moves = 0, down = false;
            a.onmousedown = () => down = true;
            document.onmousemove = (e) => moves += down && e.buttons === 1;
            b.onmouseup = () => document.title = down && moves > 1 ? "moved" : "jumped";
            </script>"#,
            boxes.replace("draggable=\"true\"", "")
        ),
    );
    site.ok("browser_drag", json!({ "source": "#a", "destination": "#b" }));
    assert_eq!(site.js("document.title"), json!("moved"));
}

#[test]
fn a_drag_that_a_dialog_ends_lets_go() {
    let site = Site::new();
    site.open(
        "/drag",
        r#"<style>div { width: 80px; height: 60px; margin: 20px; background: #ccc }</style>
        <div id="a">thing</div><div id="b">place</div><script>
        let down = false, ups = 0;
        document.onmousedown = () => down = true;
        document.onmousemove = () => { if (down) { down = false; alert("moved"); } };
        document.onmouseup = () => document.title = `up ${++ups}`;
        </script>"#,
    );
    let acted = site.data("browser_drag", json!({ "source": "#a", "destination": "#b" }));
    assert_eq!(acted["dialog"]["message"], json!("moved"));
    site.ok("browser_handle_dialog", json!({ "accept": true }));
    assert_eq!(site.js("document.title"), json!("up 1"));
    site.ok("browser_click", json!({ "target": "#b" }));
    assert_eq!(site.js("document.title"), json!("up 2"));
}

#[test]
fn keys_and_chords() {
    let site = Site::new();
    site.open(
        "/keys",
        r#"<input id="i" value="some text" autofocus><output></output><script>
        document.onkeydown = (e) => document.title = [e.ctrlKey && "C", e.shiftKey && "S", e.altKey && "A", e.key, e.code].filter(Boolean).join("-");
        </script>"#,
    );
    site.ok("browser_click", json!({ "target": "#i" }));
    let press = |key: &str| site.ok("browser_press_key", json!({ "key": key }));
    press("Control+Shift+K");
    assert_eq!(site.js("document.title"), json!("C-S-K-KeyK"));
    press("Control+A");
    assert_eq!(site.js("i.selectionEnd - i.selectionStart"), json!(9));
    press("Delete");
    press("x");
    press("Shift+Y");
    press("ArrowLeft");
    press("Space");
    assert_eq!(site.js("i.value"), json!("x Y"));
    press("Backspace");
    assert_eq!(site.js("i.value"), json!("xY"));
    press("Tab");
    assert_eq!(site.js("document.activeElement === i"), json!(false));
    press("F2");
    assert_eq!(site.js("document.title"), json!("F2-F2"));
    let said = site.fails("browser_press_key", json!({ "key": "Hyper+Q" }));
    assert!(said.starts_with("invalid: "), "{said}");
}

#[test]
fn scrolling_and_what_comes_with_it() {
    let site = Site::new();
    site.open(
        "/long",
        r#"<div id="box" style="height: 100px; overflow: auto"><div style="height: 2000px">inner</div></div>
        <div style="height: 3000px">much</div><button id="far" onclick="document.title = 'far'">Far below</button>
        <script>addEventListener("scroll", () => { if (scrollY > 400 && !window.more) { window.more = 1; document.body.append("Loaded later"); } });</script>"#,
    );
    site.ok("browser_scroll", json!({ "y": 500 }));
    site.ok("browser_wait_for", json!({ "text": "Loaded later" }));
    assert_eq!(site.js("scrollY"), json!(500));
    site.ok("browser_scroll", json!({ "y": -500 }));
    site.ok("browser_wait_for", json!({ "time_ms": 50 }));
    site.ok("browser_scroll", json!({ "target": "#box", "y": 300 }));
    site.js(
        "new Promise((done) => { const look = () => box.scrollTop === 300 ? done(1) : setTimeout(look, 10); look(); })",
    );
    site.ok("browser_scroll", json!({ "target": "#far" }));
    assert_eq!(
        site.js("far.getBoundingClientRect().bottom <= innerHeight && scrollY > 0"),
        json!(true)
    );
    site.js("scrollTo(0, 0)");
    // Clicking brings into view by itself.
    site.ok("browser_click", json!({ "target": site.reference("Far below") }));
    assert_eq!(site.js("document.title"), json!("far"));
    let said = site.fails("browser_scroll", json!({}));
    assert!(said.starts_with("invalid_arguments: "), "{said}");
}

#[test]
fn what_cannot_be_clicked_yet_is_waited_for() {
    let site = Site::new();
    site.open(
        "/later",
        r#"<button id="b" disabled onclick="document.title += 'b'">Soon</button>
        <div id="cover" style="position: fixed; inset: 0; background: #fff8">Loading</div>
        <script>setTimeout(() => cover.remove(), 200); setTimeout(() => b.disabled = false, 300);
        setTimeout(() => document.body.insertAdjacentHTML("beforeend", "<button id='n' onclick='document.title += `n`'>New</button>"), 400);</script>"#,
    );
    site.ok("browser_click", json!({ "target": "#b" }));
    site.ok("browser_click", json!({ "target": "#n" }));
    assert_eq!(site.js("document.title"), json!("bn"));
    let shown = site.ok("browser_snapshot", json!({}));
    site.js("document.body.innerHTML = '<p>other</p>'");
    let said = site.fails("browser_click", json!({ "target": reference(&shown, "Soon") }));
    assert!(said.starts_with("stale_reference: "), "{said}");
}
