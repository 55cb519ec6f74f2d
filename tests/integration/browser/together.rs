//! Many calls at once: sessions beside each other, the order within one, and more than a session can take. It must not prove
//! anything by speed: what only happens together is arranged so that it can't happen otherwise.

use super::{Site, why};
use serde_json::{Value, json};
use toolyard::{Call, Status};
use toolyard_tests::run;

fn value(outcome: &toolyard::Outcome) -> &Value {
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    &outcome.structured.as_ref().expect("data")["value"]
}

#[test]
fn three_sessions_in_one_batch() {
    let site = Site::new();
    site.world.add(&json!({ "a.txt": "one", "b.txt": "two" }));
    site.pages.put("/work", "<title>work</title><input aria-label='Field'>");
    let sessions = ["red", "green", "blue"];
    let mut calls = Vec::new();
    for name in sessions {
        calls.push(Call::new(
            "browser_navigate",
            json!({ "session": name, "url": site.pages.url("/work") }),
        ));
    }
    for letter in ["a", "b", "c", "d"] {
        for name in sessions {
            let text = format!("{name}-{letter} ");
            calls.push(Call::new(
                "browser_type",
                json!({ "session": name, "target": "input", "text": text }),
            ));
        }
        // The server answers when all three ask: none of them comes alone to its end.
        for name in sessions {
            let meet = format!("fetch('/meet?n=3&key={letter}').then((a) => a.text())");
            calls.push(Call::new(
                "browser_evaluate",
                json!({ "session": name, "script": meet }),
            ));
        }
        calls.push(Call::new(
            "write_file",
            json!({ "path": format!("{letter}.txt"), "content": letter }),
        ));
    }
    for name in sessions {
        let script = "document.querySelector('input').value";
        calls.push(Call::new(
            "browser_evaluate",
            json!({ "session": name, "script": script }),
        ));
    }
    let asked: Vec<(String, Option<Value>)> = calls
        .iter()
        .map(|call| (call.tool.clone(), call.arguments.get("session").cloned()))
        .collect();
    let outcomes = run(&site.host, calls);
    assert_eq!(outcomes.len(), asked.len());
    for (outcome, (tool, _)) in outcomes.iter().zip(&asked) {
        assert_eq!((&outcome.tool, outcome.status), (tool, Status::Ok), "{outcome:#?}");
    }
    for (name, outcome) in sessions.iter().zip(&outcomes[outcomes.len() - 3..]) {
        assert_eq!(value(outcome), &json!(format!("{name}-a {name}-b {name}-c {name}-d ")));
    }
    for letter in ["a", "b", "c", "d"] {
        assert_eq!(site.world.read(&format!("{letter}.txt")), letter);
    }
    // Who drives one session waits for whoever drove it before, and for nobody else.
    for (at, outcome) in outcomes.iter().enumerate() {
        for waited in outcome.waited_for() {
            let earlier = outcomes[..at]
                .iter()
                .position(|earlier| earlier.id == waited)
                .expect("an earlier call");
            assert_eq!(asked[earlier].1, asked[at].1, "{} waited for {waited}", outcome.id);
        }
    }
}

#[test]
fn whoever_looks_sees_no_half_of_what_is_done() {
    let site = Site::new();
    site.open("/count", "<title>count</title><p id=a>0</p><p id=b>0</p>");
    let step = "async () => { const n = Number(a.textContent) + 1; a.textContent = n; \
        await new Promise((done) => setTimeout(done, 3)); b.textContent = n; return n; }";
    let mut calls = Vec::new();
    for round in 0..100 {
        calls.push(Call::new("browser_evaluate", json!({ "script": step })));
        calls.push(Call::new("browser_read_page", json!({ "format": "text" })));
        calls.push(match round % 3 {
            0 => Call::new("browser_snapshot", json!({})),
            1 => Call::new("browser_read_page", json!({})),
            _ => Call::new("browser_screenshot", json!({})),
        });
    }
    let outcomes = run(&site.host, calls);
    for (round, outcomes) in outcomes.chunks(3).enumerate() {
        let n = round + 1;
        assert_eq!(value(&outcomes[0]), &json!(n));
        for outcome in &outcomes[1..] {
            assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
            if outcome.tool == "browser_screenshot" {
                continue;
            }
            let text = super::text(outcome);
            let shown = text
                .lines()
                .skip(1)
                .flat_map(|line| line.split_whitespace().last())
                .filter(|word| word.parse::<usize>().is_ok());
            let shown: Vec<String> = shown.map(str::to_owned).collect();
            assert_eq!(shown, [n.to_string(), n.to_string()], "{text}");
        }
    }
}

/// Bytes of memory that this process has in use.
fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("what the kernel knows");
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .expect("a number")
        * 4096
}

#[test]
fn more_than_a_session_can_take() {
    let site = Site::with("[limits]\nbrowser_queue = 8\n");
    let page = "<title>busy</title><p>Text</p>";
    site.open("/busy", page);
    // Each of them holds its place as long as the text is not there, and there are more of them than places.
    let flood = |text: &str, many: usize| -> Vec<Call> {
        let wait = json!({ "text": text, "timeout_ms": 60_000 });
        (0..many).map(|_| Call::new("browser_wait_for", wait.clone())).collect()
    };
    let after = |text: &str, ms: u32| format!("setTimeout(() => document.body.append('{text}'), {ms}) && 0");
    let mut calls = vec![Call::new(
        "browser_evaluate",
        json!({ "script": after("First wave", 1500) }),
    )];
    calls.extend(flood("First wave", 60));
    calls.push(Call::new("browser_evaluate", json!({ "script": "document.title" })));
    let outcomes = run(&site.host, calls);
    let (waits, last) = (&outcomes[1..61], &outcomes[61]);
    let fine = waits.iter().filter(|outcome| outcome.status == Status::Ok).count();
    assert!(fine >= 1, "{waits:#?}");
    let refused: Vec<_> = waits.iter().filter(|outcome| outcome.status != Status::Ok).collect();
    assert!(refused.len() >= 40, "{} were refused", refused.len());
    for outcome in &refused {
        assert!(
            why(outcome).starts_with("overloaded: too much is waiting"),
            "{outcome:#?}"
        );
    }
    // Who drives comes afterwards, and through.
    assert_eq!(value(last), &json!("busy"));
    // A long flood leaves nothing behind.
    let before = memory();
    for wave in 0..5 {
        let text = format!("Wave {wave}");
        let mut calls = vec![Call::new("browser_evaluate", json!({ "script": after(&text, 200) }))];
        calls.extend(flood(&text, 300));
        let outcomes = run(&site.host, calls);
        assert!(
            outcomes
                .iter()
                .any(|outcome| outcome.tool == "browser_wait_for" && outcome.status == Status::Ok)
        );
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 200 << 20, "{grown} bytes more");
    assert!(site.ok("browser_snapshot", json!({})).contains("Wave 4"));
    assert_eq!(site.host.browser_sessions()[0].waiting, 0);
}
