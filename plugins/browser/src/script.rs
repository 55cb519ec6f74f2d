//! The tool `browser_evaluate`: JavaScript in a page.
//!
//! It has a right of its own, because a script can do whatever the page can.

use toolyard_sdk::browser::{self, FaultKind, Page};
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json;

use crate::arguments::{Target, within};
use crate::told::{Helped, beginning};

/// What a script returned.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Evaluated {
    /// The value; `null` where it is too long.
    value: Value,
    /// Whether it is longer than what is shown.
    truncated: bool,
}

/// Runs JavaScript in a page and answers its value as JSON; for what no other tool does.
#[tool(title = "Run JavaScript in a page", browser(access = "drive", rights = ["evaluate"]))]
pub fn browser_evaluate(
    /// An expression, `document.title`, or a function, `() => …`; with a target `element => …`.
    script: String,
    target: Option<Target>,
    /// How much of the value is shown, in bytes of JSON.
    #[arg(default = 20_000, minimum = 200, maximum = 200_000)]
    max_bytes: usize,
    #[arg(default = 5_000, minimum = 1, maximum = 600_000)] timeout_ms: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Evaluated>> {
    let (page, element) = (Page::new(session, tab), within(target.as_ref())?);
    let late = "It runs no longer; `timeout_ms` gives it more time.";
    let json = browser::evaluate(&page, &script, element.as_ref(), timeout_ms).hinted(FaultKind::TimedOut, late)?;
    let (shown, whole) = beginning(&json, max_bytes);
    if !whole {
        let text = format!(
            "[{} bytes, cut: return less, or raise `max_bytes`]\n{shown}",
            json.len()
        );
        let data = Evaluated {
            value: Value::Null,
            truncated: true,
        };
        return Ok(Answer::new(text, data));
    }
    // What is no JSON after all is a text.
    let value = serde_json::from_str(&json).unwrap_or_else(|_| Value::String(json.clone()));
    let data = Evaluated {
        value,
        truncated: false,
    };
    Ok(Answer::new(json, data))
}
