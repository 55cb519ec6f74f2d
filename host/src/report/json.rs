//! Outcomes and footprints as JSON, in the shapes that the README documents.
//! It must not leave a field out because it is empty, except where the documentation marks it optional.

use super::Summary;
use super::text::other;
use crate::call::{Access, CallError, Content, Entry, Event, Outcome, Resource, Scope, Wait, What};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::num::NonZeroUsize;

/// One outcome: `{id, tool, status, content, structured?, error?, waited_for, waited_for_more?, timing, notes?,
/// log?}`.
#[must_use]
pub fn outcome(outcome: &Outcome) -> Value {
    let mut fields = Map::new();
    fields.insert("id".into(), json!(outcome.id));
    fields.insert("tool".into(), json!(outcome.tool));
    fields.insert("status".into(), json!(outcome.status.as_str()));
    fields.insert("content".into(), outcome.content.iter().map(content).collect());
    if let Some(structured) = &outcome.structured {
        fields.insert("structured".into(), structured.clone());
    }
    if let Some(error) = &outcome.error {
        fields.insert("error".into(), call_error(error));
    }
    fields.insert("waited_for".into(), outcome.waits.iter().map(other).collect());
    if outcome.more_waits > 0 {
        fields.insert("waited_for_more".into(), json!(outcome.more_waits));
    }
    let timing = outcome.timing;
    fields.insert(
        "timing".into(),
        json!({
            "queued_us": timing.queued_us,
            "start_us": timing.start_us,
            "end_us": timing.end_us,
            "run_us": timing.run_us,
            "cpu_us": timing.cpu_us,
        }),
    );
    if !outcome.notes.is_empty() {
        fields.insert("notes".into(), json!(outcome.notes));
    }
    if !outcome.log.is_empty() {
        fields.insert("log".into(), json!(outcome.log));
    }
    Value::Object(fields)
}

/// One event: `{at_us, batch, id, event, …}`, and `dropped` if some were lost before it.
#[must_use]
pub fn event(event: &Event) -> Value {
    let mut value = match &event.what {
        What::Queued { tool, waits } => json!({ "event": "queued", "tool": tool, "waits_for": waits_for(waits) }),
        What::Planned { waits } => json!({ "event": "planned", "waits_for": waits_for(waits) }),
        What::Asking { question } => json!({ "event": "asking", "question": question }),
        What::Started => json!({ "event": "started" }),
        What::Progress { done, total, message } => {
            json!({ "event": "progress", "done": done, "total": total, "message": message })
        }
        What::Output(piece) => json!({ "event": "output", "content": content(piece) }),
        What::Log { level, text } => json!({ "event": "log", "level": level.as_str(), "text": text }),
        What::Finished { status } => json!({ "event": "finished", "status": status.as_str() }),
    };
    if let Some(fields) = value.as_object_mut() {
        let mut all = Map::new();
        all.insert("at_us".into(), json!(event.at_us));
        all.insert("batch".into(), json!(event.batch));
        all.insert("id".into(), json!(event.id));
        all.append(fields);
        if event.dropped > 0 {
            all.insert("dropped".into(), json!(event.dropped));
        }
        *fields = all;
    }
    value
}

/// Reasons to wait: `[{id, mine, theirs, batch?}]`; `mine` and `theirs` are `null` and `after` is `true` where the call names the
/// other one; `batch` is there where that is of another batch.
#[must_use]
pub fn waits_for(waits: &[Wait]) -> Value {
    let one = |wait: &Wait| {
        let mut told = match &wait.entries {
            Some((mine, theirs)) => json!({ "id": wait.on, "mine": entry(mine), "theirs": entry(theirs) }),
            None => json!({ "id": wait.on, "mine": null, "theirs": null, "after": true }),
        };
        if let (Some(fields), Some(batch)) = (told.as_object_mut(), wait.batch) {
            fields.insert("batch".into(), json!(batch));
        }
        told
    };
    waits.iter().map(one).collect()
}

/// A whole run: `{outcomes, summary}`.
#[must_use]
pub fn run(outcomes: &[Outcome], cores: NonZeroUsize) -> Value {
    json!({
        "outcomes": outcomes.iter().map(outcome).collect::<Vec<_>>(),
        "summary": Summary::of(outcomes, cores).to_json(),
    })
}

/// `{code, message, hint?}`.
#[must_use]
pub fn call_error(error: &CallError) -> Value {
    let mut fields = Map::new();
    fields.insert("code".into(), json!(error.code));
    fields.insert("message".into(), json!(error.message));
    if let Some(hint) = &error.hint {
        fields.insert("hint".into(), json!(hint));
    }
    Value::Object(fields)
}

fn content(content: &Content) -> Value {
    match content {
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Json(value) => json!({ "type": "json", "json": value }),
        Content::Image { media_type, data } => {
            json!({ "type": "image", "media_type": media_type, "data_base64": STANDARD.encode(data) })
        }
        Content::Blob { media_type, data } => {
            json!({ "type": "blob", "media_type": media_type, "data_base64": STANDARD.encode(data) })
        }
    }
}

/// One entry of a footprint: `{kind, resource, access, scope?}`. A file with several links says so by `links: true`.
#[must_use]
pub fn entry(entry: &Entry) -> Value {
    let access = match (&entry.resource, entry.access) {
        (Resource::Browser { .. } | Resource::AnyBrowser, Access::Read) => "observe",
        (Resource::Browser { .. } | Resource::AnyBrowser, Access::Write) => "drive",
        (Resource::Path { .. } | Resource::Network(_), Access::Read) => "read",
        (Resource::Path { .. } | Resource::Network(_), Access::Write) => "write",
    };
    match &entry.resource {
        Resource::Path { path, scope, object } => {
            let scope = match scope {
                Scope::File => "file",
                Scope::Directory => "directory",
                Scope::Tree => "tree",
            };
            let mut shown = json!({ "kind": "path", "resource": path.to_string(), "access": access, "scope": scope });
            if let (Some(fields), Some(_)) = (shown.as_object_mut(), object) {
                fields.insert("links".into(), Value::Bool(true));
            }
            shown
        }
        Resource::Network(reach) => {
            let (endpoint, methods) = (reach.endpoint.to_string(), &*reach.methods);
            let mut shown = json!({ "kind": "network", "resource": endpoint, "access": access, "methods": methods });
            if let (Some(fields), true) = (shown.as_object_mut(), reach.redirects) {
                fields.insert("redirects".into(), Value::Bool(true));
            }
            shown
        }
        Resource::Browser { session, rights } => {
            let mut told = json!({ "kind": "browser", "resource": session.as_str(), "access": access });
            if let (Some(fields), false) = (told.as_object_mut(), rights.names().is_empty()) {
                fields.insert("rights".to_owned(), json!(rights.names()));
            }
            told
        }
        Resource::AnyBrowser => json!({ "kind": "browser", "resource": null, "access": access }),
    }
}
