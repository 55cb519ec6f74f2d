//! `--events`, `--trace`, `--timeline`: a run as files. They are made before anything runs, so that a path that can't be
//! written is told while nothing has happened. It must not hold a call up: events are written on their own thread.

use super::Observer;
use super::args::RunArgs;
use crate::call::Outcome;
use crate::report::{self, Summary};
use anyhow::Context as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The files that a run is written to.
pub(super) struct Outputs {
    events: Option<EventFile>,
    trace: Option<Output>,
    timeline: Option<Output>,
}

/// A file that is written when the run is over.
struct Output {
    option: &'static str,
    path: PathBuf,
    file: File,
}

impl Output {
    fn create(option: &'static str, path: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let file = File::create(path).with_context(|| format!("{option} {}", path.display()))?;
        let path = path.to_owned();
        Ok(Some(Self { option, path, file }))
    }

    fn write(mut self, text: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("{} {}", self.option, self.path.display()))
    }
}

impl Outputs {
    pub(super) fn create(args: &RunArgs) -> anyhow::Result<Self> {
        Ok(Self {
            events: args.events.as_deref().map(EventFile::create).transpose()?,
            trace: Output::create("--trace", args.trace.as_deref())?,
            timeline: Output::create("--timeline", args.timeline.as_deref())?,
        })
    }

    pub(super) fn observer(&self) -> Option<Observer> {
        self.events.as_ref().map(EventFile::observer)
    }

    /// Writes what is known at the end. The calls have run, whatever becomes of it.
    pub(super) fn finish(self, cores: NonZeroUsize, batch: &str, outcomes: &[Outcome]) -> anyhow::Result<()> {
        if let Some(trace) = self.trace {
            trace.write(&report::trace(outcomes).to_string())?;
        }
        if let Some(timeline) = self.timeline {
            let title = Path::new(batch).file_name();
            let title = title.map_or("standard input".into(), std::ffi::OsStr::to_string_lossy);
            let summary = Summary::of(outcomes, cores).to_string();
            timeline.write(&report::timeline(outcomes, &title, &summary))?;
        }
        if let Some(events) = self.events {
            events.finish()?;
        }
        Ok(())
    }
}

/// A file that events are written to. A full disk is told at the end, once.
struct EventFile {
    path: PathBuf,
    // The events' thread writes; the end of the run takes the result. Never locked by both at once.
    state: Arc<Mutex<State>>,
}

struct State {
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl EventFile {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("--events {}", path.display()))?;
        let state = State {
            file: BufWriter::new(file),
            failed: None,
        };
        Ok(Self {
            path: path.to_owned(),
            state: Arc::new(Mutex::new(state)),
        })
    }

    fn observer(&self) -> Observer {
        let state = Arc::clone(&self.state);
        Arc::new(move |event| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.failed.is_none() {
                // Flushed line by line: whoever follows the file sees what happens when it happens.
                let written = writeln!(state.file, "{}", report::event(event)).and_then(|()| state.file.flush());
                state.failed = written.err();
            }
        })
    }

    fn finish(self) -> anyhow::Result<()> {
        let failed = self.state.lock().unwrap_or_else(PoisonError::into_inner).failed.take();
        match failed {
            None => Ok(()),
            Some(error) => Err(error).with_context(|| format!("--events {}", self.path.display())),
        }
    }
}
