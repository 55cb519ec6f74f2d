//! Requests of pages that wait for our word: each is judged by what its tab was granted, before it goes out. It must not
//! let anything through that it can't tell.

use super::actor::Actor;
use super::judge::{Leads, leads, shown};
use super::log::clip;
use super::proxy::USER;
use crate::walls::{self, Wall};
use serde_json::{Value, json};

impl Actor {
    /// A request of a page waits for our word.
    pub(super) fn judge(&mut self, session: Option<&str>, event: &Value) {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (id, url, method) = (text("/requestId"), text("/request/url"), text("/request/method"));
        let frame = text("/frameId");
        let target = self.state.borrow().owner(frame);
        let judged = match leads(url, text("/resourceType") == "Document") {
            _ if !walls::stands(Wall::Interception) => Ok(()),
            Leads::Nowhere => Ok(()),
            Leads::Refused(why) => Err(why),
            Leads::Out(endpoint) => {
                let may = self.grants().may(target.as_deref(), &endpoint, Some(method));
                may.map(drop)
            }
        };
        match judged {
            Ok(()) => self.tell(session, "Fetch.continueRequest", json!({ "requestId": id })),
            Err(why) => {
                self.refuse(session, id);
                let line = clip(&format!("{} {}: {why}", text("/resourceType"), shown(url)));
                self.state.send_modify(|state| {
                    if let Some(tab) = target.and_then(|target| state.by_target(&target)) {
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
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let answer = match text("/authChallenge/source") {
            "Proxy" => json!({ "response": "ProvideCredentials", "username": USER, "password": self.password }),
            _ => json!({ "response": "Default" }),
        };
        let params = json!({ "requestId": text("/requestId"), "authChallengeResponse": answer });
        self.tell(session, "Fetch.continueWithAuth", params);
    }
}
