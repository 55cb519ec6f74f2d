//! The events of one batch for whoever has its handle, beside those that observers are told. It must not slow a call, and cost
//! one look at a number where nobody watches.

use super::events::{Hub, LONGEST_PROGRESS, MOST, MOST_BYTES, weight};
use crate::call::{CallId, Event, What};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// All who are told what happens: the host's observers, and who watches a batch.
pub(super) struct Ears {
    hub: Option<Hub>,
    watchers: Arc<Watchers>,
}

impl Ears {
    /// `zero` is when events begin to count their time.
    pub(super) fn new(hub: Option<Hub>, zero: Instant) -> Self {
        let watchers = Arc::new(Watchers {
            count: AtomicUsize::new(0),
            batches: Mutex::default(),
            zero,
        });
        Self { hub, watchers }
    }

    /// These, if anybody listens at all.
    pub(super) fn if_any(&self) -> Option<&Self> {
        (self.hub.is_some() || self.watchers.any()).then_some(self)
    }

    /// The observers.
    pub(super) fn hub(&self) -> Option<&Hub> {
        self.hub.as_ref()
    }

    pub(super) fn tell(&self, batch: u64, id: &CallId, what: What) {
        if let Some(watched) = self.watchers.of(batch) {
            watched.tell(self.watchers.now_us(), batch, id, &what);
        }
        if let Some(hub) = &self.hub {
            hub.tell(batch, id, what);
        }
    }

    /// The events of a batch of so many calls that is about to come in.
    pub(super) fn watch(&self, batch: u64, calls: usize) -> Events {
        let watched = Arc::new(Watched {
            queue: Mutex::new(Queue {
                left: calls,
                ..Queue::default()
            }),
            news: Notify::new(),
        });
        self.watchers.batches().insert(batch, Arc::clone(&watched));
        self.watchers.count.fetch_add(1, Ordering::SeqCst);
        Events {
            watchers: Arc::clone(&self.watchers),
            batch,
            watched,
        }
    }

    /// Nothing more happens: whoever still watches is told so.
    pub(super) fn end(&self) {
        for watched in self.watchers.batches().values() {
            watched.queue().left = 0;
            watched.news.notify_one();
        }
    }
}

struct Watchers {
    /// How many there are: looked at without the lock, because mostly there is none.
    count: AtomicUsize,
    // Held to find one entry, or to put or take one.
    batches: Mutex<HashMap<u64, Arc<Watched>>>,
    zero: Instant,
}

impl Watchers {
    fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    fn batches(&self) -> MutexGuard<'_, HashMap<u64, Arc<Watched>>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, batch: u64) -> Option<Arc<Watched>> {
        self.any().then(|| self.batches().get(&batch).cloned()).flatten()
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.zero.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

struct Watched {
    // The batch's calls and its reader share it; held for one push or one pop.
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// How many have been taken out: places are counted from the first event ever.
    taken: usize,
    /// Where the latest progress of a call stands that was not taken out yet.
    progress: HashMap<CallId, usize>,
    bytes: usize,
    dropped: u64,
    /// Calls that have not ended.
    left: usize,
}

impl Watched {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, at_us: u64, batch: u64, id: &CallId, what: &What) {
        self.queue().push(at_us, batch, id, what);
        self.news.notify_one();
    }
}

impl Queue {
    fn push(&mut self, at_us: u64, batch: u64, id: &CallId, what: &What) {
        if let What::Finished { .. } = what {
            self.left = self.left.saturating_sub(1);
        }
        let bytes = weight(what);
        if let What::Progress { .. } = what {
            let place = self.progress.get(id).and_then(|place| place.checked_sub(self.taken));
            if let Some(event) = place.and_then(|place| self.events.get_mut(place)) {
                self.bytes = self.bytes.saturating_sub(weight(&event.what)).saturating_add(bytes);
                event.what = what.clone();
                return;
            }
        }
        let most_bytes = MOST_BYTES - LONGEST_PROGRESS;
        if self.events.len() >= MOST || self.bytes.saturating_add(bytes) > most_bytes {
            self.dropped += 1;
            return;
        }
        if let What::Progress { .. } = what {
            self.progress.insert(id.clone(), self.taken + self.events.len());
        }
        self.bytes += bytes;
        self.events.push_back(Event {
            at_us,
            batch,
            id: id.clone(),
            what: what.clone(),
            dropped: std::mem::take(&mut self.dropped),
        });
    }

    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.taken += 1;
        self.bytes = self.bytes.saturating_sub(weight(&event.what));
        Some(event)
    }
}

/// What happens to the calls of one batch, from its first event on; see [`Host::watch`](crate::Host::watch). Dropping it changes
/// nothing for the calls. Who reads slowly holds up nobody: progress is kept to the latest of each call, and beyond 16,384
/// waiting events or 64 MiB of what guests say the rest is dropped and counted in [`Event::dropped`].
pub struct Events {
    watchers: Arc<Watchers>,
    batch: u64,
    watched: Arc<Watched>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Events({})", self.batch)
    }
}

impl Events {
    /// The next event, as soon as there is one; `None` when all calls of the batch have ended, or the host has. Nothing is lost
    /// if the future is dropped before it is done.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            {
                let mut queue = self.watched.queue();
                if let Some(event) = queue.pop() {
                    return Some(event);
                }
                if queue.left == 0 {
                    return None;
                }
            }
            self.watched.news.notified().await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.watchers.batches().remove(&self.batch).is_some() {
            self.watchers.count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
