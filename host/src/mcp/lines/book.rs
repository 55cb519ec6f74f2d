//! What one connection owes: answers that are not written yet, requests that are not answered yet, questions to its client.
//! It must not read, write or wait.

use rmcp::RoleServer;
use rmcp::model::{JsonRpcMessage, RequestId};
use rmcp::service::TxJsonRpcMessage;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// As many bytes wait for a client that doesn't read; then nothing more of it is taken in.
const UNWRITTEN: usize = 8 << 20;

/// As many bytes of answers to pings wait; then pings stand in line like everything else.
const URGENT: usize = 16 << 10;

/// What is written at once, about: as much as a pipe holds.
const PIECE: usize = 64 << 10;

/// What those who wait are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// There is room for more of what is not owed: requests, notifications.
    pub(super) room: bool,
    /// Every request has its answer, apart from those that have one only when they end.
    pub(super) answered: bool,
    /// All is written.
    pub(super) written: bool,
    /// Nobody can be told anything any more.
    pub(super) broken: bool,
}

/// See the module.
pub(super) struct Book {
    // Held for one look or exchange.
    page: Mutex<Page>,
    told: watch::Sender<Told>,
    /// There is something to write.
    pub(super) work: Notify,
    most_open: usize,
}

#[derive(Default)]
struct Page {
    urgent: VecDeque<Vec<u8>>,
    queue: VecDeque<Vec<u8>>,
    /// Bytes in either that are not written, what is being written included.
    bytes: usize,
    urgent_bytes: usize,
    /// Requests without an answer, and whether one has to come.
    open: HashMap<RequestId, bool>,
    /// How many of them have to be answered.
    owed: usize,
    groups: HashMap<RequestId, Group>,
    /// Requests to the client that it has not answered.
    asked: HashSet<RequestId>,
    /// Whether the client has closed its side.
    ended: bool,
    broken: bool,
}

/// The answers to requests that came as one message; they go as one.
pub(super) type Group = Arc<Mutex<Answers>>;

#[derive(Debug)]
pub(super) struct Answers {
    missing: usize,
    text: Vec<u8>,
}

impl Answers {
    pub(super) fn of(messages: usize) -> Group {
        let text = Vec::new();
        Arc::new(Mutex::new(Self {
            missing: messages,
            text,
        }))
    }
}

impl Book {
    pub(super) fn new(most_open: usize) -> Self {
        let told = Told {
            room: true,
            answered: true,
            written: true,
            broken: false,
        };
        Self {
            page: Mutex::default(),
            told: watch::Sender::new(told),
            work: Notify::new(),
            most_open,
        }
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and tells those who wait for it.
    fn change<T>(&self, change: impl FnOnce(&mut Page) -> T) -> T {
        let mut page = self.page();
        let (before, result) = (page.bytes, change(&mut page));
        let now = Told {
            room: page.bytes < UNWRITTEN && page.open.len() < self.most_open,
            answered: page.owed == 0,
            written: page.bytes == 0,
            broken: page.broken,
        };
        let more = page.bytes > before;
        // Under the lock: what is told last must be what is true.
        self.told.send_if_modified(|told| std::mem::replace(told, now) != now);
        drop(page);
        if more {
            self.work.notify_one();
        }
        result
    }

    pub(super) fn told(&self) -> Told {
        *self.told.borrow()
    }

    /// Waits until that is so, or the connection is broken.
    pub(super) async fn until(&self, so: impl Fn(&Told) -> bool) {
        if so(&self.told()) {
            return;
        }
        let mut told = self.told.subscribe();
        drop(told.wait_for(|told| so(told) || told.broken).await);
    }

    /// A request has come. Whether its name is free.
    pub(super) fn opened(&self, id: &RequestId, owed: bool, group: Option<Group>) -> bool {
        self.change(|page| {
            if page.open.contains_key(id) {
                return false;
            }
            page.open.insert(id.clone(), owed);
            page.owed += usize::from(owed);
            if let Some(group) = group {
                page.groups.insert(id.clone(), group);
            }
            true
        })
    }

    /// Whether there is one request without an answer, and no more.
    pub(super) fn has_one(&self) -> bool {
        self.page().open.len() == 1
    }

    /// A request is taken back: nobody waits for its answer.
    pub(super) fn taken_back(&self, id: &RequestId) {
        self.change(|page| {
            page.close(id);
            if let Some(group) = page.groups.remove(id) {
                page.add_to(&group, &[]);
            }
        });
    }

    /// Whether the client has answered a question of ours.
    pub(super) fn heard(&self, id: &RequestId) {
        self.change(|page| _ = page.asked.remove(id));
    }

    /// The client has closed its side: a question that it has not answered, each at its turn.
    pub(super) fn unanswered(&self) -> Option<RequestId> {
        self.change(|page| {
            page.ended = true;
            let id = page.asked.iter().next().cloned()?;
            page.asked.take(&id)
        })
    }

    /// Has a message written, in turn.
    ///
    /// # Errors
    /// If nobody reads it, or nobody could answer it.
    pub(super) fn say(&self, message: &TxJsonRpcMessage<RoleServer>) -> io::Result<()> {
        let line = serde_json::to_vec(message)?;
        self.change(|page| {
            if page.broken {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let answers = match message {
                JsonRpcMessage::Response(response) => Some(&response.id),
                JsonRpcMessage::Error(error) => error.id.as_ref(),
                JsonRpcMessage::Request(request) => {
                    if page.ended {
                        return Err(io::ErrorKind::NotConnected.into());
                    }
                    page.asked.insert(request.id.clone());
                    None
                }
                JsonRpcMessage::Notification(_) => None,
            };
            if let Some(id) = answers {
                page.close(id);
                if let Some(group) = page.groups.remove(id) {
                    page.add_to(&group, &line);
                    return Ok(());
                }
            }
            page.push(line);
            Ok(())
        })
    }

    /// One of a group gets no answer.
    pub(super) fn nothing_in(&self, group: &Group) {
        self.change(|page| page.add_to(group, &[]));
    }

    /// How many bytes wait.
    pub(super) fn unwritten(&self) -> usize {
        self.page().bytes
    }

    /// An answer in a group that is no request's own.
    pub(super) fn say_in(&self, group: &Group, message: &TxJsonRpcMessage<RoleServer>) {
        if let Ok(line) = serde_json::to_vec(message) {
            self.change(|page| page.add_to(group, &line));
        }
    }

    /// Has a line written before all others that wait, if not too many like it do already.
    pub(super) fn say_at_once(&self, line: Vec<u8>) -> bool {
        self.change(|page| {
            if page.urgent_bytes > URGENT || page.broken {
                return false;
            }
            page.bytes += line.len();
            page.urgent_bytes += line.len();
            page.urgent.push_back(line);
            true
        })
    }

    /// What is to be written next.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        let mut page = self.page();
        if let Some(line) = page.urgent.pop_front() {
            page.urgent_bytes = page.urgent_bytes.saturating_sub(line.len());
            return Some(line);
        }
        let mut piece = page.queue.pop_front()?;
        // What waits together goes together.
        while let Some(line) = page.queue.front()
            && piece.len() + line.len() <= PIECE
            && let Some(line) = page.queue.pop_front()
        {
            piece.extend_from_slice(&line);
        }
        Some(piece)
    }

    /// As many bytes have been written.
    pub(super) fn wrote(&self, bytes: usize) {
        self.change(|page| page.bytes = page.bytes.saturating_sub(bytes));
    }

    /// Nothing can be written any more.
    pub(super) fn break_off(&self) {
        self.change(|page| {
            page.broken = true;
            (page.urgent, page.queue, page.bytes) = Default::default();
        });
    }
}

impl Page {
    fn push(&mut self, mut line: Vec<u8>) {
        line.push(b'\n');
        self.bytes += line.len();
        self.queue.push_back(line);
    }

    fn close(&mut self, id: &RequestId) {
        if self.open.remove(id) == Some(true) {
            self.owed -= 1;
        }
    }

    /// One more of a group has its answer, or needs none.
    fn add_to(&mut self, group: &Group, answer: &[u8]) {
        let mut answers = group.lock().unwrap_or_else(PoisonError::into_inner);
        if !answer.is_empty() {
            let before = if answers.text.is_empty() { b'[' } else { b',' };
            answers.text.push(before);
            answers.text.extend_from_slice(answer);
        }
        answers.missing = answers.missing.saturating_sub(1);
        if answers.missing == 0 && !answers.text.is_empty() {
            let mut line = std::mem::take(&mut answers.text);
            line.push(b']');
            self.push(line);
        }
    }
}
