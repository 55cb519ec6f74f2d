//! How a download is called in the folder: the name that a page proposes, made harmless and made unique.
//!
//! It must not let a page choose anything but a plain name of its own: no folder, no hidden file, nothing that is there.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toolyard_sdk::prelude::*;

/// A name has at most so many bytes, with room for a number.
const LONGEST: usize = 200;

/// An extension is kept whole up to this many bytes.
const EXTENSION: usize = 20;

/// So many files of one name are tried.
const TRIES: u32 = 1_000;

/// The proposed name as a plain one: without separators, characters that are special anywhere or can't be seen, dots at
/// either end, and not too long.
pub fn plain(proposed: &str) -> String {
    let last = proposed.rsplit(['/', '\\']).find(|part| !part.trim().is_empty());
    let kept = last.unwrap_or_default().chars().map(|c| match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
        c if c.is_control() || unseen(c) => '_',
        c => c,
    });
    let kept = kept.collect::<String>();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let (stem, extension) = parts(kept);
    let room = LONGEST.saturating_sub(extension.len());
    let stem = stem.get(..stem.floor_char_boundary(room)).unwrap_or_default();
    match (stem.trim_end(), extension) {
        ("", extension) => format!("download{extension}"),
        (stem, extension) => format!("{stem}{extension}"),
    }
}

/// Whether a character is invisible or turns the direction of a text round, so that a name can look like another.
fn unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A name before and from its extension on: `a` and `.pdf`, `b` and `.tar.gz`.
fn parts(name: &str) -> (&str, &str) {
    let Some(dot) = name.rfind('.').filter(|dot| *dot > 0 && name.len() - dot <= EXTENSION) else {
        return (name, "");
    };
    let dot = match name.get(..dot).and_then(|stem| stem.strip_suffix(".tar")) {
        Some(stem) if !stem.is_empty() => stem.len(),
        _ => dot,
    };
    name.split_at_checked(dot).unwrap_or((name, ""))
}

/// The name with a number: the first one has none.
pub fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = parts(name);
    match number {
        0 | 1 => name.to_owned(),
        number => format!("{stem} ({number}){extension}"),
    }
}

/// Makes a new file of that name in the folder, or of the first number that is free.
pub fn new_file(folder: &Path, proposed: &str) -> Result<(File, PathBuf)> {
    let name = plain(proposed);
    for number in 1..=TRIES {
        let path = folder.join(numbered(&name, number));
        match File::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            file => return Ok((file.at(&path)?, path)),
        }
    }
    let message = format!("{}: there are {TRIES} files of the name {name}", folder.display());
    Err(Failure::new("already_exists", message))
}
