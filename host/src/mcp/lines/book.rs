//! What one connection owes: answers that are not written yet, requests that are not answered yet, questions to its client.
//! It must not read, write or wait.

use super::group::{Group, too_long_together};
use rmcp::RoleServer;
use rmcp::model::{JsonRpcMessage, RequestId, ServerNotification};
use rmcp::service::TxJsonRpcMessage;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// As many bytes of answers wait for a client that doesn't read; then nothing more of it is taken in.
const UNWRITTEN: usize = 8 << 20;

/// As many bytes of requests may be without an answer.
const UNANSWERED: usize = 64 << 20;

/// As many bytes of answers to pings wait; then pings stand in line like everything else.
const URGENT: usize = 16 << 10;

/// What is written at once, about: as much as a pipe holds.
pub(super) const PIECE: usize = 64 << 10;

/// What those who wait are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// There is room for more of what is not owed: requests to the client, notifications.
    pub(super) room: bool,
    /// More requests may come.
    pub(super) takes: bool,
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

/// A request without an answer.
struct Open {
    /// What the client calls it.
    id: RequestId,
    /// Whether an answer has to come.
    owed: bool,
    bytes: usize,
    group: Option<Group>,
}

#[derive(Default)]
struct Page {
    urgent: VecDeque<Vec<u8>>,
    queue: VecDeque<Vec<u8>>,
    /// Bytes in either that are not written, what is being written included.
    bytes: usize,
    urgent_bytes: usize,
    /// Bytes in answers that wait for others that go with them.
    held: usize,
    /// Requests without an answer, by what they are called on this side: a name that is given once, so that a late answer to
    /// one that was taken back is nobody else's.
    open: HashMap<RequestId, Open>,
    names: HashMap<RequestId, RequestId>,
    given: i64,
    /// How many of them have to be answered, and how long they are together.
    owed: usize,
    unanswered: usize,
    /// Requests to the client that it has not answered.
    asked: HashSet<RequestId>,
    /// Whether the client has closed its side.
    ended: bool,
    broken: bool,
}

impl Book {
    pub(super) fn new(most_open: usize) -> Self {
        let told = Told {
            room: true,
            takes: true,
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
        let room = page.bytes + page.held < UNWRITTEN;
        let now = Told {
            room,
            takes: room && page.open.len() < self.most_open && page.unanswered < UNANSWERED,
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

    /// A request of so many bytes has come, which is owed an answer or has one when it ends. What it is called from here on;
    /// nothing if its name is that of one without an answer.
    pub(super) fn opened(&self, id: &RequestId, owed: bool, bytes: usize, group: Option<&Group>) -> Option<RequestId> {
        self.change(|page| {
            if page.names.contains_key(id) {
                return None;
            }
            let name = match owed {
                true => page.give(),
                // What it is told of while it lasts goes by the client's own name.
                false => id.clone(),
            };
            if page.open.contains_key(&name) {
                return None;
            }
            page.owed += usize::from(owed);
            page.unanswered += bytes;
            let open = Open {
                id: id.clone(),
                owed,
                bytes,
                group: group.cloned(),
            };
            page.open.insert(name.clone(), open);
            page.names.insert(id.clone(), name.clone());
            Some(name)
        })
    }

    /// Whether there is one request without an answer, and no more.
    pub(super) fn has_one(&self) -> bool {
        self.page().open.len() == 1
    }

    /// Whether there is a request without an answer that the client calls so.
    pub(super) fn has(&self, id: &RequestId) -> bool {
        self.page().names.contains_key(id)
    }

    /// A request is taken back: nobody waits for its answer. What it is called on this side.
    pub(super) fn taken_back(&self, id: &RequestId) -> Option<RequestId> {
        self.change(|page| {
            let name = page.names.get(id).cloned()?;
            if let Some(group) = page.close(&name)?.group {
                page.add_to(&group, &[]);
            }
            Some(name)
        })
    }

    /// The client has answered a question of ours.
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

    /// Has a message written, in turn: an answer under the name that the client knows, unless it has been taken back.
    ///
    /// # Errors
    /// If nobody reads it, or nobody could answer it.
    pub(super) fn say(&self, mut message: TxJsonRpcMessage<RoleServer>) -> io::Result<()> {
        self.change(|page| {
            if page.broken {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let answers = match &mut message {
                JsonRpcMessage::Response(response) => Some(&mut response.id),
                JsonRpcMessage::Error(error) => error.id.as_mut(),
                JsonRpcMessage::Request(request) => {
                    if page.ended {
                        return Err(io::ErrorKind::NotConnected.into());
                    }
                    page.asked.insert(request.id.clone());
                    None
                }
                JsonRpcMessage::Notification(told) => {
                    if let ServerNotification::CancelledNotification(cancelled) = &told.notification
                        && let Some(id) = &cancelled.params.request_id
                    {
                        page.asked.remove(id);
                    }
                    None
                }
            };
            let mut group = None;
            if let Some(id) = answers {
                let Some(open) = page.close(id) else {
                    return Ok(());
                };
                *id = open.id.clone();
                group = open.group.map(|group| (group, open.id));
            }
            let line = serde_json::to_vec(&message)?;
            match group {
                Some((group, _)) if group.fits(line.len()) => page.add_to(&group, &line),
                Some((group, id)) => page.add_to(
                    &group,
                    &serde_json::to_vec(&too_long_together(&serde_json::to_value(&id)?))?,
                ),
                None => page.push(line),
            }
            Ok(())
        })
    }

    /// Has what is wrong with a message written, which changes nothing for one of the same name that has no answer yet.
    pub(super) fn refuse(&self, group: Option<&Group>, message: &TxJsonRpcMessage<RoleServer>) {
        if let Ok(line) = serde_json::to_vec(message) {
            self.change(|page| match group {
                Some(group) => page.add_to(group, &line),
                None if page.broken => {}
                None => page.push(line),
            });
        }
    }

    /// One of a group gets no answer.
    pub(super) fn nothing_in(&self, group: &Group) {
        self.change(|page| page.add_to(group, &[]));
    }

    /// How many bytes wait.
    pub(super) fn unwritten(&self) -> usize {
        self.page().bytes
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

    /// A name for a request. Clients count upwards.
    fn give(&mut self) -> RequestId {
        loop {
            self.given = self.given.wrapping_sub(1);
            let name = RequestId::Number(self.given);
            if !self.open.contains_key(&name) {
                return name;
            }
        }
    }

    fn close(&mut self, name: &RequestId) -> Option<Open> {
        let open = self.open.remove(name)?;
        self.names.remove(&open.id);
        self.owed -= usize::from(open.owed);
        self.unanswered = self.unanswered.saturating_sub(open.bytes);
        Some(open)
    }

    /// One more of a group has its answer, or needs none.
    fn add_to(&mut self, group: &Group, answer: &[u8]) {
        let (before, after, line) = group.add(answer);
        self.held = (self.held + after).saturating_sub(before);
        if let Some(line) = line {
            self.push(line);
        }
    }
}
