//! Every plain type on its way through text and back. It must not test what the values mean.

use super::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let text = serde_json::to_string(&value).expect("text");
    let back: T = serde_json::from_str(&text).expect(&text);
    assert_eq!(back, value, "{text}");
    assert!(!text.contains('\n'), "{text}");
}

/// Numbers that lose something where they are read carelessly, words that mean something elsewhere.
fn rich() -> Value {
    json!({
        "z": [0.30000000000000004, 1e300, -0.0, u64::MAX, i64::MIN, 9_007_199_254_740_993_u64],
        "a": "\u{2028}\n\"\\ \u{0} ü", "": null, "$result": { "$literal": true },
    })
}

fn entries() -> Vec<Entry> {
    let path = |mount: &str, path: &str, scope, object| Resource::Path {
        path: CanonicalPath::new(mount, path),
        scope,
        object,
    };
    let object = Some(ObjectId {
        device: u64::MAX,
        inode: 7,
    });
    let reach = |url: &str, redirects| {
        Resource::Network(Reach {
            endpoint: Endpoint::parse(url).expect("an endpoint"),
            methods: ["GET".to_owned(), "POST".to_owned()].into(),
            redirects,
        })
    };
    let all = [
        path("", "", Scope::Tree, None),
        path("docs", "a/b \n.txt", Scope::File, object),
        path("", "src", Scope::Directory, None),
        reach("https://example.com", true),
        reach("http://[::1]:81", false),
        reach("http://127.0.0.1:8080", false),
        Resource::Browser {
            session: SessionName::of("browser", "main"),
            rights: Rights {
                evaluate: true,
                storage: false,
            },
        },
        Resource::AnyBrowser,
    ];
    let both = |resource: Resource| {
        [Access::Read, Access::Write].map(|access| Entry {
            resource: resource.clone(),
            access,
        })
    };
    all.into_iter().flat_map(both).collect()
}

fn waits() -> Vec<Wait> {
    let pairs = entries().into_iter().zip(entries().into_iter().rev());
    let mut waits: Vec<Wait> = pairs
        .map(|pair| Wait {
            on: "other".into(),
            batch: Some(9),
            entries: Some(pair),
        })
        .collect();
    waits.push(Wait {
        on: "1".into(),
        batch: None,
        entries: None,
    });
    waits
}

fn contents() -> Vec<Content> {
    let data: Vec<u8> = (0..=255).collect();
    vec![
        Content::Text("a\tb\u{1b}[0m".to_owned()),
        Content::Json(rich()),
        Content::Image {
            media_type: "image/png".to_owned(),
            data: data.clone(),
        },
        Content::Blob {
            media_type: String::new(),
            data,
        },
    ]
}

#[test]
fn outcomes() {
    for status in [
        Status::Ok,
        Status::Failed,
        Status::InvalidArguments,
        Status::NotFound,
        Status::Denied,
        Status::Timeout,
        Status::Limit,
        Status::Trapped,
        Status::Cancelled,
        Status::Skipped,
        Status::Overloaded,
        Status::HostFailure,
    ] {
        assert_eq!(json!(status), json!(status.as_str()));
        check(Outcome {
            id: "a\nb".into(),
            tool: "t".to_owned(),
            status,
            content: contents(),
            structured: Some(rich()),
            error: Some(CallError {
                code: "c".to_owned(),
                message: "m".to_owned(),
                hint: Some("h".to_owned()),
            }),
            footprint: Arc::new(Footprint::new(entries())),
            waits: waits(),
            more_waits: usize::MAX,
            timing: Timing {
                queued_us: 1,
                start_us: u64::MAX,
                end_us: 3,
                run_us: 4,
                cpu_us: 5,
            },
            notes: vec!["n".to_owned()],
            log: "\u{feff}log".to_owned(),
        });
    }
    // Empty is empty, and nothing is nothing.
    check(Outcome {
        id: "".into(),
        tool: String::new(),
        status: Status::Ok,
        content: Vec::new(),
        structured: None,
        error: None,
        footprint: Arc::default(),
        waits: Vec::new(),
        more_waits: 0,
        timing: Timing::default(),
        notes: Vec::new(),
        log: String::new(),
    });
}

#[test]
fn events() {
    let all = [
        What::Queued {
            tool: "t".to_owned(),
            waits: waits(),
        },
        What::Planned { waits: Vec::new() },
        What::Asking {
            question: "?".to_owned(),
        },
        What::Started,
        What::Progress {
            done: 1,
            total: None,
            message: String::new(),
        },
        What::Progress {
            done: 1,
            total: Some(u64::MAX),
            message: "m".to_owned(),
        },
        What::Log {
            level: Level::Warn,
            text: "\u{1b}".to_owned(),
        },
        What::Finished {
            status: Status::HostFailure,
        },
    ];
    let all = all.into_iter().chain(contents().into_iter().map(What::Output));
    for what in all {
        check(Event {
            at_us: u64::MAX,
            batch: 1,
            id: "7".into(),
            what,
            dropped: 3,
        });
    }
}

#[test]
fn calls() {
    let equals = |id: Option<CallId>| When::Equals {
        id,
        path: "$.a[0]".to_owned(),
        equals: rich(),
    };
    for when in [
        When::Ok,
        When::Failed,
        When::Always,
        equals(None),
        equals(Some("x".into())),
    ] {
        check(Call {
            id: Some("a".into()),
            after: vec!["b".into(), "c".into()],
            when,
            priority: i32::MIN,
            timeout: Some(Duration::from_micros(1)),
            max_wait: Some(Duration::from_millis(u64::MAX)),
            ..Call::new("t", rich())
        });
    }
    check(Call::new("t", Value::Null));
}

/// However it was written, a footprint has each resource once, in its order.
#[test]
fn footprints_keep_their_rules() {
    let text = serde_json::to_string(&entries().into_iter().rev().collect::<Vec<_>>()).expect("text");
    let read: Footprint = serde_json::from_str(&text).expect("a footprint");
    assert_eq!(read, Footprint::new(entries()));
    assert!(read.entries().len() < entries().len());
}
