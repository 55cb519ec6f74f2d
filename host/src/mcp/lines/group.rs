//! Several messages that came as one, and their answers, which go as one. It must not grow without end.

use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::{Value, json};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// As many messages may come as one.
const MOST_TOGETHER: usize = 1000;

/// As many bytes their answers may have together.
pub(in super::super) const LONGEST: usize = 8 << 20;

/// What an answer says that is beyond that.
const TOO_LONG: &str = "the answers to this message are too long to go together; ask for fewer at once";

/// See the module. Clones are the same group.
#[derive(Clone, Debug)]
pub(in super::super) struct Group(Arc<Mutex<Answers>>);

#[derive(Debug)]
struct Answers {
    missing: usize,
    text: Vec<u8>,
}

impl Group {
    pub(in super::super) fn of(messages: usize) -> Self {
        Self(Arc::new(Mutex::new(Answers {
            missing: messages,
            text: Vec::new(),
        })))
    }

    /// Whether there is room for an answer of so many bytes.
    pub(in super::super) fn fits(&self, bytes: usize) -> bool {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.text.len() + bytes <= LONGEST
    }

    /// One more has its answer, or none if that is empty. How many bytes were kept before and are now, and the line that goes if
    /// it was the last one.
    pub(in super::super) fn add(&self, answer: &[u8]) -> (usize, usize, Option<Vec<u8>>) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = answers.text.len();
        if !answer.is_empty() {
            let first = answers.text.is_empty();
            answers.text.push(if first { b'[' } else { b',' });
            answers.text.extend_from_slice(answer);
        }
        answers.missing = answers.missing.saturating_sub(1);
        if answers.missing > 0 || answers.text.is_empty() {
            return (before, answers.text.len(), None);
        }
        let mut line = std::mem::take(&mut answers.text);
        line.push(b']');
        (before, 0, Some(line))
    }
}

/// What stands in the place of an answer that is too much beside the others of its message.
pub(in super::super) fn too_long_together(id: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32603, "message": TOO_LONG } })
}

/// The messages on a line that has several.
///
/// # Errors
/// If it is no JSON, or has none or too many.
pub(in super::super) fn apart(line: &[u8]) -> Result<Vec<Value>, String> {
    struct Some;

    impl<'de> Visitor<'de> for Some {
        type Value = Vec<Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "1 to {MOST_TOGETHER} messages in one")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<Value>, A::Error> {
            let mut messages = Vec::new();
            while let Option::Some(message) = all.next_element()? {
                // Not read to its end: a line of nothing but commas is many times as large when it is.
                if messages.len() == MOST_TOGETHER {
                    let message = format!("more than {MOST_TOGETHER} messages in one; send them apart");
                    return Err(A::Error::custom(message));
                }
                messages.push(message);
            }
            match messages.is_empty() {
                true => Err(A::Error::invalid_length(0, &self)),
                false => Ok(messages),
            }
        }
    }

    let mut reader = serde_json::Deserializer::from_slice(line);
    let messages = reader.deserialize_seq(Some).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| format!("not JSON: {error}"))?;
    Ok(messages)
}
