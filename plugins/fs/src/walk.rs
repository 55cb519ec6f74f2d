//! Goes through a folder tree in the order of its names, past what `.gitignore` and `.ignore` files leave out.
//!
//! It must not follow links, and must not fail on what it may not open: that is passed over quietly.

use std::fs::{self, File};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use toolyard_sdk::prelude::*;

use crate::list::Kind;

/// The files with rules, the one that wins last.
const RULES: [&str; 2] = [".gitignore", ".ignore"];

/// Of a file with rules only so many bytes are read: 1 MiB.
const RULES_SIZE: u64 = 1024 * 1024;

/// A walk ends after so many names.
const NAMES: u64 = 1_000_000;

/// A search ends after this time, with what it has.
pub const TIME: Duration = Duration::from_secs(20);

/// What to go through.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Also names that begin with a dot; `.git` never.
    pub hidden: bool,
    /// Also what `.gitignore` and `.ignore` leave out.
    pub ignored: bool,
    /// How many levels below the start; 1 for its children.
    pub depth: usize,
}

/// What the walk came by.
#[derive(Debug)]
pub struct Entry {
    /// Its path, beginning with the start's.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How many levels below the start; 1 for its children.
    pub depth: usize,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It saw everything.
    Complete,
    /// Whoever it called said so.
    Stopped,
    /// There were too many names.
    TooMany,
}

/// The rules of one folder, and of the folders above.
struct Rules {
    folder: PathBuf,
    /// As in [`RULES`].
    files: Vec<Gitignore>,
    above: Option<Rc<Rules>>,
}

/// A folder that is being gone through.
struct Level {
    entries: std::vec::IntoIter<Entry>,
    rules: Option<Rc<Rules>>,
}

/// Calls `visit` with all below a folder, a folder before what is in it.
///
/// # Errors
/// If the start can't be read.
pub fn walk(start: &Path, options: Options, mut visit: impl FnMut(&Entry) -> ControlFlow<()>) -> Result<End> {
    let rules = if options.ignored { None } else { above(start) };
    fs::read_dir(start).at(start)?;
    let mut levels = vec![open(start, 1, options, rules)];
    let mut names = 0_u64;
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.entries.next() else {
            levels.pop();
            continue;
        };
        names += 1;
        if names > NAMES {
            return Ok(End::TooMany);
        }
        if visit(&entry).is_break() {
            return Ok(End::Stopped);
        }
        if entry.kind == Kind::Folder && entry.depth < options.depth {
            let rules = level.rules.clone();
            levels.push(open(&entry.path, entry.depth + 1, options, rules));
        }
    }
    Ok(End::Complete)
}

/// The entries of a folder that are not left out, sorted by name.
fn open(folder: &Path, depth: usize, options: Options, above: Option<Rc<Rules>>) -> Level {
    let mut entries = Vec::new();
    for found in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = found.file_type() else { continue };
        let name = found.file_name().to_string_lossy().into_owned();
        let hidden = name == ".git" || (name.starts_with('.') && !options.hidden);
        let rules = !options.ignored && RULES.contains(&name.as_str());
        if hidden && !rules {
            continue;
        }
        entries.push(Entry {
            path: join(folder, found.file_name()),
            kind: Kind::of(kind),
            name,
            depth,
        });
    }
    let rules = if options.ignored {
        None
    } else {
        rules_of(folder, &entries, above)
    };
    entries.retain(|entry| options.hidden || !entry.name.starts_with('.'));
    if let Some(rules) = &rules {
        entries.retain(|entry| !rules.leave_out(&entry.path, entry.kind == Kind::Folder));
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Level {
        entries: entries.into_iter(),
        rules,
    }
}

/// `src/a.rs`, and `a.rs` rather than `./a.rs`.
fn join(folder: &Path, name: impl AsRef<Path>) -> PathBuf {
    if folder == Path::new(".") {
        name.as_ref().to_owned()
    } else {
        folder.join(name)
    }
}

/// A folder's own rules, if it has any, on top of those above.
fn rules_of(folder: &Path, entries: &[Entry], above: Option<Rc<Rules>>) -> Option<Rc<Rules>> {
    let is_rules = |name: &&&str| {
        entries
            .iter()
            .any(|entry| entry.name == ***name && entry.kind == Kind::File)
    };
    let names = RULES.iter().filter(is_rules);
    let files: Vec<_> = names.filter_map(|name| read_rules(&join(folder, name))).collect();
    if files.is_empty() {
        return above;
    }
    let folder = join(folder, "");
    Some(Rc::new(Rules { folder, files, above }))
}

/// The rules of the folders above the start, in the workspace, as far as they may be read.
fn above(start: &Path) -> Option<Rc<Rules>> {
    if start.is_absolute() || start == Path::new(".") {
        return None;
    }
    let mut folders: Vec<&Path> = start.ancestors().skip(1).collect();
    folders.reverse();
    folders.into_iter().fold(None, |above, folder| {
        let files: Vec<_> = RULES.iter().filter_map(|name| read_rules(&folder.join(name))).collect();
        if files.is_empty() {
            return above;
        }
        let folder = folder.to_owned();
        Some(Rc::new(Rules { folder, files, above }))
    })
}

fn read_rules(path: &Path) -> Option<Gitignore> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(RULES_SIZE).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new("");
    for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
        // A rule that makes no sense leaves nothing out, as in git.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}

impl Rules {
    /// Whether the innermost rule that speaks of a path leaves it out.
    fn leave_out(&self, path: &Path, is_folder: bool) -> bool {
        let mut next = Some(self);
        while let Some(rules) = next {
            if let Ok(below) = path.strip_prefix(&rules.folder) {
                for file in rules.files.iter().rev() {
                    let found = file.matched(below, is_folder);
                    if !found.is_none() {
                        return found.is_ignore();
                    }
                }
            }
            next = rules.above.as_deref();
        }
        false
    }
}

/// What a search that found nothing did not look at.
pub fn left_out(hidden: bool, no_ignore: bool) -> &'static str {
    match (hidden, no_ignore) {
        (false, false) => " (hidden and ignored files left out)",
        (true, false) => " (ignored files left out)",
        (false, true) => " (hidden files left out)",
        (true, true) => "",
    }
}
