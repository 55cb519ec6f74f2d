//! Forms as people fill them: fields of every kind, lists, boxes, and sending by the button or by Enter. It must not set
//! anything by script.

use super::Site;
use serde_json::{Value, json};

const FORM: &str = r#"<title>form</title><form method="post" action="/sent">
  <label>Name <input name="name"></label>
  <label>Password <input type="password" name="password"></label>
  <label>About <textarea name="about">before </textarea></label>
  <label>Born <input type="date" name="born"></label>
  <label>At <input type="time" name="at"></label>
  <label>Count <input type="number" name="count" min="1" max="9"></label>
  <label>How much <input type="range" name="much" min="0" max="10" step="2"></label>
  <label>Colour <select name="colour"><option value="r">Red<option value="g">Green</select></label>
  <label>Days <select name="days" multiple><option>Mon<option>Tue<option>Wed</select></label>
  <label>News <input type="checkbox" name="news"></label>
  <label>Ads <input type="checkbox" name="ads" checked></label>
  <fieldset><legend>Size</legend>
    <label><input type="radio" name="size" value="s" checked>Small</label>
    <label><input type="radio" name="size" value="l">Large</label></fieldset>
  <label>Fixed <input name="fixed" value="x" readonly></label>
  <label>Off <input name="off" disabled></label>
  <button>Send it</button></form>"#;

#[test]
fn a_form_is_filled_and_sent() {
    let site = Site::new();
    site.open("/form", FORM);
    let target = |words: &str| site.reference(words);
    let fields = json!([
        { "target": target("Name"), "value": "Ärna" },
        { "target": target("Password"), "value": "s3cret&=" },
        { "target": "[name=born]", "value": "2001-02-03" },
        { "target": "[name=at]", "value": "14:05" },
        { "target": "[name=count]", "value": "7" },
        { "target": "[name=much]", "value": "4" },
        { "target": target("Colour"), "value": "Green" },
        { "target": target("News"), "checked": true },
        { "target": "[name=ads]", "checked": false },
        { "target": target("Large"), "checked": true },
    ]);
    assert_eq!(
        site.ok("browser_fill_form", json!({ "fields": fields })),
        "filled 10 fields"
    );
    let typed = site.ok("browser_type", json!({ "target": "[name=about]", "text": "and after" }));
    assert_eq!(typed, "typed 9 characters into [name=about]");
    let chosen = site.data(
        "browser_select_option",
        json!({ "target": "[name=days]", "values": ["Mon", "Wed"] }),
    );
    assert_eq!(chosen, json!({ "chosen": ["Mon", "Wed"] }));
    let shown = site.ok("browser_snapshot", json!({ "interactive": true }));
    assert!(shown.contains("Ärna") && !shown.contains("s3cret"), "{shown}");
    let acted = site.data("browser_click", json!({ "target": target("Send it") }));
    assert_eq!(
        (&acted["navigating"], &acted["url"]),
        (&json!(true), &json!(site.pages.url("/sent")))
    );
    let sent = site.pages.wait_for("/sent");
    assert_eq!(
        (sent.method.as_str(), sent.text().as_str()),
        (
            "POST",
            "name=%C3%84rna&password=s3cret%26%3D&about=before+and+after&born=2001-02-03&at=14%3A05&count=7&much=4\
             &colour=g&days=Mon&days=Wed&news=on&size=l&fixed=x"
        )
    );
}

#[test]
fn what_cannot_be_filled_is_told() {
    let site = Site::new();
    site.open("/form", FORM);
    // A field that may become writable is waited for; these don't.
    let fails = |tool: &str, arguments: Value| site.fails(tool, arguments);
    let kind = |said: String| said.split(':').next().unwrap_or_default().to_owned();
    let choose = |values: Value| json!({ "target": "[name=colour]", "values": values });
    assert_eq!(kind(fails("browser_select_option", choose(json!(["Blue"])))), "invalid");
    assert_eq!(
        kind(fails("browser_select_option", choose(json!(["Red", "Green"])))),
        "invalid"
    );
    let fill = |target: &str, value: &str| json!({ "fields": [{ "target": target, "value": value }] });
    let said = fails("browser_fill_form", fill("[name=born]", "3.2.2001"));
    assert!(
        said.starts_with("invalid: [name=born]: ") && said.contains("2026-01-31"),
        "{said}"
    );
    assert_eq!(
        kind(fails("browser_fill_form", fill("[name=count]", "many"))),
        "invalid"
    );
    assert_eq!(kind(fails("browser_fill_form", fill("button", "x"))), "not_actionable");
    assert_eq!(kind(fails("browser_click", json!({ "target": "p >" }))), "invalid");
    let said = fails("browser_type", json!({ "target": "[name=off]", "text": "x" }));
    assert!(
        said.starts_with("not_actionable: ") && said.contains("is disabled"),
        "{said}"
    );
    assert_eq!(
        site.js("document.forms[0].off.value + document.forms[0].born.value"),
        json!("")
    );
}

#[test]
fn enter_sends_and_keys_are_told_one_by_one() {
    let site = Site::new();
    site.open(
        "/search",
        r#"<title>search</title><form action="/found"><input name="q" aria-label="Search"></form><output></output>
        <script>document.forms[0].q.onkeydown = (e) => document.querySelector("output").append(e.key, " ");</script>"#,
    );
    let typing = json!({ "target": "[name=q]", "text": "ab ü", "keys": true });
    site.ok("browser_type", typing);
    assert_eq!(
        site.js("document.querySelector('output').textContent"),
        json!("a b   ü ")
    );
    let acted = site.data(
        "browser_type",
        json!({ "target": "[name=q]", "text": "cats", "clear": true, "submit": true }),
    );
    let there = json!(site.pages.url("/found?q=cats"));
    assert_eq!((&acted["navigating"], &acted["url"]), (&json!(true), &there), "{acted}");
    assert_eq!(site.pages.to("/found").len(), 1);
}

#[test]
fn editable_text_takes_text() {
    let site = Site::new();
    site.open(
        "/edit",
        r#"<div id="a" contenteditable aria-label="Notes">one</div><p id="b">no</p><output></output>
        <script>a.oninput = () => document.querySelector("output").append("i");</script>"#,
    );
    site.ok("browser_type", json!({ "target": "#a", "text": " two" }));
    assert_eq!(site.js("a.innerText"), json!("one two"));
    site.ok(
        "browser_type",
        json!({ "target": site.reference("Notes"), "text": "three\nfour", "clear": true }),
    );
    assert_eq!(site.js("a.innerText.trim()"), json!("three\nfour"));
    site.ok(
        "browser_fill_form",
        json!({ "fields": [{ "target": "#a", "value": "" }] }),
    );
    assert_eq!(site.js("a.innerText.trim()"), json!(""));
    assert_eq!(
        site.js("document.querySelector('output').textContent.length > 2"),
        json!(true)
    );
    let said = site.fails("browser_type", json!({ "target": "#b", "text": "x" }));
    assert!(said.starts_with("not_actionable: "), "{said}");
}

#[test]
fn boxes_that_are_drawn_by_their_labels() {
    let site = Site::new();
    site.open(
        "/boxes",
        r#"<style>input { position: absolute; opacity: 0; width: 0; height: 0 }</style>
        <label id="l"><input type="checkbox" id="c"><span>Nice box</span></label>
        <div id="s" role="switch" aria-checked="false" tabindex="0"
          onclick="this.setAttribute('aria-checked', this.getAttribute('aria-checked') !== 'true')">Switch</div>"#,
    );
    let check = |target: &str, checked: bool| json!({ "fields": [{ "target": target, "checked": checked }] });
    site.ok("browser_fill_form", check("#c", true));
    assert_eq!(site.js("c.checked"), json!(true));
    // What is so already stays so.
    site.ok("browser_fill_form", check("#c", true));
    assert_eq!(site.js("c.checked"), json!(true));
    site.ok("browser_fill_form", check("#l", false));
    assert_eq!(site.js("c.checked"), json!(false));
    site.ok("browser_fill_form", check("#s", true));
    assert_eq!(site.js("s.getAttribute('aria-checked')"), json!("true"));
}
