//! Answers that are given again without running anything: for calls that only read files, as long as none of those files
//! has changed. Off unless the policy or the embedder says otherwise. It must not hold an answer that could be stale.
//!
//! An answer is a function of the component, the tool, the arguments and the granted files if the call wrote nothing, had
//! no network and no browser, and asked for no time and no chance while it ran (the sandbox tells). It is kept together with
//! marks of all granted files from before the run, if those from after it are the same; it is given again if marks taken
//! now are the same. Calls that hold a write drop what they overlap when they start, and while they run nobody who
//! conflicts with them looks: the scheduler sees to that.

use super::prepare::Prepared;
use crate::call::{Access, Footprint, Resource, Status};
use crate::sandbox::Ended;
use crate::workspace::{Marks, Workspace};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More answers than this are not kept: a write looks at each.
const MOST: usize = 1024;

/// What an answer is a function of, apart from files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    component: blake3::Hash,
    tool: String,
    arguments: String,
}

/// Which tools' answers are kept, and how many bytes.
#[derive(Debug)]
pub(super) struct Reuse {
    tools: Vec<String>,
    most_bytes: usize,
    secret: RandomState,
    // A worker looks, keeps or drops; held without a system call, except to look at the marks of the one answer found.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Key, Answer>,
    /// By the last use.
    order: BTreeMap<u64, Key>,
    clock: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Answer {
    footprint: Arc<Footprint>,
    marks: Marks,
    ended: Ended,
    bytes: usize,
    used: u64,
}

impl Reuse {
    pub(super) fn new(tools: Vec<String>, most_bytes: u64) -> Self {
        Self {
            tools,
            most_bytes: usize::try_from(most_bytes).unwrap_or(usize::MAX),
            secret: RandomState::new(),
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a call whose answer may be given again, if it may.
    pub(super) fn key(&self, prepared: &Prepared, arguments: &str) -> Option<Key> {
        let tool = &prepared.entry.tool.name;
        let listed = self.tools.iter().any(|name| name == "*" || name == tool);
        let reads = |entry: &crate::call::Entry| {
            entry.access == Access::Read && matches!(entry.resource, Resource::Path { .. })
        };
        if !listed || prepared.entry.plugin.closures().is_some() || !prepared.footprint.entries().iter().all(reads) {
            return None;
        }
        Some(Key {
            component: prepared.entry.plugin.digest(),
            tool: tool.clone(),
            arguments: arguments.to_owned(),
        })
    }

    /// What a call of that key seeds its hash tables with: the same each time, and not to be foreseen.
    pub(super) fn seed(&self, key: &Key) -> u128 {
        let half = |part: u8| u128::from(self.secret.hash_one((part, &key.tool, &key.arguments)));
        half(0) << 64 | half(1)
    }

    /// The kept answer, if all is still as it was.
    pub(super) fn find(&self, key: &Key, footprint: &Footprint, workspace: &Workspace) -> Option<Ended> {
        let mut kept = self.kept();
        let answer = kept.answers.get_mut(key)?;
        if *answer.footprint != *footprint || !answer.marks.still_hold(workspace, footprint.entries()) {
            kept.drop_one(key);
            return None;
        }
        let mut ended = answer.ended.clone();
        ended
            .notes
            .push("given again: the component, the arguments and the files are as they were".to_owned());
        kept.touch(key);
        Some(ended)
    }

    /// Keeps an answer, if nothing changed while it was found.
    pub(super) fn keep(
        &self,
        key: Key,
        footprint: &Arc<Footprint>,
        before: Marks,
        workspace: &Workspace,
        ended: &Ended,
    ) {
        let mut marks = before;
        let why = if ended.status != Status::Ok {
            "it did not end ok"
        } else if !ended.repeatable {
            "the guest asked for the time or for chance"
        } else if !marks.still_hold(workspace, footprint.entries()) {
            "a file changed, or was read for the first time since it did"
        } else {
            return self.insert(key, footprint, marks, ended);
        };
        tracing::debug!(tool = key.tool, why, "an answer is not kept");
    }

    fn insert(&self, key: Key, footprint: &Arc<Footprint>, marks: Marks, ended: &Ended) {
        let bytes = key.arguments.len() + marks.weight() + ended.weight() + size_of::<Answer>();
        if bytes > self.most_bytes {
            return;
        }
        let mut kept = self.kept();
        kept.drop_one(&key);
        while kept.bytes + bytes > self.most_bytes || kept.answers.len() >= MOST {
            let Some((_, oldest)) = kept.order.pop_first() else {
                break;
            };
            kept.drop_one(&oldest);
        }
        kept.bytes += bytes;
        let answer = Answer {
            footprint: Arc::clone(footprint),
            marks,
            ended: ended.clone(),
            bytes,
            used: 0,
        };
        kept.answers.insert(key.clone(), answer);
        kept.touch(&key);
    }

    /// A call that holds these starts: what it may change is not given again.
    pub(super) fn forget(&self, footprint: &Footprint) {
        if self.tools.is_empty() || footprint.entries().iter().all(|entry| entry.access == Access::Read) {
            return;
        }
        let mut kept = self.kept();
        let over = |(_, answer): &(&Key, &Answer)| answer.footprint.conflict(footprint).is_some();
        let gone: Vec<Key> = kept.answers.iter().filter(over).map(|(key, _)| key.clone()).collect();
        for key in gone {
            kept.drop_one(&key);
        }
    }
}

impl Kept {
    fn touch(&mut self, key: &Key) {
        self.clock += 1;
        if let Some(answer) = self.answers.get_mut(key) {
            self.order.remove(&answer.used);
            answer.used = self.clock;
            self.order.insert(self.clock, key.clone());
        }
    }

    fn drop_one(&mut self, key: &Key) {
        if let Some(answer) = self.answers.remove(key) {
            self.bytes -= answer.bytes;
            self.order.remove(&answer.used);
        }
    }
}
