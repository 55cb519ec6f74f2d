//! The tools on what pages store, and on a session's whole state as a file.
//!
//! They must not put a state into an answer: it holds logins.

use std::fs;

use toolyard_sdk::browser::{self, Page};
use toolyard_sdk::prelude::*;

use crate::arguments::Area;
use crate::told::{Helped, LINE, beginning, one_line};

/// So many bytes of a value are shown in a list.
const VALUE: usize = 200;

/// So many bytes of all values together are answered to programs, and of one that is asked for.
const VALUES: usize = 200_000;

/// A state has at most so many bytes: 16 MiB.
const STATE: u64 = 16 * 1024 * 1024;

/// One thing that is stored.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Entry {
    key: String,
    /// The value, or its beginning.
    value: String,
    /// How many bytes the whole value has.
    bytes: u64,
}

/// What is stored.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Stored {
    entries: Vec<Entry>,
    /// How many more there are.
    left_out: u64,
}

/// Shows what the page's origin has stored in the browser: the beginning of every value, or the whole value of one key.
#[tool(title = "Read a page's storage", browser(access = "observe", rights = ["storage"]))]
pub fn browser_storage(
    #[arg(default = "local")] area: Area,
    /// Only this key, with its whole value.
    key: Option<String>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Stored>> {
    let stored = browser::stored(&Page::new(session, tab), area.host()).helped()?;
    let (mut entries, mut left, mut left_out) = (Vec::new(), VALUES, 0);
    let most = if key.is_some() { VALUES } else { VALUE };
    let wanted = stored
        .into_iter()
        .filter(|(found, _)| key.as_ref().is_none_or(|key| key == found));
    for (key, value) in wanted {
        let (shown, _) = beginning(&value, most);
        match left.checked_sub(key.len().saturating_add(shown.len())) {
            Some(rest) => left = rest,
            None => {
                left_out += 1;
                continue;
            }
        }
        entries.push(Entry {
            bytes: value.len() as u64,
            value: shown.to_owned(),
            key,
        });
    }
    if let (Some(key), true) = (&key, entries.is_empty() && left_out == 0) {
        let message = format!("the page's {} has no key {}", area.name(), one_line(key, LINE));
        return Err(Failure::new("no_such", message));
    }
    let more = match left_out {
        0 => String::new(),
        more => format!("; {more} more are not shown: ask for one by `key`"),
    };
    let mut lines = vec![format!("[{}, {} keys{more}]", area.name(), entries.len())];
    lines.extend(entries.iter().map(|entry| line(entry, key.is_some())));
    Ok(Answer::new(lines.join("\n"), Stored { entries, left_out }))
}

fn line(entry: &Entry, whole: bool) -> String {
    let value = if whole {
        entry.value.clone()
    } else {
        one_line(&entry.value, VALUE)
    };
    let cut = if entry.bytes > entry.value.len() as u64 {
        format!("… ({} bytes)", entry.bytes)
    } else {
        String::new()
    };
    format!("{} = {value}{cut}", one_line(&entry.key, LINE))
}

/// Stores a value under a key in the page's origin; without a value the key is removed.
#[tool(title = "Write a page's storage", browser(access = "drive", rights = ["storage"]))]
pub fn browser_set_storage(
    key: String,
    value: Option<String>,
    #[arg(default = "local")] area: Area,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<String> {
    browser::store(&Page::new(session, tab), area.host(), &key, value.as_deref()).helped()?;
    let (key, done) = (one_line(&key, LINE), if value.is_some() { "stored" } else { "removed" });
    Ok(format!("{done} {key} in the {}", area.name()))
}

/// What went to a file or came from it.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Kept {
    path: String,
    bytes: u64,
}

/// Writes a session's cookies and local storage to a file, to be logged in again later with browser_import_state. The
/// file holds logins.
#[tool(title = "Save logins to a file", browser(access = "observe", rights = ["storage"]))]
pub fn browser_export_state(path: WriteFile, #[arg(default = "main")] session: String) -> Result<Answer<Kept>> {
    let state = browser::export_state(&session).helped()?;
    fs::write(&path, &state).at(&path)?;
    let bytes = state.len() as u64;
    let text = format!("wrote the state of {session} to {path}: {bytes} bytes; who has the file has the logins");
    Ok(Answer::new(
        text,
        Kept {
            path: path.to_string(),
            bytes,
        },
    ))
}

/// Takes cookies and local storage from a file of browser_export_state (or Playwright's storage state) into a session.
#[tool(title = "Load logins from a file", browser(access = "drive", rights = ["storage"]))]
pub fn browser_import_state(path: ReadFile, #[arg(default = "main")] session: String) -> Result<Answer<Kept>> {
    let bytes = fs::metadata(&path).at(&path)?.len();
    if bytes > STATE {
        let message = format!("{path}: {bytes} bytes are more than a state has ({STATE})");
        return Err(Failure::new("too_large", message));
    }
    let state = fs::read_to_string(&path).at(&path)?;
    browser::import_state(&session, &state).helped()?;
    let text = format!("the session {session} has the state of {path}");
    Ok(Answer::new(
        text,
        Kept {
            path: path.to_string(),
            bytes,
        },
    ))
}
