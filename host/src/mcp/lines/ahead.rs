//! Reading ahead of what is handed on, so far and no further, so that a client that asks whether anybody is there hears so
//! at once, however much it has asked before. It must not understand more than that one question.

use super::book::Book;
use bytes::{Buf as _, BytesMut};
use rmcp::RoleServer;
use rmcp::model::{ErrorData, RequestId};
use rmcp::service::TxJsonRpcMessage;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many bytes are read ahead.
const AHEAD: usize = 4 << 20;

/// What a line costs beside its bytes.
const LINE: usize = 64;

/// A line may be so long, in bytes: a file that is written is part of one.
pub(super) const LONGEST: usize = 16 << 20;

/// What is read at once.
const READ: usize = 64 << 10;

/// A ping is shorter.
const PING: usize = 256;

/// A message that goes ahead of others is shorter.
const SHORT: usize = 64 << 10;

/// A line without its end, and the room that it takes.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Where lines go: in their order, or ahead of those that wait.
pub(super) struct Ways {
    pub(super) lines: UnboundedSender<Line>,
    pub(super) ahead: UnboundedSender<Line>,
}

/// Reads until the end of input.
pub(super) async fn read(mut from: impl AsyncRead + Unpin, ways: Ways, book: Arc<Book>, pings: Arc<AtomicBool>) {
    let room = Arc::new(Semaphore::new(AHEAD));
    let mut buffer = BytesMut::new();
    // As far as there is no end of a line in it.
    let mut searched = 0;
    let mut skips = false;
    loop {
        buffer.reserve(READ);
        match from.read_buf(&mut buffer).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a client can't be read any more");
                return;
            }
        }
        while let Some(end) = buffer.iter().skip(searched).position(|byte| *byte == b'\n') {
            let end = searched + end;
            // A copy, so that a line that waits keeps no more than itself.
            let line = buffer.get(..end).map(trim).unwrap_or_default().to_vec();
            buffer.advance(end + 1);
            searched = 0;
            if std::mem::take(&mut skips) || line.is_empty() {
                continue;
            }
            if pings.load(Ordering::Relaxed) && is_answered(&line, &book) {
                continue;
            }
            let takes = u32::try_from(line.len().saturating_add(LINE).min(AHEAD)).unwrap_or(u32::MAX);
            let room = Arc::clone(&room).acquire_many_owned(takes).await.ok();
            // What others may be waiting for doesn't wait behind them.
            let way = match goes_ahead(&line, &book) {
                true => &ways.ahead,
                false => &ways.lines,
            };
            let line = Line {
                bytes: line,
                _room: room,
            };
            if way.send(line).is_err() {
                return;
            }
        }
        searched = buffer.len();
        if skips || searched > LONGEST {
            if !skips {
                let message = format!("a message may have at most {} MiB", LONGEST >> 20);
                let error = TxJsonRpcMessage::<RoleServer>::error(ErrorData::invalid_request(message, None), None);
                book.refuse(None, &error);
            }
            skips = true;
            searched = 0;
            buffer.clear();
        }
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    // Some begin a text with a mark of its encoding (RFC 8259, 8.1, lets it be ignored).
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
}

#[derive(Deserialize)]
struct Head<'a> {
    id: RequestId,
    method: &'a str,
}

/// Whether this asks if anybody is there, and has its answer now.
fn is_answered(line: &[u8], book: &Book) -> bool {
    if line.len() > PING || line.first() != Some(&b'{') || !line.windows(6).any(|word| word == b"\"ping\"") {
        return false;
    }
    let Ok(Head { id, method: "ping" }) = serde_json::from_slice(line) else {
        return false;
    };
    let answer = serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": {} });
    book.say_at_once(format!("{answer}\n").into_bytes())
}

/// Whether this is an answer to a question of ours, or takes a request back that was handed on.
fn goes_ahead(line: &[u8], book: &Book) -> bool {
    #[derive(Deserialize)]
    struct Short {
        #[serde(default)]
        method: Option<String>,
        #[serde(default)]
        params: Taken,
    }
    #[derive(Default, Deserialize)]
    struct Taken {
        #[serde(default, rename = "requestId")]
        id: Option<RequestId>,
    }
    const CANCELLED: &str = "notifications/cancelled";
    let has = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
    if line.len() > SHORT || line.first() != Some(&b'{') || (has("\"method\"") && !has(CANCELLED)) {
        return false;
    }
    match serde_json::from_slice(line) {
        Ok(Short { method: None, .. }) => true,
        Ok(Short {
            method: Some(method),
            params,
        }) => method == CANCELLED && params.id.is_some_and(|id| book.has(&id)),
        Err(_) => false,
    }
}
