//! Files between pages and calls: downloads that a call takes, files that it hands to a page. Both pass through the guest,
//! which has them from its own granted folders or writes them there. It must not touch any place but the session's own.

use super::act::Acted;
use super::fault::{Fault, FaultKind};
use super::line::Rank;
use super::page::{Page, Target};
use super::profile::hand_over;
use super::session::Running;
use super::state::Download;
use super::visit::{ACTION, Need, Visit};
use crate::call::Rights;
use serde_json::json;
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// As much of a download is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// Numbers for folders, so that no two calls share one.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What one call has taken and handed over.
#[derive(Default)]
pub(super) struct Transfers {
    taking: HashMap<String, Taking>,
    /// Bytes that may still be handed over or taken.
    left: u64,
}

/// Downloads of a session that this call takes.
struct Taking {
    running: Arc<Running>,
    folder: PathBuf,
    /// How many there were before.
    from: usize,
}

impl Transfers {
    pub(super) fn new(left: u64) -> Self {
        Self {
            taking: HashMap::new(),
            left,
        }
    }

    /// From here on downloads are refused again; what was not taken is gone.
    pub(super) async fn end(self) {
        for taking in self.taking.into_values() {
            let ids: Vec<String> = {
                let state = taking.running.state.borrow();
                let own = state.downloads.iter().skip(taking.from);
                let open = own.filter(|download| !download.complete && download.failure.is_none());
                open.map(|download| download.id.clone()).collect()
            };
            for id in ids {
                drop(behave(&taking.running, "Browser.cancelDownload", json!({ "guid": id })).await);
            }
            let deny = json!({ "behavior": "deny", "eventsEnabled": true });
            drop(behave(&taking.running, "Browser.setDownloadBehavior", deny).await);
            drop(fs::remove_dir_all(&taking.folder));
        }
    }
}

async fn behave(running: &Arc<Running>, method: &'static str, params: serde_json::Value) -> Result<(), Fault> {
    let deadline = Instant::now() + Duration::from_secs(2);
    running
        .line
        .ask(Rank::Drive, None, method, params, deadline)
        .await
        .map(drop)
}

/// A new folder in a session's own.
fn folder(running: &Running, kind: &str) -> Result<PathBuf, Fault> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let made = running.profile()?.inner(&format!("toolyard-{kind}-{number}"));
    made.map_err(|error| Fault::failed(format!("a folder for files: {error}")))
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
        let folder = folder(&running, "downloads")?;
        let take = json!({ "behavior": "allowAndName", "downloadPath": folder, "eventsEnabled": true });
        let from = running.state.borrow().downloads.len();
        behave(&running, "Browser.setDownloadBehavior", take).await?;
        let taking = Taking { running, folder, from };
        self.transfers.taking.insert(session.to_owned(), taking);
        Ok(())
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
        let mut state = taking.running.state.clone();
        let mut too_many = false;
        let wait = state.wait_for(|state| {
            let own = state.downloads.get(taking.from..).unwrap_or_default();
            too_many = own.iter().map(|download| download.bytes).sum::<u64>() > left;
            let done = |download: &Download| download.complete || download.failure.is_some();
            too_many || state.ended.is_some() || (!own.is_empty() && own.iter().all(done))
        });
        drop(timeout_at(deadline, wait).await.map(|waited| waited.is_ok()));
        let mut own: Vec<Download> = {
            let state = taking.running.state.borrow();
            if let Some(fault) = &state.ended {
                return Err(fault.clone());
            }
            state.downloads.get(taking.from..).unwrap_or_default().to_vec()
        };
        if too_many {
            for download in own.iter_mut() {
                let cancel = json!({ "guid": download.id });
                drop(behave(&taking.running, "Browser.cancelDownload", cancel).await);
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
            let own = state.downloads.get(taking.from..).unwrap_or_default();
            own.iter().any(|download| download.id == id && download.complete)
        };
        // The browser's own name for it, which it told us: a word without a path.
        if !known || id.contains(['/', '\\', '.']) {
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
        let paths = write(&top, files).map_err(|error| Fault::failed(format!("handing the files over: {error}")))?;
        let object = hand.object(&place, json!({ "target": asked, "file": true })).await?;
        let session = hand.session_of(&place.frame)?;
        let params = json!({ "files": paths, "objectId": object });
        hand.ask(&session, "DOM.setFileInputFiles", params).await?;
        let url = hand.known(|tab| tab.url.clone())?;
        Ok(Acted {
            url,
            ..Acted::default()
        })
    }
}

fn read(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
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

/// Writes files where the browser can read them. They stay as long as the session: a page reads them when its form is sent.
fn write(top: &Path, files: &[(String, Vec<u8>)]) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::with_capacity(files.len());
    for (at, (name, data)) in files.iter().enumerate() {
        // Each in a folder of its own: two may have one name.
        let folder = top.join(at.to_string());
        fs::create_dir(&folder)?;
        let path = folder.join(plain(name));
        fs::write(&path, data)?;
        hand_over(&folder)?;
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
