//! Messages as lines, to and from one client. What it asks is taken in only as fast as it reads the answers, so that a
//! client that reads slowly, or not at all, fills nobody's memory. It must not know what the messages are about.

mod ahead;
mod book;

use ahead::Line;
use book::{Answers, Book, Group};
use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ClientRequest, ErrorData, JsonRpcMessage, ProtocolVersion, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinSet;

/// As long as this one waits, at the end, for a client to read a little more.
const PATIENCE: Duration = Duration::from_secs(5);

/// As many messages may come as one.
const MOST_TOGETHER: usize = 1000;

/// See the module.
pub(super) struct Lines {
    book: Arc<Book>,
    lines: UnboundedReceiver<Line>,
    /// Messages of one line that are not handed on yet, and where their answers are gathered.
    together: VecDeque<(String, Group)>,
    /// Whether pings are answered ahead of their turn: from the handshake on, in the revisions that have one.
    pings: Arc<AtomicBool>,
    /// Whether several messages may come as one line: one revision has that.
    batches: bool,
    /// Who reads and who writes; they end with it.
    _tasks: JoinSet<()>,
}

/// What a client waits for.
pub(super) struct Pace(Arc<Book>);

impl Pace {
    /// Whether it is one answer only.
    pub(super) fn is_one_by_one(&self) -> bool {
        self.0.has_one()
    }
}

impl Lines {
    /// Reads and writes these. As many requests as this may be without an answer at once.
    pub(super) fn new<R, W>((from, to): (R, W), most_open: usize) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let book = Arc::new(Book::new(most_open));
        let pings = Arc::new(AtomicBool::new(false));
        let (sender, lines) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(ahead::read(from, sender, Arc::clone(&book), Arc::clone(&pings)));
        tasks.spawn(write(to, Arc::clone(&book)));
        Self {
            book,
            lines,
            together: VecDeque::new(),
            pings,
            batches: false,
            _tasks: tasks,
        }
    }

    /// Tells whether the client waits for one answer only.
    pub(super) fn pace(&self) -> Pace {
        Pace(Arc::clone(&self.book))
    }

    /// The message on this line, if it is one that is to be handed on; what is wrong with it is said.
    fn message(&mut self, line: &[u8], group: Option<&Group>) -> Option<RxJsonRpcMessage<RoleServer>> {
        let refuse = |error: ErrorData, id| {
            let answer = TxJsonRpcMessage::<RoleServer>::error(error, id);
            match group {
                Some(group) => self.book.say_in(group, &answer),
                None => drop(self.book.say(&answer)),
            }
        };
        let message: RxJsonRpcMessage<RoleServer> = match serde_json::from_slice(line) {
            Ok(message) => message,
            Err(error) => {
                match wrong(line, &error) {
                    Some((error, id)) => refuse(error, id),
                    None => self.unheard(group),
                }
                return None;
            }
        };
        match &message {
            JsonRpcMessage::Request(request) => {
                let lasts = matches!(request.request, ClientRequest::SubscriptionsListenRequest(_));
                if !self.book.opened(&request.id, !lasts, group.cloned()) {
                    let message = format!("the id {} is that of a request without an answer", request.id);
                    refuse(ErrorData::invalid_request(message, None), Some(request.id.clone()));
                    return None;
                }
                if let ClientRequest::InitializeRequest(hello) = &request.request {
                    self.pings.store(true, Ordering::Relaxed);
                    self.batches = hello.params.protocol_version == ProtocolVersion::V_2025_03_26;
                }
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.book.taken_back(id);
                }
                self.unheard(group);
            }
            JsonRpcMessage::Response(response) => {
                self.book.heard(&response.id);
                self.unheard(group);
            }
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &error.id {
                    self.book.heard(id);
                }
                self.unheard(group);
            }
        }
        Some(message)
    }

    /// A message that came with others gets no answer.
    fn unheard(&self, group: Option<&Group>) {
        if let Some(group) = group {
            self.book.nothing_in(group);
        }
    }

    /// Takes a line apart that has several messages.
    fn apart(&mut self, line: &[u8]) {
        let refuse = |message: String| {
            let error = ErrorData::invalid_request(message, None);
            drop(self.book.say(&TxJsonRpcMessage::<RoleServer>::error(error, None)));
        };
        let messages: Vec<Value> = match serde_json::from_slice(line) {
            _ if !self.batches => return refuse("only the revision 2025-03-26 has several messages in one".to_owned()),
            Ok(messages) => messages,
            Err(error) => return refuse(format!("not JSON: {error}")),
        };
        if messages.is_empty() || messages.len() > MOST_TOGETHER {
            return refuse(format!(
                "{} messages in one, and not 1 to {MOST_TOGETHER}",
                messages.len()
            ));
        }
        let group = Answers::of(messages.len());
        let each = messages.iter().map(|message| (message.to_string(), Arc::clone(&group)));
        self.together = each.collect();
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let book = Arc::clone(&self.book);
        // What is owed has its room: there are only so many requests. What is told besides waits for it.
        let (said, tells) = match &item {
            JsonRpcMessage::Notification(_) if !book.told().room => (Ok(()), Some(item)),
            _ => (book.say(&item), None),
        };
        async move {
            said?;
            let Some(item) = tells else {
                return Ok(());
            };
            book.until(|told| told.room).await;
            book.say(&item)
        }
    }

    // May be dropped at any wait: nothing is taken before it is handed on.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            self.book.until(|told| told.room).await;
            if self.book.told().broken {
                return None;
            }
            if let Some((line, group)) = self.together.pop_front() {
                match self.message(line.as_bytes(), Some(&group)) {
                    Some(message) => return Some(message),
                    None => continue,
                }
            }
            let Some(line) = self.lines.recv().await else {
                break;
            };
            match line.bytes.first() {
                Some(b'[') => self.apart(&line.bytes),
                _ => {
                    if let Some(message) = self.message(&line.bytes, None) {
                        return Some(message);
                    }
                }
            }
        }
        // The client says nothing more: its questions have no answers, its requests still get theirs.
        if let Some(id) = self.book.unanswered() {
            let error = ErrorData::internal_error("the client has closed its side", None);
            return Some(RxJsonRpcMessage::<RoleServer>::error(error, Some(id)));
        }
        self.book.until(|told| told.answered).await;
        None
    }

    async fn close(&mut self) -> io::Result<()> {
        let mut left = usize::MAX;
        loop {
            let now = self.book.unwritten();
            if now == 0 || now >= left || self.book.told().broken {
                return Ok(());
            }
            left = now;
            let written = self.book.until(|told| told.written);
            drop(tokio::time::timeout(PATIENCE, written).await);
        }
    }
}

/// Writes what is to be written, until nobody reads it.
async fn write(mut to: impl AsyncWrite + Unpin, book: Arc<Book>) {
    loop {
        let Some(piece) = book.next() else {
            book.work.notified().await;
            continue;
        };
        let written = async {
            to.write_all(&piece).await?;
            to.flush().await
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "a client reads no more");
            return book.break_off();
        }
        book.wrote(piece.len());
    }
}

/// What is wrong with a line that is no message, and which request it is; nothing if it is a notification that nobody knows.
fn wrong(line: &[u8], error: &serde_json::Error) -> Option<(ErrorData, Option<RequestId>)> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        id: Option<Value>,
        method: String,
    }
    if error.is_syntax() || error.is_eof() {
        return Some((ErrorData::parse_error(format!("not JSON: {error}"), None), None));
    }
    let id = match serde_json::from_slice(line) {
        Ok(Head { id: None, method }) => {
            tracing::debug!(method, "an unknown notification");
            return None;
        }
        Ok(Head { id: Some(id), .. }) => serde_json::from_value(id).ok(),
        Err(_) => None,
    };
    let message = format!("no message of the protocol: {error}");
    Some((ErrorData::invalid_request(message, None), id))
}
