//! What is known of a session, event by event, and that nothing a browser could say breaks it.

use super::super::intercept::Whose;
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn session() -> State {
    let mut state = State {
        most_tabs: 3,
        ..State::default()
    };
    attach(&mut state, "S1", "T1", "");
    state
}

fn attach(state: &mut State, session: &str, target: &str, opener: &str) -> Vec<Todo> {
    let event = json!({
        "sessionId": session,
        "targetInfo": { "targetId": target, "type": "page", "openerId": opener },
    });
    state.apply(None, "Target.attachedToTarget", &event)
}

fn ids(state: &State) -> Vec<&str> {
    state.tabs.iter().map(|tab| tab.id.as_str()).collect()
}

#[test]
fn tabs_have_names_that_stay() {
    let mut state = session();
    let todo = attach(&mut state, "S2", "T2", "T1");
    assert_eq!(ids(&state), ["t1", "t2"]);
    assert_eq!(state.tab("t2").unwrap().opener.as_deref(), Some("t1"));
    // What it may reach is set before it runs.
    assert!(matches!(
        todo.as_slice(),
        [Todo::Inherit { .. }, Todo::Watch { page: Some(_), .. }]
    ));
    attach(&mut state, "S3", "T3", "");
    assert_eq!(
        attach(&mut state, "S4", "T4", ""),
        [Todo::Close {
            session: "S4".into(),
            target: "T4".into()
        }]
    );
    let gone = state.apply(None, "Target.targetDestroyed", &json!({ "targetId": "T2" }));
    assert_eq!(gone.len(), 2);
    attach(&mut state, "S5", "T5", "");
    assert_eq!(ids(&state), ["t1", "t3", "t4"]);
    state.apply(None, "Target.targetDestroyed", &json!({ "targetId": "T1" }));
    attach(&mut state, "S6", "T6", "");
    assert_eq!(ids(&state), ["t3", "t4", "t1"]);
}

#[test]
fn a_document_comes_in_stages() {
    let mut state = session();
    let on = Some("S1");
    let stage = |name: &str, loader: &str| json!({ "frameId": "T1", "loaderId": loader, "name": name });
    state.apply(on, "Page.lifecycleEvent", &stage("init", "L1"));
    let frame = json!({ "frame": { "id": "T1", "loaderId": "L1", "url": "http://a.com/", "urlFragment": "#x" } });
    state.apply(on, "Page.frameNavigated", &frame);
    state.apply(on, "Page.lifecycleEvent", &stage("load", "L1"));
    let tab = state.tab("t1").unwrap();
    assert_eq!(tab.url, "http://a.com/#x");
    assert!(tab.document.reached.contains("load") && tab.document.reached.contains("commit"));
    // One frame's stages are not the page's.
    state.apply(
        on,
        "Page.lifecycleEvent",
        &json!({ "frameId": "F", "loaderId": "L9", "name": "load" }),
    );
    assert_eq!(state.tab("t1").unwrap().document.loader, "L1");
    state.apply(on, "Page.lifecycleEvent", &stage("init", "L2"));
    let tab = state.tab("t1").unwrap();
    assert!(!tab.document.reached.contains("load"));
    assert_eq!(tab.past.back().map(String::as_str), Some("L1"));
}

#[test]
fn worlds_go_with_their_documents() {
    let mut state = session();
    let made = |name: &str, id: &str| json!({ "context": { "uniqueId": id, "name": name, "auxData": { "frameId": "T1", "isDefault": name.is_empty() } } });
    state.apply(Some("S1"), "Runtime.executionContextCreated", &made("", "C1"));
    state.apply(Some("S1"), "Runtime.executionContextCreated", &made("toolyard", "C2"));
    state.apply(
        Some("S1"),
        "Runtime.executionContextCreated",
        &made("somebody else's", "C3"),
    );
    let world = |state: &State| state.tab("t1").unwrap().frames.get("T1").unwrap().world.clone();
    assert_eq!(world(&state).as_deref(), Some("C2"));
    let gone = json!({ "executionContextUniqueId": "C2" });
    state.apply(Some("S1"), "Runtime.executionContextDestroyed", &gone);
    assert_eq!(world(&state), None);
    // A connection that isn't this tab's says nothing about it.
    state.apply(Some("S9"), "Runtime.executionContextCreated", &made("toolyard", "C4"));
    assert_eq!(world(&state), None);
}

#[test]
fn crashes_and_dialogs() {
    let mut state = session();
    let opening = json!({ "type": "prompt", "message": "Name?", "defaultPrompt": "Ada" });
    state.apply(Some("S1"), "Page.javascriptDialogOpening", &opening);
    let dialog = state.tab("t1").unwrap().dialog.clone().unwrap();
    assert_eq!(
        (dialog.kind.as_str(), dialog.proposed.as_deref()),
        ("prompt", Some("Ada"))
    );
    let todo = state.apply(Some("S1"), "Inspector.targetCrashed", &json!({}));
    assert_eq!(
        todo,
        [Todo::Fail {
            session: "S1".into(),
            crashed: true
        }]
    );
    let tab = state.tab("t1").unwrap();
    assert!(tab.crashed && tab.dialog.is_none());
}

fn anything() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "T1",
        "T2",
        "S1",
        "S2",
        "page",
        "iframe",
        "L1",
        "load",
        "toolyard",
        "",
        "swap",
        "403",
        "x-toolyard-refused",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "sessionId",
        "targetId",
        "targetInfo",
        "type",
        "openerId",
        "frameId",
        "frame",
        "id",
        "loaderId",
        "url",
        "name",
        "context",
        "auxData",
        "uniqueId",
        "isDefault",
        "requestId",
        "request",
        "response",
        "status",
        "headers",
        "guid",
        "receivedBytes",
        "state",
        "message",
        "args",
        "value",
        "executionContextUniqueId",
        "reason",
        "entry",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_that_a_browser_says_breaks_it(
        events in prop::collection::vec(
            (
                prop::option::of(prop::sample::select(vec!["S1", "S2", "S3"])),
                prop::sample::select(vec![
                    "Target.attachedToTarget", "Target.detachedFromTarget", "Target.targetInfoChanged",
                    "Target.targetDestroyed", "Target.targetCrashed", "Inspector.targetCrashed", "Page.frameNavigated",
                    "Page.lifecycleEvent", "Page.frameDetached", "Page.javascriptDialogOpening", "Runtime.consoleAPICalled",
                    "Runtime.executionContextCreated", "Runtime.executionContextsCleared", "Runtime.exceptionThrown",
                    "Log.entryAdded", "Network.requestWillBeSent", "Network.responseReceived", "Network.loadingFinished",
                    "Browser.downloadWillBegin", "Browser.downloadProgress", "Nonsense", "No.Such",
                ]),
                anything(),
            ),
            0..20,
        ),
    ) {
        let mut state = session();
        for (session, method, event) in &events {
            state.apply(*session, method, event);
            prop_assert!(state.tabs.len() <= state.most_tabs);
        }
        let mut names = ids(&state);
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), state.tabs.len());
    }
}

#[test]
fn bytes_of_forgotten_downloads_are_counted() {
    let mut state = session();
    let mut load = |id: String, bytes: u64| {
        state.apply(None, "Browser.downloadWillBegin", &json!({ "guid": id }));
        for (told, so_far) in [("inProgress", bytes / 2), ("completed", bytes)] {
            let event = json!({ "guid": id, "receivedBytes": so_far, "state": told });
            state.apply(None, "Browser.downloadProgress", &event);
        }
    };
    for round in 0..3 {
        load(format!("large {round}"), 1000);
        (0..500).for_each(|number| load(format!("{round} {number}"), 0));
    }
    assert_eq!(state.since(0).count(), 500);
    assert!(state.since(0).all(|download| download.bytes == 0));
    assert_eq!(state.received, 3000);
}

#[test]
fn frames_that_are_forgotten_refuse_no_worker_and_no_frame_that_is_told_of() {
    let mut state = session();
    let on = Some("S1");
    for number in 0..=16_384 {
        let frame = json!({ "frameId": format!("F{number}") });
        state.apply(on, "Page.frameAttached", &frame);
        state.apply(on, "Page.frameDetached", &frame);
    }
    // The oldest is forgotten, and might be any name that is not known: nothing is granted to one of those.
    assert_eq!(session().whose("F0"), Whose::Each);
    assert_eq!(state.whose("F0"), Whose::Tab("F0".into()));
    assert!(state.forgets() && !state.knows("F0"));
    assert_eq!(state.owner("F1").as_deref(), Some("T1"));
    assert_eq!(state.owner("F16384").as_deref(), Some("T1"));
    let worker = json!({ "sessionId": "W", "targetInfo": { "targetId": "worker", "type": "shared_worker" } });
    state.apply(on, "Target.attachedToTarget", &worker);
    assert!(state.knows("worker") && state.whose("worker") == Whose::Any);
    assert!(!state.knows("new"));
    state.apply(on, "Page.frameAttached", &json!({ "frameId": "new" }));
    assert_eq!(state.owner("new").as_deref(), Some("T1"));
    // What was forgotten stays so when the tab is gone, and nothing is granted to the rest.
    state.apply(None, "Target.targetDestroyed", &json!({ "targetId": "T1" }));
    assert!(state.forgets() && !state.knows("F0"));
    assert_eq!(state.whose("F0"), Whose::Tab("F0".into()));
    assert_eq!(state.owner("F16384").as_deref(), Some("F16384"));
}
