//! `--events`: what happens to each call, as JSON Lines. It must not hold anything up: it is told on the events' thread.

use super::Observer;
use crate::report;
use anyhow::Context as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file that events are written to. A full disk is told at the end, once.
pub(super) struct EventFile {
    path: PathBuf,
    // The events' thread writes; the end of the run takes the result. Never locked by both at once.
    state: Arc<Mutex<State>>,
}

struct State {
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl EventFile {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
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

    pub(super) fn observer(&self) -> Observer {
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

    pub(super) fn finish(self) -> anyhow::Result<()> {
        let failed = self.state.lock().unwrap_or_else(PoisonError::into_inner).failed.take();
        match failed {
            None => Ok(()),
            Some(error) => Err(error).with_context(|| format!("--events {}", self.path.display())),
        }
    }
}
