//! What runs and what waits for what, while a long batch runs. It must not slow a call: events go through a bounded
//! channel, and what doesn't fit is dropped; the end of the run does not depend on them.

use super::Observer;
use crate::call::{CallId, Event};
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
const QUEUE: usize = 4096;
/// Calls that are shown one by one.
const SHOWN: usize = 8;

/// A display on standard error, if that is a terminal.
pub(super) struct Progress(Option<(SyncSender<Say>, JoinHandle<()>)>);

enum Say {
    Event(Event),
    /// The host's observer holds a sender of its own, so the end has to be said.
    End,
}

impl Progress {
    pub(super) fn start(calls: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (sender, receiver) = sync_channel(QUEUE);
        Self(Some((sender, std::thread::spawn(move || show(calls, &receiver)))))
    }

    pub(super) fn observer(&self) -> Option<Observer> {
        let (sender, _) = self.0.as_ref()?;
        let sender = sender.clone();
        Some(Arc::new(move |event| drop(sender.try_send(Say::Event(event.clone())))))
    }

    /// Takes the display away.
    pub(super) fn stop(self) {
        if let Some((sender, thread)) = self.0 {
            // Waits for room if the queue is full: the display empties it.
            drop(sender.send(Say::End));
            drop(thread.join());
        }
    }
}

struct Board {
    bars: MultiProgress,
    total: ProgressBar,
    lines: Vec<ProgressBar>,
    tools: HashMap<CallId, String>,
    running: BTreeMap<CallId, Instant>,
    waiting: BTreeMap<CallId, Vec<CallId>>,
}

fn show(calls: usize, events: &Receiver<Say>) {
    let begun = Instant::now();
    let mut board = Board::new(calls);
    loop {
        match events.recv_timeout(Duration::from_millis(80)) {
            Ok(Say::End) => break,
            Ok(Say::Event(event)) => board.take(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if begun.elapsed() > QUIET {
            board.draw();
        }
    }
    drop(board.bars.clear());
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
        match event {
            Event::Queued { id, tool, waits_for } => {
                self.tools.insert(id.clone(), tool);
                self.waiting.insert(id, waits_for);
            }
            Event::Started { id } => {
                self.waiting.remove(&id);
                self.running.insert(id, Instant::now());
            }
            Event::Finished { id, .. } => {
                self.waiting.remove(&id);
                self.running.remove(&id);
                self.total.inc(1);
            }
        }
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
        for (id, since) in &self.running {
            texts.push(format!(
                "  ▶ {} {}  {:.1} s",
                id,
                self.tool(id),
                since.elapsed().as_secs_f32()
            ));
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
