//! What is done to a page, and what is told of it.

use super::*;

const HERE: &str = "https://a.example/";

/// Answers for one action: where the tab is, and what the action led to.
fn script(acted: Acted) {
    answer(Ok(vec![tab("t1", HERE)]));
    answer(Ok(acted));
}

#[test]
fn a_target_is_a_reference_or_a_selector() {
    for (target, expected) in [
        ("e12", r#"Target::Reference("e12")"#),
        (" e1 ", r#"Target::Reference("e1")"#),
        ("e", r#"Target::Selector("e")"#),
        ("e1 > a", r#"Target::Selector("e1 > a")"#),
        ("E12", r#"Target::Selector("E12")"#),
        ("e١", r#"Target::Selector("e١")"#),
    ] {
        script(stayed(HERE));
        text("browser_hover", json!({ "target": target }));
        let expected = format!(r#"hover(Page {{ session: "main", tab: "t1" }}, {expected})"#);
        assert_eq!(calls(), [r#"tabs("main")"#.to_owned(), expected]);
    }
    let said = text("browser_hover", json!({ "target": " " }));
    assert!(said.starts_with("invalid_arguments: an empty `target`"), "{said}");
}

#[test]
fn an_action_tells_what_happened_and_no_more() {
    script(stayed(HERE));
    assert_eq!(text("browser_click", json!({ "target": "e1" })), "clicked e1");
    script(stayed("https://a.example/#b"));
    let said = text("browser_click", json!({ "target": "e1", "double": true }));
    assert_eq!(
        said,
        "clicked e1 twice\nThe address is now https://a.example/#b, in the same document."
    );
    script(Acted {
        navigating: true,
        opened: vec!["t2".to_owned()],
        dialog: Some(confirm("Sure?")),
        ..stayed("https://b.example/")
    });
    let lines = [
        "clicked e1",
        "The tab went to https://b.example/: take a new browser_snapshot, references from before are void.",
        "It opened the tab t2: say `tab`: \"t2\" to use it.",
        "A dialog opened: confirm “Sure?”. The tab t1 does nothing else until browser_handle_dialog answers it.",
    ];
    assert_eq!(text("browser_click", json!({ "target": "e1" })), lines.join("\n"));
}

#[test]
fn a_page_that_only_begins_to_load_is_not_named() {
    script(Acted {
        navigating: true,
        ..stayed(HERE)
    });
    let said = text("browser_click", json!({ "target": "e1" }));
    assert!(
        said.starts_with("clicked e1\nThe tab began to load another page: take a new"),
        "{said}"
    );
}

#[test]
fn programs_get_the_same() {
    script(Acted {
        dialog: Some(confirm("Sure?")),
        ..stayed("https://a.example/?b")
    });
    let expected = json!({
        "url": "https://a.example/?b", "moved": true, "navigating": false, "opened": [],
        "dialog": { "kind": "confirm", "message": "Sure?" },
    });
    assert_eq!(data("browser_press_key", json!({ "key": "Enter" })), expected);
}

#[test]
fn a_click_has_a_button_and_keys() {
    script(stayed(HERE));
    text(
        "browser_click",
        json!({ "target": "a", "button": "right", "modifiers": ["Control", "Shift"] }),
    );
    let call = calls().remove(1);
    let options = "ClickOptions { button: Button::Right, count: 1, modifiers: Modifiers { bits: 10 } })";
    assert!(call.ends_with(options), "{call}");
}

#[test]
fn faults_say_what_helps() {
    answer(Ok(vec![tab("t1", HERE)]));
    answer::<Acted>(Err(fault(FaultKind::StaleReference, "e7 is gone")));
    let said = text("browser_click", json!({ "target": "e7" }));
    let hint = "Take a new browser_snapshot and use the references in it.";
    assert_eq!(said, format!("stale_reference: e7 is gone ({hint})"));
    answer::<Reading>(Err(Fault {
        hint: Some("The host's own.".to_owned()),
        ..fault(FaultKind::DialogOpen, "a confirm is open")
    }));
    let said = text("browser_snapshot", json!({}));
    assert_eq!(said, "dialog_open: a confirm is open (The host's own.)");
}

#[test]
fn scrolling_needs_a_way_or_an_element() {
    let said = text("browser_scroll", json!({}));
    assert!(said.starts_with("invalid_arguments: say how far"), "{said}");
    script(stayed(HERE));
    assert_eq!(
        text("browser_scroll", json!({ "y": -300 })),
        "scrolled by 0, -300 pixels"
    );
    script(stayed(HERE));
    assert_eq!(text("browser_scroll", json!({ "target": "#end" })), "#end is in view");
}

#[test]
fn what_is_typed_is_not_repeated() {
    script(stayed(HERE));
    let arguments = json!({ "target": "e1", "text": "sécret", "clear": true, "submit": true });
    assert_eq!(
        text("browser_type", arguments),
        "typed 6 characters into e1 and pressed Enter"
    );
    let call = calls().remove(1);
    assert!(
        call.ends_with("TypeOptions { replace: true, keys: false, submit: true })"),
        "{call}"
    );
}

#[test]
fn a_form_is_filled_in_order() {
    answer(Ok(vec![tab("t1", HERE)]));
    answer(Ok(stayed(HERE)));
    answer::<Acted>(Err(fault(FaultKind::NotActionable, "e2 is no text field")));
    answer(Ok(vec!["de".to_owned()]));
    answer(Ok(Acted {
        opened: vec!["t2".to_owned()],
        ..stayed(HERE)
    }));
    let fields = json!([
        { "target": "e1", "value": "Ada" },
        { "target": "e2", "value": "Germany" },
        { "target": "e3", "checked": true },
    ]);
    let said = text("browser_fill_form", json!({ "fields": fields }));
    assert_eq!(
        said,
        "filled 3 fields\nIt opened the tab t2: say `tab`: \"t2\" to use it."
    );
    let made = calls();
    let names = made.iter().map(|call| call.split('(').next().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["tabs", "enter", "enter", "select", "check"]);
}

#[test]
fn a_form_that_is_half_filled_says_so() {
    answer(Ok(vec![tab("t1", HERE)]));
    answer(Ok(stayed(HERE)));
    for _ in 0..2 {
        answer::<Acted>(Err(fault(FaultKind::NotActionable, "it is hidden")));
    }
    let fields = json!([{ "target": "e1", "value": "a" }, { "target": "e2", "value": "b" }]);
    let said = text("browser_fill_form", json!({ "fields": fields }));
    assert!(
        said.starts_with("unavailable: e2: "),
        "an answer of another type: {said}"
    );
    answer(Ok(vec![tab("t1", HERE)]));
    answer(Ok(stayed(HERE)));
    answer::<Acted>(Err(fault(FaultKind::NotActionable, "it is hidden")));
    answer::<Vec<String>>(Err(fault(FaultKind::NotActionable, "it is no list")));
    let said = text("browser_fill_form", json!({ "fields": fields }));
    assert!(
        said.starts_with("not_actionable: e2: it is hidden (1 of 2 fields are filled)"),
        "{said}"
    );
}

#[test]
fn a_form_is_looked_at_before_it_is_touched() {
    calls();
    for field in [
        json!({ "target": "e2" }),
        json!({ "target": "e2", "value": "a", "checked": true }),
        json!({ "target": "", "value": "a" }),
    ] {
        let fields = json!([{ "target": "e1", "value": "a" }, field]);
        let said = text("browser_fill_form", json!({ "fields": fields }));
        assert!(said.starts_with("invalid_arguments: "), "{said}");
    }
    assert!(calls().is_empty());
}

#[test]
fn lists_dialogs_and_scripts() {
    answer(Ok(vec!["a".to_owned(), "b".to_owned()]));
    let said = text("browser_select_option", json!({ "target": "e4", "values": ["a", "b"] }));
    assert_eq!(said, "chosen in e4: a, b");
    script(stayed(HERE));
    let said = text("browser_handle_dialog", json!({ "accept": false }));
    assert_eq!(said, "dismissed the dialog");
    answer(Ok(r#"{"a":[1,2]}"#.to_owned()));
    let shown = data("browser_evaluate", json!({ "script": "() => x" }));
    assert_eq!(shown, json!({ "value": { "a": [1, 2] }, "truncated": false }));
    answer(Ok(format!("\"{}\"", "é".repeat(500))));
    let arguments = json!({ "script": "x", "max_bytes": 200 });
    let shown = data("browser_evaluate", arguments);
    assert_eq!(shown, json!({ "value": null, "truncated": true }));
}
