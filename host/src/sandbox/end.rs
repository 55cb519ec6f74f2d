//! From what wasmtime and a guest say to how a call ended. Whose fault an end is gets decided here and nowhere else.
//! It must not touch the store or any file.

use super::Job;
use super::bindings::{Failure, Output, types};
use super::net::NetEnd;
use crate::call::{CallError, Content, Endpoint, Status};
use crate::walls::{self, Wall};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;

/// What is wrong with a structured answer, or with there being none.
pub type Check = Box<dyn Fn(Option<&Value>) -> Result<(), String> + Send + Sync>;

/// What the export returned.
pub(super) type Answer = Result<Output, Failure>;

/// How a run came to an end without an answer.
#[derive(Debug)]
pub(super) enum Broken {
    Cancelled,
    Timeout,
    /// It has computed for longer than it may.
    Cpu,
    Trap(wasmtime::Error),
}

/// Limits that refused the guest something while it ran.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) memory: bool,
    pub(super) open_files: bool,
    pub(super) net: NetEnd,
    pub(super) write_bytes: bool,
    pub(super) made_files: bool,
}

/// How a run ended: the part of an outcome that the sandbox knows.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The kind of end.
    pub status: Status,
    /// The answer.
    pub content: Vec<Content>,
    /// The answer as one document.
    pub structured: Option<Value>,
    /// Why not `ok`.
    pub error: Option<CallError>,
    /// What happened beside the answer.
    pub notes: Vec<String>,
    /// What the guest logged.
    pub log: String,
    /// What others see of the result, if others take it: see the dispatch room.
    pub document: Option<Arc<Value>>,
    /// Whether it asked for no time and no chance: then the same call on the same files ends the same way.
    pub repeatable: bool,
    /// How long it computed.
    pub cpu: Duration,
    /// Servers beyond its footprint that answers sent it to, each allowed by the policy.
    pub beyond: Vec<Endpoint>,
}

impl Ended {
    /// An end with an answer and nothing else.
    #[must_use]
    pub fn ok(content: Vec<Content>, structured: Option<Value>) -> Self {
        Self {
            status: Status::Ok,
            content,
            structured,
            error: None,
            notes: Vec::new(),
            log: String::new(),
            document: None,
            repeatable: false,
            cpu: Duration::ZERO,
            beyond: Vec::new(),
        }
    }

    /// An end with an error and nothing else.
    #[must_use]
    pub fn error(status: Status, code: &str, message: impl Into<String>) -> Self {
        let error = CallError {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        };
        Self {
            status,
            error: Some(error),
            ..Self::ok(Vec::new(), None)
        }
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let pieces = self.content.iter().map(|piece| match piece {
            Content::Text(text) => text.len(),
            Content::Json(value) => value.to_string().len(),
            Content::Image { media_type, data } | Content::Blob { media_type, data } => media_type.len() + data.len(),
        });
        let structured = self.structured.as_ref().map_or(0, |value| value.to_string().len());
        pieces.sum::<usize>() + structured + self.log.len()
    }

    /// The same, if its structured answer is what the tool has declared. Otherwise it has failed, and as with any failure the
    /// files that it wrote whole are not put in place: whoever reads its answer would take it for something else.
    pub(crate) fn checked(self, tool: &str, check: Option<&Check>) -> Self {
        let check = check.filter(|_| self.status == Status::Ok);
        match check.map_or(Ok(()), |check| check(self.structured.as_ref())) {
            Ok(()) => self,
            Err(problem) => {
                let message = format!("{tool} answered with something else than its output_schema says: {problem}");
                Self::error(Status::Failed, "output_mismatch", message).hint("the plugin is at fault, not the call")
            }
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(error) = &mut self.error {
            error.hint = Some(hint.into());
        }
        self
    }
}

pub(super) fn judge(answer: Result<Answer, Broken>, reached: &Reached, job: &Job, log: String) -> Ended {
    let mut ended = match answer {
        Ok(Ok(output)) => accept(output, job),
        Ok(Err(failure)) => refuse(failure, reached, job),
        Err(Broken::Cancelled) => Ended::error(
            Status::Cancelled,
            "cancelled",
            format!("{} was taken back while it ran", job.tool),
        ),
        Err(Broken::Timeout) => {
            let ms = job.limits.wall.as_millis();
            Ended::error(
                Status::Timeout,
                "timeout",
                format!("{} did not end within {ms} ms", job.tool),
            )
            .hint("ask for less at once; wall_ms in the policy is the most that a call gets, whatever timeout_ms it may have said")
        }
        Err(Broken::Cpu) => {
            let ms = job.limits.cpu.as_millis();
            over(
                "cpu",
                format!("{} computed for more than the {ms} ms allowed", job.tool),
            )
            .hint("raise cpu_ms in the policy")
        }
        Err(Broken::Trap(error)) => trapped(&error, reached, job, &log),
    };
    ended.log = log;
    ended
}

fn accept(output: Output, job: &Job) -> Ended {
    let bytes = size(&output);
    if bytes > job.limits.output && walls::stands(Wall::Output) {
        return over(
            "output",
            format!(
                "{} answered with {bytes} bytes, more than the {} allowed",
                job.tool, job.limits.output
            ),
        )
        .hint("ask for less at once, or raise output_bytes in the policy");
    }
    let mut content = Vec::with_capacity(output.content.len());
    for piece in output.content {
        match piece {
            types::Content::Text(text) => content.push(Content::Text(text)),
            types::Content::Json(text) => match serde_json::from_str(&text) {
                Ok(value) => content.push(Content::Json(value)),
                Err(error) => return not_json(&error, job),
            },
            types::Content::Image(types::Blob { media_type, data }) => {
                content.push(Content::Image { media_type, data });
            }
            types::Content::Blob(types::Blob { media_type, data }) => {
                content.push(Content::Blob { media_type, data });
            }
        }
    }
    let structured = match output.structured.as_deref().map(serde_json::from_str) {
        None => None,
        Some(Ok(value)) => Some(value),
        Some(Err(error)) => return not_json(&error, job),
    };
    Ended::ok(content, structured).checked(&job.tool, job.check.as_ref())
}

fn size(output: &Output) -> u64 {
    let pieces = output.content.iter().map(|piece| match piece {
        types::Content::Text(text) | types::Content::Json(text) => text.len(),
        types::Content::Image(blob) | types::Content::Blob(blob) => blob.data.len(),
    });
    let structured = output.structured.as_ref().map_or(0, String::len);
    (pieces.sum::<usize>() + structured) as u64
}

fn not_json(error: &serde_json::Error, job: &Job) -> Ended {
    let message = format!("{} answered with something that is not JSON: {error}", job.tool);
    Ended::error(Status::Failed, "invalid_output", message)
}

fn refuse(failure: Failure, reached: &Reached, job: &Job) -> Ended {
    if let Some(ended) = files_over(reached, job) {
        return ended;
    }
    if let Some(limit) = reached.net.over {
        let said = clip(failure.message);
        let message = format!("{}: {said} (more than the {limit} allowed)", job.tool);
        return over(limit, message).hint(format!("raise {limit} in the policy"));
    }
    let status = match failure.kind {
        types::FailureKind::Failed => Status::Failed,
        types::FailureKind::InvalidArguments => Status::InvalidArguments,
        types::FailureKind::Denied => Status::Denied,
        types::FailureKind::NotFound => Status::NotFound,
    };
    // A tool's words are bounded like its answer, and a code is only a word.
    let code: String = failure
        .code
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(64)
        .collect();
    let code = if code.is_empty() { "failed" } else { &code };
    let mut ended = Ended::error(status, code, clip(failure.message));
    // The host knows better than the tool why a server could not be reached.
    if let Some(refusal) = &reached.net.refused {
        return ended.hint(format!("{}; {}", refusal.reason(), refusal.hint()));
    }
    if let Some(hint) = failure.hint {
        ended = ended.hint(clip(hint));
    }
    ended
}

/// The limit on files that refused the guest something, if one did: what a call that failed failed for.
fn files_over(reached: &Reached, job: &Job) -> Option<Ended> {
    let (tool, limits) = (&job.tool, &job.limits);
    if reached.open_files {
        let message = format!("{tool} opened more than {} files at once", limits.open_files);
        return Some(over("open_files", message).hint("raise open_files in the policy"));
    }
    if reached.write_bytes {
        let message = format!(
            "{tool} wanted to write more than the {} bytes allowed",
            limits.write_bytes
        );
        return Some(over("write_bytes", message).hint("raise write_bytes in the policy"));
    }
    reached.made_files.then(|| too_many_made(job))
}

/// The end of a call that wanted too many files, or whose names need too many folders.
pub(super) fn too_many_made(job: &Job) -> Ended {
    let message = format!(
        "{} wanted to make more than the {} files and folders allowed",
        job.tool, job.limits.made_files
    );
    over("made_files", message).hint("raise made_files in the policy")
}

/// The longest message of a tool that is passed on, in characters.
const MESSAGE_CHARS: usize = 16_000;

fn clip(text: String) -> String {
    match text.char_indices().nth(MESSAGE_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

fn over(code: &str, message: String) -> Ended {
    Ended::error(Status::Limit, code, message)
}

fn trapped(error: &wasmtime::Error, reached: &Reached, job: &Job, log: &str) -> Ended {
    let tool = &job.tool;
    if reached.memory {
        let limit = job.limits.memory;
        return over(
            "memory",
            format!("{tool} needed more than the {limit} bytes of memory allowed"),
        )
        .hint("raise memory_bytes in the policy");
    }
    if let Some(ended) = files_over(reached, job) {
        return ended;
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return over("handles", format!("{tool} held too many handles at once"));
    }
    if let Some(FieldMapError::TooManyFields | FieldMapError::TotalSizeTooBig) = error.downcast_ref() {
        return over("headers", format!("{tool} wanted to send more than 128 KiB of headers"));
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Ended::error(
            Status::Trapped,
            "exit",
            format!("{tool} exited with code {code} instead of answering"),
        );
    }
    let last_words = log.lines().rev().find(|line| line.contains("panicked at"));
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => over("stack", format!("{tool} used up its stack: a recursion without end?")),
        Some(trap) => {
            let ended = Ended::error(Status::Trapped, "trap", format!("{tool} trapped: {trap}"));
            match last_words.map(|line| clip(line.to_owned())) {
                Some(words) => ended.hint(words),
                None => ended,
            }
        }
        None => Ended::error(
            Status::Trapped,
            "trap",
            format!("{tool} broke a rule of the sandbox: {}", error.root_cause()),
        ),
    }
}
