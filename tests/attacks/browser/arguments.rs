//! Arguments that make no sense, and more of everything than a browser or a host can bear. Whatever is asked, the answer is a
//! typed fault, and the next caller gets its own. It must not try what a claim forbids.

use super::server::Server;
use super::{add, got, ground, ground_with, navigate, policy, resident, tries, well, words};
use crate::suite::Suite;
use serde_json::{Value, json};
use std::time::Duration;
use toolyard::{Call, Status};
use toolyard_tests::run;

pub fn cases(suite: &mut Suite) {
    add(suite, "sizes, numbers and times that make no sense", absurd);
    add(suite, "tabs, sessions and state without end", bombs);
    add(
        suite,
        "calls of the interface without end, and texts that nobody can read so fast",
        floods,
    );
    add(
        suite,
        "an answer after a cancel, a timeout or a close never reaches the next caller",
        late_answers,
    );
}

fn absurd() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let page = site.html(
        "<title>T</title><p id=p>some text</p><div id=wide style='width:100000px;height:1500px'></div><input id=i>",
    );
    well(&ground, "probe_browser_wide", &[&site.url()], &[navigate("t1", &page)]);
    let text = include_str!("../data/browser.json")
        .replace("SITE", &site.url())
        .replace("PAGE", &page);
    let ops: Vec<Value> = serde_json::from_str(&text).expect("a list");
    for op in &ops {
        let mut call = Call::new("probe_browser_wide", json!({ "urls": [site.url()], "ops": [op] }));
        call.timeout = Some(Duration::from_secs(25));
        let outcome = run(&ground.host, vec![call]).remove(0);
        let got = got(&outcome);
        if std::env::var("BA_DEBUG").is_ok() {
            println!("{} {} {:.200}", outcome.timing.run_us / 1000, op, got[0].to_string());
        }
        let fine = got[0]["ok"] == true || got[0]["error"].is_string();
        assert!(fine && got[0]["error"] != "Crashed", "{op}: {got:?}");
        let text = got[0]["message"].as_str().unwrap_or_default();
        assert!(text.len() < 2500 && !text.contains("panicked"), "{op}: {text}");
    }
    let read = well(&ground, "probe_browser_look", &[], &[json!({ "op": "read" })]).remove(0);
    assert!(read.contains("some text"), "{read}");
    ground.alive();
    ops.len()
}

fn bombs() -> usize {
    let site = Server::start();
    let more = "[limits]\nbrowser_tabs = 4\nbrowser_sessions = 2\n";
    let (ground, _) = ground_with(&format!("{}{more}", policy(&[&site.url()])), &[]);
    let got = tries(
        &ground,
        "probe_browser_wide",
        &[],
        &[json!({ "op": "open_tab", "count": 60 })],
    );
    assert_eq!(
        (&got[0]["oks"], &got[0]["errors"]),
        (&json!(4), &json!({ "Overloaded": 56 })),
        "{got:?}"
    );
    // State that waits for pages that never come.
    let state = json!({ "origins": [{ "origin": "http://a.test", "localStorage": [{ "name": "k", "value": "x".repeat(200_000) }] }] });
    let import = |number: usize| json!({ "op": "import_state", "text": state.to_string().replace("a.test", &format!("a{number}.test")) });
    let mut refused = 0;
    for round in 0..30 {
        let ops: Vec<_> = (0..4).map(|at| import(round * 4 + at)).collect();
        refused += tries(&ground, "probe_browser_wide", &[], &ops)
            .iter()
            .filter(|got| got["error"] == "Invalid")
            .count();
    }
    assert!((20..=60).contains(&refused), "{refused}");
    // Sessions: the calls claim each of them, and there is room for two.
    let open = |session: &str| {
        let ops = json!([{ "op": "open_tab", "session": session }]);
        got_of(&ground.call("probe_browser", json!({ "urls": [], "session": session, "ops": ops })))
    };
    assert_eq!(
        (open("b"), open("c"), open("main")),
        ("ok".into(), "Overloaded".into(), "Overloaded".into())
    );
    ground.alive();
    60 + 120 + 3
}

fn got_of(outcome: &toolyard::Outcome) -> String {
    words(&got(outcome)).remove(0).to_owned()
}

fn floods() -> usize {
    let site = Server::start();
    // How long so many take is no matter here: a slow machine without optimisations gets its time.
    let patient = "[limits]\nwall_ms = 300000\n";
    let (ground, _) = ground_with(&format!("{}{patient}", policy(&[&site.url()])), &[]);
    well(
        &ground,
        "probe_browser_wide",
        &[&site.url()],
        &[navigate("t1", &site.html("x"))],
    );
    let before = resident();
    let ops = [
        json!({ "op": "tabs", "count": 20_000 }),
        json!({ "op": "tabs", "session": "other", "count": 20_000 }),
        json!({ "op": "evaluate", "text": "1", "count": 500 }),
        json!({ "op": "read_download", "text": "x", "count": 20_000 }),
    ];
    let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
    assert_eq!(got[0]["oks"], 20_000);
    assert_eq!(got[1]["errors"]["Denied"], 20_000);
    assert_eq!(got[2]["oks"], 500, "{got:?}");
    // More than a browser can read meanwhile: what waits for it has a limit.
    let ops = [json!({ "op": "evaluate", "text": "/*x*/", "grow": 4_000_000, "ms": 1, "count": 100 })];
    let outcome = ground.call("probe_browser_wide", json!({ "urls": [], "ops": ops }));
    assert!([Status::Ok, Status::Timeout].contains(&outcome.status), "{outcome:?}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 600_000, "{grown} kB more");
    let ok = well(
        &ground,
        "probe_browser_wide",
        &[],
        &[json!({ "op": "evaluate", "text": "6 * 7", "ms": 20_000 })],
    );
    assert_eq!(ok, ["42"]);
    ground.alive();
    5
}

fn late_answers() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    well(
        &ground,
        "probe_browser_wide",
        &[&site.url()],
        &[navigate("t1", &site.html("x"))],
    );
    let slow = "new Promise(done => setTimeout(() => done('of another'), 150))";
    let mut ops = Vec::new();
    for number in 0..5 {
        ops.push(json!({ "op": "evaluate", "text": slow, "ms": 20 }));
        ops.push(json!({ "op": "evaluate", "text": format!("'mine {number}'") }));
    }
    ops.push(json!({ "op": "evaluate", "text": "new Promise(done => setTimeout(() => done('mine'), 400))" }));
    let got = tries(&ground, "probe_browser_wide", &[], &ops);
    for pair in got.chunks(2) {
        assert!(
            !pair.last().expect("one")["value"].to_string().contains("another"),
            "{got:?}"
        );
    }
    // The same with a call that is over before its answer comes.
    for number in 0..3 {
        let slow = Call::new(
            "probe_browser_wide",
            json!({ "urls": [], "ops": [{ "op": "evaluate", "text": slow, "ms": 9000 }] }),
        );
        let mut quick = slow.clone();
        quick.timeout = Some(Duration::from_millis(60));
        let next = json!({ "urls": [], "ops": [{ "op": "evaluate", "text": format!("new Promise(done => setTimeout(() => done('mine {number}'), 200))") }] });
        let outcomes = ground.batch(vec![quick, Call::new("probe_browser_wide", next)]);
        assert_eq!(outcomes[0].status, Status::Timeout, "{outcomes:?}");
        assert_eq!(super::got(&outcomes[1])[0]["value"], format!("\"mine {number}\""));
    }
    // A session that is closed and opened again knows nothing of what was asked before.
    let ops = [
        json!({ "op": "evaluate", "text": "setTimeout(() => document.title = 'old', 50), 1" }),
        json!({ "op": "close_session" }),
        json!({ "op": "open_tab" }),
        json!({ "op": "wait_time", "x": 100 }),
        json!({ "op": "tabs" }),
    ];
    let told = well(&ground, "probe_browser_wide", &[], &ops);
    assert!(!told[4].contains("old") && told[4].contains("t1"), "{told:?}");
    ground.alive();
    9
}
