//! What a model reads of a host and of an outcome, in whatever protocol. It must not hide what went wrong, or why.

use crate::call::{Content, Outcome};
use std::borrow::Cow;

/// What a model should be told before it calls anything: that it may send calls together, and what refusals mean.
pub const INSTRUCTIONS: &str = "\
Send calls together whenever you know them: independent ones run at once, and calls that touch the same file, folder or \
browser session wait for each other in the order in which you sent them. So reading many files, or editing different ones, \
takes as long as the slowest; edits of one file are applied one after the other, and none is lost. You need not wait for a \
write before you send the read that should see it. But no call can take the result of another in the same message: send what \
depends on an answer in your next turn. Paths are relative to the workspace; further folders are `/name` (over MCP, \
`toolyard://folders` lists them). A browser has named sessions (argument `session`): what is done in one session goes step by \
step, different sessions run beside each other. A result that is an error says why and what would help. `denied` means that \
the operator's policy does not allow it, and nobody who was asked did: tell the user, and don't try it another way. A call that \
waits for a person's approval holds nothing and loses its place: send what must come after it when its answer is there. \
`overloaded`: send it again when some calls have ended; `timeout`: ask for less at once, and see first what was done; \
`cancelled`: it was taken back, send it again only if it is still wanted.";

/// The pieces, in order: the answer (the structured one if there is no other), then why the call did not end `ok`
/// (`code: message`, and a hint on a line of its own), then what is worth knowing beside the answer.
#[must_use]
pub fn told(outcome: &Outcome) -> Vec<Cow<'_, Content>> {
    let mut pieces: Vec<Cow<'_, Content>> = outcome.content.iter().map(Cow::Borrowed).collect();
    let text = |text: String| Cow::Owned(Content::Text(text));
    if let (true, Some(value)) = (pieces.is_empty(), &outcome.structured) {
        pieces.push(Cow::Owned(Content::Json(value.clone())));
    }
    if let Some(error) = &outcome.error {
        let hint = error
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        pieces.push(text(format!("{}: {}{hint}", error.code, error.message)));
    }
    pieces.extend(outcome.notes.iter().map(|note| text(format!("note: {note}"))));
    pieces
}
