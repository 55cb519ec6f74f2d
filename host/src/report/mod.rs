//! Outcomes as JSON, as text, and in sums. It must not run, print or colour by itself: it hands back strings.

mod json;
mod summary;
mod text;

pub use json::{call_error, entry, outcome, run};
pub use summary::Summary;
pub use text::{Style, answer, duration, line, visible, words};
