//! Files between pages and calls: downloads that a call takes, files that it hands to a page. Both pass through the guest,
//! which has them from its own granted folders or writes them there. It must not touch any place but the session's own.

use super::act::Acted;
use super::fault::{Fault, FaultKind};
use super::page::{Page, Target};
use super::profile::{hand_over, passage};
use super::session::Running;
use super::state::Download;
use super::transfers::{Taking, behave, break_off};
use super::visit::{ACTION, Need, Visit};
use crate::call::Rights;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// As much of a download is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// As many files are handed over at once.
const MOST_FILES: usize = 1000;

/// Numbers for folders, so that no two calls share one.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Breaks downloads off as soon as more than `most` bytes have come in all: whoever takes them may never look at them.
async fn watch(running: Arc<Running>, from: usize, most: u64, over: Arc<AtomicBool>) {
    running
        .wait(|state| state.ended.is_some() || state.received > most)
        .await;
    over.store(true, Ordering::Relaxed);
    break_off(&running, from).await;
}

/// A new folder in a session's own.
fn folder(running: &Running, kind: &str) -> Result<PathBuf, Fault> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let made = running.profile()?.inner(&format!("{kind}-{number}"));
    made.map_err(failed)
}

fn failed(error: io::Error) -> Fault {
    Fault::failed(format!("a folder for files: {error}"))
}

/// A name that is one: no way to another folder, nothing hidden.
fn plain(name: &str) -> String {
    let fine = |c: char| {
        if c == '/' || c == '\\' || c.is_control() {
            '_'
        } else {
            c
        }
    };
    let name: String = name.chars().take(120).map(fine).collect();
    match name.trim_start_matches('.').trim() {
        "" => "file".to_owned(),
        name => name.to_owned(),
    }
}

impl Visit {
    /// From here until the call ends, downloads that the session's pages begin are taken.
    pub async fn take_downloads(&mut self, session: &str) -> Result<(), Fault> {
        let name = self.may(session, Need::Drive, Rights::default())?;
        let running = self.started(&name).await?;
        let own = self.transfers.taking.get(session);
        if own.is_some_and(|taking| Arc::ptr_eq(&taking.running, &running)) {
            return Ok(());
        }
        let folder = folder(&running, "downloads")?;
        hand_over(&folder).map_err(failed)?;
        let take = json!({ "behavior": "allowAndName", "downloadPath": folder, "eventsEnabled": true });
        let (from, before) = {
            let state = running.state.borrow();
            (state.begun, state.received)
        };
        let over = Arc::<AtomicBool>::default();
        let most = before.saturating_add(self.transfers.left);
        let watching = watch(Arc::clone(&running), from, most, Arc::clone(&over));
        let watch = tokio::spawn(watching).abort_handle();
        let taking = Taking {
            running: Arc::clone(&running),
            folder,
            from,
            before,
            over,
            watch,
        };
        // From here on it is undone when the call ends, however it does.
        self.transfers.taking.insert(session.to_owned(), taking);
        behave(&running, "Browser.setDownloadBehavior", take).await
    }

    fn taking(&self, session: &str) -> Result<&Taking, Fault> {
        self.may(session, Need::Drive, Rights::default())?;
        let taking = self.transfers.taking.get(session);
        taking.ok_or_else(|| Fault::new(FaultKind::NoSuch, "this call takes no downloads").hint("take them first"))
    }

    /// The downloads of this call so far, when all that have begun are complete.
    pub async fn downloads(&mut self, session: &str, ms: u32) -> Result<Vec<Download>, Fault> {
        let left = self.transfers.left;
        let taking = self.taking(session)?;
        let deadline = Instant::now() + Duration::from_millis(u64::from(ms));
        let mut too_many = false;
        let wait = taking.running.wait(|state| {
            let come = state.received.saturating_sub(taking.before);
            too_many = taking.over.load(Ordering::Relaxed) || come > left;
            let done = |download: &Download| download.complete || download.failure.is_some();
            let mut own = state.since(taking.from).peekable();
            too_many || state.ended.is_some() || (own.peek().is_some() && own.all(done))
        });
        drop(timeout_at(deadline, wait).await);
        let mut own: Vec<Download> = {
            let state = taking.running.state.borrow();
            if let Some(fault) = &state.ended {
                return Err(fault.clone());
            }
            state.since(taking.from).cloned().collect()
        };
        if too_many {
            break_off(&taking.running, taking.from).await;
            for download in &mut own {
                download.complete = false;
                download.failure = Some(format!(
                    "more than the {left} bytes allowed; raise browser_transfer_bytes"
                ));
            }
        }
        for download in &mut own {
            download.name = plain(&download.name);
        }
        Ok(own)
    }

    /// A piece of a complete download.
    pub fn read_download(&mut self, session: &str, id: &str, offset: u64) -> Result<Vec<u8>, Fault> {
        let taking = self.taking(session)?;
        let known = {
            let state = taking.running.state.borrow();
            state
                .since(taking.from)
                .any(|download| download.id == id && download.complete)
        };
        // The browser's own name for it, which it told us: a word without a path.
        let over = taking.over.load(Ordering::Relaxed);
        if !known || over || id.contains(['/', '\\', '.']) {
            return Err(Fault::new(
                FaultKind::NoSuch,
                format!("this call has no complete download {id:?}"),
            ));
        }
        read(&taking.folder.join(id), offset).map_err(|error| Fault::failed(format!("the download: {error}")))
    }

    /// Hands files to a file field.
    pub async fn upload(&mut self, page: &Page, target: &Target, files: &[(String, Vec<u8>)]) -> Result<Acted, Fault> {
        let size = files.iter().map(|(_, data)| data.len() as u64).sum::<u64>();
        if files.len() > MOST_FILES {
            return Err(Fault::invalid(format!(
                "{} files are more than {MOST_FILES}",
                files.len()
            )));
        }
        let hand = self.hand(page, Need::Drive, Rights::default(), ACTION)?;
        let (place, asked) = hand.place(target).await?;
        let field = hand.call(&place, "file", json!({ "target": asked })).await?;
        if files.len() > 1 && field.get("multiple") != Some(&serde_json::Value::Bool(true)) {
            return Err(Fault::invalid("the field takes one file"));
        }
        let left = self.transfers.left.checked_sub(size).ok_or_else(|| {
            let most = self.transfers.left;
            Fault::invalid(format!(
                "{size} bytes are more than the {most} that may still be handed over"
            ))
            .hint("raise browser_transfer_bytes in the policy")
        })?;
        self.transfers.left = left;
        let top = folder(&hand.running, "uploads")?;
        let handed = async {
            let paths =
                write(&top, files).map_err(|error| Fault::failed(format!("handing the files over: {error}")))?;
            let object = hand.object(&place, json!({ "target": asked, "file": true })).await?;
            let session = hand.session_of(&place.frame)?;
            let params = json!({ "files": paths, "objectId": object });
            hand.ask(&session, "DOM.setFileInputFiles", params).await
        };
        if let Err(fault) = handed.await {
            drop(std::fs::remove_dir_all(&top));
            return Err(fault);
        }
        let url = hand.known(|tab| tab.url.clone())?;
        Ok(Acted {
            url,
            ..Acted::default()
        })
    }
}

/// Reads a piece of a file in a folder that the browser can write to: nothing but a file is opened, and no link followed.
fn read(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut piece = vec![0; PIECE];
    let mut begun = 0;
    while let Some(rest) = piece.get_mut(begun..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(begun as u64))? {
            0 => break,
            count => begun += count,
        }
    }
    piece.truncate(begun);
    Ok(piece)
}

/// Writes files where the browser can read them, and change nothing but what is in them. They stay as long as the session:
/// a page reads them when its form is sent.
fn write(top: &Path, files: &[(String, Vec<u8>)]) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::with_capacity(files.len());
    for (at, (name, data)) in files.iter().enumerate() {
        // Each in a folder of its own: two may have one name.
        let folder = top.join(at.to_string());
        passage(&folder)?;
        let path = folder.join(plain(name));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(data)?;
        hand_over(&path)?;
        paths.push(path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_lead_nowhere() {
        for (name, expect) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "file"),
            ("", "file"),
            (".bashrc", "bashrc"),
            ("a\\b\nc", "a_b_c"),
            ("report (1).pdf", "report (1).pdf"),
        ] {
            assert_eq!(plain(name), expect, "{name:?}");
        }
    }
}
