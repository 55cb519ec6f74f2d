//! Going somewhere: addresses, history, reload, and how far a page must have come. It must not go where the call has no
//! grant for.

use super::fault::{Fault, FaultKind};
use super::judge::{Leads, leads, shown};
use super::log::clip;
use super::page::{Hand, Page};
use super::state::Tab;
use super::stored::{origin, restore};
use super::visit::{ACTION, Need, Visit};
use super::worlds::WORLD;
use crate::call::Rights;
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How far a page must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The answer has come, and the old page is gone.
    Committed,
    /// The document is parsed.
    DomReady,
    /// The page's own resources are loaded, too.
    Load,
    /// There has been no request for half a second after that.
    Idle,
}

impl Until {
    /// What the browser calls that stage.
    pub(super) fn stage(self) -> &'static str {
        match self {
            Self::Committed => "commit",
            Self::DomReady => "DOMContentLoaded",
            Self::Load => "load",
            Self::Idle => "networkIdle",
        }
    }
}

/// Where a navigation has led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The address now.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Whether the page was left as it was.
    pub skipped: bool,
    /// Requests of the page that were refused.
    pub refused: Vec<String>,
}

/// As long as this a page may take to have its turn before it counts as one that computes without end.
const PATIENCE: Duration = Duration::from_secs(1);

/// As often as this such a page is stopped.
const ATTEMPTS: usize = 3;

fn limit(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms.max(1)))
}

impl Visit {
    /// Goes to an address.
    pub async fn navigate(
        &mut self,
        page: &Page,
        url: &str,
        until: Until,
        skip: bool,
        ms: u32,
    ) -> Result<Landed, Fault> {
        let name = self.may(&page.session, Need::Drive, Rights::default())?;
        let reach = match leads(url, true) {
            Leads::Refused(why) => return Err(Fault::new(FaultKind::NavigationDenied, why)),
            Leads::Nowhere => None,
            Leads::Out(endpoint) => {
                let reach = self.reach(&endpoint).cloned();
                let why = || {
                    Fault::new(
                        FaultKind::NavigationDenied,
                        format!("{endpoint} is not in the call's grant"),
                    )
                };
                Some(reach.ok_or_else(why)?)
            }
        };
        let running = self.started(&name).await?;
        let tab = running
            .state
            .borrow()
            .tab(&page.tab)
            .map(|tab| (Arc::clone(&tab.target), tab.session.clone()));
        let tab = match tab {
            Some(tab) => tab,
            None if page.tab == "t1" => {
                let (_, target, session) = self.opened(&running).await?;
                (target, session)
            }
            None => {
                return Err(running
                    .state
                    .borrow()
                    .found(&page.tab)
                    .err()
                    .unwrap_or_else(Fault::crashed));
            }
        };
        if let Some(reach) = &reach {
            let grants = || running.grants.lock().unwrap_or_else(PoisonError::into_inner);
            grants().give(&tab.0, &self.rules, reach);
            // One that was closed in this moment is not forgotten again. Neither lock is held while the other is taken.
            if running.state.borrow().tab(&page.tab).is_none() {
                grants().forget(&tab.0);
            }
        }
        let hand = self.to(running, page, tab, Need::Drive, limit(ms));
        // Read before anything of the tab is looked at: nothing can be told of it meanwhile.
        let there = url::Url::parse(url).ok().filter(|_| skip);
        if let Some(there) = there
            && hand.fine().is_ok()
            && hand.known(|tab| is_there(tab, there.as_str(), until))?
        {
            return landed(&hand, true).await;
        }
        hand.free().await?;
        hand.restore().await;
        let answer = hand.dialogs("Page.navigate", json!({ "url": url })).await;
        let arrived = match &answer {
            Ok(answer) => hand.loaded(url, answer, until).await,
            Err(_) => Ok(()),
        };
        hand.restored().await;
        answer?;
        arrived?;
        landed(&hand, false).await
    }

    /// Goes through the tab's history.
    pub async fn go(&mut self, page: &Page, steps: i32, until: Until, ms: u32) -> Result<Landed, Fault> {
        let hand = self.hand(page, Need::Drive, Rights::default(), limit(ms))?;
        let history = hand.bare("Page.getNavigationHistory", json!({})).await?;
        let now = history.get("currentIndex").and_then(Value::as_i64).unwrap_or(0);
        let entry = usize::try_from(now.saturating_add(i64::from(steps))).ok();
        let entry = entry.and_then(|at| history.get("entries")?.get(at));
        let Some(entry) = entry.filter(|_| steps != 0) else {
            return Err(Fault::invalid(format!(
                "the history of tab {} has no page {steps} steps from here",
                page.tab
            )));
        };
        let (loader, within) = hand.known(|tab| (tab.document.loader.clone(), tab.within))?;
        let params = json!({ "entryId": entry.get("id") });
        hand.free().await?;
        hand.dialogs("Page.navigateToHistoryEntry", params).await?;
        hand.arrive(|tab| tab.document.loader != loader || tab.within > within, until)
            .await?;
        landed(&hand, false).await
    }

    /// Loads the page again.
    pub async fn reload(&mut self, page: &Page, until: Until, ms: u32) -> Result<Landed, Fault> {
        let hand = self.hand_on(page, limit(ms))?;
        let before = hand.known(|tab| tab.document.loader.clone())?;
        hand.free().await?;
        hand.dialogs("Page.reload", json!({})).await?;
        hand.arrive(|tab| tab.document.loader != before, until).await?;
        landed(&hand, false).await
    }

    /// A tab that may be one whose process has crashed.
    fn hand_on(&mut self, page: &Page, limit: Duration) -> Result<Hand, Fault> {
        self.hand(page, Need::Drive, Rights::default(), limit)
    }

    /// Stops loading.
    pub async fn stop(&mut self, page: &Page) -> Result<(), Fault> {
        let hand = self.hand(page, Need::Drive, Rights::default(), ACTION)?;
        hand.page("Page.stopLoading", json!({})).await.map(drop)
    }
}

fn is_there(tab: &Tab, url: &str, until: Until) -> bool {
    tab.url == url && !tab.crashed && tab.document.reached.contains(until.stage())
}

async fn landed(hand: &Hand, skipped: bool) -> Result<Landed, Fault> {
    // The browser itself is asked: the page is busy with showing what has just come, or never has time.
    let history = hand
        .bare("Page.getNavigationHistory", json!({}))
        .await
        .unwrap_or_default();
    let at = history.get("currentIndex").and_then(Value::as_u64).unwrap_or(0);
    let told = history.pointer(&format!("/entries/{at}")).unwrap_or(&Value::Null);
    let name = hand.known(|tab| tab.document.refused.clone())?;
    // A server may send the same header, but knows no name that means anything.
    let why = name.and_then(|name| {
        let grants = hand.running.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.reason(&name)
    });
    hand.known(|tab| {
        let title = told.get("title").and_then(Value::as_str);
        match why {
            Some((true, why)) => Err(Fault::new(FaultKind::NavigationDenied, why)),
            Some((false, why)) => Err(Fault::new(FaultKind::NavigationFailed, why)),
            None => Ok(Landed {
                url: tab.url.clone(),
                title: clip(title.unwrap_or_default()),
                status: tab.document.status,
                skipped,
                refused: tab.refused.iter().cloned().collect(),
            }),
        }
    })?
}

/// Why a page was not loaded, from the browser's word for it.
fn not_loaded(hand: &Hand, url: &str, error: &str) -> Fault {
    let (at, refused) = (shown(url), hand.known(|tab| tab.refused.back().cloned()).ok().flatten());
    let tunnel = match leads(url, false) {
        Leads::Out(endpoint) => {
            let grants = hand.running.grants.lock().unwrap_or_else(PoisonError::into_inner);
            grants.last_failure(&endpoint)
        }
        Leads::Nowhere | Leads::Refused(_) => None,
    };
    let error = error.trim_start_matches("net::");
    match (error, refused, tunnel) {
        ("ERR_BLOCKED_BY_CLIENT", Some(why), _) => Fault::new(FaultKind::NavigationDenied, why),
        ("ERR_TUNNEL_CONNECTION_FAILED", _, Some((true, why))) => Fault::new(FaultKind::NavigationDenied, why),
        ("ERR_TUNNEL_CONNECTION_FAILED", _, Some((false, why))) => Fault::new(FaultKind::NavigationFailed, why),
        ("ERR_ABORTED", ..) => Fault::new(
            FaultKind::NavigationFailed,
            format!("{at} was not shown: it is a download, has no content, or was stopped"),
        ),
        (error, ..) => Fault::new(
            FaultKind::NavigationFailed,
            format!("{at} could not be loaded: {error}"),
        ),
    }
}

impl Hand {
    /// A page that computes without end is stopped, so that it can be left. It has to be before it is left: as soon as
    /// another document is on its way, nothing reaches this one.
    async fn free(&self) -> Result<(), Fault> {
        if self.known(|tab| tab.crashed)? {
            return Ok(());
        }
        if self.known(|tab| tab.loading)? {
            // Nothing is asked of a page as long as it is about to be exchanged.
            self.bare("Page.stopLoading", json!({})).await?;
        }
        for _ in 0..ATTEMPTS {
            let turn = json!({ "expression": "0" });
            let answer = self.hasty(PATIENCE).page("Runtime.evaluate", turn).await;
            if !answer.is_err_and(|fault| fault.kind == FaultKind::TimedOut) {
                break;
            }
            // If it has come to its end just now, it is what was asked that is stopped.
            drop(self.hasty(PATIENCE).bare("Runtime.terminateExecution", json!({})).await);
        }
        Ok(())
    }

    /// What the browser said to a navigation, and the wait for what it led to.
    async fn loaded(&self, url: &str, answer: &Value, until: Until) -> Result<(), Fault> {
        if let Some(error) = answer.get("errorText").and_then(Value::as_str) {
            return Err(not_loaded(self, url, error));
        }
        match answer.get("loaderId").and_then(Value::as_str) {
            // Another place in the same document; that the page is there is told a little later.
            None => {
                let there = url::Url::parse(url).map_or_else(|_| url.to_owned(), String::from);
                let soon = self.hasty(PATIENCE);
                drop(soon.until("arriving", |tab| (tab.url == there).then_some(())).await);
                Ok(())
            }
            Some(loader) => {
                let begins = |tab: &Tab| tab.document.loader == loader || tab.past.iter().any(|past| past == loader);
                self.arrive(begins, until).await
            }
        }
    }

    /// What an imported state says origins had stored is stored again before their own scripts run.
    async fn restore(&self) {
        // A navigation that was taken back may have left some.
        self.unscript().await;
        let scripts: Vec<String> = self.running.imports().iter().map(restore).collect();
        for script in scripts {
            let params = json!({ "source": script, "worldName": WORLD });
            let told = self.bare("Page.addScriptToEvaluateOnNewDocument", params).await;
            if let Some(identifier) = told.unwrap_or_default().get("identifier").and_then(Value::as_str) {
                self.running
                    .scripts()
                    .push((Arc::clone(&self.target), identifier.to_owned()));
            }
        }
    }

    /// Takes out of this tab what `restore` has put into it.
    async fn unscript(&self) -> bool {
        let own: Vec<String> = {
            let mut scripts = self.running.scripts();
            let own = scripts.extract_if(.., |(target, _)| *target == self.target);
            own.map(|(_, identifier)| identifier).collect()
        };
        for identifier in &own {
            let params = json!({ "identifier": identifier });
            drop(self.bare("Page.removeScriptToEvaluateOnNewDocument", params).await);
        }
        !own.is_empty()
    }

    /// Once is enough: afterwards the page's own changes count.
    async fn restored(&self) {
        if self.unscript().await {
            let here = self.known(|tab| origin(&tab.url)).ok().flatten();
            self.running
                .imports()
                .retain(|kept| Some(&kept.origin) != here.as_ref());
        }
    }

    /// Asks the page to leave; a dialog that keeps it is a fault, a crashed process is not: leaving is what heals it.
    async fn dialogs(&self, method: &'static str, params: Value) -> Result<Value, Fault> {
        if self.known(|tab| tab.dialog.is_some())? {
            return Err(self.fine().err().unwrap_or_else(Fault::crashed));
        }
        let opened = self
            .running
            .wait(|state| state.tab(&self.tab).is_none_or(|tab| tab.dialog.is_some()));
        tokio::select! {
            biased;
            answer = self.bare(method, params) => answer,
            _ = opened => Err(self.fine().err().unwrap_or_else(Fault::crashed)),
        }
    }

    /// Waits until what was asked for has begun, and that, or what has followed it, has come so far.
    async fn arrive(&self, begins: impl Fn(&Tab) -> bool, until: Until) -> Result<(), Fault> {
        let stage = until.stage();
        let mut begun = false;
        let wait = self.running.wait(|state| {
            let Some(tab) = state.tab(&self.tab) else { return true };
            begun |= begins(tab);
            let there = begun && tab.document.reached.contains(stage);
            there || state.ended.is_some() || tab.dialog.is_some() || (begun && tab.crashed)
        });
        match tokio::time::timeout_at(self.deadline, wait).await {
            Err(_) => Err(self
                .late(&format!("loading the page until {stage}"))
                .hint("it may be usable all the same: look at it, or wait for less")),
            Ok(_) => match self.known(|tab| tab.document.reached.contains(stage) && tab.dialog.is_none())? {
                true => Ok(()),
                false => self.fine(),
            },
        }
    }
}
