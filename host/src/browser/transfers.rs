//! The files that one call has under way with a browser, and what becomes of them when it ends. It must not read or write
//! any of them.

use super::fault::Fault;
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
            let ids: Vec<String> = {
                let state = taking.running.state.borrow();
                let open = state
                    .since(taking.from)
                    .filter(|download| !download.complete && download.failure.is_none());
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

/// Tells the browser what becomes of downloads.
pub(super) async fn behave(
    running: &Arc<Running>,
    method: &'static str,
    params: serde_json::Value,
) -> Result<(), Fault> {
    let deadline = Instant::now() + Duration::from_secs(2);
    running
        .line
        .ask(Rank::Drive, None, method, params, deadline)
        .await
        .map(drop)
}
