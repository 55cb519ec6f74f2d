//! Which client of the host each session is, so that its calls end with it. It must not keep a session alive.

use crate::host::Client;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// The header that says which session.
pub(in super::super) const SESSION: &str = "mcp-session-id";

/// Where a server over HTTP is.
pub(in super::super) struct Place {
    /// Its place among all of them.
    pub(super) _turn: OwnedSemaphorePermit,
    /// Where it is known by its session, if it has one.
    pub(in super::super) sessions: Sessions,
    /// As long as this nothing may be said in a session before it is forgotten.
    pub(in super::super) silence: Duration,
}

/// See the module. Clones are the same.
#[derive(Clone, Default)]
pub(in super::super) struct Sessions(Arc<Mutex<HashMap<Vec<u8>, Client>>>);

/// One of them; it is left when this is dropped.
pub(in super::super) struct Session {
    all: Sessions,
    id: Vec<u8>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.all.clients().remove(&self.id);
    }
}

impl Sessions {
    fn clients(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that a request with this head is of is that client.
    pub(in super::super) fn enter(&self, head: &http::request::Parts, client: &Client) -> Option<Session> {
        let id = head.headers.get(SESSION)?.as_bytes().to_vec();
        self.clients().insert(id.clone(), client.clone());
        let all = self.clone();
        Some(Session { all, id })
    }

    /// The client that a session is.
    pub(super) fn of(&self, id: &[u8]) -> Option<Client> {
        self.clients().get(id).cloned()
    }
}
