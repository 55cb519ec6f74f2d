//! What can be read beside calling tools: each tool's declaration, the latest calls as a picture, the end of the audit log.
//! It must not show what a call answered.

use super::desk::Desk;
use crate::call::Access;
use crate::catalog::Entry;
use crate::host::Host;
use crate::report;
use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, ReadResourceResult, Reference, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

const TIMELINE: &str = "toolyard://timeline";
const FOLDERS: &str = "toolyard://folders";
const AUDIT: &str = "toolyard://audit";
const TOOLS: &str = "toolyard://tools/";

/// What stands for a tool's name in the template.
const TOOL: &str = "tool";

/// As many bytes of the audit log are shown.
const TAIL: u64 = 64 << 10;

/// All there is.
pub(super) fn list(host: &Host) -> Vec<Resource> {
    let resource = |uri: String, name: &str, description: &str, kind: &str| {
        let mut resource = Resource::new(uri, name);
        resource.description = Some(description.to_owned());
        resource.mime_type = Some(kind.to_owned());
        resource
    };
    let mut all = vec![resource(
        TIMELINE.to_owned(),
        "timeline",
        "The latest calls of all clients: what ran at once, and what waited for what",
        "text/html",
    )];
    let what = "The folders that calls reach, and what may be done there as far as the policy's other lines let it";
    all.push(resource(FOLDERS.to_owned(), "folders", what, "application/json"));
    if host.audit().is_some() {
        let what = "The end of the audit log, a JSON object a line";
        all.push(resource(AUDIT.to_owned(), "audit", what, "application/jsonl"));
    }
    all.extend(host.tools().iter().map(|entry| {
        let uri = format!("{TOOLS}{}", entry.tool.name);
        resource(
            uri,
            &entry.tool.name,
            "What the tool takes, gives and touches",
            "application/json",
        )
    }));
    all
}

/// What there is one of for each name.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = ResourceTemplate::new(format!("{TOOLS}{{{TOOL}}}"), "tool");
    vec![
        template
            .with_description("What a tool takes, gives and touches")
            .with_mime_type("application/json"),
    ]
}

/// The names that go on as somebody has begun to write one.
pub(super) fn complete(host: &Host, request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let known = match &request.r#ref {
        Reference::Resource(template) => templates().iter().any(|known| known.uri_template == template.uri),
        _ => false,
    };
    if !known || request.argument.name != TOOL {
        return Err(ErrorData::invalid_params("there is nothing to complete here", None));
    }
    let begun = request.argument.value.as_str();
    let tools = host.tools();
    let names = tools.iter().map(|entry| entry.tool.name.as_str());
    let mut fit: Vec<String> = names
        .filter(|name| name.starts_with(begun))
        .map(str::to_owned)
        .collect();
    let total = u32::try_from(fit.len()).ok();
    let more = fit.len() > CompletionInfo::MAX_VALUES;
    fit.truncate(CompletionInfo::MAX_VALUES);
    CompletionInfo::with_pagination(fit, total, more)
        .map(CompleteResult::new)
        .map_err(|error| ErrorData::internal_error(error, None))
}

/// One of them.
pub(super) fn read(host: &Host, desk: &Desk, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let (kind, text) = match uri {
        TIMELINE => {
            let outcomes = desk.outcomes();
            let summary = report::Summary::of(&outcomes, host.cores()).to_string();
            ("text/html", report::timeline(&outcomes, "Latest calls", &summary))
        }
        FOLDERS => ("application/json", folders(host)),
        AUDIT => match host.audit().map(tail) {
            Some(Ok(text)) => ("application/jsonl", text),
            Some(Err(error)) => return Err(ErrorData::internal_error(format!("the audit log: {error}"), None)),
            None => return Err(unknown(uri)),
        },
        _ => {
            let name = uri.strip_prefix(TOOLS).ok_or_else(|| unknown(uri))?;
            let entry = host.tool(name).ok_or_else(|| unknown(uri))?;
            ("application/json", declared(&entry))
        }
    };
    let contents = ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(kind.to_owned()),
        text,
        meta: None,
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

fn unknown(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })))
}

fn folders(host: &Host) -> String {
    let folder = |path: String, access: Access| json!({ "path": path, "access": access });
    let mounts = host.mounts().into_iter();
    let mounts = mounts.map(|(name, access)| folder(format!("/{name}"), access));
    let all: Vec<Value> = std::iter::once(folder(".".to_owned(), Access::Write))
        .chain(mounts)
        .collect();
    format!("{:#}", Value::Array(all))
}

fn declared(entry: &Entry) -> String {
    let tool = &entry.tool;
    let told = json!({
        "name": tool.name,
        "plugin": entry.plugin.manifest.name,
        "version": entry.plugin.manifest.version,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
        "claims": tool.claims,
    });
    format!("{told:#}")
}

/// The last whole lines of a file.
fn tail(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(match from {
        0 => text.into_owned(),
        // The first line has lost its beginning.
        _ => text
            .split_once('\n')
            .map_or_else(String::new, |(_, rest)| rest.to_owned()),
    })
}
