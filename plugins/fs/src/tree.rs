//! The tool `directory_tree`.
//!
//! It must not open any file but the rules that leave files out.

use std::fmt::Write;
use std::ops::ControlFlow;

use toolyard_sdk::prelude::*;

use crate::list::Kind;
use crate::text::count;
use crate::walk::{self, End, Entry, Options};

/// At most so many names of one folder are shown, so that a large one doesn't hide the rest.
const NAMES: usize = 100;

/// How much is in a tree.
#[derive(Default, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Counts {
    /// How many folders are shown.
    folders: u64,
    /// How many files and links are shown.
    files: u64,
    /// Whether names are left out because they are too many.
    truncated: bool,
}

/// Shows a folder and what is below as a tree, one name a line, two spaces for each level, folders marked with `/`
/// (with `/ …` if they are deeper than `depth` and not opened). Of one folder at most 100 names are shown. Leaves out
/// what .gitignore files leave out and names that begin with a dot; links are shown and not followed.
#[tool(
    title = "Show a folder tree",
    claim(
        path = ".gitignore",
        access = "read",
        scope = "file",
        symlink = "keep",
        optional = true
    )
)]
pub fn directory_tree(
    /// The folder to show.
    #[arg(default = ".")]
    path: ReadTree,
    /// How many levels to show.
    #[arg(default = 3, minimum = 1, maximum = 100)]
    depth: usize,
    /// How many names to show at most.
    #[arg(default = 500, minimum = 1, maximum = 5000)]
    max_entries: u64,
    /// Also names that begin with a dot (but never `.git`).
    #[arg(default = false)]
    hidden: bool,
    /// Also what .gitignore files leave out.
    #[arg(default = false)]
    no_ignore: bool,
) -> Result<Answer<Counts>> {
    let options = Options {
        hidden,
        ignored: no_ignore,
        depth,
    };
    let mut tree = Tree::new(depth);
    let end = walk::walk(&path, options, |entry| {
        if tree.data.folders + tree.data.files >= max_entries {
            return ControlFlow::Break(());
        }
        tree.add(entry);
        ControlFlow::Continue(())
    })?;
    tree.close(0);
    let (folders, files) = (tree.data.folders, tree.data.files);
    let mut text = format!("{path}/\n{}", tree.text);
    let _ = write!(text, "[{}, {}", count(folders, "folder"), count(files, "file"));
    if end != End::Complete {
        text.push_str(" shown; there are more: take a narrower path, a smaller depth or a larger max_entries");
        tree.data.truncated = true;
    }
    text.push(']');
    Ok(Answer::new(text, tree.data))
}

/// A tree that is being written.
struct Tree {
    text: String,
    data: Counts,
    depth: usize,
    /// How many names each folder has so far, from the start down to the one that is being shown.
    names: Vec<usize>,
}

impl Tree {
    fn new(depth: usize) -> Tree {
        Tree {
            text: String::new(),
            data: Counts::default(),
            depth,
            names: Vec::new(),
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.close(entry.depth);
        self.names.resize(entry.depth, 0);
        if let Some(names) = self.names.last_mut() {
            *names += 1;
        }
        // What is in a folder that isn't shown isn't shown either.
        if self.names.iter().any(|names| *names > NAMES) {
            self.data.truncated = true;
            return;
        }
        let mark = match entry.kind {
            Kind::Folder if entry.depth >= self.depth => "/ …",
            Kind::Folder => "/",
            Kind::Link => " (link)",
            Kind::File | Kind::Other => "",
        };
        match entry.kind {
            Kind::Folder => self.data.folders += 1,
            Kind::File | Kind::Link | Kind::Other => self.data.files += 1,
        }
        let indent = "  ".repeat(entry.depth);
        let _ = writeln!(self.text, "{indent}{}{mark}", entry.name);
    }

    /// Ends the folders that are deeper than `depth` levels, and says what they have that isn't shown.
    fn close(&mut self, depth: usize) {
        while self.names.len() > depth {
            let names = self.names.pop().unwrap_or_default();
            if names > NAMES && self.names.iter().all(|above| *above <= NAMES) {
                let indent = "  ".repeat(self.names.len() + 1);
                let _ = writeln!(self.text, "{indent}… {} more", names - NAMES);
            }
        }
    }
}
