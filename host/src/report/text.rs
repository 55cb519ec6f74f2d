//! Outcomes as text for people. It must not pass a guest's control characters on to a terminal.

use super::Summary;
use crate::call::{Access, Content, Entry, Outcome, Resource, Scope, Status, Wait};
use crate::walls::{self, Wall};
use std::fmt::Write as _;

/// Whether text may carry colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For a terminal.
    Colour,
    /// For a pipe or a file.
    Plain,
}

impl Style {
    /// `text` in the colour of `status`.
    #[must_use]
    pub fn status(self, status: Status) -> String {
        let word = status.as_str();
        let code = match status {
            Status::Ok => "32",
            Status::Skipped | Status::Cancelled => "33",
            Status::Failed
            | Status::InvalidArguments
            | Status::NotFound
            | Status::Denied
            | Status::Timeout
            | Status::Limit
            | Status::Trapped
            | Status::Overloaded
            | Status::HostFailure => "31",
        };
        self.paint(code, &format!("{word:<7}"))
    }

    /// `text`, less loud than the rest.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// `text`, louder than the rest.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// Text from a guest with control characters made visible, so that none of them reaches a terminal.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            // Direction marks could make a line read as something else.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => _ = write!(shown, "\\u{{{:x}}}", u32::from(c)),
            c if c.is_control() && walls::stands(Wall::Escapes) => _ = write!(shown, "\\x{:02x}", u32::from(c)),
            c => shown.push(c),
        }
    }
    shown
}

/// The same for what has to stay within its line: a name could otherwise bring lines of its own into a question.
#[must_use]
pub fn in_line(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// A time in the unit that reads best.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.2} s", us as f64 / 1e6),
    }
}

/// One line for one outcome of a batch: status, id, tool, time, whom it waited for, how the answer begins.
#[must_use]
pub fn line(outcome: &Outcome, id_width: usize, tool_width: usize, style: Style) -> String {
    let status = style.status(outcome.status);
    // Ids and names are a caller's words, messages a guest's: none is a command to a terminal, or a line of its own.
    let (id, tool) = (visible(outcome.id.as_str()), visible(&outcome.tool));
    let time = duration(outcome.timing.run_us);
    let mut line = format!("{status}  {id:<id_width$}  {tool:<tool_width$}  {time:>9}");
    if !outcome.waits.is_empty() {
        let mut ids: Vec<String> = outcome
            .waits
            .iter()
            .take(SHOWN)
            .map(|wait| visible(&other(wait)))
            .collect();
        let more = (outcome.waits.len() + outcome.more_waits).saturating_sub(SHOWN);
        if more > 0 {
            ids.push(format!("{more} more"));
        }
        _ = write!(line, "  {}", style.dim(&format!("after {}", ids.join(", "))));
    }
    let preview = match &outcome.error {
        Some(error) => visible(&error.message).replace('\n', "\n         "),
        None => preview(&outcome.content),
    };
    if !preview.is_empty() {
        _ = write!(line, "  {preview}");
    }
    let under = |text: &str| format!("\n{:9}{}", "", style.dim(text));
    if let Some(hint) = outcome.error.as_ref().and_then(|error| error.hint.as_ref()) {
        // Lines that are to be pasted stand each for itself.
        let lines = hint.lines().filter(|line| !line.trim().is_empty()).take(HINT_LINES);
        for (at, told) in lines.enumerate() {
            let label = if at == 0 { "hint: " } else { "      " };
            line.push_str(&under(&format!("{label}{}", visible(&cut(told, HINT_CHARS)))));
        }
    }
    for note in &outcome.notes {
        line.push_str(&under(&format!("note: {}", visible(note))));
    }
    line
}

/// A call that is waited for, by its id, and by whose it is if it isn't this batch's.
#[must_use]
pub fn other(wait: &Wait) -> String {
    match wait.batch {
        None => wait.on.to_string(),
        Some(_) => format!("{} of another client", wait.on),
    }
}

/// How an answer begins: its first line that says something.
fn preview(content: &[Content]) -> String {
    match content.first() {
        None => String::new(),
        Some(Content::Text(text)) => visible(&first_line(text)),
        Some(Content::Json(value)) => visible(&first_line(&value.to_string())),
        Some(Content::Image { media_type, data } | Content::Blob { media_type, data }) => {
            visible(&format!("{media_type}, {} bytes", data.len()))
        }
    }
}

const PREVIEW_CHARS: usize = 72;

/// As much of a hint is shown: it may be a guest's.
const HINT_LINES: usize = 4;
const HINT_CHARS: usize = 200;

/// As many of the calls that one waited for are shown in a line.
const SHOWN: usize = 8;

fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or_default();
    let more = lines.next().is_some();
    match more && line.chars().nth(PREVIEW_CHARS).is_none() {
        true => format!("{line} …"),
        false => cut(line, PREVIEW_CHARS),
    }
}

/// As many characters of it, and a mark if there are more.
fn cut(line: &str, most: usize) -> String {
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// An answer in full.
#[must_use]
pub fn answer(outcome: &Outcome) -> String {
    let mut text = String::new();
    for piece in &outcome.content {
        match piece {
            Content::Text(piece) => text.push_str(piece),
            Content::Json(value) => text.push_str(&format!("{value:#}")),
            Content::Image { media_type, data } | Content::Blob { media_type, data } => {
                _ = write!(text, "[{media_type}, {} bytes; --json has them]", data.len());
            }
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// An entry of a footprint in words: `writes src/lib.rs`, `reads src and everything below`.
#[must_use]
pub fn words(entry: &Entry) -> String {
    match (&entry.resource, entry.access) {
        (Resource::Path { path, scope, object }, access) => {
            let verb = match access {
                Access::Read => "reads",
                Access::Write => "writes",
            };
            let below = match scope {
                Scope::File => "",
                Scope::Directory => " and its direct children",
                Scope::Tree => " and everything below",
            };
            let links = if object.is_some() {
                " (a file with several links)"
            } else {
                ""
            };
            format!("{verb} {}{below}{links}", in_line(&path.to_string()))
        }
        (Resource::Network(reach), _) => {
            let on = if reach.redirects { ", and where it sends on" } else { "" };
            format!("{} to {}{on}", reach.methods.join(", "), reach.endpoint)
        }
        (Resource::Browser { session, .. }, Access::Read) => format!("observes the browser session {session}"),
        (Resource::AnyBrowser, Access::Read) => "observes some browser session".to_owned(),
        (Resource::AnyBrowser, Access::Write) => "drives some browser session".to_owned(),
        (Resource::Browser { session, .. }, Access::Write) => format!("drives the browser session {session}"),
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} call{}, {} ok: {} instead of {} one by one, {:.1} times as fast; at most {} at once, longest chain {}, \
             {:.0} % of what is possible",
            self.calls,
            if self.calls == 1 { "" } else { "s" },
            self.ok,
            duration(self.wall_us),
            duration(self.serial_us),
            self.speedup,
            self.max_parallel_seen,
            duration(self.critical_path_us),
            self.efficiency * 100.0,
        )
    }
}
