//! How long calls of a tool usually run, as seen so far. It must not know a call or a clock.

use std::collections::HashMap;

/// See the module. Microseconds; a mean in which the latest counts an eighth.
#[derive(Debug, Default)]
pub(super) struct Learned(HashMap<String, u64>);

impl Learned {
    /// How long calls of that tool usually run; nothing if none has ended ok yet.
    pub(super) fn usual(&self, tool: &str) -> Option<u64> {
        self.0.get(tool).copied()
    }

    /// One has run for that long.
    pub(super) fn learn(&mut self, tool: &str, run_us: u64) {
        match self.0.get_mut(tool) {
            Some(mean) => *mean = mean.saturating_mul(7).saturating_add(run_us) / 8,
            None => _ = self.0.insert(tool.to_owned(), run_us),
        }
    }
}
