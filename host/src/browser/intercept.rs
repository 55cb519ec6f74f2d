//! Requests of pages that wait for our word: each is judged by what its tab was granted, before it goes out. It must not
//! let anything through that it can't tell.

use super::actor::Actor;
use super::judge::{Leads, leads, shown};
use super::log::clip;
use super::proxy::USER;
use super::state::{Held, State};
use super::wire::text;
use crate::walls::{self, Wall};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// As long as this a request waits for being told whose frame it is that makes it: pages and the network speak to us by
/// different ways, and either may be the first.
const PATIENCE: Duration = Duration::from_millis(300);

/// As many requests wait so; more are judged at once.
const MOST_HELD: usize = 1024;

/// Whose grants a request is judged by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This tab's.
    Tab(Arc<str>),
    /// All tabs', together: what several of them may share asks.
    Any,
    /// What every tab was granted: nobody can tell which one asks.
    Each,
}

impl State {
    /// By whose grants it is judged what asks under this name.
    pub(super) fn whose(&self, frame: &str) -> Whose {
        match self.owner(frame) {
            Some(target) => Whose::Tab(target),
            None if frame.is_empty() || self.is_worker(frame) => Whose::Any,
            // It may be one that was forgotten: nobody has any grant under that name.
            None if self.forgets() => Whose::Tab(frame.into()),
            None => Whose::Each,
        }
    }
}

impl Actor {
    /// A request of a page waits for our word.
    pub(super) fn paused(&mut self, session: Option<&str>, event: &Value) {
        let frame = text(event, "/frameId");
        let known = self.state.borrow().knows(frame);
        if known || self.held.len() >= MOST_HELD {
            return self.judge(session, event);
        }
        self.held.push_back(Held {
            until: Instant::now() + PATIENCE,
            session: session.map(str::to_owned),
            event: event.clone(),
        });
    }

    /// Judges the held requests whose frame is known now, and those that have waited long enough.
    pub(super) fn let_go(&mut self) {
        let now = Instant::now();
        for held in std::mem::take(&mut self.held) {
            let known = self.state.borrow().knows(text(&held.event, "/frameId"));
            match known || held.until <= now {
                true => self.judge(held.session.as_deref(), &held.event),
                false => self.held.push_back(held),
            }
        }
    }

    fn judge(&mut self, session: Option<&str>, event: &Value) {
        let (id, url, method) = (
            text(event, "/requestId"),
            text(event, "/request/url"),
            text(event, "/request/method"),
        );
        let frame = text(event, "/frameId");
        let whose = self.state.borrow().whose(frame);
        let judged = match leads(url, text(event, "/resourceType") == "Document") {
            _ if !walls::stands(Wall::Interception) => Ok(()),
            Leads::Nowhere => Ok(()),
            Leads::Refused(why) => Err(why),
            Leads::Out(endpoint) => {
                let may = |target: Option<&str>| self.grants().may(target, &endpoint, Some(method)).map(drop);
                match &whose {
                    Whose::Tab(target) => may(Some(target)),
                    Whose::Any => may(None),
                    Whose::Each => {
                        let state = self.state.borrow();
                        match state.tabs.is_empty() {
                            true => Err(format!("{endpoint}: nobody can tell which page asks for it")),
                            false => state.tabs.iter().try_for_each(|tab| may(Some(&tab.target))),
                        }
                    }
                }
            }
        };
        match judged {
            Ok(()) => self.tell(session, "Fetch.continueRequest", json!({ "requestId": id })),
            Err(why) => {
                self.refuse(session, id);
                let line = clip(&format!("{} {}: {why}", text(event, "/resourceType"), shown(url)));
                self.state.send_modify(|state| {
                    if let Whose::Tab(target) = whose
                        && let Some(tab) = state.by_target(&target)
                    {
                        tab.refuse(line);
                    }
                });
            }
        }
    }

    pub(super) fn refuse(&mut self, session: Option<&str>, id: &str) {
        let answer = json!({ "requestId": id, "errorReason": "BlockedByClient" });
        self.tell(session, "Fetch.failRequest", answer);
    }

    /// Our own proxy asks who is there; a server that does gets no answer from us.
    pub(super) fn authenticate(&mut self, session: Option<&str>, event: &Value) {
        let answer = match text(event, "/authChallenge/source") {
            "Proxy" => json!({ "response": "ProvideCredentials", "username": USER, "password": self.password }),
            _ => json!({ "response": "Default" }),
        };
        let params = json!({ "requestId": text(event, "/requestId"), "authChallengeResponse": answer });
        self.tell(session, "Fetch.continueWithAuth", params);
    }
}
