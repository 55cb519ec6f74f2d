//! What a closure is given, and what it gives back.

use crate::call::{CanonicalPath, Content, Footprint, Level, Resource, Scope, What};
use crate::sandbox::Sink;
use crate::workspace::Workspace;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One call of a native tool: what it is asked, and what it holds as long as it runs.
pub struct NativeCall {
    /// The tool that is called.
    pub tool: String,
    /// The arguments: they fit the tool's schema, and every path that a claim names is in its canonical form.
    pub arguments: Value,
    /// What the call holds: no other call that conflicts with it runs meanwhile.
    pub footprint: Arc<Footprint>,
    workspace: Arc<Workspace>,
    sink: Option<Sink>,
}

impl fmt::Debug for NativeCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeCall")
            .field("tool", &self.tool)
            .field("arguments", &self.arguments)
            .field("footprint", &self.footprint)
            .finish_non_exhaustive()
    }
}

impl NativeCall {
    pub(super) fn new(
        tool: String,
        arguments: Value,
        footprint: Arc<Footprint>,
        workspace: Arc<Workspace>,
        sink: Option<Sink>,
    ) -> Self {
        Self {
            tool,
            arguments,
            footprint,
            workspace,
            sink,
        }
    }

    /// Where a path of the arguments is on this machine, if this call holds it; `path` is in its canonical form, relative to
    /// the workspace or `/mount/…`.
    #[must_use]
    pub fn path(&self, path: &str) -> Option<PathBuf> {
        let path = canonical(path);
        let place = Resource::Path {
            path: path.clone(),
            scope: Scope::File,
            object: None,
        };
        let mut held = self.footprint.entries().iter();
        held.any(|entry| entry.resource.overlaps(&place))
            .then(|| self.workspace.real_path(&path))
            .flatten()
    }

    /// Says how far it is: `done` of `total` steps, if that is known.
    pub fn progress(&self, done: u64, total: Option<u64>, message: impl Into<String>) {
        let message = message.into();
        self.tell(What::Progress { done, total, message });
    }

    /// A line of its log, for observers.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.tell(What::Log { level, text });
    }

    fn tell(&self, what: What) {
        if let Some(sink) = &self.sink {
            sink(what);
        }
    }
}

/// A path as guests spell it, taken apart.
fn canonical(path: &str) -> CanonicalPath {
    let (mount, below) = match path.strip_prefix('/') {
        None => ("", path),
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
    };
    let parts: Vec<&str> = below.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    match parts.contains(&"..") {
        // No canonical path has one: a name that nothing is held by.
        true => CanonicalPath::new("..", ""),
        false => CanonicalPath::new(mount, parts.join("/")),
    }
}

/// What a native tool answers. A text, or a JSON value, becomes one by `into()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeAnswer {
    /// What is read: text, JSON, pictures.
    pub content: Vec<Content>,
    /// The same as one document that fits the tool's `output_schema`, if it declares one: then there has to be one.
    pub structured: Option<Value>,
}

impl From<String> for NativeAnswer {
    fn from(text: String) -> Self {
        Self {
            content: vec![Content::Text(text)],
            structured: None,
        }
    }
}

impl From<&str> for NativeAnswer {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// The document and the same as JSON to read.
impl From<Value> for NativeAnswer {
    fn from(value: Value) -> Self {
        Self {
            content: vec![Content::Json(value.clone())],
            structured: Some(value),
        }
    }
}

impl From<Content> for NativeAnswer {
    fn from(content: Content) -> Self {
        Self {
            content: vec![content],
            structured: None,
        }
    }
}
