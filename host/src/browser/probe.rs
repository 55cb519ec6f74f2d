//! Whether a browser can be started on this machine at all. It must not leave one behind.

use super::Browsers;
use super::fault::Fault;
use super::line::Rank;
use super::session::Session;
use crate::call::SessionName;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A browser that could be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it calls itself.
    pub version: String,
    /// Milliseconds that it took to start.
    pub ms: u128,
    /// Whether its own sandbox was on.
    pub sandbox: bool,
}

impl Browsers {
    /// Starts a browser and ends it again.
    ///
    /// # Errors
    /// Why it can't be started.
    pub async fn probe(self: &Arc<Self>) -> Result<Probe, Fault> {
        let session = Session::new(SessionName::of("toolyard", "probe"), Arc::clone(&self.setting));
        let begun = Instant::now();
        let running = session.browser(self.threads()?).await?;
        let ms = begun.elapsed().as_millis();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        let told = running
            .line
            .ask(Rank::Drive, None, "Browser.getVersion", json!({}), deadline)
            .await;
        running.end().await;
        let told = told?;
        let version = told
            .get("product")
            .and_then(Value::as_str)
            .unwrap_or("a browser")
            .to_owned();
        Ok(Probe {
            version,
            ms,
            sandbox: running.sandbox,
        })
    }
}
