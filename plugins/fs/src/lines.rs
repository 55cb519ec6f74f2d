//! Lines of a stream: some of them, as text, without ever holding more than is shown.
//!
//! It must not know where the bytes come from, nor how many there are.

use std::io::{BufRead, Read, Result, Seek, SeekFrom};

use memchr::{memchr, memchr_iter, memrchr_iter};

/// How many bytes are read beyond what is shown, to say how much is left: 64 MiB.
pub const SCAN: u64 = 64 * 1024 * 1024;

/// How many bytes are read at once on the way back from a file's end.
const BLOCK: u64 = 64 * 1024;

/// Which lines are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How many lines to pass over first.
    pub skip: u64,
    /// At most so many lines.
    pub lines: u64,
    /// At most so many bytes, but always one line.
    pub bytes: usize,
    /// At most so many bytes of one line.
    pub line: usize,
    /// The number of the stream's first line, if lines are to be shown with their numbers.
    pub numbered: Option<u64>,
}

/// The lines that were wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The text, with its line ends as they are.
    pub text: String,
    /// How many lines were passed over; less than wanted if the stream ended before.
    pub skipped: u64,
    /// How many lines the text has.
    pub lines: u64,
    /// How many of them were too long and are cut.
    pub cut: u64,
    /// Whether something was not UTF-8 and is shown as U+FFFD.
    pub lossy: bool,
    /// What comes after.
    pub rest: Rest,
}

/// What comes after the lines that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// So many lines.
    pub lines: u64,
    /// So many bytes.
    pub bytes: u64,
    /// And there is more: it was too much to count.
    pub more: bool,
}

/// One line.
pub struct Line {
    /// Its beginning, at most as long as wanted, without the line end.
    pub bytes: Vec<u8>,
    /// How many bytes of it are left out.
    pub dropped: u64,
    /// How it ends: `\n`, `\r\n`, or nothing at the end of the stream.
    pub end: &'static str,
    /// Whether the end was too far away to look for.
    pub endless: bool,
}

impl Line {
    /// How many bytes it has in the stream.
    fn size(&self) -> u64 {
        (self.bytes.len() as u64)
            .saturating_add(self.dropped)
            .saturating_add(self.end.len() as u64)
    }
}

/// Reads the lines that are wanted and counts what comes after.
pub fn read(from: &mut impl BufRead, wanted: &Wanted) -> Result<Shown> {
    let mut shown = Shown {
        skipped: skip(from, wanted.skip)?,
        ..Shown::default()
    };
    let mut held = None;
    let mut endless = false;
    while shown.lines < wanted.lines && !endless {
        let Some(line) = next(from, wanted.line)? else {
            return Ok(shown);
        };
        let number = wanted
            .numbered
            .map(|first| first.saturating_add(shown.skipped).saturating_add(shown.lines));
        if shown.lines > 0 && shown.text.len() + line.bytes.len() > wanted.bytes {
            held = Some(line);
            break;
        }
        endless = line.endless;
        shown.add(&line, number);
    }
    shown.rest = if endless {
        Rest {
            more: true,
            ..Rest::default()
        }
    } else {
        count_rest(from)?
    };
    if let Some(line) = held {
        shown.rest.lines += 1;
        shown.rest.bytes += line.size();
    }
    Ok(shown)
}

impl Shown {
    fn add(&mut self, line: &Line, number: Option<u64>) {
        if let Some(number) = number {
            self.text.push_str(&format!("{number}\t"));
        }
        for chunk in line.bytes.utf8_chunks() {
            self.text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.text.push(char::REPLACEMENT_CHARACTER);
                self.lossy = true;
            }
        }
        if line.dropped > 0 {
            let least = if line.endless { "at least " } else { "" };
            self.text
                .push_str(&format!("… [{least}{} bytes of this line left out]", line.dropped));
            self.cut += 1;
        }
        self.text.push_str(line.end);
        self.lines += 1;
    }
}

/// Passes over lines; answers how many there were.
pub fn skip(from: &mut impl BufRead, lines: u64) -> Result<u64> {
    let mut passed = 0;
    let mut within = false;
    while passed < lines {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(passed + u64::from(within));
        }
        let mut used = buffer.len();
        within = true;
        for end in memchr_iter(b'\n', buffer) {
            passed += 1;
            within = end + 1 < buffer.len();
            if passed == lines {
                used = end + 1;
                break;
            }
        }
        from.consume(used);
    }
    Ok(passed)
}

/// The next line, of which at most `max` bytes are kept; `None` at the end.
pub fn next(from: &mut impl BufRead, max: usize) -> Result<Option<Line>> {
    let mut line = Line {
        bytes: Vec::new(),
        dropped: 0,
        end: "",
        endless: false,
    };
    let mut any = false;
    // A line end of two bytes may be cut by the edge of a buffer or by `max`.
    let mut last = 0;
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = memchr(b'\n', buffer);
        let body = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
        let kept = body.get(..max.saturating_sub(line.bytes.len())).unwrap_or(body);
        line.bytes.extend_from_slice(kept);
        line.dropped += (body.len() - kept.len()) as u64;
        last = body.last().copied().unwrap_or(last);
        let used = body.len() + usize::from(end.is_some());
        from.consume(used);
        if end.is_some() {
            line.end = if last == b'\r' { "\r\n" } else { "\n" };
            break;
        }
        if line.dropped > SCAN {
            line.endless = true;
            break;
        }
    }
    line.settle();
    Ok(any.then_some(line))
}

impl Line {
    /// Takes `\r` of the line end off, and a character that was cut.
    fn settle(&mut self) {
        if self.end == "\r\n" {
            if self.dropped > 0 {
                self.dropped -= 1;
            } else {
                self.bytes.pop();
            }
        }
        if self.dropped > 0 {
            let cut = self.bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
            self.bytes.truncate(self.bytes.len() - cut);
            self.dropped += cut as u64;
        }
    }
}

/// Counts what is left, up to [`SCAN`] bytes.
pub fn count_rest(from: &mut impl BufRead) -> Result<Rest> {
    let mut rest = Rest::default();
    let mut within = false;
    loop {
        let buffer = from.fill_buf()?;
        let Some(last) = buffer.last() else {
            break;
        };
        within = *last != b'\n';
        if rest.bytes >= SCAN {
            rest.more = true;
            break;
        }
        rest.lines += memchr_iter(b'\n', buffer).count() as u64;
        rest.bytes += buffer.len() as u64;
        let used = buffer.len();
        from.consume(used);
    }
    rest.lines += u64::from(within);
    Ok(rest)
}

/// At which byte the last `lines` lines begin, but at most `max` bytes before the end; then perhaps within a line.
pub fn tail(from: &mut (impl Read + Seek), lines: u64, max: u64) -> Result<u64> {
    let size = from.seek(SeekFrom::End(0))?;
    let (mut at, mut seen, mut start) = (size, 0, None);
    let mut block = Vec::new();
    while at > 0 {
        let length = BLOCK.min(at);
        at -= length;
        from.seek(SeekFrom::Start(at))?;
        block.clear();
        from.by_ref().take(length).read_to_end(&mut block)?;
        for end in memrchr_iter(b'\n', &block) {
            let after = at + end as u64 + 1;
            if after == size {
                continue;
            }
            if size - after > max {
                return Ok(start.unwrap_or(size - max));
            }
            start = Some(after);
            seen += 1;
            if seen == lines {
                return Ok(after);
            }
        }
        if size - at > max {
            return Ok(start.unwrap_or(size - max));
        }
    }
    Ok(0)
}
