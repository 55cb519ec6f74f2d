//! Outcomes as JSON, as text, in sums, and as pictures. It must not run, print or colour by itself: it hands back strings.

mod json;
mod lanes;
mod summary;
mod text;
mod timeline;
mod told;
mod trace;

pub use json::{call_error, entry, event, outcome, run, waits_for};
pub use summary::Summary;
pub use text::{Style, answer, duration, in_line, line, other, visible, words};
pub use timeline::timeline;
pub use told::{INSTRUCTIONS, told};
pub use trace::trace;
