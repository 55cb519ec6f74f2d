//! A client's own folders: asked for before its first call is taken in, and mounted as far as the policy lets them. It must not
//! let a call overtake another one.

#![expect(
    deprecated,
    reason = "roots have left the newest revision; clients of those with a handshake bring their folders along this way"
)]

use super::asking::{Way, alone, deaf};
use super::desk::Note;
use crate::call::{Access, Level};
use crate::host::{Host, RootError, RootMount};
use crate::report::visible;
use rmcp::model::{ClientResult, ListRootsRequest, Root, ServerRequest};
use rmcp::service::{RequestContext, RoleServer, ServiceError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// As long as this a client may take to say which folders are its own; its calls wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// As many folders of one client are looked at.
const MOST: usize = 32;

/// What may be another way in a while is looked at again after this, when a call comes.
const AGAIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// How often the client has said that they are others.
    said: AtomicU64,
    // Held while the client is asked. It lets calls through in the order in which they came, also those that needn't wait.
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    mounted: Vec<RootMount>,
    /// How often it had said so when it was asked; nothing if it never was.
    known: Option<u64>,
    /// How often it has not answered.
    silent: u32,
    /// When the client is to be asked again.
    again: Option<Instant>,
}

impl Drop for State {
    fn drop(&mut self) {
        away(std::mem::take(&mut self.mounted));
    }
}

/// Lets these go where that holds up nobody: a mount that goes has rules made anew.
fn away(mounts: Vec<RootMount>) {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) if !mounts.is_empty() => drop(handle.spawn_blocking(move || drop(mounts))),
        _ => drop(mounts),
    }
}

impl Roots {
    /// They are others now: the client is asked again before its next call.
    pub(super) fn changed(&self) {
        self.said.fetch_add(1, Ordering::AcqRel);
    }

    /// Waits until the client's folders are mounted, as far as they are going to be, or the call is taken back. What the client
    /// is to be told of it, when its call has its place in the line.
    pub(super) async fn ready(&self, host: &Arc<Host>, context: &RequestContext<RoleServer>) -> Vec<Note> {
        // From 2026-07-28 on no client is asked for them.
        let has = context.client_capabilities().is_some_and(|can| can.roots.is_some());
        // Nor is one asked where it would hear nothing of it.
        if !has || deaf(context) || alone(context) || host.policy().roots().next().is_none() {
            return Vec::new();
        }
        tokio::select! {
            biased;
            () = context.ct.cancelled() => Vec::new(),
            notes = self.look(host, context) => notes,
        }
    }

    // May be dropped at any wait: then the client is asked again, or what it has said is mounted all the same.
    async fn look(&self, host: &Arc<Host>, context: &RequestContext<RoleServer>) -> Vec<Note> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        let said = self.said.load(Ordering::Acquire);
        let late = state.again.is_some_and(|again| again <= Instant::now());
        if state.known == Some(said) && !late {
            return Vec::new();
        }
        let roots = match ask(context).await {
            Ok(roots) => roots,
            Err(Unanswered { why, heard }) => {
                state.known = Some(said);
                if !heard {
                    // It may have had no way to hear it just then; who never answers is asked less and less.
                    state.silent = state.silent.saturating_add(1).min(8);
                    state.again = Some(Instant::now() + AGAIN * 2_u32.pow(state.silent));
                }
                return vec![note(Level::Warn, &format!("no folder is mounted: roots/list: {why}"))];
            }
        };
        let host = Arc::clone(host);
        let mounted = tokio::task::spawn_blocking(move || {
            let notes = state.mount(&host, roots);
            state.known = Some(said);
            // Given back: who is next in line comes after this call.
            (notes, state)
        });
        mounted.await.map_or_else(|_| Vec::new(), |(notes, _state)| notes)
    }
}

impl State {
    /// Mounts these in the place of those that were mounted before; what the client is to be told of it.
    fn mount(&mut self, host: &Host, roots: Vec<Root>) -> Vec<Note> {
        let (mut now, mut notes) = (Vec::new(), Vec::new());
        (self.again, self.silent) = (None, 0);
        for root in roots.into_iter().take(MOST) {
            match mount(host, &root.uri) {
                Ok(mount) => {
                    notes.push(note(Level::Info, &format!("{} is {}", root.uri, said(&mount))));
                    now.push(mount);
                }
                Err(Refused { why, passes }) => {
                    if passes {
                        self.again = Some(Instant::now() + AGAIN);
                    }
                    notes.push(note(Level::Warn, &format!("{} is not mounted: {why}", root.uri)));
                }
            }
        }
        // Those of before go when these are there, so that what stays is never gone.
        self.mounted = now;
        notes
    }
}

/// Asks the client, which is told if it is not waited for any more.
async fn ask(context: &RequestContext<RoleServer>) -> Result<Vec<Root>, Unanswered> {
    let request = ServerRequest::ListRootsRequest(ListRootsRequest::default());
    match Way::of(context).ask(request, PATIENCE).await {
        Ok(ClientResult::ListRootsResult(answer)) => Ok(answer.roots),
        Ok(_) => Err(Unanswered {
            why: "an answer to something else".to_owned(),
            heard: true,
        }),
        Err(error) => Err(Unanswered {
            heard: !matches!(error, ServiceError::Timeout { .. }),
            why: error.to_string(),
        }),
    }
}

/// Why there is no answer of the client, and whether it has said anything at all.
struct Unanswered {
    why: String,
    heard: bool,
}

/// Why a folder is not mounted, and whether it may be later.
struct Refused {
    why: String,
    passes: bool,
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

fn mount(host: &Host, uri: &str) -> Result<RootMount, Refused> {
    let never = |why: String| Refused { why, passes: false };
    let url = Url::parse(uri).map_err(|error| never(error.to_string()))?;
    let folder = match url.scheme() {
        "file" => url.to_file_path(),
        _ => return Err(never("only file:// is known".to_owned())),
    };
    let folder = folder.map_err(|()| never("it names no folder of this machine".to_owned()))?;
    host.mount_root(&folder).map_err(|error| Refused {
        passes: error.passes(),
        why: match &error {
            RootError::NotAllowed(folder) => {
                let folder = folder.display().to_string();
                format!("{error}; these lines would:\n[[roots]]\npath = {folder:?}\naccess = \"read\"")
            }
            _ => error.to_string(),
        },
    })
}
