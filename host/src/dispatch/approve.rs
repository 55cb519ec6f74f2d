//! Questions to the operator: what the policy refuses may be allowed by a person, once or from now on.
//! It must not decide anything itself; without somebody to ask, a refusal stays one.
//!
//! A call that waits for an answer holds nothing, and so blocks nobody: its place in the order is the one it has when the
//! answer comes. Nor does one client's open question keep another client's from being asked, or its answer bind anybody else.

use super::refused::Refused;
use crate::call::{CallId, Entry};
use crate::catalog::Catalog;
use crate::policy::Refusal;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the operator is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The call's batch.
    pub batch: u64,
    /// The call.
    pub id: CallId,
    /// Its tool.
    pub tool: String,
    /// The tool's plugin.
    pub plugin: String,
    /// The one resource that is asked for.
    pub entry: Entry,
    /// Why the policy refuses it, and what would allow it.
    pub refusal: Refusal,
}

/// What the operator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, for this call.
    Once,
    /// Yes, for this tool and this resource, as long as the client lives whose call it is; the host, where it is nobody's.
    Always,
    /// No, for this call.
    No,
    /// No, for this tool and this resource, for as long.
    Never,
}

/// Whether somebody may be asked about a call, where there is somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asks {
    /// Yes.
    #[default]
    Somebody,
    /// No: what the policy refuses is refused at once.
    Nobody,
}

/// An answer, when it is there.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Somebody who can be asked: one question at a time about the calls of one client (and of the host's own), beside those about
/// others'.
pub trait Approve: Send + Sync {
    /// Asks; takes as long as it takes.
    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a>;
}

/// How often a question in line looks whether its call still waits.
const LOOK_UP: Duration = Duration::from_millis(200);

/// A client as somebody who has a say. It goes with each of its calls, and is forgotten with the last of them and with the
/// client: so nothing has to be looked after for those who are gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voice {
    /// Whether it may be asked.
    pub(crate) asks: Asks,
    /// What it has said to hold from then on.
    pub(crate) memory: Arc<Memory>,
}

/// What was answered for good, and whose turn it is to be asked next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    turn: tokio::sync::Mutex<()>,
    /// Whether anything was ever said to hold from then on: spares every call the lock.
    any: AtomicBool,
    // Held for one look or insertion.
    said: Mutex<Vec<Said>>,
}

/// What was answered for good about one thing that a tool asked for.
#[derive(Debug)]
struct Said {
    plugin: String,
    tool: String,
    entry: Entry,
    yes: bool,
}

impl Said {
    /// A tool's name may be another plugin's since.
    fn is_of(&self, plugin: &str, tool: &str) -> bool {
        self.tool == tool && self.plugin == plugin
    }
}

impl Memory {
    fn said(&self) -> MutexGuard<'_, Vec<Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this tool of the catalog may always do.
    pub(super) fn always(&self, catalog: &Catalog, tool: &str) -> Vec<Entry> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let plugin = plugin(catalog, tool);
        let said = self.said();
        let own = said.iter().filter(|said| said.is_of(plugin, tool) && said.yes);
        own.map(|said| said.entry.clone()).collect()
    }

    fn known(&self, plugin: &str, tool: &str, entry: &Entry) -> Option<bool> {
        let said = self.said();
        let found = said
            .iter()
            .find(|said| said.is_of(plugin, tool) && said.entry == *entry);
        found.map(|said| said.yes)
    }

    fn keep(&self, question: &Question, yes: bool) {
        self.said().push(Said {
            plugin: question.plugin.clone(),
            tool: question.tool.clone(),
            entry: question.entry.clone(),
            yes,
        });
        self.any.store(true, Ordering::Release);
    }
}

/// Whose this tool is.
fn plugin<'a>(catalog: &'a Catalog, tool: &str) -> &'a str {
    let entry = catalog.tool(tool);
    entry.map_or("", |entry| entry.plugin.manifest.name.as_str())
}

/// Who is asked.
pub(super) struct Approvals {
    approver: Option<Arc<dyn Approve>>,
}

impl Approvals {
    pub(super) fn new(approver: Option<Arc<dyn Approve>>) -> Self {
        Self { approver }
    }

    /// Whether there is somebody to ask about this refusal.
    pub(super) fn asks(&self, voice: &Voice, catalog: &Catalog, tool: &str, refused: &Refused) -> bool {
        let Some((entry, _)) = refused.about.as_deref() else {
            return false;
        };
        let may = voice.asks == Asks::Somebody && self.approver.is_some();
        may && voice.memory.known(plugin(catalog, tool), tool, entry) != Some(false)
    }

    /// The word about a call of the client with this memory; `None` if nobody waits for it any more. Questions that were
    /// answered for good while this one waited for its turn are not asked again.
    pub(super) async fn ask(&self, memory: &Memory, question: &Question, waits: impl Fn() -> bool) -> Option<Answer> {
        let approver = self.approver.as_ref()?;
        // One question at a time; a call that ends meanwhile leaves the line.
        let _turn = loop {
            match tokio::time::timeout(LOOK_UP, memory.turn.lock()).await {
                Ok(turn) => break turn,
                Err(_) if waits() => {}
                Err(_) => return None,
            }
        };
        if !waits() {
            return None;
        }
        match memory.known(&question.plugin, &question.tool, &question.entry) {
            Some(true) => return Some(Answer::Always),
            Some(false) => return Some(Answer::Never),
            None => {}
        }
        let mut asked = approver.ask(question);
        let answer = loop {
            match tokio::time::timeout(LOOK_UP, &mut asked).await {
                Ok(answer) => break answer,
                Err(_) if waits() => {}
                // Nor does anybody need to answer any more.
                Err(_) => return None,
            }
        };
        if let Answer::Always | Answer::Never = answer {
            memory.keep(question, answer == Answer::Always);
        }
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Access, Resource};

    #[test]
    fn an_answer_for_good_is_about_one_plugin_too() {
        let entry = Entry {
            resource: Resource::AnyBrowser,
            access: Access::Read,
        };
        let memory = Memory::default();
        memory.keep(
            &Question {
                batch: 1,
                id: "1".into(),
                tool: "look".to_owned(),
                plugin: "one".to_owned(),
                entry: entry.clone(),
                refusal: Refusal::beyond_claims("looking".to_owned()),
            },
            true,
        );
        assert_eq!(memory.known("one", "look", &entry), Some(true));
        assert_eq!(memory.known("other", "look", &entry), None);
        assert_eq!(memory.known("one", "peek", &entry), None);
    }
}
