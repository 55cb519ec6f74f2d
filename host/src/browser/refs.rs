//! References of elements: which document each number belongs to. A number is given once in a tab and never again, so a
//! reference from an earlier document can't mean an element of a later one. It must not ask the browser anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// As many ranges of numbers are told apart in one tab; older ones are stale.
const MOST: usize = 4096;

/// Numbers of one document in one frame, as one snapshot gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    /// The first that is not in it.
    end: u64,
    place: Place,
}

/// A frame's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) frame: String,
    /// The world of our scripts in it: another document has another one.
    pub(super) world: String,
}

/// The references of all tabs of a session.
#[derive(Debug, Default)]
pub(super) struct Refs {
    // Held for one look or insertion.
    tabs: Mutex<HashMap<Arc<str>, Tab>>,
}

#[derive(Debug, Default)]
struct Tab {
    next: u64,
    ranges: Vec<Range>,
    /// Held while a snapshot takes numbers.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Refs {
    fn tabs(&self) -> MutexGuard<'_, HashMap<Arc<str>, Tab>> {
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has it takes numbers in this tab. Those of tabs that are not open any more are forgotten.
    pub(super) fn turn(&self, target: &Arc<str>, is_open: impl Fn(&str) -> bool) -> Arc<tokio::sync::Mutex<()>> {
        let mut tabs = self.tabs();
        tabs.retain(|other, _| other == target || is_open(other));
        Arc::clone(&tabs.entry(Arc::clone(target)).or_default().turn)
    }

    /// The next number that is free.
    pub(super) fn next(&self, target: &str) -> u64 {
        self.tabs().get(target).map_or(1, |tab| tab.next.max(1))
    }

    /// The numbers from `first` up to before `end` are of this document.
    pub(super) fn given(&self, target: &Arc<str>, first: u64, end: u64, place: Place) {
        if end <= first {
            return;
        }
        let mut tabs = self.tabs();
        let tab = tabs.entry(Arc::clone(target)).or_default();
        tab.next = tab.next.max(end);
        match tab.ranges.last_mut() {
            Some(last) if last.end == first && last.place == place => last.end = end,
            _ => tab.ranges.push(Range { first, end, place }),
        }
        if tab.ranges.len() > MOST {
            tab.ranges.remove(0);
        }
    }

    /// The document that a number belongs to.
    pub(super) fn place(&self, target: &str, number: u64) -> Option<Place> {
        let tabs = self.tabs();
        let ranges = &tabs.get(target)?.ranges;
        let range = ranges
            .iter()
            .rev()
            .find(|range| (range.first..range.end).contains(&number));
        range.map(|range| range.place.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_one_document() {
        let (refs, tab) = (Refs::default(), Arc::<str>::from("T"));
        let place = |world: &str| Place {
            frame: "F".to_owned(),
            world: world.to_owned(),
        };
        assert_eq!(refs.next(&tab), 1);
        refs.given(&tab, 1, 5, place("one"));
        refs.given(&tab, 5, 5, place("none"));
        refs.given(&tab, 5, 9, place("one"));
        refs.given(&tab, 9, 12, place("two"));
        assert_eq!(refs.next(&tab), 12);
        assert_eq!(refs.place(&tab, 8), Some(place("one")));
        assert_eq!(refs.place(&tab, 9), Some(place("two")));
        assert_eq!(refs.place(&tab, 12), None);
        assert_eq!(refs.place("other", 1), None);
        drop(refs.turn(&"other".into(), |target| target == "T"));
        assert_eq!(refs.place(&tab, 8), Some(place("one")));
        drop(refs.turn(&"third".into(), |_| false));
        assert_eq!((refs.place(&tab, 8), refs.tabs().len()), (None, 1));
    }
}
