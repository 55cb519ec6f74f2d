//! The tool `diff`: what changed between two texts.
//!
//! It must not read files: both texts come with the call.

use similar::{ChangeTag, TextDiff};
use toolyard_sdk::prelude::*;

/// How much changed.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Changes {
    /// Lines that only the new text has.
    added: u64,
    /// Lines that only the old text has.
    removed: u64,
}

/// Compares two texts line by line and answers with a unified diff, or with `no difference`.
#[tool(title = "Compare texts")]
pub fn diff(
    /// The text before.
    old: String,
    /// The text after.
    new: String,
    /// How many unchanged lines to show around a change.
    #[arg(default = 3, maximum = 1000)]
    context: u16,
) -> Result<Answer<Changes>> {
    let diff = TextDiff::from_lines(&old, &new);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
    let changes = Changes {
        added: count(ChangeTag::Insert),
        removed: count(ChangeTag::Delete),
    };
    let text = diff
        .unified_diff()
        .context_radius(usize::from(context))
        .header("old", "new")
        .to_string();
    let text = if text.is_empty() {
        "no difference".to_owned()
    } else {
        text
    };
    Ok(Answer::new(text, changes))
}
