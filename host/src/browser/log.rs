//! What a tab's pages have said and asked for: the newest lines of each, numbered. It must not grow without end.

use std::collections::VecDeque;

/// As many lines of each kind are kept of a tab.
const MOST: usize = 1000;

/// The longest text of a line, in characters.
const CHARS: usize = 2000;

/// What a page or the browser has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    /// `debug`, `info`, `warning` or `error`.
    pub level: &'static str,
    /// The text.
    pub text: String,
    /// The script and line.
    pub at: Option<String>,
}

/// A request that a page has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// What the browser calls it.
    pub id: String,
    /// Its method.
    pub method: String,
    /// Its address.
    pub url: String,
    /// What for.
    pub kind: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// Why it failed or was refused.
    pub failure: Option<String>,
    /// Bytes of the answer.
    pub bytes: Option<u64>,
}

/// The newest lines.
#[derive(Debug)]
pub(super) struct Ring<T> {
    lines: VecDeque<T>,
    /// How many there were before those that are kept.
    gone: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            gone: 0,
        }
    }
}

impl<T: Clone> Ring<T> {
    pub(super) fn push(&mut self, line: T) {
        if self.lines.len() == MOST {
            self.lines.pop_front();
            self.gone = self.gone.saturating_add(1);
        }
        self.lines.push_back(line);
    }

    /// The newest line that fits.
    pub(super) fn newest(&mut self, fits: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.lines.iter_mut().rev().find(|line| fits(line))
    }

    /// The lines after number `after`, with their numbers; the first line ever is number 1.
    pub(super) fn after(&self, after: u64) -> Vec<(u64, T)> {
        let numbered = (self.gone.saturating_add(1)..).zip(&self.lines);
        let later = numbered.filter(|(number, _)| *number > after);
        later.map(|(number, line)| (number, line.clone())).collect()
    }
}

/// A text, no longer than a line may be.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_when_lines_are_dropped() {
        let mut ring = Ring::default();
        for n in 0..MOST + 5 {
            ring.push(n);
        }
        let all = ring.after(0);
        assert_eq!(all.len(), MOST);
        assert_eq!(all.first(), Some(&(6, 5)));
        assert_eq!(ring.after(MOST as u64 + 4), [(MOST as u64 + 5, MOST + 4)]);
        assert!(ring.after(MOST as u64 + 5).is_empty());
    }
}
