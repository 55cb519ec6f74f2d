//! The embedder's door: a host with a workspace, a policy and plugins, that takes calls and answers in order.
//! It must not decide anything itself; it puts the rooms together.

#[cfg_attr(not(feature = "browser"), path = "no_browsers.rs")]
mod browsers;
mod builder;
mod client;
mod doctor;
mod explain;
mod known;
mod makeup;
mod makings;
mod places;
mod plan;
mod roots;
mod trust;

#[cfg(test)]
mod tests;

#[cfg(feature = "mcp")]
pub(crate) use crate::dispatch::Memory;
pub use crate::dispatch::{Answer, Answering, Approve, Asks, BatchError, Canceller, Observer, Question};
pub use builder::{HostBuilder, HostError, Outline, POLICY_FILE};
pub use client::Client;
pub use doctor::{Check, Health};
pub use explain::{Explained, Explanation};
pub use known::approve as approve_claims;
pub use makeup::Makeup;
pub use makings::Reloaded;
pub use places::{browsers_base as browsers_folder, owners_folder};
pub use plan::{Plan, PlannedCall};
pub use roots::{RootError, RootMount};

use crate::browser::SessionStatus;
use crate::call::{Call, CallError, Outcome, Status};
use crate::catalog::{Catalog, Entry, LoadError, Plugin};
use crate::dispatch::{Batch, Dispatcher, Events, LiveCall, Whose};
use crate::policy::Policy;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A running host. Cheap to share behind an `Arc`; dropping it stops whatever still runs, and the calls of clients that live on
/// end as `host_failure`.
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
/// assert_eq!(outcomes[2].waited_for(), ["2".into()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Host {
    dispatcher: Arc<Dispatcher>,
    problems: Vec<LoadError>,
    makings: Arc<makings::Makings>,
    cores: NonZeroUsize,
}

impl Drop for Host {
    fn drop(&mut self) {
        // Clients may live on; their calls don't.
        self.dispatcher.close();
        // What is left of their calls may hold the browsers a little longer than this.
        if let Some(browsers) = self.dispatcher.browsers() {
            browsers.end();
        }
    }
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
    /// If ids are given twice, a call names an unknown one, names go in a circle, or a `$result` makes no sense; then nothing
    /// has started.
    pub async fn batch(&self, calls: Vec<Call>) -> Result<Vec<Outcome>, BatchError> {
        Ok(self.submit(calls)?.outcomes().await)
    }

    /// Takes a batch in and hands it back as it runs: to be awaited, or taken back in whole or in part.
    ///
    /// # Errors
    /// As `batch`.
    pub fn submit(&self, calls: Vec<Call>) -> Result<Batch, BatchError> {
        self.dispatcher.submit(calls)
    }

    /// As `submit`, with what happens to these calls and no others, from the first event on until all have ended.
    ///
    /// ```
    /// use toolyard::{Call, Host, What};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let host = Host::builder().workspace(folder.path()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let calls = vec![Call::new("hash", serde_json::json!({ "text": "one" }))];
    /// let (batch, mut events) = host.watch(calls)?;
    /// let mut ended = 0;
    /// while let Some(event) = events.next().await {
    ///     if let What::Finished { status } = event.what {
    ///         println!("{}: {}", event.id, status.as_str());
    ///         ended += 1;
    ///     }
    /// }
    /// assert_eq!(ended, batch.outcomes().await.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As `batch`.
    pub fn watch(&self, calls: Vec<Call>) -> Result<(Batch, Events), BatchError> {
        self.dispatcher.watch(None, calls)
    }

    /// A door for one of several users of this host: their calls are scheduled together with all others, each has a bounded
    /// queue of its own, takes back only its own calls, and what is answered about them holds for it alone.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.dispatcher))
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
        plan::plan(&self.dispatcher.rules(), calls)
    }

    /// What one call would be granted with the file tree as it is, and by which rule. Nothing runs.
    ///
    /// # Errors
    /// If the call would end for another reason: there is no such tool, or its arguments don't fit.
    pub fn explain(&self, call: &Call) -> Result<Explanation, (Status, CallError)> {
        explain::explain(&self.dispatcher.rules(), call)
    }

    /// Takes back every call that has not ended: waiting ones at once, running ones as soon as their guest has stopped.
    pub fn cancel_all(&self) {
        self.dispatcher.cancel(Whose::All);
    }

    /// The calls of all clients that have not ended, the oldest first. Never waits for any of them.
    #[must_use]
    pub fn status(&self) -> Vec<LiveCall> {
        self.dispatcher.status()
    }

    /// The browser sessions that run.
    #[must_use]
    pub fn browser_sessions(&self) -> Vec<SessionStatus> {
        self.dispatcher.sessions()
    }

    /// Ends all browser sessions and waits until nothing is left of them. Dropping the host ends them, too.
    pub async fn close_browsers(&self) {
        if let Some(browsers) = self.dispatcher.browsers() {
            browsers.close().await;
        }
    }

    /// Waits until the observers have been told all that has happened so far, at most for that long; whether they have.
    pub fn settle_events(&self, at_most: Duration) -> bool {
        self.dispatcher.settle_events(at_most)
    }

    /// Whether observers have yet to be told of progress or log lines of that batch. Never waits.
    #[must_use]
    pub fn has_words(&self, batch: u64) -> bool {
        self.dispatcher.has_words(batch)
    }

    /// How many calls compute at one moment.
    #[must_use]
    pub fn cores(&self) -> NonZeroUsize {
        self.cores
    }

    /// All tools as they are now, by name.
    #[must_use]
    pub fn tools(&self) -> Vec<Entry> {
        self.catalog().tools().cloned().collect()
    }

    /// The tool of that name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<Entry> {
        self.catalog().tool(name).cloned()
    }

    /// What another host would have to have in common with this one to be one with it.
    #[must_use]
    pub fn makeup(&self) -> Makeup {
        let dispatcher = &self.dispatcher;
        Makeup::of(&self.makings.workspace, dispatcher.policy(), self.catalog().plugins())
    }

    /// All plugins, in the order in which they were loaded.
    #[must_use]
    pub fn plugins(&self) -> Vec<Arc<Plugin>> {
        self.catalog().plugins().to_vec()
    }

    /// Tools and plugins as they are now, as one value that no reload changes.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.dispatcher.rules().catalog)
    }

    /// The plugins that could not be loaded when the host was built, and why.
    #[must_use]
    pub fn problems(&self) -> &[LoadError] {
        &self.problems
    }

    /// Where calls work.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        self.makings.workspace.path()
    }

    /// What they may do.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.dispatcher.policy()
    }

    /// The audit log that is written, whoever named it: the builder or the policy.
    #[must_use]
    pub fn audit(&self) -> Option<&Path> {
        self.dispatcher.audit()
    }
}
