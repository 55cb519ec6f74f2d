//! A client's own folders: asked for before its first call is taken in, and mounted as far as the policy lets them. It must not
//! let a call overtake another one.

#![expect(
    deprecated,
    reason = "roots have left the newest revision; clients of those with a handshake bring their folders along this way"
)]

use super::asking::alone;
use super::desk::Note;
use super::steps::Told;
use crate::call::{Access, Level};
use crate::host::{Host, RootError, RootMount};
use crate::report::visible;
use rmcp::service::{RequestContext, RoleServer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// As long as this a client may take to say which folders are its own; its calls wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// As many folders of one client are looked at.
const MOST: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// Whether the client has been asked, and has not said since that they are others.
    known: AtomicBool,
    // Held while the client is asked. It lets calls through in the order in which they came, also those that needn't wait.
    mounted: Mutex<Vec<RootMount>>,
}

impl Roots {
    /// They are others now: the client is asked again before its next call.
    pub(super) fn changed(&self) {
        self.known.store(false, Ordering::Release);
    }

    /// Waits until the client's folders are mounted, as far as they are going to be.
    pub(super) async fn ready(&self, host: &Arc<Host>, context: &RequestContext<RoleServer>, told: &mut Told<'_>) {
        // From 2026-07-28 on no client is asked for them.
        let has = context.client_capabilities().is_some_and(|can| can.roots.is_some());
        if !has || alone(context) || host.policy().roots().next().is_none() {
            return;
        }
        let mut mounted = self.mounted.lock().await;
        if self.known.swap(true, Ordering::AcqRel) {
            return;
        }
        let roots = match tokio::time::timeout(PATIENCE, context.peer.list_roots()).await {
            Ok(Ok(answer)) => answer.roots,
            // It is not asked again until it says that there is something to ask for.
            Ok(Err(error)) => {
                return told
                    .tell(note(Level::Warn, &format!("which folders are yours? {error}")))
                    .await;
            }
            Err(_) => {
                let silence = format!(
                    "no answer to roots/list in {} s: no folder is mounted",
                    PATIENCE.as_secs()
                );
                return told.tell(note(Level::Warn, &silence)).await;
            }
        };
        let uris: Vec<String> = roots.into_iter().take(MOST).map(|root| root.uri).collect();
        let host = Arc::clone(host);
        let mounts = tokio::task::spawn_blocking(move || {
            let mount = |uri: String| (mount(&host, &uri), uri);
            uris.into_iter().map(mount).collect::<Vec<_>>()
        });
        // Those of before go when these are there, so that what stays is never gone.
        let mut now = Vec::new();
        for (mount, uri) in mounts.await.unwrap_or_default() {
            match mount {
                Ok(mount) => {
                    told.tell(note(Level::Info, &format!("{uri} is {}", said(&mount))))
                        .await;
                    now.push(mount);
                }
                Err(why) => {
                    told.tell(note(Level::Warn, &format!("{uri} is not mounted: {why}")))
                        .await
                }
            }
        }
        *mounted = now;
    }
}

fn note(level: Level, text: &str) -> Note {
    Note::Log {
        level,
        text: visible(text),
    }
}

fn said(mount: &RootMount) -> String {
    let access = match mount.access() {
        Access::Read => "for reading",
        Access::Write => "for reading and writing",
    };
    format!("{}, {access}", mount.place())
}

fn mount(host: &Host, uri: &str) -> Result<RootMount, String> {
    let url = Url::parse(uri).map_err(|error| error.to_string())?;
    let folder = match url.scheme() {
        "file" => url
            .to_file_path()
            .map_err(|()| "it names no folder of this machine".to_owned())?,
        _ => return Err("only file:// is known".to_owned()),
    };
    host.mount_root(&folder).map_err(|error| match &error {
        RootError::NotAllowed(folder) => format!(
            "{error}; this would: [[roots]] path = {:?} access = \"read\"",
            folder.display().to_string()
        ),
        _ => error.to_string(),
    })
}
