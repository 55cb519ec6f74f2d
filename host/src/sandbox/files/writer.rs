//! Bytes that a guest writes to an open file, written right there: the stock stream sends each write to another thread and
//! back, which costs a small one more than the write itself, and the call its place on the core. It must not open anything.

use super::budget::Budget;
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// As much as one write may bring, in bytes.
const PERMIT: usize = 64 << 10;

/// Where the next bytes go.
enum At {
    Offset(u64),
    End,
}

/// A stream into a file.
pub(super) struct Writer {
    file: Arc<File>,
    at: At,
    budget: Arc<Budget>,
    /// So long the file is at least: up to there a write leaves no hole.
    known: u64,
    failed: bool,
}

impl Writer {
    pub(super) fn at(file: Arc<File>, offset: u64, budget: Arc<Budget>) -> Self {
        Self::new(file, At::Offset(offset), budget)
    }

    pub(super) fn at_the_end(file: Arc<File>, budget: Arc<Budget>) -> Self {
        Self::new(file, At::End, budget)
    }

    fn new(file: Arc<File>, at: At, budget: Arc<Budget>) -> Self {
        Self {
            file,
            at,
            budget,
            known: 0,
            failed: false,
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.at {
            At::Offset(offset) => {
                match *offset <= self.known {
                    true => self.budget.bytes(bytes.len() as u64)?,
                    false => self.budget.write(&self.file, *offset, bytes.len())?,
                }
                self.file.write_all_at(bytes, *offset)?;
                *offset = offset.saturating_add(bytes.len() as u64);
                self.known = *offset;
                Ok(())
            }
            At::End => {
                self.budget.bytes(bytes.len() as u64)?;
                append(&self.file, bytes)
            }
        }
    }
}

/// In one step with finding the end, so that nobody's bytes are written over.
#[cfg(target_os = "linux")]
fn append(file: &File, mut bytes: &[u8]) -> io::Result<()> {
    use rustix::io::{ReadWriteFlags, pwritev2};
    while !bytes.is_empty() {
        let written = pwritev2(file, &[io::IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn append(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, file.metadata()?.len())
}

impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.failed {
            return Err(StreamError::Closed);
        }
        self.put(&bytes).map_err(|error| {
            self.failed = true;
            StreamError::LastOperationFailed(error.into())
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        match self.failed {
            true => Err(StreamError::Closed),
            false => Ok(()),
        }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match self.failed {
            true => Err(StreamError::Closed),
            false => Ok(PERMIT),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}
