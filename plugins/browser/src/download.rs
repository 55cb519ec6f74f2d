//! The tool `browser_download`: clicks, and writes the files that the page hands over into a folder.
//!
//! It must not hold more than a piece of a file.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use toolyard_sdk::browser::{self, ClickOptions, Download, Page};
use toolyard_sdk::prelude::*;

use crate::arguments::{Target, held};
use crate::names;
use crate::told::{Helped, LINE, acted_on, one_line};

/// As long as no download has begun, it is looked for so often.
const PAUSE: Duration = Duration::from_millis(100);

/// A file that was written.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Saved {
    /// The file.
    path: String,
    bytes: u64,
    /// Where it comes from.
    url: String,
}

/// What came of it.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Downloaded {
    files: Vec<Saved>,
    /// What did not come, and why.
    failed: Vec<String>,
}

/// Clicks an element that starts a download and writes the files into a folder, under the names that the page proposes;
/// nothing that is there is replaced. Downloads outside of this tool are refused.
#[tool(title = "Download files", browser = "drive")]
pub fn browser_download(
    /// What to click.
    target: Target,
    /// The folder to write into; it is made if it is missing.
    folder: WriteDirectory,
    /// How long it may take until all is there.
    #[arg(default = 20_000, minimum = 1, maximum = 3_600_000)]
    timeout_ms: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Downloaded>> {
    let (page, element) = (Page::new(session, tab), target.host()?);
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::new("not_a_directory", format!("{folder}: not a folder")));
    }
    let begun = Instant::now();
    browser::take_downloads(&page.session).helped()?;
    let options = ClickOptions {
        button: browser::Button::Left,
        count: 1,
        modifiers: held(&[]),
    };
    let acted = browser::click(&page, &element, options).helped()?;
    let waits = acted.dialog.is_some();
    let happened = acted_on(&page, format!("clicked {}", target.name()), None, acted).text;
    let limit = Duration::from_millis(u64::from(timeout_ms));
    let downloads = complete(&page.session, begun, if waits { Duration::ZERO } else { limit })?;
    if downloads.is_empty() {
        let message = format!("no download began within {timeout_ms} ms: {happened}");
        let message = if waits { happened } else { message };
        let code = if waits { "dialog_open" } else { "no_download" };
        let hint = "Look at the page with browser_snapshot: the download may need another click.";
        return Err(Failure::new(code, message).hint(hint));
    }
    kept(&page.session, &folder, downloads)
}

/// The downloads once there are some and all of them have ended, or when the time is over.
fn complete(session: &str, begun: Instant, limit: Duration) -> Result<Vec<Download>> {
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let most = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        let downloads = browser::downloads(session, most).helped()?;
        if !downloads.is_empty() || left.is_zero() {
            return Ok(downloads);
        }
        sleep(PAUSE.min(left));
    }
}

/// Writes what is complete, and tells of the rest.
fn kept(session: &str, folder: &Path, downloads: Vec<Download>) -> Result<Answer<Downloaded>> {
    let (mut files, mut failed) = (Vec::new(), Vec::new());
    if downloads.iter().any(|download| download.complete) && !folder.is_dir() {
        fs::create_dir(folder).at(folder)?;
    }
    for download in downloads {
        let name = one_line(&download.name, LINE);
        match (&download.failure, download.complete) {
            (Some(failure), _) => failed.push(format!("{name}: {}", one_line(failure, LINE))),
            (None, false) => failed.push(format!("{name}: not complete in time, {} bytes so far", download.bytes)),
            (None, true) => files.push(save(session, folder, download)?),
        }
    }
    if files.is_empty() {
        let failure = Failure::new("download_failed", failed.join("; "));
        return Err(failure.hint("If it only takes longer, raise `timeout_ms`."));
    }
    let saved = files
        .iter()
        .map(|file| format!("wrote {}: {} bytes", file.path, file.bytes));
    let missing = failed.iter().map(|line| format!("failed: {line}"));
    let text = saved.chain(missing).collect::<Vec<_>>().join("\n");
    Ok(Answer::new(text, Downloaded { files, failed }))
}

/// Writes one download, piece by piece; a file that can't be written to its end goes away.
fn save(session: &str, folder: &Path, download: Download) -> Result<Saved> {
    let (mut file, path) = names::new_file(folder, &download.name)?;
    let mut bytes = 0;
    let written = loop {
        match browser::read_download(session, &download.id, bytes).helped() {
            Err(failure) => break Err(failure),
            Ok(piece) if piece.is_empty() => break file.flush().at(&path),
            Ok(piece) => {
                if let Err(failure) = file.write_all(&piece).at(&path) {
                    break Err(failure);
                }
                bytes += piece.len() as u64;
                report::progress(bytes, download.bytes, "bytes written");
            }
        }
    };
    drop(file);
    if let Err(failure) = written {
        // What is left of it is of no use; that it can't be removed is less than why it failed.
        let _ = fs::remove_file(&path);
        return Err(failure);
    }
    Ok(Saved {
        path: path.display().to_string(),
        bytes,
        url: one_line(&download.url, LINE),
    })
}
