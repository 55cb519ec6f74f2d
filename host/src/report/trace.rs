//! A run in the Chrome trace event format, which Perfetto and its like open: a track for each lane, arrows for waits.
//! It must not leave out a call. The format: "Trace Event Format", Google, 2016; times are microseconds.

use super::lanes::{lanes, place, places};
use super::text::{other, words};
use crate::call::Outcome;
use serde_json::{Value, json};

/// The one process of the trace, and the track on which waiting is shown.
const PROCESS: u32 = 1;
const WAITING: u32 = 0;

/// The run as one JSON object with `traceEvents`.
#[must_use]
pub fn trace(outcomes: &[Outcome]) -> Value {
    let lanes = lanes(outcomes);
    let places = places(outcomes);
    let mut events = names(lanes.iter().flatten().max().map_or(0, |last| last + 1));
    let mut arrows = 0_u64;
    for (outcome, lane) in outcomes.iter().zip(&lanes) {
        let title = format!("{} {}", outcome.tool, outcome.id);
        let timing = outcome.timing;
        let Some(lane) = lane else {
            events.push(json!({
                "ph": "i", "s": "t", "name": title, "cat": outcome.status.as_str(), "pid": PROCESS, "tid": WAITING,
                "ts": timing.end_us, "args": details(outcome),
            }));
            continue;
        };
        let tid = lane + 1;
        events.push(json!({
            "ph": "X", "name": title, "cat": outcome.status.as_str(), "pid": PROCESS, "tid": tid,
            "ts": timing.start_us, "dur": timing.end_us - timing.start_us, "args": details(outcome),
        }));
        if timing.start_us > timing.queued_us {
            // Waits overlap freely, so they are asynchronous: each has an id of its own.
            let wait = |phase: &str, ts: u64| {
                json!({
                    "ph": phase, "name": title, "cat": "waiting", "id": outcome.id, "pid": PROCESS, "tid": WAITING, "ts": ts,
                })
            };
            events.extend([wait("b", timing.queued_us), wait("e", timing.start_us)]);
        }
        for wait in &outcome.waits {
            let before = place(&places, wait).and_then(|at| Some((outcomes.get(*at)?, (*lanes.get(*at)?)?)));
            let Some((before, from)) = before else { continue };
            arrows += 1;
            // An arrow binds to the slice that it starts in, so it starts just before that one's end.
            let leaves = before.timing.end_us.saturating_sub(1).max(before.timing.start_us);
            let arrow = |phase: &str, tid: usize, ts: u64| json!({ "ph": phase, "name": "waits", "cat": "waits", "id": arrows, "pid": PROCESS, "tid": tid, "ts": ts });
            events.push(arrow("s", from + 1, leaves));
            let mut end = arrow("f", tid, timing.start_us);
            if let Some(fields) = end.as_object_mut() {
                fields.insert("bp".into(), json!("e"));
            }
            events.push(end);
        }
    }
    json!({ "traceEvents": events, "displayTimeUnit": "ms" })
}

/// What the process and its tracks are called.
fn names(lanes: usize) -> Vec<Value> {
    let name = |what: &str, tid: usize, name: String| json!({ "ph": "M", "name": what, "pid": PROCESS, "tid": tid, "args": { "name": name } });
    let mut names = vec![
        name("process_name", 0, "toolyard".to_owned()),
        name("thread_name", 0, "waiting".to_owned()),
    ];
    names.extend((1..=lanes).map(|lane| name("thread_name", lane, format!("slot {lane}"))));
    names
}

fn details(outcome: &Outcome) -> Value {
    let because = |wait: &crate::call::Wait| match &wait.entries {
        Some((mine, theirs)) => format!("{}: it {} and this {}", other(wait), words(theirs), words(mine)),
        None => format!("{}: this call names it", other(wait)),
    };
    json!({
        "id": outcome.id,
        "tool": outcome.tool,
        "status": outcome.status.as_str(),
        "footprint": outcome.footprint.entries().iter().map(words).collect::<Vec<_>>(),
        "waited_for": outcome.waits.iter().map(because).collect::<Vec<_>>(),
        "waited_us": outcome.timing.start_us - outcome.timing.queued_us.min(outcome.timing.start_us),
        "run_us": outcome.timing.run_us,
        "cpu_us": outcome.timing.cpu_us,
        "error": outcome.error.as_ref().map(|error| &error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::{never, ran};
    use super::*;
    use crate::call::Status;

    /// Every event has what its phase needs, every arrow has two ends, each inside a slice of its track.
    #[test]
    fn keeps_the_rules_of_the_format() {
        let outcomes = [
            ran("a", 0, 10, &[]),
            ran("b", 2, 9, &[]),
            ran("c", 10, 40, &["a", "b"]),
            never("d", Status::Denied),
        ];
        let trace = trace(&outcomes);
        let events = trace["traceEvents"].as_array().expect("a list");
        let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
        for event in events.iter().filter(|event| event["ph"] != "M") {
            assert!(
                event["ts"].is_u64() && event["name"].is_string() && event["tid"].is_u64(),
                "{event}"
            );
        }
        assert_eq!((of("X").len(), of("i").len(), of("M").len()), (3, 1, 4));
        assert_eq!((of("s").len(), of("f").len()), (2, 2));
        let inside = |event: &Value| {
            of("X").iter().any(|slice| {
                let (from, time) = (
                    slice["ts"].as_u64().expect("a time"),
                    slice["dur"].as_u64().expect("a time"),
                );
                let at = event["ts"].as_u64().expect("a time");
                slice["tid"] == event["tid"] && from <= at && at < from + time
            })
        };
        for (start, end) in of("s").into_iter().zip(of("f")) {
            assert_eq!(
                (&start["id"], &start["name"], &end["bp"]),
                (&end["id"], &end["name"], &json!("e"))
            );
            assert!(inside(start) && inside(end), "{start} {end}");
        }
        assert_eq!((of("b").len(), of("e").len()), (2, 2));
    }
}
