//! One tab in the hands of one operation: what is asked of its page and of our scripts in its frames, and how the answers
//! that are none become faults. It must not wait past its deadline, nor behind a dialog that nobody has answered.

use super::fault::{Fault, FaultKind};
use super::line::Rank;
use super::refs::Place;
use super::session::Running;
use super::state::{Dialog, State, Tab};
use super::worlds::{SCRIPTS, WORLD};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Ref;
use tokio::time::{Instant, timeout_at};

/// A tab, as a call names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The session's name, as it was claimed.
    pub session: String,
    /// The tab's id.
    pub tab: String,
}

/// Which element is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A reference from a snapshot: `e12`.
    Reference(String),
    /// A CSS selector.
    Selector(String),
}

/// A tab in the hands of one operation.
pub(super) struct Hand {
    pub(super) running: Arc<Running>,
    pub(super) tab: String,
    pub(super) target: Arc<str>,
    pub(super) session: String,
    pub(super) rank: Rank,
    pub(super) begun: Instant,
    pub(super) deadline: Instant,
}

/// What the browser says when a document is not there any more.
const GONE: [&str; 5] = [
    "Cannot find context",
    "uniqueContextId not found",
    "context was destroyed",
    "navigated or closed",
    "Execution context",
];

/// What it says while one page takes the place of another.
const BETWEEN: &str = "Not attached to an active page";

impl Hand {
    pub(super) fn state(&self) -> Ref<'_, State> {
        self.running.state.borrow()
    }

    /// What is known of the tab.
    pub(super) fn known<T>(&self, look: impl FnOnce(&Tab) -> T) -> Result<T, Fault> {
        let state = self.state();
        if let Some(fault) = &state.ended {
            return Err(fault.clone());
        }
        state.found(&self.tab).map(look)
    }

    /// The time that is left, as far as it makes sense to a page.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The same with less time.
    pub(super) fn hasty(&self, most: Duration) -> Hand {
        Hand {
            running: Arc::clone(&self.running),
            tab: self.tab.clone(),
            target: Arc::clone(&self.target),
            session: self.session.clone(),
            deadline: self.deadline.min(tokio::time::Instant::now() + most),
            ..*self
        }
    }

    pub(super) fn late(&self, what: &str) -> Fault {
        Fault::timed_out(what, self.begun.elapsed().as_millis())
    }

    /// Asks the browser itself.
    pub(super) async fn browser(&self, method: &'static str, params: Value) -> Result<Value, Fault> {
        self.running
            .line
            .ask(self.rank, None, method, params, self.deadline)
            .await
    }

    /// Asks the tab's page, dialog or not.
    pub(super) async fn bare(&self, method: &'static str, params: Value) -> Result<Value, Fault> {
        self.sent(&self.session, method, params).await
    }

    /// Asks what `session` leads to. A dialog that is open, or opens meanwhile, ends it: nothing would answer before that.
    pub(super) async fn ask(&self, session: &str, method: &'static str, params: Value) -> Result<Value, Fault> {
        self.fine()?;
        let stopped = self.running.wait(|state| stopped(state, &self.tab).is_some());
        tokio::select! {
            biased;
            answer = self.sent(session, method, params) => answer,
            _ = stopped => Err(self.fine().err().unwrap_or_else(Fault::crashed)),
        }
    }

    /// What is answered; asked again where the browser has refused, because another page was about to take the place of
    /// the one that was there.
    async fn sent(&self, session: &str, method: &'static str, params: Value) -> Result<Value, Fault> {
        let line = &self.running.line;
        loop {
            let asked = line.ask(self.rank, Some(session), method, params.clone(), self.deadline);
            match asked.await {
                Err(fault) if fault.message.ends_with(BETWEEN) && Instant::now() < self.deadline => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                answer => return answer,
            }
        }
    }

    /// The same of the tab's main page.
    pub(super) async fn page(&self, method: &'static str, params: Value) -> Result<Value, Fault> {
        self.ask(&self.session, method, params).await
    }

    /// Whether the tab can be used.
    pub(super) fn fine(&self) -> Result<(), Fault> {
        let state = self.state();
        match stopped(&state, &self.tab) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Waits until something is known of the tab.
    pub(super) async fn until<T>(&self, what: &str, look: impl Fn(&Tab) -> Option<T>) -> Result<T, Fault> {
        let mut found = None;
        let wait = self.running.wait(|state| {
            found = match stopped(state, &self.tab) {
                Some(fault) => Some(Err(fault)),
                None => state.tab(&self.tab).and_then(&look).map(Ok),
            };
            found.is_some()
        });
        let waited = timeout_at(self.deadline, wait).await;
        match (waited, found) {
            (Ok(_), Some(found)) => found,
            (Ok(_), None) => Err(Fault::crashed()),
            (Err(_), _) => Err(self.late(what)),
        }
    }

    /// The document of the main frame, with the world of our scripts in it.
    pub(super) async fn main(&self) -> Result<Place, Fault> {
        let frame = self.target.to_string();
        self.until("waiting for the page", |tab| {
            tab.frames.contains_key(&frame).then_some(())
        })
        .await?;
        let world = self.world(&frame).await?;
        Ok(Place { frame, world })
    }

    /// The world of our scripts in a frame's document, made when it is first needed: most documents never need one.
    pub(super) async fn world(&self, frame: &str) -> Result<String, Fault> {
        loop {
            let session = self.session_of(frame)?;
            if let Some(world) = self.known(|tab| tab.frames.get(frame).and_then(|frame| frame.world.clone()))? {
                return Ok(world);
            }
            let params = json!({ "frameId": frame, "worldName": WORLD });
            match self.ask(&session, "Page.createIsolatedWorld", params).await {
                // It was told of before it was answered.
                Ok(_) if self.known(|tab| tab.frames.get(frame).is_some_and(|frame| frame.world.is_some()))? => {}
                Err(fault) if fault.kind != FaultKind::Failed => return Err(fault),
                // Another document has come, or is about to.
                Ok(_) | Err(_) if Instant::now() < self.deadline => tokio::time::sleep(Duration::from_millis(5)).await,
                Ok(_) => return Err(self.late("waiting for the page")),
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Where an element is meant to be, and what our scripts call it.
    pub(super) async fn place(&self, target: &Target) -> Result<(Place, Value), Fault> {
        match target {
            Target::Selector(selector) => Ok((self.main().await?, json!({ "selector": selector }))),
            Target::Reference(text) => {
                let number = text.strip_prefix('e').and_then(|digits| digits.parse::<u64>().ok());
                let Some(number) = number else {
                    return Err(Fault::invalid(format!("{text:?} is no reference like e12")));
                };
                match self.running.refs.place(&self.target, number) {
                    Some(place) => Ok((place, json!({ "ref": number }))),
                    None => Err(stale(text)),
                }
            }
        }
    }

    /// The connection that leads to a frame.
    pub(super) fn session_of(&self, frame: &str) -> Result<String, Fault> {
        let session = self.known(|tab| tab.frames.get(frame).map(|frame| frame.session.clone()))?;
        session.ok_or_else(|| Fault::new(FaultKind::StaleReference, "the frame is gone").hint("look at the page again"))
    }

    /// Asks one of our scripts' doors in a document; what it returns, or the fault that it names.
    pub(super) async fn call(&self, place: &Place, door: &str, argument: Value) -> Result<Value, Fault> {
        let answer = self.evaluate(place, door, argument, true).await?;
        let value = answer.pointer("/result/value").cloned().unwrap_or_default();
        faulty(&value).map_or(Ok(value), Err)
    }

    /// The same for a door that returns an element: the browser's name for it.
    pub(super) async fn object(&self, place: &Place, argument: Value) -> Result<String, Fault> {
        let answer = self.evaluate(place, "element", argument, false).await?;
        let object = answer.pointer("/result/objectId").and_then(Value::as_str);
        let element = answer.pointer("/result/subtype").and_then(Value::as_str) == Some("node");
        match object.filter(|_| element) {
            Some(object) => Ok(object.to_owned()),
            None => Err(stale("the element")),
        }
    }

    async fn evaluate(&self, place: &Place, door: &str, argument: Value, value: bool) -> Result<Value, Fault> {
        let session = self.session_of(&place.frame)?;
        self.scripts(place, &session).await?;
        let params = json!({
            "functionDeclaration": format!("(a) => toolyard.{door}(a)"),
            "arguments": [{ "value": argument }],
            "uniqueContextId": place.world,
            "returnByValue": value,
            "awaitPromise": true,
        });
        let answer = self.ask(&session, "Runtime.callFunctionOn", params).await;
        let answer = answer.map_err(gone)?;
        match answer
            .pointer("/exceptionDetails/exception/description")
            .and_then(Value::as_str)
        {
            Some(thrown) => Err(Fault::failed(format!(
                "the page could not be asked: {}",
                first_line(thrown)
            ))),
            None => Ok(answer),
        }
    }

    /// Puts our scripts into a document that hasn't got them.
    async fn scripts(&self, place: &Place, session: &str) -> Result<(), Fault> {
        if self.running.worlds.has(&place.world) {
            return Ok(());
        }
        let params = json!({ "expression": SCRIPTS, "uniqueContextId": place.world });
        let done = self.ask(session, "Runtime.evaluate", params).await;
        done.map_err(gone)?;
        self.running.worlds.put(&place.world);
        Ok(())
    }

    /// The same in the main frame's document, in the next one if it goes while it is asked.
    pub(super) async fn main_call(&self, door: &str, argument: &Value) -> Result<Value, Fault> {
        loop {
            let place = self.main().await?;
            match self.call(&place, door, argument.clone()).await {
                Err(fault) if fault.kind == FaultKind::StaleReference && Instant::now() < self.deadline => {
                    // Its end has been told, or will be in a moment.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                other => return other,
            }
        }
    }
}

/// A document that is not there any more is no failure of the browser's.
fn gone(fault: Fault) -> Fault {
    match fault.kind == FaultKind::Failed && GONE.iter().any(|words| fault.message.contains(words)) {
        true => stale("the element or page"),
        false => fault,
    }
}

/// Why nothing can be asked of a tab's page.
fn stopped(state: &State, id: &str) -> Option<Fault> {
    if let Some(fault) = &state.ended {
        return Some(fault.clone());
    }
    let tab = match state.found(id) {
        Ok(tab) => tab,
        Err(fault) => return Some(fault),
    };
    if tab.crashed {
        let why = format!("the process of tab {id} has crashed");
        return Some(Fault::new(FaultKind::Crashed, why).hint("navigate the tab to make it usable again"));
    }
    tab.dialog.as_ref().map(|dialog| open(id, dialog))
}

pub(super) fn open(tab: &str, dialog: &Dialog) -> Fault {
    let said = match dialog.message.is_empty() {
        true => String::new(),
        false => format!(": {:?}", dialog.message),
    };
    let message = format!("a dialog ({}) is open in tab {tab}{said}", dialog.kind);
    Fault::new(FaultKind::DialogOpen, message).hint("answer it first: accept or dismiss")
}

fn stale(what: &str) -> Fault {
    Fault::new(
        FaultKind::StaleReference,
        format!("{what} is not in this page any more"),
    )
    .hint("take a new snapshot")
}

/// What a door says when it has no answer.
fn faulty(value: &Value) -> Option<Fault> {
    let kind = match value.get("error")?.as_str()? {
        "stale-reference" => FaultKind::StaleReference,
        "no-element" => FaultKind::NoElement,
        "not-actionable" => FaultKind::NotActionable,
        "invalid" => FaultKind::Invalid,
        _ => FaultKind::Failed,
    };
    let message = value
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or("no reason given");
    let fault = Fault::new(kind, message);
    Some(match kind {
        FaultKind::StaleReference => fault.hint("take a new snapshot"),
        FaultKind::NoElement => fault.hint("take a snapshot and use a reference from it"),
        _ => fault,
    })
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
