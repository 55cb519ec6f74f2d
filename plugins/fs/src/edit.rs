//! The tool `edit_file`: exact replacements, all of them or none.
//!
//! It must not guess: a text that stands there never, or more than once, is a failure that says what is there instead.

use std::fs;
use std::path::Path;
use std::time::Duration;

use memchr::memmem;
use similar::TextDiff;
use toolyard_sdk::prelude::*;

use crate::near;
use crate::text::{clip, count};

/// At most so many bytes of the diff are shown: 32 KiB.
const DIFF: usize = 32 * 1024;

/// At most so many places of an ambiguous text are named.
const PLACES: usize = 10;

/// One replacement.
#[derive(Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct Edit {
    /// The text to replace, exactly as it stands in the file, with its white space. Must stand there exactly once,
    /// unless `all` is true: take in enough of the lines around.
    pub old_text: String,
    /// What to put there; empty to delete.
    pub new_text: String,
    /// Replace every occurrence.
    #[serde(default)]
    pub all: bool,
}

/// What edit_file did.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Edited {
    /// How many places were replaced.
    pub replacements: u64,
    /// Whether the file was written; `false` for a dry run.
    pub written: bool,
    /// How many bytes the file has with the edits.
    pub bytes: u64,
}

/// Replaces exact pieces of a text file, in order, all of them or none, and answers with a unified diff. Each
/// `old_text` must stand in the text exactly once as it is by then, or fails with `no_match` (the hint shows the
/// lines that come closest) or `ambiguous` (with the line numbers); then nothing changes. Line ends need no care: in
/// a file with CRLF, `\n` matches and is written as CRLF.
#[tool(title = "Edit a file")]
pub fn edit_file(
    /// The file to change.
    path: WriteFile,
    /// The replacements, applied in order.
    edits: Vec<Edit>,
    /// Only show the diff, and write nothing.
    #[arg(default = false)]
    dry_run: bool,
) -> Result<Answer<Edited>> {
    let before = read(&path)?;
    let (after, replacements) = apply(&path.to_string(), &before, &edits)?;
    if !dry_run && before != after {
        fs::write(&path, &after).at(&path)?;
    }
    let (places, bytes) = (count(replacements, "replacement"), after.len() as u64);
    let headline = match (dry_run, before == after) {
        (_, true) => format!("{path}: {places} that undo each other; nothing changes"),
        (true, false) => format!("dry run, nothing written; {path}: {places}"),
        (false, false) => format!("edited {path}: {places}"),
    };
    let text = format!("{headline}\n{}", diff(&path, &before, &after));
    let written = !dry_run && before != after;
    Ok(Answer::new(
        text,
        Edited {
            replacements,
            written,
            bytes,
        },
    ))
}

fn read(path: &Path) -> Result<String> {
    if fs::metadata(path).at(path)?.is_dir() {
        let message = format!("{}: a folder, not a file", path.display());
        return Err(Failure::new("is_a_directory", message));
    }
    String::from_utf8(fs::read(path).at(path)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("{} is not UTF-8 text: byte {at}", path.display());
        Failure::new("not_text", message)
    })
}

/// The text with all edits, and how many places were replaced.
pub fn apply(path: &str, text: &str, edits: &[Edit]) -> Result<(String, u64)> {
    if edits.is_empty() {
        return Err(Failure::invalid("invalid_arguments", "`edits` is empty"));
    }
    let (mut now, mut replacements) = (text.to_owned(), 0);
    for (index, edit) in edits.iter().enumerate() {
        let name = format!("{path}, edit {}", index + 1);
        if edit.old_text.is_empty() {
            let message = format!("{name}: `old_text` is empty");
            return Err(Failure::invalid("empty_old_text", message).hint("write_file creates a file."));
        }
        if edit.old_text == edit.new_text {
            let message = format!("{name}: `old_text` and `new_text` are the same");
            return Err(Failure::invalid("no_change", message));
        }
        let (old, new) = fit_line_ends(&now, edit);
        let found = occurrences(&now, &old, edit.all);
        match found.as_slice() {
            [] => return Err(no_match(&name, text, &now, &old)),
            [_, _, ..] if !edit.all => return Err(ambiguous(&name, &now, &found)),
            _ => {}
        }
        replacements += found.len() as u64;
        now = replace(&now, &found, old.len(), &new);
    }
    Ok((now, replacements))
}

/// The old and the new text with the line ends that fit the file's.
///
/// Taken as they are if the file has both kinds of line ends and the old text stands there.
fn fit_line_ends(text: &str, edit: &Edit) -> (String, String) {
    let as_is = || (edit.old_text.clone(), edit.new_text.clone());
    let to_lf = |text: &str| text.replace("\r\n", "\n");
    let to_crlf = |text: &str| to_lf(text).replace('\n', "\r\n");
    let crlf = memmem::find_iter(text.as_bytes(), "\r\n").count();
    let lf = memchr::memchr_iter(b'\n', text.as_bytes()).count() - crlf;
    match (crlf, lf) {
        (0, 0) => as_is(),
        (0, _) if edit.old_text.contains("\r\n") => (to_lf(&edit.old_text), to_lf(&edit.new_text)),
        (0, _) => as_is(),
        (_, 0) => (to_crlf(&edit.old_text), to_crlf(&edit.new_text)),
        _ if text.contains(&edit.old_text) => as_is(),
        _ if text.contains(&to_crlf(&edit.old_text)) => (to_crlf(&edit.old_text), to_crlf(&edit.new_text)),
        _ => (to_lf(&edit.old_text), to_lf(&edit.new_text)),
    }
}

/// Where a text stands: every place if they are all to be replaced, one after the other, and else also those that
/// overlap.
fn occurrences(text: &str, old: &str, all: bool) -> Vec<usize> {
    let finder = memmem::Finder::new(old);
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
        found.push(from + at);
        from += at + if all { old.len() } else { 1 };
    }
    found
}

fn replace(text: &str, at: &[usize], length: usize, new: &str) -> String {
    let mut result = String::with_capacity(text.len() + at.len().saturating_mul(new.len()));
    let mut done = 0;
    for start in at {
        result.push_str(text.get(done..*start).unwrap_or_default());
        result.push_str(new);
        done = start + length;
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

fn no_match(name: &str, original: &str, now: &str, old: &str) -> Failure {
    let failure = Failure::new(
        "no_match",
        format!("{name}: the file has no such text; nothing was changed"),
    );
    if original != now && original.contains(old) {
        return failure.hint("It was there before the edits that come first in this call: they changed it.");
    }
    failure.hint(near::describe(now, old))
}

fn ambiguous(name: &str, text: &str, found: &[usize]) -> Failure {
    let (mut lines, mut line, mut done) = (Vec::new(), 1, 0);
    for at in found.iter().take(PLACES) {
        line += memchr::memchr_iter(b'\n', text.as_bytes().get(done..*at).unwrap_or_default()).count();
        done = *at;
        lines.push(line.to_string());
    }
    let more = if found.len() > PLACES { ", …" } else { "" };
    let places = count(found.len() as u64, "time");
    let message = format!(
        "{name}: the text stands there {places}, at lines {}{more}",
        lines.join(", ")
    );
    Failure::new("ambiguous", format!("{message}; nothing was changed"))
        .hint("Take in more of the lines around, or set `all`.")
}

/// A unified diff, cut if it is long.
fn diff(path: &Path, before: &str, after: &str) -> String {
    let path = path.display().to_string();
    let diff = TextDiff::configure()
        .timeout(Duration::from_millis(500))
        .diff_lines(before, after);
    let text = diff.unified_diff().context_radius(3).header(&path, &path).to_string();
    if text.len() <= DIFF {
        return text;
    }
    let shown = clip(&text, DIFF);
    let shown = shown.rfind('\n').and_then(|end| shown.get(..=end)).unwrap_or(shown);
    format!("{shown}[the diff is cut: {} more bytes]\n", text.len() - shown.len())
}
