//! What stands in the log. It must not take text of a guest: messages and answers are not for here.

use crate::call::{CallError, CallId, Endpoint, Entry, Footprint, Outcome, Status};
use crate::report;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Whose call it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    /// The client, by number; 0 is the host's own.
    pub(crate) client: u64,
    /// The batch, by number.
    pub(crate) batch: u64,
    /// The call.
    pub(crate) id: &'a CallId,
    /// Its tool.
    pub(crate) tool: &'a str,
    /// The tool's plugin, and the digest of its component (BLAKE3), if there is such a tool.
    pub(crate) plugin: Option<(&'a str, blake3::Hash)>,
}

fn record(kind: &str, who: Who<'_>) -> Value {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let mut value = json!({
        "time": now, "kind": kind, "client": who.client, "batch": who.batch, "call": who.id, "tool": who.tool,
    });
    if let Some((name, digest)) = who.plugin {
        with(
            &mut value,
            json!({ "plugin": name, "component": digest.to_hex().as_str() }),
        );
    }
    value
}

fn with(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

/// A call was let in, or planned again: what it may use, and which line allows each.
pub(crate) fn decided(
    who: Who<'_>,
    footprint: &Footprint,
    rules: &[String],
    unknown: &[String],
    approved: &[Entry],
) -> Value {
    let entries: Vec<Value> = footprint.entries().iter().map(report::entry).collect();
    let mut value = record("decision", who);
    with(
        &mut value,
        json!({ "decision": "allowed", "footprint": entries, "rules": rules }),
    );
    if !unknown.is_empty() {
        with(&mut value, json!({ "decision": "later", "unknown": unknown }));
    }
    if !approved.is_empty() {
        let approved: Vec<Value> = approved.iter().map(report::entry).collect();
        with(&mut value, json!({ "approved": approved }));
    }
    value
}

/// A call was refused before it started. The words are the host's own.
pub(crate) fn refused(who: Who<'_>, status: Status, error: &CallError) -> Value {
    let mut value = record("decision", who);
    let more = json!({ "decision": "refused", "status": status.as_str(), "code": error.code });
    with(&mut value, more);
    // What is wrong with arguments is said by quoting them.
    if status != Status::InvalidArguments {
        with(&mut value, json!({ "reason": error.message }));
    }
    value
}

/// A call ended. Of a failure only its code is kept: the rest may be a guest's words.
pub(crate) fn ended(who: Who<'_>, outcome: &Outcome, beyond: &[Endpoint]) -> Value {
    let timing = &outcome.timing;
    let mut value = record("end", who);
    let more = json!({
        "status": outcome.status.as_str(),
        "code": outcome.error.as_ref().map(|error| &error.code),
        "wait_us": timing.start_us.saturating_sub(timing.queued_us),
        "run_us": timing.run_us,
        "cpu_us": timing.cpu_us,
    });
    with(&mut value, more);
    if !beyond.is_empty() {
        let servers: Vec<String> = beyond.iter().map(ToString::to_string).collect();
        with(&mut value, json!({ "sent_on_to": servers }));
    }
    value
}
