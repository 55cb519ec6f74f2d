//! Plain data of a call: what is asked, which resources it needs, how it ended.
//! It must not decide anything, open anything, or know any other room.

mod endpoint;
mod event;
mod outcome;
mod plain;
mod resource;
mod session;

#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, EndpointError, HostName, Scheme};
pub use event::{Event, Level, What};
pub use outcome::{CallError, Content, Outcome, Status, Timing, Wait};
pub use resource::{Access, CanonicalPath, Conflict, Entry, Footprint, ObjectId, Reach, Resource, Scope};
pub use session::{Rights, SessionName};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// In arguments, the name in an object that stands for another call's result.
pub(crate) const RESULT: &str = "$result";

/// In arguments, the name in an object that stands for what it holds, as it is.
pub(crate) const LITERAL: &str = "$literal";

/// The name of a call, unique within its batch: given by the caller, or `"1"`, `"2"`, … by position.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(#[serde(serialize_with = "plain::share", deserialize_with = "plain::own::<String, _, _>")] Arc<str>);

impl CallId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for CallId {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// One invocation of a tool with arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The caller's name for the call; `None` lets the host number it by its position in the batch, from 1.
    pub id: Option<CallId>,
    /// The tool's name.
    pub tool: String,
    /// A JSON object that must fit the tool's `input_schema`.
    pub arguments: serde_json::Value,
    /// Calls of the same batch that must have ended before this one starts. Those that its arguments take results of
    /// (`{"$result": "id", "path": "$.…"}`) are meant, too, named or not.
    pub after: Vec<CallId>,
    /// How they must have ended; otherwise this call is `skipped`.
    pub when: When,
    /// Among calls that could start now, the higher priority starts first; 0 unless set. Never overtakes a conflict.
    pub priority: i32,
    /// Wall time from start to end; the host's default unless set, and never more than its ceiling.
    pub timeout: Option<Duration>,
    /// How long it may wait for its start; as long as it takes unless set.
    pub max_wait: Option<Duration>,
}

/// How the calls that one comes after must have ended for it to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum When {
    /// All of them `ok`.
    #[default]
    Ok,
    /// At least one of them otherwise than `ok`.
    Failed,
    /// However they like.
    Always,
    /// All of them `ok`, and a value of one's result is this one.
    Equals {
        /// Whose result; the only call that this one comes after unless named.
        id: Option<CallId>,
        /// Where in it: a JSONPath (RFC 9535) that leads to one value.
        path: String,
        /// What must stand there.
        equals: serde_json::Value,
    },
}

impl Call {
    /// A call of `tool` with `arguments` and defaults for the rest.
    #[must_use]
    pub fn new(tool: impl Into<String>, arguments: serde_json::Value) -> Self {
        Self {
            id: None,
            tool: tool.into(),
            arguments,
            after: Vec::new(),
            when: When::Ok,
            priority: 0,
            timeout: None,
            max_wait: None,
        }
    }

    /// A call whose arguments mean what they say: for arguments that come from a model or a file, which know of no other
    /// call, so that an object with a `$result` in it is only that.
    #[must_use]
    pub fn literal(tool: impl Into<String>, arguments: Value) -> Self {
        let arguments = match refers(&arguments) {
            true => json!({ LITERAL: arguments }),
            false => arguments,
        };
        Self::new(tool, arguments)
    }

    /// The same call under the name `id`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<CallId>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// Whether something in arguments would be taken for a reference.
fn refers(arguments: &Value) -> bool {
    let mut todo = vec![arguments];
    while let Some(value) = todo.pop() {
        match value {
            Value::Object(fields) if fields.contains_key(RESULT) || fields.contains_key(LITERAL) => return true,
            Value::Object(fields) => todo.extend(fields.values()),
            Value::Array(items) => todo.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}
