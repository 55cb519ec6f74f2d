//! Tools of the embedder's own: closures with a manifest, judged and scheduled like components and beside them. It must not
//! decide who runs, and it can't confine anybody: a closure has the powers of the program that it is part of. For it a claim
//! is what the policy judges and others wait for, and no wall.

mod call;

pub use call::{NativeAnswer, NativeCall};

use crate::call::{CallError, Footprint, Status};
use crate::manifest::{Manifest, ManifestError};
use crate::policy::Limits;
use crate::sandbox::{Check, Ended, OnSlot, Sink, Slot};
use crate::workspace::Workspace;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::oneshot;

type Answering = Pin<Box<dyn Future<Output = Result<NativeAnswer, CallError>> + Send>>;
type Closure = Arc<dyn Fn(NativeCall) -> Answering + Send + Sync>;

/// A manifest whose tools are closures: for [`HostBuilder::native`](crate::HostBuilder::native).
///
/// They are trusted like the program that they are part of: nothing keeps one from touching what it did not claim. What it
/// claims is judged by the policy, and no call that conflicts with it runs at the same time, component or closure.
///
/// ```
/// use toolyard::{Call, Host, NativePlugin};
///
/// let plugin = NativePlugin::parse(r#"{
///     "name": "greetings", "version": "1.0.0",
///     "tools": [{
///         "name": "greet",
///         "description": "Greets somebody",
///         "input_schema": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] }
///     }]
/// }"#)?
/// .tool("greet", |call| async move { Ok(format!("Hello, {}!", call.arguments["name"].as_str().unwrap_or("you")).into()) });
///
/// # let folder = tempfile::tempdir()?;
/// let host = Host::builder().workspace(folder.path()).native(plugin).build()?;
/// let runtime = tokio::runtime::Runtime::new()?;
/// let outcome = runtime.block_on(host.call(Call::new("greet", serde_json::json!({ "name": "Ada" }))))?;
/// assert_eq!(outcome.content, [toolyard::Content::Text("Hello, Ada!".to_owned())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct NativePlugin {
    manifest: Manifest,
    closures: HashMap<String, Closure>,
}

impl fmt::Debug for NativePlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativePlugin")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

impl NativePlugin {
    /// A plugin with this manifest, in the form of a component's: JSON with `name`, `version` and `tools`.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse(manifest: impl AsRef<[u8]>) -> Result<Self, ManifestError> {
        Ok(Self {
            manifest: Manifest::parse(manifest.as_ref())?,
            closures: HashMap::new(),
        })
    }

    /// What `name` does. It runs on a thread of the host's: what takes long there should be awaited, for only then others
    /// get the core, and only there a cancel or a time limit ends it.
    #[must_use]
    pub fn tool<F, A>(mut self, name: impl Into<String>, run: F) -> Self
    where
        F: Fn(NativeCall) -> A + Send + Sync + 'static,
        A: Future<Output = Result<NativeAnswer, CallError>> + Send + 'static,
    {
        let closure: Closure = Arc::new(move |call| Box::pin(run(call)));
        self.closures.insert(name.into(), closure);
        self
    }

    /// What it declares.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A tool that has no closure, or a closure that has no tool.
    pub(crate) fn mismatch(&self) -> Option<(&str, &'static str)> {
        let tools = &self.manifest.tools;
        let without = tools.iter().find(|tool| !self.closures.contains_key(&tool.name));
        let beside = self
            .closures
            .keys()
            .find(|name| !tools.iter().any(|tool| tool.name == **name));
        let without = without.map(|tool| (tool.name.as_str(), "is declared and has no closure"));
        without.or_else(|| beside.map(|name| (name.as_str(), "has a closure and is not declared")))
    }

    /// Runs one call. Returns when its closure has stopped.
    pub(crate) async fn run(&self, job: NativeJob) -> Ended {
        let tool = job.tool.clone();
        let Some(closure) = self.closures.get(&tool).map(Arc::clone) else {
            return Ended::error(Status::HostFailure, "no_closure", format!("{tool} has no closure"));
        };
        let (limits, mut stop, check) = (job.limits, job.stop, job.check);
        let (slot, cpu) = (job.slot, limits.cpu);
        let call = NativeCall::new(job.tool, job.arguments, job.footprint, job.workspace, job.sink);
        // A task of its own: if it panics, that ends the call and nothing else.
        let mut task = tokio::spawn(async move {
            let mut work = OnSlot::new(async move { closure(call).await }, Some(slot), cpu);
            let answer = (&mut work).await;
            (answer, work.spent())
        });
        let early = tokio::select! {
            biased;
            Ok(()) = &mut stop => Err(Ended::error(Status::Cancelled, "cancelled", format!("{tool} was taken back while it ran"))),
            () = tokio::time::sleep(limits.wall) => {
                let ms = limits.wall.as_millis();
                Err(Ended::error(Status::Timeout, "timeout", format!("{tool} did not end within {ms} ms")))
            }
            done = &mut task => Ok(done),
        };
        match early {
            Ok(Ok((answer, cpu))) => Ended {
                cpu,
                ..judged(&tool, answer, &limits).checked(&tool, check.as_ref())
            },
            Ok(Err(_)) => Ended::error(
                Status::Trapped,
                "panic",
                format!("{tool} panicked instead of answering"),
            ),
            Err(ended) => {
                task.abort();
                // What it holds is free when it has stopped, and not before.
                drop(task.await);
                ended
            }
        }
    }
}

fn judged(tool: &str, answer: Option<Result<NativeAnswer, CallError>>, limits: &Limits) -> Ended {
    let ended = match answer {
        Some(Ok(answer)) => Ended::ok(answer.content, answer.structured),
        Some(Err(error)) => {
            let mut ended = Ended::error(Status::Failed, &error.code, "");
            ended.error = Some(error);
            return ended;
        }
        None => {
            let ms = limits.cpu.as_millis();
            let message = format!("{tool} computed for more than the {ms} ms allowed");
            return Ended::error(Status::Limit, "cpu", message);
        }
    };
    let bytes = ended.weight() as u64;
    match bytes > limits.output {
        true => Ended::error(
            Status::Limit,
            "output",
            format!(
                "{tool} answered with {bytes} bytes, more than the {} allowed",
                limits.output
            ),
        ),
        false => ended,
    }
}

/// One call, with everything that was decided about it.
pub(crate) struct NativeJob {
    /// The tool's name.
    pub(crate) tool: String,
    /// The arguments, paths already canonical.
    pub(crate) arguments: Value,
    /// Where paths live.
    pub(crate) workspace: Arc<Workspace>,
    /// What was compared.
    pub(crate) footprint: Arc<Footprint>,
    /// What it may use, as far as a closure can be held to it: time and the size of its answer.
    pub(crate) limits: Limits,
    /// Resolves when the caller takes the call back.
    pub(crate) stop: oneshot::Receiver<()>,
    /// Lends it a core; it begins with one.
    pub(crate) slot: Arc<dyn Slot>,
    /// Is told what it says while it runs.
    pub(crate) sink: Option<Sink>,
    /// Whether a structured answer is one that the tool has declared.
    pub(crate) check: Option<Check>,
}
