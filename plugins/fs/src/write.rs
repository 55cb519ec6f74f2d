//! The tools `write_file` and `make_dir`.
//!
//! They must not make parent folders: the host has made them before the tool starts.

use std::fs;

use toolyard_sdk::prelude::*;

use crate::text::count;

/// What was written.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Written {
    /// Whether the file is new.
    created: bool,
    /// How many bytes it has now.
    bytes: u64,
}

/// Creates a file, or replaces all of an existing one; missing parent folders are made. The file changes in one step
/// when the call ends well, and stays as it was if it doesn't. To change parts of a file, use edit_file.
#[tool(title = "Write a file")]
pub fn write_file(
    /// The file to write.
    path: WriteFile,
    /// All of its new text.
    content: String,
) -> Result<Answer<Written>> {
    let before = fs::metadata(&path);
    if before.as_ref().is_ok_and(fs::Metadata::is_dir) {
        let message = format!("{path}: a folder, not a file");
        return Err(Failure::new("is_a_directory", message));
    }
    fs::write(&path, &content).at(&path)?;
    let (created, bytes) = (before.is_err(), content.len() as u64);
    let (what, lines) = (if created { "created" } else { "replaced" }, content.lines().count());
    let (size, lines) = (count(bytes, "byte"), count(lines as u64, "line"));
    let text = format!("{what} {path}: {size}, {lines}");
    Ok(Answer::new(text, Written { created, bytes }))
}

/// What make_dir found or did.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Made {
    /// Whether the folder is new; `false` if it was there already.
    created: bool,
}

/// Makes a folder, and the folders above it that are missing. It is fine if the folder is there already; a file of
/// that name fails with `already_exists`.
#[tool(title = "Make a folder")]
pub fn make_dir(
    /// The folder to make.
    path: WriteFile,
) -> Result<Answer<Made>> {
    let (text, created) = match fs::create_dir(&path) {
        Ok(()) => (format!("created {path}/"), true),
        Err(_) if fs::metadata(&path).is_ok_and(|found| found.is_dir()) => (format!("{path}/ is there already"), false),
        Err(error) => return Err(error).at(&path),
    };
    Ok(Answer::new(text, Made { created }))
}
