//! The tool `grep`.
//!
//! It must not show what `.gitignore` files leave out, unless asked to.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use regex::bytes::{Regex, RegexBuilder};
use toolyard_sdk::prelude::*;

use crate::glob::Glob;
use crate::hits::{self, Hits, Wanted};
use crate::list::Kind;
use crate::text::count;
use crate::walk::{self, End, Options, TIME, left_out};

/// At most so many bytes of lines in one answer: 64 KiB.
const BYTES: usize = 64 * 1024;

/// How grep answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// With the lines that match.
    Lines,
    /// With the files that have a match.
    Files,
    /// With the number of lines that match, for each file.
    Count,
}

/// A line that matches.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Match {
    /// The file.
    path: String,
    /// The number of the line, from 1.
    line: u64,
    /// The line, at most about 400 bytes of it.
    text: String,
}

/// How many lines of a file match.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct FileCount {
    /// The file.
    path: String,
    /// How many of its lines match; with files_only, 1.
    lines: u64,
}

/// What grep found.
#[derive(Default, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Matches {
    /// The lines that match; none with files_only and count_only.
    matches: Vec<Match>,
    /// The files with a match.
    files: Vec<FileCount>,
    /// How many lines match, as far as the search went.
    total: u64,
    /// How many files were searched.
    searched: u64,
    /// How many files were left out because they are not text.
    binary: u64,
    /// Whether the search ended before it had seen everything.
    truncated: bool,
}

/// Searches the text of files for a regular expression (Rust's syntax: no look-around, no back-references), line by
/// line. Answers with `path:line:text` for lines that match and `path-line-text` for those around, `--` between
/// groups, sorted by path. Leaves out what .gitignore files leave out, names that begin with a dot, files that are
/// not text, and links. Lines are cut to about 400 bytes, and an answer to 64 KiB; a note says when there is more.
#[tool(
    title = "Search in files",
    claim(
        path = ".gitignore",
        access = "read",
        scope = "file",
        symlink = "keep",
        optional = true
    )
)]
#[expect(clippy::too_many_arguments, reason = "each is an argument of the tool")]
pub fn grep(
    /// The regular expression.
    pattern: String,
    /// The folder or the file to search.
    #[arg(default = ".")]
    path: ReadTree,
    /// Search only files that this glob matches: `*.rs`, `src/**/*.{ts,tsx}`; with `!` before it, all others.
    glob: Option<String>,
    /// How many lines to show before and after a match.
    #[arg(default = 0, maximum = 50)]
    context: usize,
    /// Match upper and lower case alike.
    #[arg(default = false)]
    ignore_case: bool,
    /// The pattern is plain text, not a regular expression.
    #[arg(default = false)]
    fixed: bool,
    /// Match whole words only.
    #[arg(default = false)]
    word: bool,
    /// Answer only with the files that have a match.
    #[arg(default = false)]
    files_only: bool,
    /// Answer only with how many lines of each file match.
    #[arg(default = false)]
    count_only: bool,
    /// How many lines that match (with files_only and count_only: files) to show at most.
    #[arg(default = 200, minimum = 1, maximum = 5000)]
    max_matches: u64,
    /// Also names that begin with a dot (but never what is in `.git`).
    #[arg(default = false)]
    hidden: bool,
    /// Also what .gitignore files leave out.
    #[arg(default = false)]
    no_ignore: bool,
) -> Result<Answer<Matches>> {
    let glob = glob.as_deref().map(Glob::new).transpose()?;
    let options = Options {
        hidden: hidden || glob.as_ref().is_some_and(Glob::names_hidden),
        ignored: no_ignore,
        depth: usize::MAX,
    };
    let mode = match (count_only, files_only) {
        (true, _) => Mode::Count,
        (false, true) => Mode::Files,
        (false, false) => Mode::Lines,
    };
    let mut search = Search {
        regex: compile(&pattern, fixed, word, ignore_case)?,
        context,
        mode,
        max: max_matches,
        text: String::new(),
        data: Matches::default(),
        buffer: Vec::new(),
        started: Instant::now(),
        why: None,
    };
    search.run(&path, glob.as_ref(), options)?;
    Ok(search.answer(&path, left_out(hidden, no_ignore)))
}

/// The pattern as a regular expression that is meant for one line.
fn compile(pattern: &str, fixed: bool, word: bool, ignore_case: bool) -> Result<Regex> {
    if pattern.contains('\n') || (!fixed && escapes_newline(pattern)) {
        let message = "the pattern has a line end, and lines are searched one by one";
        return Err(Failure::invalid("invalid_pattern", message).hint("Search for a part that is on one line."));
    }
    let text = if fixed {
        regex::escape(pattern)
    } else {
        pattern.to_owned()
    };
    let text = if word { format!(r"\b(?:{text})\b") } else { text };
    RegexBuilder::new(&text)
        .case_insensitive(ignore_case)
        .multi_line(true)
        .crlf(true)
        .build()
        .map_err(|error| {
            Failure::invalid("invalid_pattern", error.to_string()).hint("Set `fixed` to search for plain text.")
        })
}

/// Whether a regular expression names the line end, as `\n`.
fn escapes_newline(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next() == Some('n') {
            return true;
        }
    }
    false
}

/// A search under way.
struct Search {
    regex: Regex,
    context: usize,
    mode: Mode,
    max: u64,
    text: String,
    data: Matches,
    buffer: Vec<u8>,
    started: Instant,
    /// Why it ended early.
    why: Option<&'static str>,
}

impl Search {
    /// Searches a file, or all below a folder.
    fn run(&mut self, path: &Path, glob: Option<&Glob>, options: Options) -> Result<()> {
        if !std::fs::metadata(path).at(path)?.is_dir() {
            return self.file(path).at(path).map(drop);
        }
        let end = walk::walk(path, options, |entry| {
            if entry.kind != Kind::File || glob.is_some_and(|glob| !glob.matches(entry, path)) {
                return ControlFlow::Continue(());
            }
            // What may not be opened is passed over.
            self.file(&entry.path).unwrap_or(ControlFlow::Continue(()))
        })?;
        if end == End::TooMany {
            self.why = Some("too many names; take a narrower path");
        }
        Ok(())
    }

    /// Searches one file; breaks off if there is enough.
    fn file(&mut self, path: &Path) -> std::io::Result<ControlFlow<()>> {
        if self.started.elapsed() > TIME {
            self.why = Some("it took 20 s; take a narrower path or glob");
            return Ok(ControlFlow::Break(()));
        }
        let wanted = Wanted {
            regex: &self.regex,
            context: self.context,
            lines: match self.mode {
                Mode::Lines => self.max.saturating_sub(self.data.total).max(1),
                Mode::Files => 1,
                Mode::Count => u64::MAX,
            },
            only_count: self.mode != Mode::Lines,
        };
        let hits = hits::search(path, &wanted, &mut self.buffer)?;
        self.data.searched += 1;
        match hits {
            None => self.data.binary += 1,
            Some(hits) if hits.lines > 0 => self.add(&path.display().to_string(), hits),
            Some(_) => {}
        }
        Ok(if self.why.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    fn add(&mut self, path: &str, hits: Hits) {
        self.data.total += hits.lines;
        self.data.files.push(FileCount {
            path: path.to_owned(),
            lines: hits.lines,
        });
        match self.mode {
            Mode::Files => self.text.push_str(&format!("{path}\n")),
            Mode::Count => self.text.push_str(&format!("{path}:{}\n", hits.lines)),
            Mode::Lines => self.add_lines(path, hits),
        }
        let shown = match self.mode {
            Mode::Lines => self.data.total,
            Mode::Files | Mode::Count => self.data.files.len() as u64,
        };
        if shown >= self.max {
            self.why = Some("there may be more; take a narrower pattern, path or glob, or a larger max_matches");
        } else if self.text.len() >= BYTES {
            self.why = Some("the answer is full; take a narrower pattern, path or glob");
        }
    }

    fn add_lines(&mut self, path: &str, hits: Hits) {
        let mut last = None;
        for found in hits.found {
            if self.text.len() >= BYTES {
                return;
            }
            let gap = last.map_or(!self.text.is_empty(), |last| found.number > last + 1);
            if self.context > 0 && gap {
                self.text.push_str("--\n");
            }
            last = Some(found.number);
            let mark = if found.matches { ':' } else { '-' };
            let line = format!("{path}{mark}{}{mark}{}\n", found.number, found.text);
            self.text.push_str(&line);
            if found.matches {
                self.data.matches.push(Match {
                    path: path.to_owned(),
                    line: found.number,
                    text: found.text,
                });
            }
        }
    }

    fn answer(mut self, path: &Path, left_out: &str) -> Answer<Matches> {
        let files = count(self.data.searched, "file");
        let binary = match self.data.binary {
            0 => String::new(),
            some => format!("; {some} not text"),
        };
        let summary = if self.data.total == 0 {
            format!("no match in {}: {files} searched{binary}{left_out}", path.display())
        } else {
            let lines = count(self.data.total, "line");
            match self.mode {
                Mode::Files => format!("[{} of {files} searched{binary}]", self.data.files.len()),
                _ => format!("[{lines} in {} of {files} searched{binary}]", self.data.files.len()),
            }
        };
        self.text.push_str(&summary);
        self.data.truncated = self.why.is_some();
        if let Some(why) = self.why {
            self.text.push_str(&format!("\n[stopped early: {why}]"));
        }
        Answer::new(self.text, self.data)
    }
}
