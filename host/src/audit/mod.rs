//! The audit log: one JSON object a line for every decision and for every end of a call. Written before a call may start,
//! and before its caller hears of its end. It must not hold arguments, answers, log lines or secrets, and no text of a guest.

mod record;

pub(crate) use record::{Who, decided, ended, refused};

use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file that is only ever added to.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    // Lines of several calls must not mix. Held across one write: the log is worth that wait, and it is off by default.
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    file: File,
    /// The last write stopped in the middle of a line.
    torn: bool,
}

impl Audit {
    /// Opens the log; what is in it stays. A new one can be read by its owner alone.
    ///
    /// # Errors
    /// If it can't be opened for appending.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // A pipe would wait for somebody to read it.
        if std::fs::metadata(path).is_ok_and(|record| record.file_type().is_fifo()) {
            return Err(io::Error::other("it is a pipe"));
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            out: Mutex::new(Out { file, torn: false }),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds records, all in one write.
    ///
    /// # Errors
    /// If not all of it could be written, with the file's name. What was written is a prefix; the next record begins on a
    /// line of its own.
    pub(crate) fn write(&self, records: impl IntoIterator<Item = Value>) -> Result<(), String> {
        let mut text = String::new();
        for record in records {
            push_ascii(&mut text, &record.to_string());
            text.push('\n');
        }
        if text.is_empty() {
            return Ok(());
        }
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.torn {
            text.insert(0, '\n');
        }
        let written = out.file.write_all(text.as_bytes());
        out.torn = written.is_err();
        written.map_err(|error| format!("the audit log {} can't be written: {error}", self.path.display()))
    }
}

/// JSON in ASCII: whatever a name holds (direction marks, terminal controls of eight bits), the log shows it as digits.
fn push_ascii(text: &mut String, json: &str) {
    for c in json.chars() {
        if (' '..='~').contains(&c) {
            text.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_can_not_be_forged() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let audit = Audit::open(&path).expect("a log");
        let evil = "a\n{\"kind\":\"decision\"}\r\u{1b}[2J\u{9b}\u{202e}\u{2028}\u{1f600}\u{7f}";
        audit.write([json!({ "tool": evil })]).expect("written");
        let text = std::fs::read_to_string(&path).expect("the log");
        assert_eq!(text.lines().count(), 1);
        assert!(
            text.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{text:?}"
        );
        let back: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back["tool"], json!(evil));
    }

    /// `/dev/full` takes no byte.
    #[test]
    fn a_full_disk_is_told() {
        let audit = Audit::open(Path::new("/dev/full")).expect("a log");
        let error = audit.write([json!({})]).expect_err("full");
        assert!(
            error.contains("/dev/full") && error.contains("can't be written"),
            "{error}"
        );
    }
}
