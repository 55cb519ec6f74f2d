//! The pipe to a browser: JSON messages with a zero byte behind each. It must not know what any message means.

use serde_json::Value;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// The longest message that is taken, in bytes: a picture of a long page has room.
const LONGEST: usize = 96 << 20;

/// As many messages wait to be looked at, or to be written. Beyond, the browser waits, or who wants to write is refused.
const WAITING: usize = 1024;

/// A message of the browser.
#[derive(Debug)]
pub(super) enum Message {
    /// JSON.
    Whole(Value),
    /// Too long to be kept; this is the command that it answers, if it answers one.
    TooLong(Option<u64>),
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

/// Writes messages in the order in which they come; ends with its last sender, or when the pipe breaks.
pub(super) fn write(mut pipe: pipe::Sender) -> mpsc::Sender<Vec<u8>> {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING);
    drop(tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            if pipe.write_all(&message).await.is_err() {
                return;
            }
        }
    }));
    sender
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
}

impl Frame {
    fn take(&mut self, mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            let (last, rest) = bytes.split_at(end);
            self.keep(last);
            bytes = rest.get(1..).unwrap_or_default();
            let begun = std::mem::take(&mut self.begun);
            match std::mem::take(&mut self.too_long) {
                true => messages.push(Message::TooLong(answered(&begun))),
                // What is no JSON has nobody whom it could be for.
                false => messages.extend(parsed(&begun).map(Message::Whole)),
            }
        }
        self.keep(bytes);
        messages
    }

    fn keep(&mut self, bytes: &[u8]) {
        match self.begun.len().saturating_add(bytes.len()) <= LONGEST && !self.too_long {
            true => self.begun.extend_from_slice(bytes),
            false => {
                self.too_long = true;
                self.begun.truncate(64);
                self.begun.shrink_to_fit();
            }
        }
    }
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

/// The command that a message answers, by how it begins: `{"id":12,`.
fn answered(begun: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(begun);
    let digits = text.strip_prefix("{\"id\":")?.split(',').next()?.to_owned();
    digits.parse().ok()
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
        assert_eq!(told(&frame.take(b"\"}\0")), ["TooLong(Some(77))"]);
        assert_eq!(frame.take(b"{}\0").len(), 1);
    }
}
