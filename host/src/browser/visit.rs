//! The browser as one call has it: every operation is checked against the call's footprint before anything is asked of a
//! browser, and what the call has borrowed goes back when it ends. It must not decide what is granted.

use super::Browsers;
use super::fault::{Fault, FaultKind};
use super::line::Rank;
use super::page::{Hand, Page};
use super::session::{Lease, Running};
use super::state::State;
use super::transfers::Transfers;
use crate::call::{Access, Endpoint, Footprint, Reach, Resource, Rights, SessionName};
use crate::policy::ToolRules;
use crate::walls::{self, Wall};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time that an action may take unless it is said.
pub(super) const ACTION: Duration = Duration::from_secs(10);

/// What an operation needs of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// To look.
    Observe,
    /// To look at what is shown.
    View,
    /// To change something.
    Drive,
}

/// One call's browser.
pub struct Visit {
    browsers: Arc<Browsers>,
    plugin: String,
    pub(super) rules: Arc<ToolRules>,
    footprint: Arc<Footprint>,
    /// Sessions that don't end as long as this call lasts.
    leases: HashMap<SessionName, Lease>,
    pub(super) transfers: Transfers,
}

impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visit")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

impl Visit {
    /// The browser of a call with this footprint.
    #[must_use]
    pub fn new(browsers: Arc<Browsers>, plugin: &str, rules: Arc<ToolRules>, footprint: Arc<Footprint>) -> Self {
        let transfers = Transfers::new(rules.limits().transfer);
        Self {
            browsers,
            plugin: plugin.to_owned(),
            rules,
            footprint,
            leases: HashMap::new(),
            transfers,
        }
    }

    /// What has to be done when the call has ended, if anything.
    pub async fn end(self) {
        let Self { transfers, .. } = self;
        transfers.end().await;
    }

    /// The session, if the call may do this with it.
    pub(super) fn may(&self, session: &str, need: Need, rights: Rights) -> Result<SessionName, Fault> {
        let name = SessionName::of(&self.plugin, session);
        let access = match need {
            Need::Observe => Access::Read,
            Need::View if !self.browsers.shows_tabs() => Access::Read,
            Need::View | Need::Drive => Access::Write,
        };
        let own = |entry: &&crate::call::Entry| matches!(&entry.resource, Resource::Browser { session, .. } if *session == name);
        let granted = self.footprint.entries().iter().filter(own);
        let fits = granted.clone().any(|entry| {
            let held = match &entry.resource {
                Resource::Browser { rights, .. } => *rights,
                _ => Rights::default(),
            };
            entry.access >= access && held.contain(rights)
        });
        if fits || !walls::stands(Wall::Sessions) {
            return Ok(name);
        }
        let verb = match need {
            Need::Observe => "look at",
            Need::View => "view",
            Need::Drive => "drive",
        };
        let with = match rights.names() {
            names if names.is_empty() => String::new(),
            names => format!(" with the right to {}", names.join(" and ")),
        };
        Err(Fault::new(
            FaultKind::Denied,
            format!("the call was not granted to {verb} the browser session {session:?}{with}"),
        )
        .hint("the tool's manifest needs a browser claim for that"))
    }

    /// What the call may ask of a server: the grant that navigating there stands on.
    pub(super) fn reach(&self, endpoint: &Endpoint) -> Option<&Reach> {
        let reaches = self
            .footprint
            .entries()
            .iter()
            .filter_map(|entry| match &entry.resource {
                Resource::Network(reach) => Some(reach),
                Resource::Path { .. } | Resource::Browser { .. } | Resource::AnyBrowser => None,
            });
        let mut fits = reaches.filter(|reach| reach.methods.iter().any(|method| method == "GET"));
        match walls::stands(Wall::Origins) {
            true => fits.find(|reach| reach.endpoint == *endpoint),
            false => fits.next(),
        }
    }

    /// The session's browser, started if there is none.
    pub(super) async fn started(&mut self, name: &SessionName) -> Result<Arc<Running>, Fault> {
        let (session, lease) = self.browsers.session(name)?;
        self.leases.insert(name.clone(), lease);
        let threads = self.browsers.threads()?.clone();
        session.browser(&threads).await
    }

    /// The session's browser, if one runs.
    pub(super) fn known(&mut self, name: &SessionName) -> Option<Arc<Running>> {
        let (session, lease) = self.browsers.known(name)?;
        let running = session.running()?;
        self.leases.insert(name.clone(), lease);
        Some(running)
    }

    pub(super) async fn close(&mut self, name: &SessionName) {
        self.leases.remove(name);
        let session = self.browsers.forget(name);
        if let Some(running) = session.and_then(|session| session.take()) {
            running.end().await;
        }
    }

    /// A tab of a running session, and the right to do this with it until `limit` has passed.
    pub(super) fn hand(&mut self, page: &Page, need: Need, rights: Rights, limit: Duration) -> Result<Hand, Fault> {
        let name = self.may(&page.session, need, rights)?;
        let running = self.known(&name).ok_or_else(|| {
            Fault::new(
                FaultKind::NoSuch,
                format!("the browser session {:?} has no tabs", page.session),
            )
            .hint("open a page first")
        })?;
        let tab = running
            .state
            .borrow()
            .found(&page.tab)
            .map(|tab| (Arc::clone(&tab.target), tab.session.clone()))?;
        Ok(self.to(running, page, tab, need, limit))
    }

    pub(super) fn to(
        &self,
        running: Arc<Running>,
        page: &Page,
        (target, session): (Arc<str>, String),
        need: Need,
        limit: Duration,
    ) -> Hand {
        Hand {
            running,
            tab: page.tab.clone(),
            target,
            session,
            rank: if need == Need::Drive { Rank::Drive } else { Rank::Look },
            begun: Instant::now(),
            deadline: Instant::now() + limit,
        }
    }

    /// Opens an empty tab.
    pub(super) async fn opened(&self, running: &Arc<Running>) -> Result<(String, Arc<str>, String), Fault> {
        let deadline = Instant::now() + ACTION;
        let before = running.state.borrow().tabs.len();
        if before >= running.state.borrow().most_tabs {
            let fault = Fault::new(
                FaultKind::Overloaded,
                format!("{before} tabs are open, and no more may be"),
            );
            return Err(fault.hint("close one, or raise browser_tabs in [limits] of the policy"));
        }
        let made = json!({ "url": "about:blank" });
        let made = running
            .line
            .ask(Rank::Drive, None, "Target.createTarget", made, deadline)
            .await?;
        let target = made
            .get("targetId")
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned();
        let ready = |state: &State| {
            let tab = state.tabs.iter().find(|tab| *tab.target == *target);
            state.ended.is_some() || tab.is_some_and(|tab| tab.ready)
        };
        let waited = tokio::time::timeout_at(deadline, running.wait(ready)).await;
        if waited.is_err() {
            return Err(Fault::timed_out("opening a tab", ACTION.as_millis()));
        }
        let state = running.state.borrow();
        let tab = state
            .tabs
            .iter()
            .find(|tab| *tab.target == *target)
            .ok_or_else(Fault::crashed)?;
        Ok((tab.id.clone(), Arc::clone(&tab.target), tab.session.clone()))
    }
}
