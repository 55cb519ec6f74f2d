//! Messages as lines, to and from one client. What it asks is taken in only as fast as it reads the answers, so that a
//! client that reads slowly, or not at all, fills nobody's memory. It must not know what the messages are about.

mod ahead;
mod book;
mod calls;
mod group;

use super::many;
use ahead::{Line, Ways};
use book::{Book, PIECE};
pub(super) use group::{Group, LONGEST, apart, too_long_together};
use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ClientRequest, ErrorData, JsonRpcMessage, ProtocolVersion, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde::de::IgnoredAny;
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

/// See the module.
pub(super) struct Lines {
    book: Arc<Book>,
    lines: UnboundedReceiver<Line>,
    /// What doesn't wait behind those.
    ahead: UnboundedReceiver<Line>,
    /// Messages of one line that are not handed on yet, and where their answers are gathered; and the line, whose room they take.
    together: VecDeque<(String, Group)>,
    whole: Option<Line>,
    /// Whether pings are answered ahead of their turn: from the handshake on, in the revisions that have one.
    pings: Arc<AtomicBool>,
    /// Whether several messages may come as one line: one revision has that.
    batches: bool,
    /// Who reads; it ends with it.
    _reads: JoinSet<()>,
}

/// Who writes, until this is dropped.
pub(super) struct Writing {
    book: Arc<Book>,
    _writes: JoinSet<()>,
}

impl Writing {
    /// Waits until all is written, or the client reads nothing for a while.
    pub(super) async fn finish(self) {
        finish(&self.book).await;
    }
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
    pub(super) fn new<R, W>((from, to): (R, W), most_open: usize) -> (Self, Writing)
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let book = Arc::new(Book::new(most_open));
        let pings = Arc::new(AtomicBool::new(false));
        let ((to_lines, lines), (to_ahead, ahead)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let ways = Ways {
            lines: to_lines,
            ahead: to_ahead,
        };
        let (mut reads, mut writes) = (JoinSet::new(), JoinSet::new());
        reads.spawn(ahead::read(from, ways, Arc::clone(&book), Arc::clone(&pings)));
        writes.spawn(write(to, Arc::clone(&book)));
        let writing = Writing {
            book: Arc::clone(&book),
            _writes: writes,
        };
        let lines = Self {
            book,
            lines,
            ahead,
            together: VecDeque::new(),
            whole: None,
            pings,
            batches: false,
            _reads: reads,
        };
        (lines, writing)
    }

    /// Tells whether the client waits for one answer only.
    pub(super) fn pace(&self) -> Pace {
        Pace(Arc::clone(&self.book))
    }

    /// The message on this line, if it is one that is to be handed on; what is wrong with it is said.
    fn message(&mut self, line: &[u8], group: Option<&Group>) -> Option<RxJsonRpcMessage<RoleServer>> {
        let refuse = |error: ErrorData, id| {
            let answer = TxJsonRpcMessage::<RoleServer>::error(error, id);
            self.book.refuse(group, &answer);
        };
        if let Err(error) = many::check_long(line) {
            refuse(error, many::id_of(line));
            return None;
        }
        let read = calls::call(line).map_or_else(|| serde_json::from_slice(line), Ok);
        let mut message: RxJsonRpcMessage<RoleServer> = match read {
            Ok(message) => message,
            Err(error) => {
                match wrong(line, &error) {
                    Some((error, id)) => refuse(error, id),
                    None => self.unheard(group),
                }
                return None;
            }
        };
        match &mut message {
            JsonRpcMessage::Request(request) => {
                let lasts = matches!(request.request, ClientRequest::SubscriptionsListenRequest(_));
                let Some(name) = self.book.opened(&request.id, !lasts, line.len(), group) else {
                    let message = format!("the id {} is that of a request without an answer", request.id);
                    refuse(ErrorData::invalid_request(message, None), Some(request.id.clone()));
                    return None;
                };
                request.id = name;
                if let ClientRequest::InitializeRequest(hello) = &request.request {
                    self.pings.store(true, Ordering::Relaxed);
                    self.batches = hello.params.protocol_version == ProtocolVersion::V_2025_03_26;
                }
            }
            JsonRpcMessage::Notification(notification) => {
                self.unheard(group);
                if let ClientNotification::CancelledNotification(cancelled) = &mut notification.notification
                    && let Some(id) = &mut cancelled.params.request_id
                {
                    // Whatever is not there any more is nobody's on this side either.
                    *id = self.book.taken_back(id)?;
                }
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
    fn apart(&mut self, line: Line) {
        let messages = match (many::check(&line.bytes), self.batches) {
            (Err(error), _) => Err(error),
            (Ok(()), true) => apart(&line.bytes).map_err(|why| ErrorData::invalid_request(why, None)),
            (Ok(()), false) => {
                let why = "only the revision 2025-03-26 has several messages in one";
                Err(ErrorData::invalid_request(why, None))
            }
        };
        match messages {
            Ok(messages) => {
                let group = Group::of(messages.len());
                let each = messages.iter().map(|message| (message.to_string(), group.clone()));
                self.together = each.collect();
                self.whole = Some(line);
            }
            Err(error) => {
                self.book
                    .refuse(None, &TxJsonRpcMessage::<RoleServer>::error(error, None));
            }
        }
    }

    /// The next line that is to be handed on, and whether it goes ahead. May be dropped at any wait: nothing is taken before it is
    /// handed on.
    async fn next(&mut self) -> Option<Line> {
        let in_turn = async {
            self.book.until(|told| told.takes).await;
            match self.book.told().broken {
                true => None,
                false => self.lines.recv().await,
            }
        };
        tokio::select! {
            biased;
            Some(line) = self.ahead.recv() => Some(line),
            line = in_turn => line,
        }
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let book = Arc::clone(&self.book);
        // What is owed has its room: there are only so many requests. What is told besides waits for it.
        let (said, tells) = match item {
            JsonRpcMessage::Notification(_) if !book.told().room => (Ok(()), Some(item)),
            _ => (book.say(item), None),
        };
        async move {
            said?;
            let Some(item) = tells else {
                return Ok(());
            };
            book.until(|told| told.room).await;
            book.say(item)
        }
    }

    // May be dropped at any wait.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.book.told().broken {
                return None;
            }
            if let Some((line, group)) = self.together.pop_front() {
                match self.message(line.as_bytes(), Some(&group)) {
                    Some(message) => return Some(message),
                    None => continue,
                }
            }
            self.whole = None;
            let Some(line) = self.next().await else {
                break;
            };
            match line.bytes.first() {
                Some(b'[') => self.apart(line),
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
        finish(&self.book).await;
        Ok(())
    }
}

/// Waits until all is written, or the client reads nothing for a while.
async fn finish(book: &Book) {
    let mut left = usize::MAX;
    loop {
        let now = book.unwritten();
        if now == 0 || now >= left || book.told().broken {
            return;
        }
        left = now;
        drop(tokio::time::timeout(PATIENCE, book.until(|told| told.written)).await);
    }
}

/// Writes what is to be written, until nobody reads it.
async fn write(mut to: impl AsyncWrite + Unpin, book: Arc<Book>) {
    loop {
        let Some(line) = book.next() else {
            book.work.notified().await;
            continue;
        };
        // In pieces, so that it is seen how far the client has come.
        for piece in line.chunks(PIECE) {
            let written = async {
                to.write_all(piece).await?;
                to.flush().await
            };
            if let Err(error) = written.await {
                tracing::debug!(%error, "a client reads no more");
                return book.break_off();
            }
            book.wrote(piece.len());
        }
    }
}

/// What is wrong with a line that is no message, and which request it is; nothing if it is a notification that nobody knows.
fn wrong(line: &[u8], error: &serde_json::Error) -> Option<(ErrorData, Option<RequestId>)> {
    #[derive(Deserialize)]
    struct Head {
        id: Option<IgnoredAny>,
        method: String,
    }
    if error.is_syntax() || error.is_eof() {
        return Some((ErrorData::parse_error(format!("not JSON: {error}"), None), None));
    }
    if let Ok(Head { id: None, method }) = serde_json::from_slice(line) {
        tracing::debug!(method, "an unknown notification");
        return None;
    }
    let message = format!("no message of the protocol: {error}");
    Some((ErrorData::invalid_request(message, None), many::id_of(line)))
}
