//! Pages, tabs and what they say.

use toolyard_sdk::browser::{ConsoleLine, RequestLine};

use super::*;

#[test]
fn a_navigation_says_where_it_led() {
    answer(Ok(Landed {
        refused: vec!["https://b.example/ad.js".to_owned(), "wss://c.example/".to_owned()],
        ..landed("https://a.example/")
    }));
    let said = text(
        "browser_navigate",
        json!({ "url": "https://a.example", "until": "dom_ready" }),
    );
    let refused = "The page's requests outside of what was granted were refused, 2 so far; newest first: \
                   wss://c.example/; https://b.example/ad.js";
    assert_eq!(
        said,
        format!("t1 is at https://a.example/ (status 404): A title\n{refused}")
    );
    let expected =
        r#"navigate(Page { session: "main", tab: "t1" }, "https://a.example", Until::DomReady, false, 20000)"#;
    assert_eq!(calls(), [expected]);
    answer::<Landed>(Err(fault(
        FaultKind::TimedOut,
        "https://a.example/ was not loaded in 20000 ms",
    )));
    let said = text("browser_reload", json!({}));
    assert!(
        said.starts_with("timed_out: https://a.example/ was not loaded in 20000 ms (What has come may do"),
        "{said}"
    );
}

#[test]
fn back_and_forward_are_steps() {
    for (tool, steps) in [("browser_navigate_back", -2), ("browser_navigate_forward", 2)] {
        answer(Ok(landed("https://a.example/")));
        text(tool, json!({ "steps": 2 }));
        let expected = format!(r#"go(Page {{ session: "main", tab: "t1" }}, {steps}, Until::Load, 20000)"#);
        assert_eq!(calls(), [expected]);
    }
}

#[test]
fn tabs_are_listed_with_their_dialogs() {
    let dialog = TabInfo {
        loading: true,
        opener: Some("t1".to_owned()),
        dialog: Some(confirm("Leave?\nReally?")),
        title: "B".to_owned(),
        ..tab("t2", "https://b.example/")
    };
    answer(Ok(vec![tab("t1", "https://a.example/"), dialog]));
    let lines = [
        "t1 https://a.example/",
        "t2 https://b.example/: B [loading] [opened by t1] [open dialog: confirm “Leave? Really?”]",
    ];
    assert_eq!(text("browser_tabs", json!({})), lines.join("\n"));
    answer(Ok(Vec::<TabInfo>::new()));
    let none = "the session x has no tabs; browser_navigate opens t1";
    assert_eq!(text("browser_tabs", json!({ "session": "x" })), none);
}

#[test]
fn a_new_tab_stays_where_its_page_does_not_come() {
    answer(Ok("t2".to_owned()));
    answer::<Landed>(Err(fault(
        FaultKind::NavigationDenied,
        "https://b.example/ is not granted",
    )));
    let said = text("browser_new_tab", json!({ "url": "https://b.example/" }));
    assert_eq!(
        said,
        "navigation_denied: https://b.example/ is not granted (in t2, now open)"
    );
    answer(Ok("t3".to_owned()));
    assert_eq!(data("browser_new_tab", json!({})), json!({ "tab": "t3" }));
}

#[test]
fn what_is_cut_says_how_to_go_on() {
    answer(Ok(reading("é12", true)));
    let said = text("browser_read_page", json!({ "offset": 10, "max_chars": 200 }));
    assert_eq!(said, "[https://a.example/; A; cut: go on with offset 13]\né12");
    answer(Ok(reading("", true)));
    assert_eq!(
        data("browser_read_page", json!({ "offset": 10 }))["next_offset"],
        json!(null)
    );
    answer(Ok(reading("- button [e1]", true)));
    let said = text("browser_snapshot", json!({ "max_chars": 200 }));
    assert!(
        said.starts_with("[https://a.example/; A; cut after 200 characters: narrow it by"),
        "{said}"
    );
    answer(Ok(reading(" ", false)));
    let said = text("browser_snapshot", json!({ "find": "price" }));
    assert_eq!(said, "[https://a.example/; A]\n(nothing with “price”)");
}

#[test]
fn exactly_one_thing_is_waited_for() {
    for arguments in [
        json!({}),
        json!({ "text": "a", "until": "idle" }),
        json!({ "selector": " " }),
        json!({ "timeout_ms": 5 }),
    ] {
        let said = text("browser_wait_for", arguments);
        assert!(said.starts_with("invalid_arguments: "), "{said}");
    }
    assert!(calls().is_empty());
    answer(Ok(()));
    text("browser_wait_for", json!({ "time_ms": 30_000 }));
    answer(Ok(()));
    text("browser_wait_for", json!({ "text_gone": "Loading", "timeout_ms": 7 }));
    let page = r#"wait(Page { session: "main", tab: "t1" }"#;
    let expected = [
        format!("{page}, Condition::Time(30000), 31000)"),
        format!(r#"{page}, Condition::TextGone("Loading"), 7)"#),
    ];
    assert_eq!(calls(), expected);
}

#[test]
fn the_console_shows_the_newest_lines() {
    let line = |number: u64, level: &str| ConsoleLine {
        number,
        level: level.to_owned(),
        text: format!("line\n{number}"),
        at: Some("a.js:7".to_owned()),
    };
    answer(Ok((1..=60).map(|number| line(number, "info")).collect::<Vec<_>>()));
    let said = text("browser_console", json!({}));
    let mut lines = said.lines();
    let head = "[50 lines; 10 older not shown: raise `limit`; later ones: after 60]";
    assert_eq!(
        (lines.next(), lines.next()),
        (Some(head), Some("11 info: line 11 (a.js:7)"))
    );
    answer(Ok(vec![line(5, "warning"), line(6, "error"), line(9, "info")]));
    let shown = data("browser_console", json!({ "after": 4, "level": "error" }));
    let lines = json!([{ "number": 6, "level": "error", "text": "line 6", "at": "a.js:7" }]);
    assert_eq!(shown, json!({ "lines": lines, "left_out": 0, "next_after": 9 }));
    answer(Ok(Vec::<ConsoleLine>::new()));
    assert_eq!(
        text("browser_console", json!({ "after": 9 })),
        "[0 lines; later ones: after 9]"
    );
}

#[test]
fn the_network_log_shows_what_failed() {
    let line = |number: u64, status: Option<u16>, failure: Option<&str>| RequestLine {
        number,
        method: "GET".to_owned(),
        url: format!("https://a.example/{number}"),
        kind: "Fetch".to_owned(),
        status,
        failure: failure.map(str::to_owned),
        bytes: status.map(|_| 12),
    };
    let all = || {
        vec![
            line(1, Some(200), None),
            line(2, Some(404), None),
            line(3, None, Some("refused")),
            line(4, None, None),
        ]
    };
    answer(Ok(all()));
    let lines = [
        "[4 requests; later ones: after 4]",
        "1 GET https://a.example/1 (Fetch): 200, 12 bytes",
        "2 GET https://a.example/2 (Fetch): 404, 12 bytes",
        "3 GET https://a.example/3 (Fetch): failed: refused",
        "4 GET https://a.example/4 (Fetch): no answer yet",
    ];
    assert_eq!(text("browser_network", json!({})), lines.join("\n"));
    answer(Ok(all()));
    let numbers = data("browser_network", json!({ "failed_only": true }));
    let numbers = numbers["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["number"].clone());
    assert_eq!(numbers.collect::<Vec<_>>(), [json!(2), json!(3)]);
}
