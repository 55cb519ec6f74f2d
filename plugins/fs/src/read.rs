//! The tools `read_file` and `read_files`.
//!
//! They must not hold more of a file than they show, nor change what they show but for what the answer says.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use toolyard_sdk::prelude::*;

use crate::lines::{self, SCAN, Shown, Wanted};
use crate::media;
use crate::text::count;

/// At most so many bytes of files in one answer: 256 KiB.
const BYTES: usize = 256 * 1024;

/// At most so many bytes are read at once.
const BUFFER: usize = 64 * 1024;

/// So many lines, unless more are asked for.
const LINES: u64 = 2_000;

/// Pictures up to this size are answered as pictures, in bytes.
const PICTURE: u64 = 512 * 1024;

/// Reads a text file, exactly as it is, by lines; at most 256 KiB at once. If something is left out, a note after the
/// text says how much, and the `offset` to go on with.
///
/// Of a file that is not text only a PNG, JPEG, GIF or WebP picture of up to 512 KiB is shown; others fail with
/// `binary_file` and their media type and size. Bytes that are not UTF-8 are shown as U+FFFD, and a note says so.
#[tool(title = "Read a file")]
pub fn read_file(
    /// The file to read.
    path: ReadFile,
    /// The first line to show, counted from 1.
    #[arg(minimum = 1)]
    offset: Option<u64>,
    /// How many lines to show at most. Default: 2000.
    #[arg(minimum = 1)]
    limit: Option<u64>,
    /// Only the first lines, so many. Not together with `offset`, `limit` or `tail`.
    #[arg(minimum = 1)]
    head: Option<u64>,
    /// Only the last lines, so many; cheap for a file of any size. Not together with the others.
    #[arg(minimum = 1)]
    tail: Option<u64>,
    /// Put the line's number and a tab before every line.
    #[arg(default = false)]
    line_numbers: bool,
    /// Of a longer line only so many bytes are shown.
    #[arg(default = 10_000, minimum = 1, maximum = 262_144)]
    max_line_length: usize,
) -> Result<Output> {
    let part = Part::of(offset, limit, head, tail)?;
    let mut opened = match open(&path)? {
        Opened::Text(opened) => opened,
        Opened::Picture(media, bytes) => return Ok(Output::new().image(media, bytes)),
    };
    let page = opened.page(&part, line_numbers, max_line_length, BYTES).at(&path)?;
    let note = page.note();
    if page.shown.lines == 0 && page.shown.skipped > 0 {
        let message = format!("{path} has {}", count(page.shown.skipped, "line"));
        return Err(Failure::new("past_end", message).hint("Take a smaller `offset`, or `tail`."));
    }
    let output = Output::new();
    let output = if page.shown.lines > 0 {
        output.text(page.shown.text)
    } else {
        output
    };
    Ok(note.into_iter().fold(output, Output::text))
}

/// What became of one of several files.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct FileRead {
    /// The file.
    path: String,
    /// How many of its lines are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    /// Whether lines are left out; `read_file` shows them.
    more: bool,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What became of several files.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct FilesRead {
    /// The files, in the order of the request.
    files: Vec<FileRead>,
}

/// Reads several text files in one call, each under a heading `==> path <==`, in the order of the request; at most
/// 2000 lines of each and 256 KiB together. A file that is missing or not text doesn't fail the others: its error
/// stands in its place.
#[tool(title = "Read several files")]
pub fn read_files(
    /// The files to read.
    paths: Vec<ReadFile>,
    /// How many lines of each file to show at most.
    #[arg(default = 2000, minimum = 1)]
    limit: u64,
    /// Put the line's number and a tab before every line.
    #[arg(default = false)]
    line_numbers: bool,
) -> Result<Answer<FilesRead>> {
    let part = Part::Forward { skip: 0, lines: limit };
    let (mut text, mut files) = (String::new(), Vec::new());
    for path in &paths {
        let left = BYTES.saturating_sub(text.len());
        text.push_str(&format!("==> {path} <==\n"));
        let mut file = FileRead {
            path: path.to_string(),
            lines: None,
            more: false,
            error: None,
        };
        let line = left.clamp(1, 10_000);
        match read_one(path, &part, line_numbers, line, left) {
            Ok(page) => {
                text.push_str(&page.shown.text);
                if page.shown.lines > 0 && !page.shown.text.ends_with('\n') {
                    text.push('\n');
                }
                if let Some(note) = page.note() {
                    text.push_str(&note);
                    text.push('\n');
                }
                file.lines = Some(page.shown.lines);
                file.more = page.more();
            }
            Err(failure) => {
                text.push_str(&format!("[{}: {failure}]\n", failure.code()));
                file.error = Some(failure.to_string());
            }
        }
        files.push(file);
    }
    Ok(Answer::new(text, FilesRead { files }))
}

fn read_one(path: &ReadFile, part: &Part, numbers: bool, line: usize, left: usize) -> Result<Page> {
    if left == 0 {
        let message = format!("{path} is left out: the answer has 256 KiB already");
        return Err(Failure::new("too_much", message));
    }
    match open(path)? {
        Opened::Text(mut opened) => opened.page(part, numbers, line, left).at(path),
        Opened::Picture(media, bytes) => {
            let message = format!(
                "{path} is a picture ({media}, {} bytes); read_file shows it",
                bytes.len()
            );
            Err(Failure::new("binary_file", message))
        }
    }
}

/// Which lines of a file.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Forward { skip: u64, lines: u64 },
    Tail { lines: u64 },
}

impl Part {
    fn of(offset: Option<u64>, limit: Option<u64>, head: Option<u64>, tail: Option<u64>) -> Result<Part> {
        let line = offset.unwrap_or(1).saturating_sub(1);
        match (head, tail) {
            (None, None) => Ok(Part::Forward {
                skip: line,
                lines: limit.unwrap_or(LINES),
            }),
            (Some(lines), None) if offset.is_none() && limit.is_none() => Ok(Part::Forward { skip: 0, lines }),
            (None, Some(lines)) if offset.is_none() && limit.is_none() => Ok(Part::Tail { lines }),
            _ => Err(Failure::invalid(
                "invalid_arguments",
                "`head`, `tail`, and `offset` with `limit` are three ways to choose lines: take one",
            )),
        }
    }
}

/// A file that is open.
enum Opened {
    Text(Text),
    Picture(&'static str, Vec<u8>),
}

/// A text file that is open, at its beginning.
struct Text {
    file: BufReader<File>,
    size: u64,
}

/// Some lines of a file.
struct Page {
    shown: Shown,
    /// The number of the first line that is shown; `None` if the lines before are too many to count.
    first: Option<u64>,
    size: u64,
}

fn open(path: &Path) -> Result<Opened> {
    let file = File::open(path).at(path)?;
    let metadata = file.metadata().at(path)?;
    if metadata.is_dir() {
        let message = format!("{}: a folder, not a file", path.display());
        return Err(Failure::new("is_a_directory", message).hint("list_dir lists a folder."));
    }
    let size = metadata.len();
    // No more room than a small file needs: what is never touched costs nothing.
    let room = usize::try_from(size).unwrap_or(BUFFER).clamp(media::HEAD, BUFFER);
    let mut file = BufReader::with_capacity(room, file);
    let head = file.fill_buf().at(path)?;
    let Some(media) = media::binary(head.get(..media::HEAD).unwrap_or(head)) else {
        return Ok(Opened::Text(Text { file, size }));
    };
    if media::is_picture(media) && size <= PICTURE {
        let mut picture = Vec::new();
        file.read_to_end(&mut picture).at(path)?;
        return Ok(Opened::Picture(media, picture));
    }
    let message = format!("{} is not text: {media}, {size} bytes", path.display());
    Err(Failure::new("binary_file", message))
}

impl Text {
    fn page(&mut self, part: &Part, numbers: bool, line: usize, bytes: usize) -> std::io::Result<Page> {
        let (first, skip, lines) = match *part {
            Part::Forward { skip, lines } => (Some(1), skip, lines),
            Part::Tail { lines } => (self.seek_tail(lines, bytes)?, 0, lines),
        };
        let wanted = Wanted {
            skip,
            lines,
            bytes,
            line,
            numbered: first.filter(|_| numbers),
        };
        let shown = lines::read(&mut self.file, &wanted)?;
        Ok(Page {
            first: first.map(|first| first + shown.skipped),
            shown,
            size: self.size,
        })
    }

    /// Goes to where the last lines begin, and answers with the number of the first of them.
    fn seek_tail(&mut self, lines: u64, bytes: usize) -> std::io::Result<Option<u64>> {
        let start = lines::tail(self.file.get_mut(), lines, bytes as u64)?;
        let mut first = None;
        if start <= SCAN {
            self.file.seek(SeekFrom::Start(0))?;
            let before = lines::count_rest(&mut self.file.by_ref().take(start))?;
            first = Some(before.lines + 1);
        }
        self.file.seek(SeekFrom::Start(start))?;
        Ok(first)
    }
}

impl Page {
    fn more(&self) -> bool {
        self.shown.rest.lines > 0 || self.shown.rest.more
    }

    /// What a reader has to know beside the text.
    fn note(&self) -> Option<String> {
        let mut notes = Vec::new();
        if self.shown.lines == 0 && self.shown.skipped == 0 {
            notes.push("the file is empty".to_owned());
        }
        notes.extend(self.extent());
        if self.shown.cut > 0 {
            let cut = count(self.shown.cut, "long line");
            notes.push(format!("{cut} cut; a larger `max_line_length` shows more"));
        }
        if self.shown.lossy {
            notes.push("not all of it is UTF-8; other bytes are shown as U+FFFD".to_owned());
        }
        (!notes.is_empty()).then(|| format!("[{}]", notes.join("; ")))
    }

    /// Which lines are shown, if not all.
    fn extent(&self) -> Option<String> {
        let Shown { lines, rest, .. } = self.shown;
        let Some(first) = self.first else {
            return Some(format!("the last {} of {} bytes", count(lines, "line"), self.size));
        };
        if lines == 0 || (first == 1 && !self.more()) {
            return None;
        }
        let last = first + lines - 1;
        if rest.more {
            let known = format!("lines {first}-{last} of a file of {} bytes", self.size);
            return Some(format!("{known}; continue with offset {}", last + 1));
        }
        let known = format!("lines {first}-{last} of {}", last + rest.lines);
        if rest.lines == 0 {
            return Some(known);
        }
        let left = format!("{} left; continue with offset {}", count(rest.bytes, "byte"), last + 1);
        Some(format!("{known}; {left}"))
    }
}
