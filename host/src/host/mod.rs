//! The embedder's door: a host with a workspace, a policy and plugins, that takes calls and answers in order.
//! It must not decide anything itself; it puts the rooms together.

mod builder;
mod plan;

pub use builder::{HostBuilder, HostError};
pub use plan::{Plan, PlannedCall, Wait};

use crate::call::{Call, Outcome};
use crate::catalog::{Entry, LoadError, Plugin};
use crate::dispatch::{BatchError, Dispatcher};
use crate::policy::Policy;
use std::path::Path;
use std::sync::Arc;

/// A running host. Cheap to share behind an `Arc`; dropping it stops whatever still runs.
///
/// ```
/// use toolyard::{Call, Host, Status};
///
/// # let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("notes.txt"), "one\ntwo\n")?;
/// let host = Host::builder().workspace(folder.path()).build()?;
///
/// let batch = vec![
///     Call::new("read_file", serde_json::json!({ "path": "notes.txt" })),
///     Call::new("edit_file", serde_json::json!({
///         "path": "notes.txt",
///         "edits": [{ "old_text": "two", "new_text": "three" }],
///     })),
///     Call::new("read_file", serde_json::json!({ "path": "./notes.txt" })),
/// ];
/// let runtime = tokio::runtime::Runtime::new()?;
/// let outcomes = runtime.block_on(host.batch(batch))?;
///
/// assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
/// assert_eq!(outcomes[2].waited_for, ["2".into()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Host {
    dispatcher: Dispatcher,
    problems: Vec<LoadError>,
}

impl Host {
    /// A builder with the defaults: the current directory as the workspace, its `toolyard.toml` or else the default
    /// policy, the standard plugins, compiled code kept in the user's cache folder.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Runs one call and waits for its outcome. Conflicts with every other call of this host are respected.
    ///
    /// # Errors
    /// If `after` names a call: a single call has nobody to come after.
    pub async fn call(&self, call: Call) -> Result<Outcome, BatchError> {
        let outcomes = self.batch(vec![call]).await?;
        // One call in, one outcome out.
        outcomes.into_iter().next().ok_or(BatchError::Cycle(Vec::new()))
    }

    /// Runs calls that belong together and waits for all; outcomes come in the order of the calls. One call's failure
    /// cancels nothing but the calls that name it in `after`.
    ///
    /// # Errors
    /// If ids are given twice, or `after` names an unknown call or goes in a circle; then nothing has started.
    pub async fn batch(&self, calls: Vec<Call>) -> Result<Vec<Outcome>, BatchError> {
        Ok(self.dispatcher.submit(calls)?.outcomes().await)
    }

    /// Compiles the plugins that these calls need, beside each other, so that no call has to wait for that. Compiled code
    /// is kept: this takes time only once for a component on a machine.
    pub async fn warm(&self, calls: &[Call]) {
        self.dispatcher.warm(calls.iter().map(|call| call.tool.as_str())).await;
    }

    /// What would happen to these calls with the file tree as it is: footprints and waits. Nothing runs.
    ///
    /// # Errors
    /// As `batch`.
    pub fn plan(&self, calls: &[Call]) -> Result<Plan, BatchError> {
        plan::plan(self.dispatcher.rules(), calls)
    }

    /// Takes back every call that has not ended: waiting ones at once, running ones as soon as their guest has stopped.
    pub fn cancel_all(&self) {
        self.dispatcher.cancel_all();
    }

    /// All tools, by name.
    pub fn tools(&self) -> impl Iterator<Item = &Entry> {
        self.dispatcher.rules().catalog.tools()
    }

    /// The tool of that name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Entry> {
        self.dispatcher.rules().catalog.tool(name)
    }

    /// All plugins, in the order in which they were loaded.
    #[must_use]
    pub fn plugins(&self) -> &[Arc<Plugin>] {
        self.dispatcher.rules().catalog.plugins()
    }

    /// The plugins that could not be loaded, and why.
    #[must_use]
    pub fn problems(&self) -> &[LoadError] {
        &self.problems
    }

    /// Where calls work.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        self.dispatcher.rules().workspace.path()
    }

    /// What they may do.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.dispatcher.rules().policy
    }
}
