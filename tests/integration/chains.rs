//! Calls that build on others, where cases as data can't say it: what is refused as a whole, what `plan` says, and who
//! waits while a footprint is not known.

use serde_json::{Value, json};
use toolyard::{BatchError, Call, CallId, Outcome, Status, When};
use toolyard_tests::{World, run, warm};

fn takes(tool: &str, id: &str, from: &str, path: &str) -> Call {
    let arguments = json!({ "path": { "$result": from, "path": path } });
    Call::new(tool, arguments).with_id(id)
}

fn refused(calls: &[Call], expect: &str) {
    let world = World::with(&json!({ "a.txt": "one\n" }));
    let host = world.host();
    let error = host.submit(calls.to_vec()).map(|_| ()).expect_err("it makes no sense");
    assert_eq!(error.to_string(), expect);
    let planned: Result<_, BatchError> = host.plan(calls);
    assert_eq!(planned.map(|_| ()).expect_err("neither to plan"), error);
    assert_eq!(world.tree(), json!({ "a.txt": "one\n" }), "nothing has run");
}

#[test]
fn nonsense_is_refused_before_anything_runs() {
    let write = |id: &str| Call::new("write_file", json!({ "path": "new.txt", "content": "x" })).with_id(id);
    refused(
        &[
            write("w"),
            takes("read_file", "a", "b", "$"),
            takes("read_file", "b", "a", "$"),
        ],
        r#"these calls come after one another in a circle: "a", "b""#,
    );
    refused(
        &[write("w"), takes("read_file", "a", "nobody", "$")],
        r#"call "a" comes after or takes a result of "nobody", and there is no call of that id in the batch"#,
    );
    refused(
        &[write("w"), takes("read_file", "a", "w", "no path")],
        r#"call "a": "no path" is no JSONPath: at position 0, parser error"#,
    );
    let mut conditional = write("c");
    conditional.when = When::Equals {
        id: None,
        path: "$.x".into(),
        equals: json!(1),
    };
    refused(
        &[write("w"), conditional],
        r#"call "c": when.path needs when.id, or exactly one call in after"#,
    );
    let odd = Call::new("read_file", json!({ "path": { "$result": "w", "field": 1 } })).with_id("odd");
    refused(
        &[write("w"), odd],
        r#"call "odd": "field" beside $result: there may only be "path"; what is meant as it is goes into {"$literal": …}"#,
    );
}

/// What is not known yet is said, and held as widely as it could turn out.
#[test]
fn plan_says_what_is_unknown() {
    let world = World::with(&json!({ "a.txt": "one\n", "sub/": null }));
    let calls = [
        Call::new("find_files", json!({ "pattern": "*.txt" })).with_id("find"),
        takes("read_file", "read", "find", "$.paths[0]"),
        Call::new("write_file", json!({ "path": "sub/b.txt", "content": "x" })).with_id("write"),
        Call::new("hash", json!({ "text": "x" })).with_id("hash"),
    ];
    let plan = world.host().plan(&calls).expect("a plan");
    assert_eq!(plan.calls[1].unknown, ["claim 1 depends on the result of call find"]);
    assert_eq!(plan.calls[1].footprint.entries().len(), 1);
    let waits = |at: usize| {
        plan.calls[at]
            .waits_for
            .iter()
            .map(|wait| wait.on.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(waits(1), ["find"]);
    assert!(
        waits(2).contains(&"read".to_owned()),
        "it could turn out to be the same file"
    );
    assert_eq!(waits(3), Vec::<String>::new(), "it touches nothing");
}

fn ids(outcome: &Outcome) -> Vec<CallId> {
    outcome.waited_for()
}

/// As soon as it is known what a call holds, those go on that it turns out not to concern; the others still wait.
#[test]
fn waits_end_when_the_footprint_is_known() {
    let world = World::with(&json!({ "a.txt": "a.txt", "b.txt": "old", "c.txt": "old" }));
    let sleep = |path: Value, ms: u32| Call::new("probe_sleep", json!({ "path": path, "ms": ms }));
    let calls = vec![
        // The first sleeps on a file; the second is known as soon as `name` is read, and waits for the first alone.
        sleep(json!("a.txt"), 1500).with_id("long"),
        Call::new("read_file", json!({ "path": "b.txt" })).with_id("name"),
        Call::new("json_query", json!({ "json": "\"a.txt\"", "query": "$" })).with_id("which"),
        sleep(json!({ "$result": "which", "path": "$.matches[0].value" }), 0).with_id("taken"),
        Call::new("write_file", json!({ "path": "c.txt", "content": "new" })).with_id("other"),
        Call::new("read_file", json!({ "path": "a.txt" })).with_id("same"),
    ];
    let host = world.host();
    warm(&host, &calls);
    let outcomes = run(&host, calls);
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Ok),
        "{outcomes:#?}"
    );
    let [long, _, which, taken, other, same] = &outcomes[..] else {
        panic!("six outcomes")
    };
    assert!(
        ids(taken).contains(&which.id) && ids(taken).contains(&long.id),
        "{:?}",
        ids(taken)
    );
    assert!(
        other.timing.end_us < long.timing.end_us,
        "what it does not concern goes on"
    );
    assert!(taken.timing.start_us >= long.timing.end_us && same.timing.start_us >= taken.timing.end_us);
}
