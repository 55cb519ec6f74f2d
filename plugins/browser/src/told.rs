//! How answers are worded: what an action led to, what a fault is answered with, and texts of pages made short.
//!
//! It must not ask the host for anything but where a tab is.

use toolyard_sdk::browser::{self, Fault, FaultKind, Page};
use toolyard_sdk::prelude::*;

/// Addresses, titles and what pages say are shown up to this many bytes.
pub const LINE: usize = 300;

/// A text as one line without control characters, of at most so many bytes.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > most {
            line.truncate(line.floor_char_boundary(most));
            line.push('…');
            break;
        }
    }
    line
}

/// The beginning of a text, of at most so many bytes, and whether that is all of it.
pub fn beginning(text: &str, most: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(most);
    match text.get(..end) {
        Some(part) if end < text.len() => (part, false),
        _ => (text, true),
    }
}

/// What helps against a fault, in terms of these tools, where the host says nothing.
pub trait Helped<T> {
    /// The value, or the failure with a hint.
    fn helped(self) -> Result<T>;

    /// The same, with this hint if the fault is of that kind.
    fn hinted(self, kind: FaultKind, hint: &str) -> Result<T>;
}

impl<T> Helped<T> for Result<T, Fault> {
    fn helped(self) -> Result<T> {
        self.map_err(|fault| {
            let hint = match fault.kind {
                FaultKind::DialogOpen => "Answer it with browser_handle_dialog.",
                FaultKind::StaleReference => "Take a new browser_snapshot and use the references in it.",
                FaultKind::NoElement => "browser_snapshot shows what is there; with `find` it searches.",
                FaultKind::NotActionable => "browser_snapshot shows its state; browser_wait_for can wait for a change.",
                FaultKind::NoSuch => "browser_tabs lists the tabs; browser_navigate opens t1.",
                FaultKind::Crashed => "browser_navigate makes the tab usable again; nothing is done again by itself.",
                _ => return Failure::from(fault),
            };
            with_hint(fault, hint)
        })
    }

    fn hinted(self, kind: FaultKind, hint: &str) -> Result<T> {
        match self {
            Err(fault) if fault.kind == kind => Err(with_hint(fault, hint)),
            other => other.helped(),
        }
    }
}

fn with_hint(fault: Fault, hint: &str) -> Failure {
    let hint = fault.hint.clone().unwrap_or_else(|| hint.to_owned());
    Failure::from(fault).hint(hint)
}

/// A dialog that a page has opened.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Dialog {
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    kind: String,
    /// What it says.
    message: String,
    /// What a prompt proposes.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<String>,
}

impl From<browser::Dialog> for Dialog {
    fn from(dialog: browser::Dialog) -> Dialog {
        Dialog {
            kind: dialog.kind,
            message: dialog.message,
            proposed: dialog.proposed,
        }
    }
}

impl Dialog {
    /// `confirm “Delete it?”`.
    pub fn words(&self) -> String {
        let proposed = self.proposed.as_deref().filter(|text| !text.is_empty());
        let proposed = proposed.map(|text| format!(" (proposing “{}”)", one_line(text, LINE)));
        format!(
            "{} “{}”{}",
            self.kind,
            one_line(&self.message, LINE),
            proposed.unwrap_or_default()
        )
    }
}

/// What an action led to, as far as it showed at once.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Acted {
    /// Where the tab is now.
    url: String,
    /// Whether that is another address than before.
    moved: bool,
    /// Whether the tab began to load another document.
    navigating: bool,
    /// Tabs that it opened.
    opened: Vec<String>,
    /// The dialog that it opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialog: Option<Dialog>,
}

/// Where the tab is, if it is there.
pub fn address(page: &Page) -> Option<String> {
    let tabs = browser::tabs(&page.session).ok()?;
    tabs.into_iter().find(|tab| tab.tab == page.tab).map(|tab| tab.url)
}

/// Does something in a tab, and tells what became of it after the words for what was done.
pub fn acting(
    page: &Page,
    done: impl Into<String>,
    action: impl FnOnce() -> Result<browser::Acted, Fault>,
) -> Result<Answer<Acted>> {
    let before = address(page);
    let acted = action().helped()?;
    Ok(acted_on(page, done.into(), before.as_deref(), acted))
}

/// The same, after the action.
pub fn acted_on(page: &Page, done: String, before: Option<&str>, acted: browser::Acted) -> Answer<Acted> {
    let data = Acted {
        moved: before.is_some_and(|before| before != acted.url),
        url: acted.url,
        navigating: acted.navigating,
        opened: acted.opened,
        dialog: acted.dialog.map(Dialog::from),
    };
    let mut text = done;
    let url = one_line(&data.url, LINE);
    if data.navigating {
        let where_to = if data.moved {
            format!("went to {url}")
        } else {
            "began to load another page".to_owned()
        };
        text.push_str(&format!(
            "\nThe tab {where_to}: take a new browser_snapshot, references from before are void."
        ));
    } else if data.moved {
        text.push_str(&format!("\nThe address is now {url}, in the same document."));
    }
    for tab in &data.opened {
        text.push_str(&format!("\nIt opened the tab {tab}: say `tab`: \"{tab}\" to use it."));
    }
    if let Some(dialog) = &data.dialog {
        text.push_str(&format!(
            "\nA dialog opened: {}. The tab {} does nothing else until browser_handle_dialog answers it.",
            dialog.words(),
            page.tab
        ));
    }
    Answer::new(text, data)
}
