//! Connections that wait for their next request: for each plugin and server a few, none for long.
//! It must not hand one plugin's connection to another, nor one to an address that the caller's rules refuse.

use super::Body;
use crate::call::Endpoint;
use hyper::client::conn::http1::SendRequest;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// As many are kept for one plugin and server, and of all.
const MOST_EACH: usize = 6;
const MOST: usize = 64;

/// As long as this one is kept.
const KEPT_FOR: Duration = Duration::from_secs(55);

/// As long as this a request may still be going out after its answer was read.
const LINGER: Duration = Duration::from_millis(100);

/// Whose a connection is, and where it leads.
type Key = (String, Endpoint);

/// All idle connections of a host.
#[derive(Default)]
pub(super) struct Pool {
    // Held for one insertion or removal.
    idle: Mutex<HashMap<Key, Vec<(Connection, Instant)>>>,
    /// Whether somebody will look for connections that have waited for long.
    watched: AtomicBool,
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
    /// It is free for the next request as soon as this one has gone out whole. A server may answer before that; one that
    /// then reads no further has its connection closed.
    pub(super) fn put_back(mut self) {
        // Its body was read in a runtime; without one there is nobody to watch it, and it is closed.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        drop(runtime.spawn(async move {
            let ready = timeout(LINGER, self.connection.sender.ready()).await;
            let (Ok(Ok(())), Some(pool)) = (ready, self.pool.upgrade()) else {
                return;
            };
            pool.put(self.key, self.connection);
            // One clock for all: whoever starts it looks after everyone who comes while it runs.
            if !pool.watched.swap(true, Ordering::AcqRel) {
                drop(pool);
                tokio::time::sleep(KEPT_FOR).await;
                if let Some(pool) = self.pool.upgrade() {
                    pool.watched.store(false, Ordering::Release);
                    pool.purge();
                }
            }
        }));
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, HashMap<Key, Vec<(Connection, Instant)>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what has waited for long, or was closed by the other side.
    fn purge(&self) {
        let now = Instant::now();
        self.idle().retain(|_, list| {
            list.retain(|(other, since)| !other.sender.is_closed() && now.saturating_duration_since(*since) < KEPT_FOR);
            !list.is_empty()
        });
    }

    fn put(&self, key: Key, connection: Connection) {
        self.purge();
        let mut idle = self.idle();
        if idle.values().map(Vec::len).sum::<usize>() >= MOST || connection.sender.is_closed() {
            return;
        }
        let list = idle.entry(key).or_default();
        if list.len() < MOST_EACH {
            list.push((connection, Instant::now()));
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
