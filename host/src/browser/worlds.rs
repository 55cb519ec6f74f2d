//! Which documents our scripts are in already: they are put into a document when it is first asked something, because most
//! documents, of frames above all, never are. It must not run them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The name of the world that our scripts live in, beside the page's.
pub(super) const WORLD: &str = "toolyard";

/// Our scripts; run twice in one document, they do nothing the second time.
pub(super) const SCRIPTS: &str = concat!(
    "(() => { if (Object.hasOwn(globalThis, \"toolyard\")) return; const toolyard = {};\n",
    include_str!("page/roles.js"),
    include_str!("page/snapshot.js"),
    include_str!("page/read.js"),
    include_str!("page/act.js"),
    "globalThis.toolyard = toolyard; })()",
);

/// As many documents are remembered; an older one gets them again.
const MOST: usize = 256;

/// The documents of a session that have our scripts, the newest last.
#[derive(Debug, Default)]
pub(super) struct Worlds(Mutex<VecDeque<String>>); // Held for one look or insertion.

impl Worlds {
    pub(super) fn has(&self, world: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rev().any(|known| known == world)
    }

    pub(super) fn put(&self, world: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == MOST {
            known.pop_front();
        }
        known.push_back(world.to_owned());
    }
}
