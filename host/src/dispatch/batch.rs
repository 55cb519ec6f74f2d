//! A batch as a list: names, and an order in which every call comes after those it names. Pure.
//! It must not look at footprints: conflicts are the scheduler's business.

use super::chain::{Links, links};
use crate::call::{Call, CallId};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Why a batch is refused as a whole. Nothing has started.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BatchError {
    /// Two calls with one name.
    #[error("two calls have the id {0:?}")]
    DuplicateId(CallId),
    /// `after` or a `$result` names nobody.
    #[error("call {call:?} comes after or takes a result of {after:?}, and there is no call of that id in the batch")]
    UnknownAfter {
        /// The call.
        call: CallId,
        /// What it names.
        after: CallId,
    },
    /// A `$result` or a condition makes no sense.
    #[error("call {call:?}: {message}")]
    BadReference {
        /// The call.
        call: CallId,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// Calls come after one another in a circle.
    #[error("these calls come after one another in a circle: {}", names(.0))]
    Cycle(Vec<CallId>),
}

fn names(ids: &[CallId]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("{id:?}")).collect();
    names.join(", ")
}

/// The calls of a batch by name, and who names whom.
#[derive(Debug)]
pub(crate) struct Named {
    /// The id of each call; one without its own gets its position, from 1.
    pub(crate) ids: Vec<CallId>,
    /// What each call takes from others.
    pub(crate) links: Vec<Links>,
    /// The order of submission: as written, but every call after those that it names.
    pub(crate) order: Vec<usize>,
    /// The calls that others name.
    named: HashMap<CallId, usize>,
    /// Those whose results are taken.
    taken: HashSet<CallId>,
}

impl Named {
    /// # Errors
    /// If ids are given twice, a name is unknown, a reference makes no sense, or names go in a circle.
    pub(crate) fn new(calls: &[Call]) -> Result<Self, BatchError> {
        let ids = ids(calls)?;
        let links = calls.iter().zip(&ids).map(|(call, id)| {
            links(call).map_err(|message| BatchError::BadReference {
                call: id.clone(),
                message,
            })
        });
        let links: Vec<Links> = links.collect::<Result<_, _>>()?;
        let all = calls.iter().flat_map(|call| &call.after);
        let wanted: HashSet<&CallId> = all.chain(links.iter().flat_map(|links| &links.on)).collect();
        let places = ids.iter().enumerate().filter(|(_, id)| wanted.contains(id));
        let named: HashMap<CallId, usize> = places.map(|(at, id)| (id.clone(), at)).collect();
        for ((call, links), id) in calls.iter().zip(&links).zip(&ids) {
            let mut names = call.after.iter().chain(&links.on);
            if let Some(name) = names.find(|name| !named.contains_key(*name)) {
                return Err(BatchError::UnknownAfter {
                    call: id.clone(),
                    after: name.clone(),
                });
            }
        }
        let mut batch = Self {
            order: (0..calls.len()).collect(),
            taken: links.iter().flat_map(|links| &links.on).cloned().collect(),
            ids,
            links,
            named,
        };
        if batch.any() {
            batch.order = batch.sort(calls)?;
        }
        Ok(batch)
    }

    /// Whether any call is named.
    pub(crate) fn any(&self) -> bool {
        !self.named.is_empty()
    }

    /// Whether a call of the batch names this one.
    pub(crate) fn awaited(&self, id: &CallId) -> bool {
        self.named.contains_key(id)
    }

    /// Whether a call of the batch takes this one's result, or looks at it.
    pub(crate) fn taken(&self, id: &CallId) -> bool {
        self.taken.contains(id)
    }

    /// The positions of the calls that the one at `at` comes after, each once.
    pub(crate) fn before(&self, call: &Call, at: usize) -> Vec<usize> {
        let taken = self.links.get(at).map(|links| &links.on[..]).unwrap_or_default();
        let names = call.after.iter().chain(taken);
        let mut places: Vec<usize> = names.filter_map(|id| self.named.get(id).copied()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn sort(&self, calls: &[Call]) -> Result<Vec<usize>, BatchError> {
        let mut missing: Vec<usize> = vec![0; calls.len()];
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); calls.len()];
        for (at, call) in calls.iter().enumerate() {
            let before = self.before(call, at);
            if let Some(count) = missing.get_mut(at) {
                *count = before.len();
            }
            for on in before {
                followers.get_mut(on).into_iter().for_each(|list| list.push(at));
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
        let stuck = missing.iter().zip(&self.ids).filter(|(count, _)| **count > 0);
        Err(BatchError::Cycle(stuck.map(|(_, id)| id.clone()).collect()))
    }
}

fn ids(calls: &[Call]) -> Result<Vec<CallId>, BatchError> {
    let mut seen = HashSet::with_capacity(calls.len());
    let mut ids = Vec::with_capacity(calls.len());
    for (index, call) in calls.iter().enumerate() {
        let id = call.id.clone().unwrap_or_else(|| CallId::from((index + 1).to_string()));
        if !seen.insert(id.clone()) {
            return Err(BatchError::DuplicateId(id));
        }
        ids.push(id);
    }
    Ok(ids)
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
        let ordered = Named::new(calls).map(|batch| batch.order);
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

    /// A result is an edge like any other.
    #[test]
    fn results_order() {
        let takes = |id: &str, from: &str| {
            let arguments = json!({ "path": { "$result": from, "path": "$.path" } });
            Call::new("t", arguments).with_id(id)
        };
        check(&[takes("a", "b"), call("b", &[])], Ok(vec![1, 0]));
        check(
            &[takes("a", "b"), takes("b", "a")],
            Err(BatchError::Cycle(vec!["a".into(), "b".into()])),
        );
        check(
            &[takes("a", "x")],
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
