//! How long calls of a tool usually run, as seen so far. It must not know a call or a clock.

use std::collections::HashMap;

/// One that ran for so many times as long as is usual was held up by something else, and counts as this much.
const HELD_UP: u64 = 4;

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
            Some(mean) => {
                let run_us = run_us.min(mean.saturating_add(1).saturating_mul(HELD_UP));
                *mean = mean.saturating_mul(7).saturating_add(run_us) / 8;
            }
            None => _ = self.0.insert(tool.to_owned(), run_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Learned;

    #[test]
    fn one_that_was_held_up_says_little_and_many_say_all() {
        let mut learned = Learned::default();
        assert_eq!(learned.usual("a"), None);
        (0..20).for_each(|_| learned.learn("a", 100));
        learned.learn("a", 1_000_000);
        assert!(learned.usual("a") < Some(150), "{learned:?}");
        (0..60).for_each(|_| learned.learn("a", 10_000));
        assert!(learned.usual("a") > Some(9_000), "{learned:?}");
        (0..60).for_each(|_| learned.learn("a", 0));
        assert!(learned.usual("a") < Some(10), "{learned:?}");
    }
}
