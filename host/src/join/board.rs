//! What happens to the calls of batches that came over a socket, on its way to those who sent them. It must not hold up the
//! thread that tells it: who reads too slowly loses the middle, and the next event says how many.

use crate::call::{Event, What};
use crate::host::Observer;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Events that wait to be sent to one who joined, and bytes of them.
const MOST: usize = 16_384;
const MOST_BYTES: usize = 64 << 20;

/// What all batches share that came over a socket.
#[derive(Debug)]
pub(crate) struct Board {
    // Held for one look or exchange.
    queues: Mutex<HashMap<u64, Arc<Queue>>>,
    running: watch::Sender<usize>,
    closing: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    // The events' thread puts lines in, the connection takes them out; held for one line.
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<String>,
    bytes: usize,
    dropped: u64,
    /// How many calls were told to have ended.
    ended: usize,
}

impl Board {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            queues: Mutex::default(),
            running: watch::Sender::new(0),
            closing: AtomicBool::new(false),
        })
    }

    /// Who tells what happens: for the host's builder.
    pub(crate) fn observer(self: &Arc<Self>) -> Observer {
        let board = Arc::clone(self);
        Arc::new(move |event| board.happened(event))
    }

    /// From here on no batch is taken in.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Waits until no batch runs.
    pub(crate) async fn settled(&self) {
        drop(self.running.subscribe().wait_for(|running| *running == 0).await);
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<u64, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch of that number is about to begin, and its events are kept if they are wanted; `None` if none may begin any more.
    pub(super) fn enter(self: &Arc<Self>, batch: u64, events: bool) -> Option<Listening> {
        if self.closing.load(Ordering::Acquire) {
            return None;
        }
        let queue = Arc::<Queue>::default();
        self.running.send_modify(|running| *running = running.saturating_add(1));
        if events {
            self.queues().insert(batch, Arc::clone(&queue));
        }
        Some(Listening {
            board: Arc::clone(self),
            batch,
            queue,
        })
    }

    fn happened(&self, event: &Event) {
        let queue = self.queues().get(&event.batch).map(Arc::clone);
        if let Some(queue) = queue {
            queue.put(event);
        }
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, event: &Event) {
        let mut told = event.clone();
        let mut waiting = self.waiting();
        told.dropped = told.dropped.saturating_add(waiting.dropped);
        if let What::Finished { .. } = told.what {
            waiting.ended = waiting.ended.saturating_add(1);
        }
        // As `Said::Event` is written.
        let line = serde_json::to_string(&told).map(|event| format!("{{\"event\":{event}}}\n"));
        match line {
            Ok(line) if waiting.lines.len() < MOST && waiting.bytes.saturating_add(line.len()) <= MOST_BYTES => {
                waiting.dropped = 0;
                waiting.bytes = waiting.bytes.saturating_add(line.len());
                waiting.lines.push_back(line);
            }
            // What was lost before it is lost with it.
            _ => waiting.dropped = told.dropped.saturating_add(1),
        }
        drop(waiting);
        self.changed.notify_one();
    }
}

/// A batch that runs, and what happens to its calls.
#[derive(Debug)]
pub(super) struct Listening {
    board: Arc<Board>,
    batch: u64,
    queue: Arc<Queue>,
}

impl Listening {
    /// The next event as a line. Whoever stops waiting for it and asks again loses nothing.
    pub(super) async fn next(&self) -> String {
        loop {
            if let Some(line) = self.ready() {
                return line;
            }
            self.queue.changed.notified().await;
        }
    }

    /// The next event, if it is there.
    pub(super) fn ready(&self) -> Option<String> {
        let mut waiting = self.queue.waiting();
        let line = waiting.lines.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(line.len());
        Some(line)
    }

    /// How many calls were told to have ended.
    pub(super) fn ended(&self) -> usize {
        self.queue.waiting().ended
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.board.queues().remove(&self.batch);
        self.board
            .running
            .send_modify(|running| *running = running.saturating_sub(1));
    }
}
