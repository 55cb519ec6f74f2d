//! The one owner of a session's connection: whatever is asked of the browser goes through its bounded queue, whatever the
//! browser tells is kept here, every request of a page is judged here. It must not do anything twice: what was asked of a
//! browser that died is answered with that, and never asked again.

use super::fault::{Fault, FaultKind};
use super::judge::Grants;
use super::line::{Ask, Line};
use super::state::{Held, State, Todo};
use super::supervisor::{End, Pulse};
use super::wire::{self, Message, TooLong, Writer};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// Longer than anybody waits for a browser to start.
const STARTING: Duration = Duration::from_secs(3600);

/// Who waits for an answer.
enum Waiting {
    Asker {
        answer: oneshot::Sender<Result<Value, Fault>>,
        session: Option<String>,
        deadline: Instant,
        _room: OwnedSemaphorePermit,
    },
    /// The tab of this target is watched when it comes.
    Ready(String),
    /// The browser answers: it is not hung.
    Pulse,
}

/// The actor.
pub(super) struct Actor {
    writer: Writer,
    messages: mpsc::Receiver<Message>,
    queue: mpsc::Receiver<Ask>,
    waiting: HashMap<u64, Waiting>,
    next: u64,
    pub(super) state: watch::Sender<State>,
    /// Requests whose frame is not known yet, the oldest first.
    pub(super) held: VecDeque<Held>,
    grants: Arc<Mutex<Grants>>,
    pub(super) password: String,
    pulse: Pulse,
    /// As long as a question may go unanswered.
    patience: Duration,
    /// A question is open, and since when nothing was heard.
    asked: Option<Instant>,
    next_pulse: Instant,
    /// Whether the browser has said anything yet.
    heard: bool,
}

/// What an actor is made of.
pub(super) struct Parts {
    pub(super) writer: pipe::Sender,
    pub(super) reader: pipe::Receiver,
    pub(super) grants: Arc<Mutex<Grants>>,
    pub(super) password: String,
    pub(super) queue: usize,
    pub(super) tabs: usize,
    /// As long as a browser may leave a question unanswered.
    pub(super) patience: Duration,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> (Self, Line, watch::Receiver<State>) {
        let (line, queue) = Line::new(parts.queue);
        let first = State {
            most_tabs: parts.tabs,
            ..State::default()
        };
        let (state, seen) = watch::channel(first);
        let patience = parts.patience / 2;
        let actor = Self {
            writer: wire::write(parts.writer),
            messages: wire::read(parts.reader),
            queue,
            waiting: HashMap::new(),
            next: 1,
            state,
            held: VecDeque::new(),
            grants: parts.grants,
            password: parts.password,
            pulse: Pulse::new(patience / 2),
            patience,
            asked: None,
            heard: false,
            // One that has never answered is starting, which has a limit of its own.
            next_pulse: Instant::now() + STARTING,
        };
        (actor, line, seen)
    }

    /// Serves until the browser is gone or hung.
    pub(super) async fn serve(&mut self) -> End {
        self.begin();
        loop {
            tokio::select! {
                biased;
                message = self.messages.recv() => match message {
                    Some(message) => {
                        self.lives();
                        match message {
                            Message::Whole(message) => self.hear(&message),
                            Message::TooLong(what) => self.too_long(&what),
                        }
                    }
                    None => break End::Gone,
                },
                ask = self.queue.recv() => match ask {
                    Some(ask) => self.pass_on(ask),
                    None => break End::Unneeded,
                },
                () = sleep_until(self.held.front().map_or(self.next_pulse, |held| held.until)), if !self.held.is_empty() => {
                    self.let_go();
                }
                () = sleep_until(self.next_pulse) => if self.beat() { break End::Hung },
            }
        }
    }

    /// Asks the browser to close.
    pub(super) fn close(&mut self) {
        self.tell(None, "Browser.close", json!({}));
    }

    /// Whoever still waits is told how it ended.
    pub(super) fn finish(&mut self, end: End) {
        let fault = end.fault();
        self.queue.close();
        self.state.send_modify(|state| state.ended = Some(fault.clone()));
        for (_, waiting) in self.waiting.drain() {
            if let Waiting::Asker { answer, .. } = waiting {
                drop(answer.send(Err(fault.clone())));
            }
        }
        while let Ok(ask) = self.queue.try_recv() {
            drop(ask.answer.send(Err(fault.clone())));
        }
    }

    fn begin(&mut self) {
        let pages = json!([{ "type": "page", "exclude": false }, { "exclude": true }]);
        let all = json!([{ "urlPattern": "*" }]);
        self.tell(
            None,
            "Fetch.enable",
            json!({ "patterns": all, "handleAuthRequests": true }),
        );
        self.tell(
            None,
            "Browser.setDownloadBehavior",
            json!({ "behavior": "deny", "eventsEnabled": true }),
        );
        self.tell(
            None,
            "Target.setDiscoverTargets",
            json!({ "discover": true, "filter": pages }),
        );
        let watch = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": pages });
        self.tell(None, "Target.setAutoAttach", watch);
    }

    /// Writes a command; its number, if there is room for it.
    fn write(&mut self, session: Option<&str>, method: &str, params: &Value) -> Option<u64> {
        let id = self.next;
        self.next = self.next.saturating_add(1);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let (Some(fields), Some(session)) = (message.as_object_mut(), session) {
            fields.insert("sessionId".to_owned(), session.into());
        }
        let bytes = wire::frame(&message).ok()?;
        self.writer.send(bytes).then_some(id)
    }

    /// A command whose answer nobody waits for.
    pub(super) fn tell(&mut self, session: Option<&str>, method: &str, params: Value) {
        if self.write(session, method, &params).is_none() {
            tracing::debug!(method, "the browser reads nothing any more");
        }
    }

    fn pass_on(&mut self, ask: Ask) {
        if ask.answer.is_closed() || ask.deadline <= Instant::now() {
            return;
        }
        let room = self.writer.has_room();
        match room
            .then(|| self.write(ask.session.as_deref(), ask.method, &ask.params))
            .flatten()
        {
            Some(id) => {
                let waiting = Waiting::Asker {
                    answer: ask.answer,
                    session: ask.session,
                    deadline: ask.deadline,
                    _room: ask.room,
                };
                self.waiting.insert(id, waiting);
                // Somebody waits: a browser that is hung is to be noticed soon.
                if self.heard {
                    self.next_pulse = self.next_pulse.min(Instant::now() + self.patience / 2);
                }
            }
            None => drop(ask.answer.send(Err(Fault::overloaded()))),
        }
    }

    /// Whatever a browser says shows that it isn't hung: an answer may stand in line behind all that a page has to tell.
    fn lives(&mut self) {
        self.asked = self.asked.map(|_| Instant::now());
    }

    fn hear(&mut self, message: &Value) {
        if !std::mem::replace(&mut self.heard, true) {
            self.next_pulse = Instant::now() + self.patience;
        }
        if let Some(id) = message.get("id").and_then(Value::as_u64) {
            return self.answered(id, message);
        }
        let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = message.get("params").unwrap_or(&Value::Null);
        let session = message.get("sessionId").and_then(Value::as_str);
        match method {
            "Fetch.requestPaused" => self.paused(session, params),
            "Fetch.authRequired" => self.authenticate(session, params),
            _ => {
                let mut todo = Vec::new();
                self.state
                    .send_modify(|state| todo = state.apply(session, method, params));
                for todo in todo {
                    self.take_up(todo);
                }
                if !self.held.is_empty() && (method.starts_with("Page.") || method.starts_with("Target.")) {
                    self.let_go();
                }
            }
        }
    }

    fn answered(&mut self, id: u64, message: &Value) {
        match self.waiting.remove(&id) {
            // One that nobody waits for any more was taken back: it is nobody else's.
            Some(Waiting::Asker { answer, .. }) => {
                let done = match message.get("error") {
                    None => Ok(message.get("result").cloned().unwrap_or_default()),
                    Some(error) => {
                        let why = error
                            .get("message")
                            .and_then(Value::as_str)
                            .unwrap_or("no reason given");
                        Err(Fault::failed(format!("the browser says: {why}")))
                    }
                };
                drop(answer.send(done));
            }
            Some(Waiting::Ready(target)) => self.state.send_modify(|state| {
                if let Some(tab) = state.by_target(&target) {
                    tab.ready = true;
                }
            }),
            Some(Waiting::Pulse) => {
                self.asked = None;
                let busy = !self.waiting.is_empty();
                self.next_pulse = Instant::now() + self.pulse.after(busy);
            }
            None => {}
        }
    }

    fn too_long(&mut self, what: &TooLong) {
        match what {
            TooLong::Answer(id) => {
                if let Some(Waiting::Asker { answer, .. }) = self.waiting.remove(id) {
                    let fault =
                        Fault::failed("the browser's answer is larger than 96 MiB, or nested deeper than can be read")
                            .hint("ask for less at once");
                    drop(answer.send(Err(fault)));
                }
            }
            TooLong::Request(id) => self.refuse(None, id),
            // Only what a prompt proposes is ever so long.
            TooLong::Dialog(session) => {
                let (method, params) = ("Page.javascriptDialogOpening", json!({ "type": "prompt" }));
                self.hear(&json!({ "method": method, "params": params, "sessionId": session }));
            }
            TooLong::Event => {}
        }
    }

    /// Asks the browser whether it answers; whether it has not for too long.
    fn beat(&mut self) -> bool {
        let now = Instant::now();
        if self
            .asked
            .is_some_and(|since| now.duration_since(since) >= self.patience)
        {
            return true;
        }
        self.waiting.retain(|_, waiting| match waiting {
            Waiting::Asker { answer, deadline, .. } => !answer.is_closed() && *deadline > now,
            Waiting::Ready(_) | Waiting::Pulse => true,
        });
        if self.asked.is_none() {
            match self.write(None, "Browser.getVersion", &json!({})) {
                Some(id) => drop(self.waiting.insert(id, Waiting::Pulse)),
                None => tracing::debug!("no room for a question whether the browser answers"),
            }
            self.asked = Some(now);
        }
        self.next_pulse = now + self.patience;
        false
    }

    fn take_up(&mut self, todo: Todo) {
        match todo {
            Todo::Watch { session, page } => self.watch(&session, page),
            Todo::Let(session) => self.tell(Some(&session), "Runtime.runIfWaitingForDebugger", json!({})),
            Todo::Close { session, target } => {
                self.tell(None, "Target.closeTarget", json!({ "targetId": target }));
                // As long as it waits, so does the page that has opened it.
                self.tell(Some(&session), "Runtime.runIfWaitingForDebugger", json!({}));
            }
            Todo::Inherit { target, opener } => self.grants().inherit(&target, &opener),
            Todo::Forget(target) => {
                self.grants().forget(&target);
                // Its page will not be ready any more.
                self.waiting
                    .retain(|_, waiting| !matches!(waiting, Waiting::Ready(own) if *own == target));
            }
            Todo::Break(id) => self.tell(None, "Browser.cancelDownload", json!({ "guid": id })),
            Todo::Fail { session, crashed } => {
                let fault = match crashed {
                    true => Fault::new(FaultKind::Crashed, "the page's process has crashed")
                        .hint("navigate the tab to make it usable again"),
                    false => Fault::new(FaultKind::NoSuch, "the tab or frame was closed meanwhile"),
                };
                let theirs =
                    |waiting: &Waiting| matches!(waiting, Waiting::Asker { session: Some(own), .. } if *own == session);
                for (_, waiting) in self.waiting.extract_if(|_, waiting| theirs(waiting)) {
                    if let Waiting::Asker { answer, .. } = waiting {
                        drop(answer.send(Err(fault.clone())));
                    }
                }
            }
        }
    }

    /// Sets up what is to be known of a page or of a frame with a process of its own, and lets it run.
    fn watch(&mut self, session: &str, page: Option<String>) {
        let on = Some(session);
        self.tell(on, "Page.enable", json!({}));
        self.tell(on, "Page.setLifecycleEventsEnabled", json!({ "enabled": true }));
        self.tell(on, "Runtime.enable", json!({}));
        let nothing_kept = json!({ "maxTotalBufferSize": 0, "maxResourceBufferSize": 0 });
        self.tell(on, "Network.enable", nothing_kept);
        self.tell(on, "Log.enable", json!({}));
        if page.is_some() {
            self.tell(on, "Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        }
        // Whatever is left out here would wait all the same, and for ever: workers, worklets.
        let inside = json!([{ "type": "page", "exclude": true }, {}]);
        let watch = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": inside });
        self.tell(on, "Target.setAutoAttach", watch);
        let id = self.write(on, "Runtime.runIfWaitingForDebugger", &json!({}));
        if let (Some(id), Some(target)) = (id, page) {
            self.waiting.insert(id, Waiting::Ready(target));
        }
    }

    pub(super) fn grants(&self) -> std::sync::MutexGuard<'_, Grants> {
        // Held for one look or insertion, here and by the proxy.
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
