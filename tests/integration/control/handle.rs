//! What an embedder has in hand: the events of a batch, and limits. It must not look inside.

use super::*;

/// Each batch has its own events, from the first to the last; one that nobody reads holds nobody up.
#[test]
fn batches_are_watched_apart() {
    let world = World::with(&json!({ "a": "" }));
    let host = world.host();
    let one = vec![sleep("a", 20).with_id("x"), sleep("a", 0).with_id("y")];
    let (first, mut events) = host.watch(one).expect("a batch");
    let two = vec![
        Call::new("probe_progress", json!({ "steps": 2 })).with_id("x"),
        Call::new("no_such_tool", json!({})).with_id("z"),
    ];
    let (second, mut unread) = host.client().watch(two).expect("a batch");
    let runtime = runtime();
    let outcomes = runtime.block_on(second.outcomes());
    assert_eq!(statuses(&outcomes), ["ok", "not_found"]);
    let number = first.number();
    let mut seen = Vec::new();
    while let Some(event) = runtime.block_on(events.next()) {
        assert_eq!((event.batch, event.dropped), (number, 0));
        seen.push((event.id.to_string(), event.what));
    }
    assert_eq!(statuses(&runtime.block_on(first.outcomes())), ["ok", "ok"]);
    assert!(matches!(&seen[0], (id, What::Queued { .. }) if id == "x"), "{seen:#?}");
    assert!(
        matches!(&seen[1], (id, What::Queued { waits, .. }) if id == "y" && waits.len() == 1),
        "{seen:#?}"
    );
    assert!(
        matches!(seen.last(), Some((id, What::Finished { .. })) if id == "y"),
        "{seen:#?}"
    );
    let mut late = Vec::new();
    while let Some(event) = runtime.block_on(unread.next()) {
        late.push(event.what);
    }
    let ended = late.iter().filter(|what| matches!(what, What::Finished { .. })).count();
    assert_eq!(ended, 2, "{late:#?}");
    let told = late.iter().any(|what| matches!(what, What::Progress { done: 2, .. }));
    assert!(told, "{late:#?}");
    assert!(runtime.block_on(unread.next()).is_none(), "it has ended");
}

/// An embedder sets limits, but none wider than the policy's.
#[test]
fn embedders_narrow_limits() {
    let world = World::with(&json!({ "a": "" }));
    let build = |wall: Duration| {
        let builder = world
            .builder()
            .policy_text("[limits]\nwall_ms = 1000\nclient_calls = 7\n");
        builder
            .limits(move |limits| {
                limits.wall = wall;
                limits.waiting = 3;
                limits.client_waiting = 100;
            })
            .build()
            .expect("a host")
    };
    let host = build(Duration::from_millis(50));
    let outcomes = runtime().block_on(host.batch(vec![Call::new("probe_sleep", json!({ "ms": 60_000, "path": "a" }))]));
    assert_eq!(statuses(&outcomes.expect("a batch")), ["timeout"]);
    let host = build(Duration::from_secs(9));
    let limits = host.policy().limits();
    assert_eq!(
        (limits.wall, limits.waiting, limits.client_waiting),
        (Duration::from_secs(1), 3, 7)
    );
}
