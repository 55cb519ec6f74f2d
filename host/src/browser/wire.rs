//! The pipe to a browser: JSON messages with a zero byte behind each. It must not know what any message means.

use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// The longest message that is taken, in bytes: a picture of a long page has room.
const LONGEST: usize = 96 << 20;

/// The longest message about something that nobody asked for. A request of a page may be longer: it holds what is sent.
const LONGEST_EVENT: usize = 8 << 20;

/// As many bytes wait to be written, before nothing more is asked.
const MOST_UNWRITTEN: usize = 64 << 20;

/// As much is looked at of a message that is too long.
const BEGINNING: usize = 256;

/// As much is kept of its end: the connection that it is about stands there.
const ENDING: usize = 128;

/// As many messages wait to be looked at. Beyond, the browser waits.
const WAITING: usize = 1024;

/// A message of the browser.
#[derive(Debug)]
pub(super) enum Message {
    /// JSON.
    Whole(Value),
    /// Too long to be kept, or too deep to be read.
    TooLong(TooLong),
}

/// What a message was that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooLong {
    /// The answer to this command.
    Answer(u64),
    /// A page's request, under this name, which waits for an answer.
    Request(String),
    /// A dialog that the page behind this connection has opened: it waits for an answer, too.
    Dialog(String),
    /// Something else that was told.
    Event,
}

/// Reads messages until the pipe ends.
pub(super) fn read(mut pipe: pipe::Receiver) -> mpsc::Receiver<Message> {
    let (sender, receiver) = mpsc::channel(WAITING);
    drop(tokio::spawn(async move {
        let mut frame = Frame::default();
        let mut piece = vec![0; 256 << 10];
        while let Ok(count) = pipe.read(&mut piece).await {
            let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
                return;
            };
            for message in frame.take(bytes) {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        }
    }));
    receiver
}

/// The way to the pipe.
pub(super) struct Writer {
    /// Unbounded: what has to be answered may not be lost, and what others want to say is held back by `has_room`.
    sender: mpsc::UnboundedSender<Vec<u8>>,
    unwritten: Arc<AtomicUsize>,
}

impl Writer {
    /// Whether the browser has taken enough of what was written to be asked more.
    pub(super) fn has_room(&self) -> bool {
        self.unwritten.load(Ordering::Relaxed) < MOST_UNWRITTEN
    }

    /// Writes a message behind all others; whether the browser is still there to read it.
    pub(super) fn send(&self, message: Vec<u8>) -> bool {
        let size = message.len();
        self.unwritten.fetch_add(size, Ordering::Relaxed);
        let sent = self.sender.send(message).is_ok();
        if !sent {
            self.unwritten.fetch_sub(size, Ordering::Relaxed);
        }
        sent
    }
}

/// Writes messages in the order in which they come; ends with the writer, or when the pipe breaks.
pub(super) fn write(mut pipe: pipe::Sender) -> Writer {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Vec<u8>>();
    let unwritten = Arc::<AtomicUsize>::default();
    let left = Arc::clone(&unwritten);
    drop(tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            if pipe.write_all(&message).await.is_err() {
                return;
            }
            left.fetch_sub(message.len(), Ordering::Relaxed);
        }
    }));
    Writer { sender, unwritten }
}

/// A message as it is written.
pub(super) fn frame(message: &Value) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(0);
    Ok(bytes)
}

/// What has come of the next message.
#[derive(Debug, Default)]
struct Frame {
    begun: Vec<u8>,
    too_long: bool,
    /// How it ends, if it is too long.
    end: Vec<u8>,
}

impl Frame {
    fn take(&mut self, mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            let (last, rest) = bytes.split_at(end);
            self.keep(last);
            bytes = rest.get(1..).unwrap_or_default();
            let (begun, end) = (std::mem::take(&mut self.begun), std::mem::take(&mut self.end));
            match std::mem::take(&mut self.too_long) {
                true => messages.push(Message::TooLong(what(&begun, &end))),
                // One that can't be read, because it is nested too deep, is for somebody all the same.
                false => match (parsed(&begun), what(&begun, &begun)) {
                    (Some(message), _) => messages.push(Message::Whole(message)),
                    (None, TooLong::Event) => {}
                    (None, what) => messages.push(Message::TooLong(what)),
                },
            }
        }
        self.keep(bytes);
        messages
    }

    fn keep(&mut self, bytes: &[u8]) {
        let missing = BEGINNING.saturating_sub(self.begun.len());
        self.begun
            .extend_from_slice(bytes.get(..missing.min(bytes.len())).unwrap_or_default());
        let rest = bytes.get(missing..).unwrap_or_default();
        let longest = match what(self.begun.get(..BEGINNING).unwrap_or(&self.begun), &[]) {
            TooLong::Answer(_) | TooLong::Request(_) => LONGEST,
            TooLong::Dialog(_) | TooLong::Event => LONGEST_EVENT,
        };
        match self.begun.len().saturating_add(rest.len()) <= longest && !self.too_long {
            true => self.begun.extend_from_slice(rest),
            false => {
                if !std::mem::replace(&mut self.too_long, true) {
                    self.end.extend_from_slice(last(&self.begun));
                }
                self.end.extend_from_slice(last(rest));
                self.end = last(&self.end).to_vec();
                self.begun.truncate(BEGINNING);
                self.begun.shrink_to_fit();
            }
        }
    }
}

/// As much of the end of these bytes as is kept.
fn last(bytes: &[u8]) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(ENDING)..).unwrap_or_default()
}

/// A message; where pages have put halves of characters into it, the sign for what can't be read stands in their place.
fn parsed(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes)
        .or_else(|_| serde_json::from_slice(&without_halves(bytes)))
        .ok()
}

/// The same JSON with `\ufffd` for each `\ud800` to `\udfff` that has no other half beside it.
fn without_halves(bytes: &[u8]) -> Vec<u8> {
    let unit = |at: usize| -> Option<u16> {
        let digits = bytes.get(at..)?.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut whole, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let length = match (byte, unit(at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                whole.extend_from_slice(b"\\ufffd");
                at += 6;
                continue;
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        whole.extend_from_slice(bytes.get(at..at + length).unwrap_or_default());
        at += length;
    }
    whole
}

/// What a message is, by how it begins: `{"id":12,`, or `{"method":"Fetch.requestPaused","params":{"requestId":"…",`. Where it is
/// about a dialog, it ends with `,"sessionId":"…"}`, and no text of a page can look like that: quotes are escaped there.
fn what(begun: &[u8], end: &[u8]) -> TooLong {
    let text = String::from_utf8_lossy(begun);
    let id = text
        .strip_prefix("{\"id\":")
        .and_then(|rest| rest.split(',').next()?.parse().ok());
    let paused = text.strip_prefix("{\"method\":\"Fetch.requestPaused\",\"params\":{\"requestId\":\"");
    let dialog = text.starts_with("{\"method\":\"Page.javascriptDialogOpening\",");
    match (id, paused.and_then(|rest| rest.split_once('"'))) {
        (Some(id), _) => TooLong::Answer(id),
        (None, Some((request, _))) => TooLong::Request(request.to_owned()),
        (None, None) if dialog => TooLong::Dialog(session_at(end)),
        (None, None) => TooLong::Event,
    }
}

/// The connection that a message is about, by how it ends.
fn session_at(end: &[u8]) -> String {
    let text = String::from_utf8_lossy(last(end));
    let session = text.rsplit_once(",\"sessionId\":\"");
    let session = session.and_then(|(_, rest)| rest.strip_suffix("\"}"));
    session.unwrap_or_default().to_owned()
}

/// The text at a place of a message; nothing there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(messages: &[Message]) -> Vec<String> {
        messages.iter().map(|message| format!("{message:?}")).collect()
    }

    #[test]
    fn messages_come_in_any_pieces() {
        let mut frame = Frame::default();
        assert!(frame.take(b"{\"id\"").is_empty());
        assert_eq!(frame.take(b":1}\0{\"id\":2}\0not json\0{").len(), 2);
        assert_eq!(frame.take(b"}\0").len(), 1);
    }

    #[test]
    fn what_is_too_deep_is_told_to_whoever_asked() {
        let deep = |begin: &str| format!("{begin}{}{}}}\0", "[".repeat(300), "]".repeat(300));
        let mut frame = Frame::default();
        assert_eq!(
            told(&frame.take(deep("{\"id\":7,\"result\":").as_bytes())),
            ["TooLong(Answer(7))"]
        );
        assert!(
            frame
                .take(deep("{\"method\":\"X.y\",\"params\":").as_bytes())
                .is_empty()
        );
    }

    #[test]
    fn halves_of_characters_cost_no_message() {
        for (written, read) in [
            (r#"{"a":"\ud800"}"#, "\u{fffd}"),
            (r#"{"a":"\udc00x\ud83d\ude00"}"#, "\u{fffd}x\u{1f600}"),
            (r#"{"a":"\\ud800\ud800"}"#, "\\ud800\u{fffd}"),
            (r#"{"a":"\ud800\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
        ] {
            let message = parsed(written.as_bytes()).unwrap();
            assert_eq!(message.get("a").and_then(Value::as_str), Some(read), "{written}");
        }
        assert_eq!(parsed(b"{\"a\\"), None);
    }

    #[test]
    fn what_is_too_long_is_told_to_whoever_asked() {
        let mut frame = Frame::default();
        frame.take(b"{\"id\":77,\"result\":\"");
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            frame.take(&piece);
        }
        assert!(frame.begun.capacity() < 1024);
        assert_eq!(told(&frame.take(b"\"}\0")), ["TooLong(Answer(77))"]);
        assert_eq!(frame.take(b"{}\0").len(), 1);
        frame.take(b"{\"method\":\"Fetch.requestPaused\",\"params\":{\"requestId\":\"job-1\",");
        for _ in 0..100 {
            frame.take(&piece);
        }
        assert_eq!(told(&frame.take(b"\"}\0")), ["TooLong(Request(\"job-1\"))"]);
        // What nobody asked for is cut off earlier.
        frame.take(b"{\"method\":\"Runtime.consoleAPICalled\",\"params\":{\"");
        for _ in 0..9 {
            frame.take(&piece);
        }
        assert!(frame.begun.capacity() < 1024);
        assert_eq!(told(&frame.take(b"\"}\0")), ["TooLong(Event)"]);
        // A dialog is nothing that may be missed. Whose it is stands at its end, in whatever pieces that comes.
        let end = b"\\\",\\\"sessionId\\\":\\\"XX\\\"}\"},\"sessionId\":\"AB12\"}\0";
        for cut in (0..end.len()).step_by(7) {
            frame.take(b"{\"method\":\"Page.javascriptDialogOpening\",\"params\":{\"url\":\"");
            for _ in 0..9 {
                frame.take(&piece);
            }
            let (first, rest) = end.split_at(cut);
            frame.take(first);
            assert_eq!(told(&frame.take(rest)), ["TooLong(Dialog(\"AB12\"))"]);
        }
    }
}
