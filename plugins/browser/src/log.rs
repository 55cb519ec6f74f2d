//! The tools `browser_console` and `browser_network`: what a tab has said and asked for.
//!
//! They must not show more than is asked for: the newest lines, and where to go on.

use toolyard_sdk::browser::{self, Page};
use toolyard_sdk::prelude::*;

use crate::told::{Helped, LINE, one_line};

/// One text is shown up to this many bytes, and given to programs up to this many.
const TEXT: usize = 1_000;

/// How serious a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    fn of(word: &str) -> Level {
        match word {
            "debug" => Level::Debug,
            "warning" => Level::Warning,
            "error" => Level::Error,
            _ => Level::Info,
        }
    }
}

/// What a page or the browser has said.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Said {
    number: u64,
    /// `debug`, `info`, `warning` or `error`.
    level: String,
    text: String,
    /// The script and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// Lines of the console.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Console {
    /// Oldest first.
    lines: Vec<Said>,
    /// How many older ones that fit are left out.
    left_out: u64,
    /// The `after` for what comes later.
    next_after: u64,
}

/// Shows what scripts and the browser have written to a tab's console, newest last: errors of the page, say.
#[tool(title = "Read the console", browser = "observe")]
pub fn browser_console(
    /// Only lines with a greater number: what has come since an earlier call.
    #[arg(default = 0)]
    after: u64,
    /// Only lines that are at least so serious.
    #[arg(default = "debug")]
    level: Level,
    /// How many are shown at most: the newest.
    #[arg(default = 50, minimum = 1, maximum = 200)]
    limit: usize,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Console>> {
    let lines = browser::console(&Page::new(session, tab), after).helped()?;
    let next_after = lines.last().map_or(after, |line| line.number.max(after));
    let fitting = lines.into_iter().filter(|line| Level::of(&line.level) >= level);
    let (lines, left_out) = newest(fitting.collect(), limit);
    let lines = lines.into_iter().map(|line| Said {
        number: line.number,
        level: line.level,
        text: one_line(&line.text, TEXT),
        at: line.at.map(|at| one_line(&at, LINE)),
    });
    let lines = lines.collect::<Vec<_>>();
    let shown = lines.iter().map(|line| {
        let at = line.at.as_ref().map(|at| format!(" ({at})"));
        format!(
            "{} {}: {}{}",
            line.number,
            line.level,
            line.text,
            at.unwrap_or_default()
        )
    });
    let text = listed("line", shown.collect(), left_out, next_after);
    let data = Console {
        lines,
        left_out,
        next_after,
    };
    Ok(Answer::new(text, data))
}

/// A request that a page has made.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Asked {
    number: u64,
    method: String,
    url: String,
    /// What for: `Document`, `Script`, `Fetch`, `Image` and so on.
    kind: String,
    /// The answer's status, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why it failed or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// Bytes of the answer as they came, once it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl Asked {
    fn failed(&self) -> bool {
        self.failure.is_some() || self.status.is_some_and(|status| status >= 400)
    }

    fn line(&self) -> String {
        let end = match (&self.failure, self.status) {
            (Some(failure), Some(status)) => format!("{status}, failed: {failure}"),
            (Some(failure), None) => format!("failed: {failure}"),
            (None, Some(status)) => status.to_string(),
            (None, None) => "no answer yet".to_owned(),
        };
        let bytes = self.bytes.map(|bytes| format!(", {bytes} bytes"));
        let Asked {
            number,
            method,
            url,
            kind,
            ..
        } = self;
        format!("{number} {method} {url} ({kind}): {end}{}", bytes.unwrap_or_default())
    }
}

/// Requests of a tab.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Network {
    /// Oldest first.
    requests: Vec<Asked>,
    /// How many older ones that fit are left out.
    left_out: u64,
    /// The `after` for what comes later.
    next_after: u64,
}

/// Shows the requests that a tab's pages have made, newest last, with status, and why one failed or was refused.
#[tool(title = "Read the network log", browser = "observe")]
pub fn browser_network(
    /// Only requests with a greater number: those since an earlier call.
    #[arg(default = 0)]
    after: u64,
    /// Only those that failed, were refused, or were answered with a status of 400 or more.
    #[arg(default = false)]
    failed_only: bool,
    /// How many are shown at most: the newest.
    #[arg(default = 50, minimum = 1, maximum = 200)]
    limit: usize,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Network>> {
    let lines = browser::requests(&Page::new(session, tab), after).helped()?;
    let next_after = lines.last().map_or(after, |line| line.number.max(after));
    let requests = lines.into_iter().map(|line| Asked {
        number: line.number,
        method: one_line(&line.method, LINE),
        url: one_line(&line.url, TEXT),
        kind: line.kind,
        status: line.status,
        failure: line.failure.map(|failure| one_line(&failure, LINE)),
        bytes: line.bytes,
    });
    let fitting = requests.filter(|request| !failed_only || request.failed());
    let (requests, left_out) = newest(fitting.collect(), limit);
    let shown = requests.iter().map(Asked::line).collect();
    let text = listed("request", shown, left_out, next_after);
    let data = Network {
        requests,
        left_out,
        next_after,
    };
    Ok(Answer::new(text, data))
}

/// The last of them, and how many come before.
fn newest<T>(mut lines: Vec<T>, limit: usize) -> (Vec<T>, u64) {
    let left_out = lines.len().saturating_sub(limit);
    (lines.split_off(left_out), left_out as u64)
}

/// The lines below one that says how many they are and where to go on.
fn listed(what: &str, lines: Vec<String>, left_out: u64, next_after: u64) -> String {
    let (count, plural) = (lines.len(), if lines.len() == 1 { "" } else { "s" });
    let older = match left_out {
        0 => String::new(),
        older => format!("; {older} older not shown: raise `limit`"),
    };
    let head = format!("[{count} {what}{plural}{older}; later ones: after {next_after}]");
    [vec![head], lines].concat().join("\n")
}
