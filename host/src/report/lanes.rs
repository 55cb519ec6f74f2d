//! Where the bars of a picture go: lanes for calls that ran beside each other, and the chain that decided how long it all
//! took. Pure arithmetic over outcomes. It must not draw.

use crate::call::{CallId, Outcome, Wait};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// The lane of each outcome, in request order; `None` for one that never ran. A lane is the lowest that was free at the
/// call's start, so there are as many as ran at once.
pub(super) fn lanes(outcomes: &[Outcome]) -> Vec<Option<usize>> {
    let mut lanes = vec![None; outcomes.len()];
    let ran = |(_, outcome): &(usize, &Outcome)| outcome.timing.end_us > outcome.timing.start_us;
    let mut order: Vec<(usize, &Outcome)> = outcomes.iter().enumerate().filter(ran).collect();
    order.sort_by_key(|(at, outcome)| (outcome.timing.start_us, *at));
    let mut free: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
    let mut busy: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut count = 0;
    for (at, outcome) in order {
        while let Some(Reverse((end, lane))) = busy.peek().copied()
            && end <= outcome.timing.start_us
        {
            busy.pop();
            free.push(Reverse(lane));
        }
        let lane = match free.pop() {
            Some(Reverse(lane)) => lane,
            None => {
                count += 1;
                count - 1
            }
        };
        busy.push(Reverse((outcome.timing.end_us, lane)));
        if let Some(place) = lanes.get_mut(at) {
            *place = Some(lane);
        }
    }
    lanes
}

/// The places of the calls by id.
pub(super) fn places(outcomes: &[Outcome]) -> HashMap<&CallId, usize> {
    outcomes
        .iter()
        .enumerate()
        .map(|(at, outcome)| (&outcome.id, at))
        .collect()
}

/// The place of the call that was waited for, if it is one of these: a call of another batch may have the same id.
pub(super) fn place<'a>(places: &'a HashMap<&CallId, usize>, wait: &Wait) -> Option<&'a usize> {
    match wait.batch {
        None => places.get(&wait.on),
        Some(_) => None,
    }
}

/// The chain of calls that waited for each other with the longest run time together, in order of time.
pub(super) fn critical_path(outcomes: &[Outcome]) -> Vec<usize> {
    let places = places(outcomes);
    // Who ends first can't have waited for who ends later, so one pass is enough.
    let mut order: Vec<(usize, &Outcome)> = outcomes.iter().enumerate().collect();
    order.sort_by_key(|(at, outcome)| (outcome.timing.end_us, outcome.timing.start_us, *at));
    let mut longest: HashMap<usize, (u64, Option<usize>)> = HashMap::new();
    for (at, outcome) in order {
        let waits = outcome.waits.iter().filter_map(|wait| place(&places, wait));
        let before = waits.filter_map(|on| Some((longest.get(on)?.0, *on))).max();
        let length = before.map_or(0, |(length, _)| length) + outcome.timing.run_us;
        longest.insert(at, (length, before.map(|(_, on)| on)));
    }
    let mut path = Vec::new();
    let mut next = longest
        .iter()
        .max_by_key(|(at, (length, _))| (*length, Reverse(**at)))
        .map(|(at, _)| *at);
    while let Some(at) = next {
        path.push(at);
        next = longest.get(&at).and_then(|(_, before)| *before);
    }
    path.reverse();
    path
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::call::{Access, CallError, CanonicalPath, Entry, Resource, Scope, Status, Timing, Wait};

    /// A call that was queued at 0, ran from `start` to `end`, and waited for those.
    pub(crate) fn ran(id: &str, start_us: u64, end_us: u64, waited_for: &[&str]) -> Outcome {
        let write = Entry {
            resource: Resource::Path {
                path: CanonicalPath::new("", "src/a.rs"),
                scope: Scope::File,
                object: None,
            },
            access: Access::Write,
        };
        let wait = |id: &&str| Wait {
            on: CallId::from(*id),
            batch: None,
            entries: Some((write.clone(), write.clone())),
        };
        Outcome {
            id: id.into(),
            tool: "edit_file".into(),
            status: Status::Ok,
            content: vec![],
            structured: None,
            error: None,
            footprint: std::sync::Arc::new(crate::call::Footprint::new([write.clone()])),
            waits: waited_for.iter().map(wait).collect(),
            more_waits: 0,
            timing: Timing {
                queued_us: 0,
                start_us,
                end_us,
                run_us: end_us - start_us,
                cpu_us: end_us - start_us,
            },
            notes: vec![],
            log: String::new(),
        }
    }

    /// One that never ran.
    pub(crate) fn never(id: &str, status: Status) -> Outcome {
        let mut outcome = ran(id, 5, 5, &[]);
        outcome.status = status;
        outcome.error = Some(CallError {
            code: "denied".into(),
            message: "edit_file: no".into(),
            hint: None,
        });
        outcome
    }

    #[test]
    fn lanes_and_path() {
        let outcomes = [
            ran("a", 0, 10, &[]),
            ran("b", 0, 30, &[]),
            ran("c", 10, 15, &["a"]),
            never("x", Status::Denied),
            ran("d", 30, 40, &["b", "c"]),
            ran("e", 12, 20, &["a"]),
        ];
        assert_eq!(lanes(&outcomes), [Some(0), Some(1), Some(0), None, Some(0), Some(2)]);
        assert_eq!(critical_path(&outcomes), [1, 4]);
        assert_eq!(lanes(&[]), []);
        assert_eq!(critical_path(&[]), Vec::<usize>::new());
    }

    #[test]
    fn many() {
        let outcomes: Vec<Outcome> = (0..10_000_u64)
            .map(|i| {
                let before = i.checked_sub(64).map(|on| on.to_string());
                let waits: Vec<&str> = before.iter().map(String::as_str).collect();
                ran(&i.to_string(), i / 64 * 10, i / 64 * 10 + 10, &waits)
            })
            .collect();
        assert_eq!(lanes(&outcomes).iter().flatten().max(), Some(&63));
        assert_eq!(critical_path(&outcomes).len(), 157);
    }
}
