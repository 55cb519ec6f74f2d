//! Connections that wait for their next request: for each plugin and server a few, none for long.
//! It must not hand one plugin's connection to another, nor one to an address that the caller's rules refuse.

use super::Body;
use crate::call::Endpoint;
use hyper::client::conn::http1::SendRequest;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// As many are kept for one plugin and server, and of all.
const MOST_EACH: usize = 6;
const MOST: usize = 64;

/// As long as this one is kept.
const KEPT_FOR: Duration = Duration::from_secs(55);

/// Whose a connection is, and where it leads.
type Key = (String, Endpoint);

/// All idle connections of a host.
#[derive(Default)]
pub(super) struct Pool {
    // Held for one insertion or removal.
    idle: Mutex<HashMap<Key, Vec<(Connection, Instant)>>>,
}

/// An open connection, to an address that was judged.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Body>,
    pub(super) address: IpAddr,
}

/// A connection in use, which finds its way back.
pub(super) struct Idle {
    pub(super) connection: Connection,
    pool: Weak<Pool>,
    key: Key,
}

impl Idle {
    /// It is free for the next request.
    pub(super) fn put_back(self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.put(self.key, self.connection);
        }
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, HashMap<Key, Vec<(Connection, Instant)>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: Key, connection: Connection) {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.retain(|_, list| {
            list.retain(|(other, since)| !other.sender.is_closed() && now.saturating_duration_since(*since) < KEPT_FOR);
            !list.is_empty()
        });
        if idle.values().map(Vec::len).sum::<usize>() >= MOST || connection.sender.is_closed() {
            return;
        }
        let list = idle.entry(key).or_default();
        if list.len() < MOST_EACH {
            list.push((connection, now));
        }
    }

    /// A connection of this plugin to this server at an address that `judge` allows, if one is idle.
    pub(super) fn take(
        self: &Arc<Self>,
        family: &str,
        endpoint: &Endpoint,
        judge: impl Fn(IpAddr) -> bool,
    ) -> Option<Idle> {
        let key = (family.to_owned(), endpoint.clone());
        let mut idle = self.idle();
        let list = idle.get_mut(&key)?;
        while let Some((connection, since)) = list.pop() {
            if since.elapsed() < KEPT_FOR && !connection.sender.is_closed() && judge(connection.address) {
                drop(idle);
                return Some(self.lend(key, connection));
            }
        }
        None
    }

    /// A new connection, which will find its way back here.
    pub(super) fn lend(self: &Arc<Self>, key: Key, connection: Connection) -> Idle {
        Idle {
            connection,
            pool: Arc::downgrade(self),
            key,
        }
    }
}
