//! What runs and what waits for what, while a long batch runs. It must not slow a call: events go through a bounded
//! channel, and what doesn't fit is dropped; the end of the run does not depend on them.

use super::{Observer, Pause};
use crate::call::{CallId, Event, What};
use crate::report::visible;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shorter runs show nothing: their result is the progress.
const QUIET: Duration = Duration::from_millis(400);
/// How often a run says where it is that is not on a terminal.
const PLAIN: Duration = Duration::from_secs(5);
const QUEUE: usize = 4096;
/// Calls that are shown one by one.
const SHOWN: usize = 8;

/// A display on standard error: lines that change on a terminal, a plain line now and then elsewhere.
pub(super) struct Progress(SyncSender<Say>, JoinHandle<()>);

enum Say {
    Event(Event),
    /// The host's observer holds a sender of its own, so the end has to be said.
    End,
}

impl Progress {
    pub(super) fn start(calls: usize, pause: Pause) -> Self {
        let (sender, receiver) = sync_channel(QUEUE);
        let display = match std::io::stderr().is_terminal() {
            true => std::thread::spawn(move || show(calls, &receiver, &pause)),
            false => std::thread::spawn(move || tell(calls, &receiver)),
        };
        Self(sender, display)
    }

    pub(super) fn observer(&self) -> Observer {
        let sender = self.0.clone();
        Arc::new(move |event| drop(sender.try_send(Say::Event(event.clone()))))
    }

    /// Takes the display away.
    pub(super) fn stop(self) {
        let Self(sender, thread) = self;
        // Waits for room if the queue is full: the display empties it.
        drop(sender.send(Say::End));
        drop(thread.join());
    }
}

struct Board {
    bars: MultiProgress,
    total: ProgressBar,
    lines: Vec<ProgressBar>,
    tools: HashMap<CallId, String>,
    /// Since when, and what it says about how far it is.
    running: BTreeMap<CallId, (Instant, String)>,
    waiting: BTreeMap<CallId, Vec<CallId>>,
}

fn show(calls: usize, events: &Receiver<Say>, pause: &Pause) {
    let begun = Instant::now();
    let mut board = Board::new(calls);
    loop {
        match events.recv_timeout(Duration::from_millis(80)) {
            Ok(Say::End) => break,
            Ok(Say::Event(event)) => board.take(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        match pause.is_set() {
            true => drop(board.bars.clear()),
            false if begun.elapsed() > QUIET => board.draw(),
            false => {}
        }
    }
    drop(board.bars.clear());
}

/// Says now and then how far the run is.
fn tell(calls: usize, events: &Receiver<Say>) {
    let mut board = Board::new(calls);
    let mut next = Instant::now() + PLAIN;
    loop {
        match events.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Say::End) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Say::Event(event)) => board.take(event),
            Err(RecvTimeoutError::Timeout) => {
                board.tell();
                next = Instant::now() + PLAIN;
            }
        }
    }
}

impl Board {
    fn new(calls: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let total = ProgressBar::new(calls as u64);
        total.set_draw_target(ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} calls, {elapsed}, {msg}") {
            total.set_style(style);
        }
        Self {
            bars,
            total,
            lines: Vec::new(),
            tools: HashMap::new(),
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    fn take(&mut self, event: Event) {
        let id = event.id;
        match event.what {
            What::Queued { tool, waits } => {
                self.tools.insert(id.clone(), tool);
                self.waiting.insert(id, waits.into_iter().map(|wait| wait.on).collect());
            }
            What::Planned { waits } => {
                self.running.remove(&id);
                self.waiting.insert(id, waits.into_iter().map(|wait| wait.on).collect());
            }
            What::Started => {
                self.waiting.remove(&id);
                self.running.insert(id, (Instant::now(), String::new()));
            }
            What::Progress { done, total, message } => {
                if let Some((_, says)) = self.running.get_mut(&id) {
                    *says = match total {
                        Some(total) => format!("{done}/{total} {message}"),
                        None => format!("{done} {message}"),
                    };
                }
            }
            What::Finished { .. } => {
                self.waiting.remove(&id);
                self.running.remove(&id);
                self.total.inc(1);
            }
            What::Output(_) | What::Log { .. } | What::Asking { .. } => {}
        }
    }

    /// One line for where there is no terminal to draw on.
    fn tell(&self) {
        let (ended, all) = (self.total.position(), self.total.length().unwrap_or(0));
        let longest = self.running.iter().min_by_key(|(_, (since, _))| *since);
        let longest = longest.map(|(id, (since, says))| {
            let seconds = since.elapsed().as_secs();
            format!("; longest: {id} {}, {seconds} s {says}", self.tool(id))
        });
        let (running, waiting) = (self.running.len(), self.waiting.len());
        let line = format!(
            "toolyard: {ended} of {all} calls ended, {running} running, {waiting} waiting{}",
            longest.unwrap_or_default()
        );
        tell!("{}", visible(line.trim_end()));
    }

    fn draw(&mut self) {
        if self.lines.is_empty() {
            self.bars.add(self.total.clone());
            for _ in 0..SHOWN {
                let line = self.bars.add(ProgressBar::no_length());
                if let Ok(style) = ProgressStyle::with_template("{msg}") {
                    line.set_style(style);
                }
                self.lines.push(line);
            }
        }
        self.total.set_message(format!(
            "{} running, {} waiting",
            self.running.len(),
            self.waiting.len()
        ));
        let mut texts: Vec<String> = Vec::new();
        for (id, (since, says)) in &self.running {
            let seconds = since.elapsed().as_secs_f32();
            texts.push(format!("  ▶ {id} {}  {seconds:.1} s  {says}", self.tool(id)));
        }
        for (id, on) in self.waiting.iter().filter(|(_, on)| !on.is_empty()) {
            let on: Vec<String> = on.iter().map(ToString::to_string).collect();
            texts.push(format!("  ‖ {} {}  waits for {}", id, self.tool(id), on.join(", ")));
        }
        let mut texts = texts.into_iter();
        for line in &self.lines {
            line.set_message(texts.next().map(|text| visible(&text)).unwrap_or_default());
        }
    }

    fn tool(&self, id: &CallId) -> &str {
        self.tools.get(id).map_or("", String::as_str)
    }
}
