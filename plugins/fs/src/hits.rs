//! Finds the lines of one file that a pattern matches.
//!
//! It must not match across lines, and must not hold more of a large file than the lines it shows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Result, Seek, SeekFrom};
use std::path::Path;

use regex::bytes::Regex;

use crate::lines;
use crate::media;
use crate::text::window;

/// A file up to this size is read at once: 1 MiB.
const WHOLE: u64 = 1024 * 1024;

/// Of a longer line only so many bytes are searched: 1 MiB.
const LINE: usize = 1024 * 1024;

/// At most so many bytes of a line are shown.
const SHOWN: usize = 400;

/// What to look for in a file.
pub struct Wanted<'a> {
    /// The pattern.
    pub regex: &'a Regex,
    /// How many lines to show around a match.
    pub context: usize,
    /// At most so many lines that match.
    pub lines: u64,
    /// Only count: no lines are kept.
    pub only_count: bool,
}

/// A line of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number, from 1.
    pub number: u64,
    /// Its text, cut to what may be shown.
    pub text: String,
    /// Whether it matches, or stands beside one that does.
    pub matches: bool,
}

/// What a file has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Lines that match, and those around, in order, each once.
    pub found: Vec<Found>,
    /// How many lines match.
    pub lines: u64,
    /// Whether the search ended because there were enough.
    pub full: bool,
}

/// The lines of a file that match; `None` if it isn't text.
pub fn search(path: &Path, wanted: &Wanted, buffer: &mut Vec<u8>) -> Result<Option<Hits>> {
    let mut file = File::open(path)?;
    buffer.clear();
    file.by_ref().take(WHOLE).read_to_end(buffer)?;
    let head = buffer.get(..media::HEAD).unwrap_or(buffer);
    if media::binary(head).is_some() {
        return Ok(None);
    }
    if (buffer.len() as u64) < WHOLE {
        // Most files have no match, and one look at all of it says so.
        if !wanted.regex.is_match(buffer) {
            return Ok(Some(Hits::default()));
        }
        return search_lines(&mut Cursor::new(&*buffer), wanted).map(Some);
    }
    file.seek(SeekFrom::Start(0))?;
    search_lines(&mut BufReader::with_capacity(256 * 1024, file), wanted).map(Some)
}

fn search_lines(from: &mut impl std::io::BufRead, wanted: &Wanted) -> Result<Hits> {
    let mut hits = Hits::default();
    let mut before: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let (mut number, mut after) = (0, 0);
    while let Some(line) = lines::next(from, LINE)? {
        number += 1;
        let at = if hits.full {
            None
        } else {
            wanted.regex.find(&line.bytes).map(|found| found.start())
        };
        if let Some(at) = at {
            hits.lines += 1;
            hits.full = hits.lines >= wanted.lines;
            if !wanted.only_count {
                hits.found
                    .extend(before.drain(..).map(|(number, line)| show(number, &line, None)));
                hits.found.push(show(number, &line.bytes, Some(at)));
                after = wanted.context;
            }
        } else if after > 0 {
            after -= 1;
            hits.found.push(show(number, &line.bytes, None));
        } else if wanted.context > 0 && !hits.full {
            if before.len() >= wanted.context {
                before.pop_front();
            }
            let kept = line.bytes.get(..SHOWN * 2).unwrap_or(&line.bytes).to_vec();
            before.push_back((number, kept));
        }
        if (hits.full && after == 0) || line.endless {
            break;
        }
    }
    Ok(hits)
}

fn show(number: u64, line: &[u8], at: Option<usize>) -> Found {
    Found {
        number,
        text: window(&String::from_utf8_lossy(line), at.unwrap_or(0), SHOWN),
        matches: at.is_some(),
    }
}
