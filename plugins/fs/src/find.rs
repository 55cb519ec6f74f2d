//! The tool `find_files`.
//!
//! It must not open any file but the rules that leave files out.

use std::ops::ControlFlow;
use std::time::Instant;

use toolyard_sdk::prelude::*;

use crate::glob::Glob;
use crate::list::Kind;
use crate::text::count;
use crate::walk::{self, End, Entry, Options, TIME, left_out};

/// At most so many bytes of paths in one answer: 128 KiB.
const BYTES: usize = 128 * 1024;

/// What to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "lowercase")]
pub enum Wants {
    /// Files, and links.
    File,
    /// Folders.
    Folder,
    /// Anything.
    Any,
}

/// What was found.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Paths {
    /// The paths, sorted.
    paths: Vec<String>,
    /// Whether the search ended before it had seen everything.
    truncated: bool,
}

/// Finds files by a glob pattern: `*.rs` at any depth, `src/**/*.rs` below the start folder. Knows `*`, `?`, `**`,
/// `[a-z]` and `{a,b}`. Answers with paths, sorted, one a line. Leaves out what .gitignore files leave out and names
/// that begin with a dot, and does not follow links.
#[tool(
    title = "Find files",
    claim(
        path = ".gitignore",
        access = "read",
        scope = "file",
        symlink = "keep",
        optional = true
    )
)]
pub fn find_files(
    /// The glob. Without a `/` it is matched against names, else against paths relative to the start folder.
    pattern: String,
    /// The folder to start in.
    #[arg(default = ".")]
    path: ReadTree,
    /// Find files (and links), folders, or both.
    #[arg(default = "file")]
    kind: Wants,
    /// How many paths to show at most.
    #[arg(default = 500, minimum = 1, maximum = 10_000)]
    max_results: usize,
    /// Also names that begin with a dot (but never what is in `.git`).
    #[arg(default = false)]
    hidden: bool,
    /// Also what .gitignore files leave out.
    #[arg(default = false)]
    no_ignore: bool,
) -> Result<Answer<Paths>> {
    let glob = Glob::new(&pattern)?;
    let options = Options {
        hidden: hidden || glob.names_hidden(),
        ignored: no_ignore,
        depth: usize::MAX,
    };
    let (mut paths, mut bytes, mut full, mut late) = (Vec::new(), 0, false, false);
    let started = Instant::now();
    let end = walk::walk(&path, options, |entry| {
        full = paths.len() >= max_results || bytes >= BYTES;
        late = started.elapsed() > TIME;
        if late {
            return ControlFlow::Break(());
        }
        if !kind.fits(entry) || !glob.matches(entry, &path) {
            return ControlFlow::Continue(());
        }
        if full {
            return ControlFlow::Break(());
        }
        let mark = if entry.kind == Kind::Folder { "/" } else { "" };
        let found = format!("{}{mark}", entry.path.display());
        bytes += found.len() + 1;
        paths.push(found);
        ControlFlow::Continue(())
    })?;
    let mut text = paths.join("\n");
    if paths.is_empty() {
        text = format!("nothing in {path} matches {pattern}{}", left_out(hidden, no_ignore));
    }
    let known = count(paths.len() as u64, "path");
    match end {
        End::Complete => {}
        End::Stopped if !late => text.push_str(&format!(
            "\n[{known} shown, there are more; take a narrower pattern or path, or a larger max_results]"
        )),
        End::Stopped | End::TooMany => {
            text.push_str("\n[stopped early: too many names; take a narrower path]");
        }
    }
    let truncated = end != End::Complete;
    Ok(Answer::new(text, Paths { paths, truncated }))
}

impl Wants {
    fn fits(self, entry: &Entry) -> bool {
        match self {
            Wants::File => entry.kind != Kind::Folder,
            Wants::Folder => entry.kind == Kind::Folder,
            Wants::Any => true,
        }
    }
}
