//! What a browser tells unasked, as changes of what is known of its session. It must not answer any of it: what is to be
//! done about it is returned.

use super::log::{ConsoleLine, RequestLine, clip};
use super::proxy::WHY;
use super::state::{Dialog, Download, State, Todo};
use super::wire::text;
use super::worlds::WORLD;
use serde_json::Value;

impl State {
    /// An event of the connection `session`, of the browser itself if there is none.
    pub(super) fn apply(&mut self, session: Option<&str>, method: &str, event: &Value) -> Vec<Todo> {
        match method.split_once('.') {
            Some(("Target", name)) => return self.target(session, name, event),
            Some(("Inspector", "targetCrashed")) => return self.crash(session.unwrap_or_default()),
            Some(("Page", name)) => self.page(session, name, event),
            Some(("Runtime" | "Log", name)) => self.script(session, name, event),
            Some(("Network", name)) => self.network(session, name, event),
            Some(("Browser", name)) => return self.download(name, event).into_iter().collect(),
            _ => {}
        }
        Vec::new()
    }

    fn target(&mut self, parent: Option<&str>, name: &str, event: &Value) -> Vec<Todo> {
        let (session, target) = (text(event, "/sessionId"), text(event, "/targetInfo/targetId"));
        match name {
            "attachedToTarget" => match text(event, "/targetInfo/type") {
                "page" => {
                    let opener = text(event, "/targetInfo/openerId");
                    self.open(session, target, Some(opener).filter(|opener| !opener.is_empty()))
                }
                // A frame with a process of its own belongs to the tab that it is in.
                "iframe" => {
                    let page = parent.and_then(|parent| self.attached.get(parent)).cloned();
                    if let Some((page, _)) = page {
                        self.attached.insert(session.to_owned(), (page, target.to_owned()));
                    }
                    vec![Todo::Watch {
                        session: session.to_owned(),
                        page: None,
                    }]
                }
                // Workers and worklets.
                _ => {
                    self.workers.put(session, target);
                    vec![Todo::Let(session.to_owned())]
                }
            },
            "detachedFromTarget" => {
                self.attached.remove(session);
                self.workers.remove(session);
                for tab in &mut self.tabs {
                    tab.lose(|_, frame| frame.session == session);
                }
                vec![Todo::Fail {
                    session: session.to_owned(),
                    crashed: false,
                }]
            }
            "targetDestroyed" => {
                let target = text(event, "/targetId");
                self.closing.remove(target);
                let known = self.by_target(target).map(|tab| tab.session.clone());
                self.close(target);
                let gone = known.into_iter().flat_map(|session| {
                    [
                        Todo::Fail {
                            session,
                            crashed: false,
                        },
                        Todo::Forget(target.to_owned()),
                    ]
                });
                gone.collect()
            }
            "targetCrashed" => {
                let target = text(event, "/targetId");
                let own = self.attached.iter().find(|(_, (_, own))| own == target);
                let session = own.map(|(session, _)| session.clone());
                session.map(|session| self.crash(&session)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn crash(&mut self, session: &str) -> Vec<Todo> {
        if let Some(tab) = self.of_session(Some(session)) {
            tab.lose(|_, frame| frame.session == session);
            if tab.session == session {
                (tab.crashed, tab.dialog, tab.loading) = (true, None, false);
            }
        }
        vec![Todo::Fail {
            session: session.to_owned(),
            crashed: true,
        }]
    }

    fn page(&mut self, session: Option<&str>, name: &str, event: &Value) {
        let Some(tab) = self.of_session(session) else { return };
        let session = session.unwrap_or_default();
        let frame = text(event, "/frameId");
        let main = *tab.target == *frame;
        match name {
            "frameNavigated" => {
                let (id, loader) = (text(event, "/frame/id"), text(event, "/frame/loaderId"));
                if *tab.target == *id {
                    // The frames of the document that was there go without a word if another process shows this one.
                    tab.lose(|name, _| name != id);
                }
                tab.frame(id, session);
                if *tab.target == *id {
                    tab.begin(loader);
                    tab.document.reached.insert("commit".to_owned());
                    tab.url = clip(&format!(
                        "{}{}",
                        text(event, "/frame/url"),
                        text(event, "/frame/urlFragment")
                    ));
                }
            }
            "navigatedWithinDocument" if main => {
                tab.url = clip(text(event, "/url"));
                // What a script says of the address is no way that anybody went.
                tab.within = tab
                    .within
                    .saturating_add(u64::from(text(event, "/navigationType") != "historyApi"));
            }
            "lifecycleEvent" if main => {
                tab.begin(text(event, "/loaderId"));
                tab.document.reached.insert(text(event, "/name").to_owned());
            }
            "frameStartedLoading" if main => tab.loading = true,
            "frameStoppedLoading" if main => (tab.loading, tab.stops) = (false, tab.stops.saturating_add(1)),
            "frameRequestedNavigation" | "frameScheduledNavigation" if main => match text(event, "/disposition") {
                "" | "currentTab" => tab.departures = tab.departures.saturating_add(1),
                // Told by what opens, or by the download.
                _ => {}
            },
            "windowOpen" => tab.windows = tab.windows.saturating_add(1),
            // Its first request may be the next thing that is told: it must be known whose that is.
            "frameAttached" => drop(tab.frame(frame, session)),
            "frameDetached" if text(event, "/reason") != "swap" => tab.lose(|name, _| name == frame),
            "javascriptDialogOpening" => {
                let proposed = text(event, "/defaultPrompt");
                tab.dialog = Some(Dialog {
                    kind: text(event, "/type").to_owned(),
                    message: clip(text(event, "/message")),
                    proposed: (text(event, "/type") == "prompt").then(|| clip(proposed)),
                });
            }
            "javascriptDialogClosed" => tab.dialog = None,
            _ => {}
        }
    }

    fn script(&mut self, session: Option<&str>, name: &str, event: &Value) {
        let Some(tab) = self.of_session(session) else { return };
        let session = session.unwrap_or_default();
        match name {
            "executionContextCreated" => {
                let unique = text(event, "/context/uniqueId").to_owned();
                let frame = tab.frame(text(event, "/context/auxData/frameId"), session);
                if text(event, "/context/name") == WORLD {
                    frame.world = Some(unique);
                } else if event.pointer("/context/auxData/isDefault") == Some(&Value::Bool(true)) {
                    frame.page = Some(unique);
                }
            }
            "executionContextDestroyed" => {
                let gone = text(event, "/executionContextUniqueId");
                for frame in tab.frames.values_mut() {
                    frame.world.take_if(|own| own == gone);
                    frame.page.take_if(|own| own == gone);
                }
            }
            "executionContextsCleared" => {
                for frame in tab.frames.values_mut().filter(|frame| frame.session == session) {
                    (frame.world, frame.page) = (None, None);
                }
            }
            "consoleAPICalled" => {
                let told = event.pointer("/args").and_then(Value::as_array).into_iter().flatten();
                let words: Vec<String> = told.take(20).map(argument).collect();
                let level = match text(event, "/type") {
                    "debug" | "trace" => "debug",
                    "warning" => "warning",
                    "error" | "assert" => "error",
                    _ => "info",
                };
                let at = place(
                    text(event, "/stackTrace/callFrames/0/url"),
                    event.pointer("/stackTrace/callFrames/0/lineNumber"),
                );
                tab.console.push(ConsoleLine {
                    level,
                    text: clip(&words.join(" ")),
                    at,
                });
            }
            "exceptionThrown" => {
                let details = text(event, "/exceptionDetails/exception/description");
                let said = match details {
                    "" => text(event, "/exceptionDetails/text"),
                    details => details,
                };
                tab.console.push(ConsoleLine {
                    level: "error",
                    text: clip(&format!("uncaught {said}")),
                    at: place(
                        text(event, "/exceptionDetails/url"),
                        event.pointer("/exceptionDetails/lineNumber"),
                    ),
                });
            }
            "entryAdded" => {
                let level = match text(event, "/entry/level") {
                    "verbose" => "debug",
                    "warning" => "warning",
                    "error" => "error",
                    _ => "info",
                };
                tab.console.push(ConsoleLine {
                    level,
                    text: clip(text(event, "/entry/text")),
                    at: place(text(event, "/entry/url"), event.pointer("/entry/lineNumber")),
                });
            }
            _ => {}
        }
    }

    fn network(&mut self, session: Option<&str>, name: &str, event: &Value) {
        let Some(tab) = self.of_session(session) else { return };
        let id = text(event, "/requestId");
        let status = |pointer| event.pointer(pointer).and_then(Value::as_u64);
        let status = |pointer| status(pointer).and_then(|status| u16::try_from(status).ok());
        if name == "requestWillBeSent" {
            if let Some(line) = tab.requests.newest(|line| line.id == id) {
                // A redirect is a request of its own under the same name.
                line.status = status("/redirectResponse/status").or(line.status);
            }
            return tab.requests.push(RequestLine {
                id: id.to_owned(),
                method: clip(text(event, "/request/method")),
                url: clip(text(event, "/request/url")),
                kind: text(event, "/type").to_owned(),
                status: None,
                failure: None,
                bytes: None,
            });
        }
        if name == "responseReceived" && text(event, "/loaderId") == id && text(event, "/frameId") == &*tab.target {
            tab.begin(id);
            tab.document.status = status("/response/status");
            let headers = event.pointer("/response/headers").and_then(Value::as_object);
            let mut why = headers
                .into_iter()
                .flatten()
                .filter(|(name, _)| name.eq_ignore_ascii_case(WHY));
            tab.document.refused = why.next().and_then(|(_, value)| value.as_str()).map(str::to_owned);
        }
        let Some(line) = tab.requests.newest(|line| line.id == id) else {
            return;
        };
        match name {
            "responseReceived" => line.status = status("/response/status"),
            "loadingFinished" => {
                let bytes = event.pointer("/encodedDataLength").and_then(Value::as_f64);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count of bytes"
                )]
                let whole = bytes.map(|bytes| bytes.max(0.0) as u64);
                line.bytes = whole;
            }
            "loadingFailed" => {
                let why = match text(event, "/blockedReason") {
                    "" => text(event, "/errorText"),
                    blocked => blocked,
                };
                line.failure = Some(clip(why));
            }
            _ => {}
        }
    }

    fn download(&mut self, name: &str, event: &Value) -> Option<Todo> {
        let id = text(event, "/guid");
        match name {
            "downloadWillBegin" => {
                return self.remember(Download {
                    id: id.to_owned(),
                    name: clip(text(event, "/suggestedFilename")),
                    url: clip(text(event, "/url")),
                    bytes: 0,
                    complete: false,
                    failure: None,
                });
            }
            "downloadProgress" => {
                let bytes = event.pointer("/receivedBytes").and_then(Value::as_f64).unwrap_or(0.0);
                if let Some(download) = self.downloads.iter_mut().map(|(_, own)| own).find(|own| own.id == id) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a count of bytes"
                    )]
                    let bytes = bytes.max(0.0) as u64;
                    // Counted when it comes: a download that is over may be forgotten, and what it wrote is there.
                    self.received = self.received.saturating_add(bytes.saturating_sub(download.bytes));
                    download.bytes = bytes;
                    match text(event, "/state") {
                        "completed" => download.complete = true,
                        "canceled" => download.failure = Some("it was refused or broke off".to_owned()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        None
    }
}

/// A value that a page has logged, in a few words.
fn argument(value: &Value) -> String {
    match value.get("value") {
        Some(Value::String(text)) => text.clone(),
        Some(plain) => plain.to_string(),
        None => match text(value, "/unserializableValue") {
            "" => text(value, "/description").to_owned(),
            special => special.to_owned(),
        },
    }
}

fn place(url: &str, line: Option<&Value>) -> Option<String> {
    let line = line.and_then(Value::as_u64).unwrap_or(0).saturating_add(1);
    (!url.is_empty()).then(|| clip(&format!("{url}:{line}")))
}

#[cfg(test)]
mod tests;
