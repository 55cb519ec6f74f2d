//! A batch as a list: names, and an order in which every call comes after those it names. Pure.
//! It must not look at footprints: conflicts are the scheduler's business.

use crate::call::{Call, CallId};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Why a batch is refused as a whole. Nothing has started.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BatchError {
    /// Two calls with one name.
    #[error("two calls have the id {0:?}")]
    DuplicateId(CallId),
    /// `after` names nobody.
    #[error("call {call:?} comes after {after:?}, and there is no call of that id in the batch")]
    UnknownAfter {
        /// The call.
        call: CallId,
        /// What it names.
        after: CallId,
    },
    /// `after` goes in a circle.
    #[error("these calls come after one another in a circle: {}", names(.0))]
    Cycle(Vec<CallId>),
}

fn names(ids: &[CallId]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("{id:?}")).collect();
    names.join(", ")
}

/// The ids of all calls; one without its own gets its position, from 1.
pub(crate) fn ids(calls: &[Call]) -> Result<Vec<CallId>, BatchError> {
    let mut seen = HashMap::new();
    let mut ids = Vec::with_capacity(calls.len());
    for (index, call) in calls.iter().enumerate() {
        let id = call.id.clone().unwrap_or_else(|| CallId::from((index + 1).to_string()));
        if seen.insert(id.clone(), index).is_some() {
            return Err(BatchError::DuplicateId(id));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Which calls of a batch are named by others, and where they stand.
pub(super) struct Positions<'a>(HashMap<&'a CallId, usize>);

impl<'a> Positions<'a> {
    pub(super) fn new(calls: &'a [Call], ids: &'a [CallId]) -> Self {
        let named: HashSet<&CallId> = calls.iter().flat_map(|call| &call.after).collect();
        let places = ids.iter().enumerate().filter(|(_, id)| named.contains(id));
        Self(places.map(|(at, id)| (id, at)).collect())
    }

    /// Whether any call is named.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a call of the batch names this one.
    pub(super) fn awaited(&self, id: &CallId) -> bool {
        self.0.contains_key(id)
    }

    /// The positions of the calls that `call` comes after.
    pub(super) fn after(&self, call: &Call) -> Vec<usize> {
        call.after.iter().filter_map(|id| self.0.get(id).copied()).collect()
    }
}

/// The order of submission: as written, but every call after those that it names.
///
/// # Errors
/// If a name is unknown or the names go in a circle.
pub(crate) fn order(calls: &[Call], ids: &[CallId]) -> Result<Vec<usize>, BatchError> {
    if calls.iter().all(|call| call.after.is_empty()) {
        return Ok((0..calls.len()).collect());
    }
    let positions: HashMap<&CallId, usize> = ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
    let mut missing: Vec<usize> = vec![0; calls.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); calls.len()];
    for ((at, call), id) in calls.iter().enumerate().zip(ids) {
        for name in &call.after {
            let unknown = || BatchError::UnknownAfter {
                call: id.clone(),
                after: name.clone(),
            };
            let on = *positions.get(name).ok_or_else(unknown)?;
            followers.get_mut(on).map(|list| list.push(at)).ok_or_else(unknown)?;
            missing.get_mut(at).map(|count| *count += 1).ok_or_else(unknown)?;
        }
    }
    let free = missing.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = free.map(|(at, _)| Reverse(at)).collect();
    let mut order = Vec::with_capacity(calls.len());
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for follower in followers.get(at).into_iter().flatten() {
            if let Some(count) = missing.get_mut(*follower) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(*follower));
                }
            }
        }
    }
    if order.len() == calls.len() {
        return Ok(order);
    }
    let stuck = missing.iter().zip(ids).filter(|(count, _)| **count > 0);
    Err(BatchError::Cycle(stuck.map(|(_, id)| id.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(id: &str, after: &[&str]) -> Call {
        let mut call = Call::new("t", json!({})).with_id(id);
        call.after = after.iter().map(|id| CallId::from(*id)).collect();
        call
    }

    fn check(calls: &[Call], expect: Result<Vec<usize>, BatchError>) {
        let ordered = ids(calls).and_then(|ids| order(calls, &ids));
        assert_eq!(ordered, expect);
    }

    #[test]
    fn orders() {
        check(&[], Ok(vec![]));
        check(&[call("a", &[]), call("b", &[])], Ok(vec![0, 1]));
        check(&[call("a", &["c"]), call("b", &[]), call("c", &[])], Ok(vec![1, 2, 0]));
        check(&[call("a", &["a"])], Err(BatchError::Cycle(vec!["a".into()])));
        check(
            &[call("a", &["b"]), call("b", &["a"]), call("c", &[])],
            Err(BatchError::Cycle(vec!["a".into(), "b".into()])),
        );
        check(
            &[call("a", &[]), call("a", &[])],
            Err(BatchError::DuplicateId("a".into())),
        );
        check(
            &[call("a", &["x"])],
            Err(BatchError::UnknownAfter {
                call: "a".into(),
                after: "x".into(),
            }),
        );
    }

    #[test]
    fn a_number_can_be_taken() {
        let named = call("2", &[]);
        let calls = [named, Call::new("t", json!({}))];
        assert_eq!(ids(&calls), Err(BatchError::DuplicateId("2".into())));
    }
}
