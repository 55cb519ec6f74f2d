//! Probes that hold a file for a while, or many times: for the scheduler and for descriptors.
//!
//! They must not touch any path but their argument.

use std::fs::{self, File};
use std::thread::sleep;
use std::time::Duration;

use toolyard_sdk::prelude::*;

/// Holds a file for writing and sleeps, and writes nothing: for conflicts between calls.
#[tool]
pub fn probe_sleep(
    /// The file to hold.
    path: WriteFile,
    /// How long, in milliseconds.
    ms: u64,
) -> Result<String> {
    sleep(Duration::from_millis(ms));
    Ok(path.to_string())
}

/// Holds a file for reading and sleeps: for readers that run together.
#[tool]
pub fn probe_sleep_read(
    /// The file to hold.
    path: ReadFile,
    /// How long, in milliseconds.
    ms: u64,
) -> Result<String> {
    sleep(Duration::from_millis(ms));
    Ok(path.to_string())
}

/// Reads a whole file, sleeps, and writes it back with the text at its end: two of these that run at one time lose one
/// text, so the file tells whether calls were serial.
#[tool]
pub fn probe_append(
    /// The file; it need not exist.
    path: WriteFile,
    /// What to add.
    text: String,
    /// How long to sleep between, in milliseconds.
    #[arg(default = 0)]
    ms: u64,
) -> Result<String> {
    let before = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.at(&path)?,
    };
    sleep(Duration::from_millis(ms));
    let after = before + &text;
    fs::write(&path, &after).at(&path)?;
    Ok(after)
}

/// Opens a file so many times, holding all, and answers with how many it got: for the limit on descriptors.
#[tool]
pub fn probe_fds(
    /// The file to open.
    path: ReadFile,
    /// How many times.
    count: usize,
) -> Result<String> {
    let mut held = Vec::new();
    for _ in 0..count {
        match File::open(&path) {
            Ok(file) => held.push(file),
            Err(error) => return Ok(format!("{} held, then {:?}", held.len(), error.kind())),
        }
    }
    Ok(format!("{} held", held.len()))
}

/// Opens a file so many times and never closes any: for handles that a guest leaves behind.
#[tool]
pub fn probe_handles(
    /// The file to open.
    path: ReadFile,
    /// How many times.
    #[arg(default = 10)]
    count: usize,
) -> Result<String> {
    for _ in 0..count {
        std::mem::forget(File::open(&path).at(&path)?);
    }
    Ok(format!("{count} left open"))
}
