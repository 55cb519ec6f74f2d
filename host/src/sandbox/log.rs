//! A bounded log: everything that a guest says beside its answer. What is over the limit is dropped and counted.
//! It must not write anywhere but into its own memory.

use crate::call::{Level, What};
use crate::walls::{self, Wall};
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// As much as one write may bring.
const PERMIT: usize = 64 << 10;

/// As long as this, a line is told as it is, finished or not.
const LINE: usize = 8 << 10;

/// Who is told what a guest says, as it says it. Called on the guest's thread, so it must be quick.
pub type Sink = Arc<dyn Fn(What) + Send + Sync>;

/// A handle of one call's log; clones write to the same one.
#[derive(Clone)]
pub(super) struct Log {
    limit: usize,
    /// Bytes of pictures and the like that are told.
    most_told: usize,
    sink: Option<Sink>,
    stream: Stream,
    // Shared by the guest's standard streams and the `report` interface of the one call; never held across a wait.
    text: Arc<Mutex<Kept>>,
}

/// Which of a guest's streams a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    dropped: u64,
    told: usize,
    /// Lines that are not finished, of standard output and standard error.
    begun: [Vec<u8>; 2],
}

impl Log {
    pub(super) fn new(limit: u64, output: u64, sink: Option<Sink>) -> Self {
        Self {
            most_told: usize::try_from(output).unwrap_or(usize::MAX),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            sink,
            stream: Stream::Out,
            text: Arc::default(),
        }
    }

    /// The same log, as one of the standard streams.
    pub(super) fn of(&self, stream: Stream) -> Self {
        Self { stream, ..self.clone() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps as much as fits; whether all did.
    fn push(&self, bytes: &[u8]) -> bool {
        let mut kept = self.kept();
        let limit = if walls::stands(Wall::Log) {
            self.limit
        } else {
            usize::MAX
        };
        let room = limit.saturating_sub(kept.bytes.len()).min(bytes.len());
        let (fits, over) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        kept.bytes.extend_from_slice(fits);
        kept.dropped += over.len() as u64;
        over.is_empty()
    }

    /// Keeps a line, and tells what it is. What is over the limit is not told either.
    pub(super) fn line(&self, text: &str, what: impl FnOnce() -> What) {
        let fits = self.push(text.as_bytes()) && self.push(b"\n");
        if let (Some(sink), true) = (&self.sink, fits) {
            sink(what());
        }
    }

    /// Tells something of so many bytes that is not a line of the log, as long as all of it together is no more than an
    /// answer may be.
    pub(super) fn tell(&self, bytes: usize, what: impl FnOnce() -> What) {
        let Some(sink) = &self.sink else { return };
        let told = self.kept().told.saturating_add(bytes);
        if told <= self.most_told {
            self.kept().told = told;
            sink(what());
        }
    }

    /// Standard output and errors come in any pieces; they are told in lines.
    fn written(&self, bytes: &[u8]) {
        let fits = self.push(bytes);
        let Some(sink) = &self.sink else { return };
        let level = match self.stream {
            Stream::Out => Level::Info,
            Stream::Err => Level::Warn,
        };
        let mut lines = Vec::new();
        if let Some(begun) = self.kept().begun.get_mut(usize::from(self.stream == Stream::Err)) {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n').filter(|_| fits) {
                begun.extend_from_slice(piece);
                if piece.ends_with(b"\n") || begun.len() > LINE {
                    lines.push(std::mem::take(begun));
                }
            }
        }
        for line in lines {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            sink(What::Log { level, text });
        }
    }

    /// What was kept, as text, with a last line that says how much was not.
    pub(super) fn take(&self) -> String {
        if self.kept().begun.iter().any(|line| !line.is_empty()) {
            self.of(Stream::Out).written(b"\n");
            self.of(Stream::Err).written(b"\n");
        }
        let kept = std::mem::take(&mut *self.kept());
        let mut text = String::from_utf8_lossy(&kept.bytes).into_owned();
        if kept.dropped > 0 {
            text.push_str(&format!("\n[{} more bytes over the log limit]\n", kept.dropped));
        }
        text
    }
}

impl IsTerminal for Log {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Log {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Log {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.written(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait::async_trait]
impl Pollable for Log {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Log {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
