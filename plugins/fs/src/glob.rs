//! Globs as people write them: `*.rs` for names at any depth, `src/**/*.rs` for paths, `!*.md` for all others.
//!
//! It must not touch files.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use toolyard_sdk::prelude::*;

use crate::walk::Entry;

/// A glob as people write it.
pub struct Glob {
    matcher: GlobMatcher,
    names: bool,
    /// Written with `!` before it: what it matches is left out.
    negated: bool,
    text: String,
}

impl Glob {
    /// Reads a pattern.
    pub fn new(pattern: &str) -> Result<Glob> {
        let (negated, text) = match pattern.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob.map_err(|error| Failure::invalid("invalid_pattern", error.to_string()))?;
        Ok(Glob {
            matcher: glob.compile_matcher(),
            names: !text.contains('/'),
            negated,
            text: text.to_owned(),
        })
    }

    /// Whether it matches what a walk from `start` came by.
    pub fn matches(&self, entry: &Entry, start: &Path) -> bool {
        let below = entry.path.strip_prefix(start).unwrap_or(&entry.path);
        let path = if self.names { Path::new(&entry.name) } else { below };
        self.matcher.is_match(path) != self.negated
    }

    /// Whether it asks by name for what begins with a dot.
    pub fn names_hidden(&self) -> bool {
        !self.negated && self.text.split('/').any(|name| name.starts_with('.') && name.len() > 1)
    }
}
