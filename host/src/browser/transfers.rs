//! The files that one call has under way with a browser, and what becomes of them when it ends. It must not read or write
//! any of them.

use super::fault::{Fault, FaultKind};
use super::input::together;
use super::line::Rank;
use super::session::Running;
use serde_json::json;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// As long as this breaking downloads off may take in all.
const BREAKING: Duration = Duration::from_secs(5);

/// As many are broken off at once.
const AT_ONCE: usize = 16;

/// As often as this a browser is told to refuse downloads whose line is full, with this time in between: what nobody waits for
/// any more is mostly put out of the line before that.
const ATTEMPTS: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// What one call has taken and handed over.
#[derive(Default)]
pub(super) struct Transfers {
    pub(super) taking: HashMap<String, Taking>,
    /// Bytes that may still be handed over or taken.
    pub(super) left: u64,
}

/// Downloads of a session that this call takes.
pub(super) struct Taking {
    pub(super) running: Arc<Running>,
    pub(super) folder: PathBuf,
    /// How many there were before.
    pub(super) from: usize,
    /// How many bytes of downloads had come before.
    pub(super) before: u64,
    /// Whether they were more bytes than this call may take.
    pub(super) over: Arc<AtomicBool>,
    /// What breaks them off then; it ends with this.
    pub(super) watch: AbortHandle,
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.watch.abort();
    }
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
            break_off(&taking.running, taking.from).await;
            drop(fs::remove_dir_all(&taking.folder));
        }
    }
}

/// No download begins any more, and those after the first `from` are broken off. A browser that can't be told so is ended:
/// nobody counts any more what it writes.
pub(super) async fn break_off(running: &Arc<Running>, from: usize) {
    // First of all: a page that begins one after the other begins some in between.
    let done = deny(running).await && tokio::time::timeout(BREAKING, cancel(running, from)).await.is_ok();
    if !done && running.is_alive() {
        tracing::warn!("a browser could not be told to end its downloads, and is ended");
        running.stop();
    }
}

/// Whether downloads are refused from here on. The line may be full for a moment.
async fn deny(running: &Arc<Running>) -> bool {
    for _ in 0..ATTEMPTS {
        let deny = json!({ "behavior": "deny", "eventsEnabled": true });
        match behave(running, "Browser.setDownloadBehavior", deny).await {
            Ok(()) => return true,
            Err(fault) if fault.kind == FaultKind::Overloaded => tokio::time::sleep(PAUSE).await,
            Err(_) => return false,
        }
    }
    false
}

/// Breaks off those after the first `from` that are under way, many at once. One that is over by then is nothing to break off.
async fn cancel(running: &Arc<Running>, from: usize) {
    let mut left: Vec<String> = {
        let state = running.state.borrow();
        let open = state
            .since(from)
            .filter(|download| !download.complete && download.failure.is_none());
        open.map(|download| download.id.clone()).collect()
    };
    while !left.is_empty() {
        let some = left.split_off(left.len().saturating_sub(AT_ONCE));
        let asked = |id: &String| {
            let asked = json!({ "guid": id });
            behave(running, "Browser.cancelDownload", asked)
        };
        let done = together(some.iter().map(asked).collect()).await;
        let full = |done: &Result<(), Fault>| matches!(done, Err(fault) if fault.kind == FaultKind::Overloaded);
        if done.iter().all(full) {
            tokio::time::sleep(PAUSE).await;
        }
        let again = some.into_iter().zip(done).filter(|(_, done)| full(done));
        left.extend(again.map(|(id, _)| id));
    }
}

/// Tells the browser what becomes of downloads.
pub(super) async fn behave(
    running: &Arc<Running>,
    method: &'static str,
    params: serde_json::Value,
) -> Result<(), Fault> {
    let deadline = Instant::now() + Duration::from_secs(5);
    running
        .line
        .ask(Rank::Drive, None, method, params, deadline)
        .await
        .map(drop)
}
