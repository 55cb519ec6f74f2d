//! What one call may still add to the disk: bytes, and files and folders. It must not write or make anything.

use crate::walls::{self, Wall};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counted down by the gate and by every stream into a file; nothing is ever given back.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: Left,
    made: Left,
}

/// How much is left of one limit, and whether it has refused something.
#[derive(Debug)]
struct Left {
    left: AtomicU64,
    refused: AtomicBool,
}

impl Left {
    fn new(all: u64) -> Self {
        Self {
            left: AtomicU64::new(all),
            refused: AtomicBool::new(false),
        }
    }

    /// All of `wanted` or nothing.
    fn take(&self, wanted: u64) -> io::Result<()> {
        let take = |left: u64| left.checked_sub(wanted);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(_) if !walls::stands(Wall::Quota) => Ok(()),
            Err(_) => {
                self.refused.store(true, Ordering::Relaxed);
                Err(Errno::DQUOT.into())
            }
        }
    }
}

impl Budget {
    pub(super) fn new(bytes: u64, made: u64) -> Self {
        Self {
            bytes: Left::new(bytes),
            made: Left::new(made),
        }
    }

    /// Takes so many bytes.
    pub(super) fn bytes(&self, wanted: u64) -> io::Result<()> {
        self.bytes.take(wanted)
    }

    /// Takes what a file grows by if it is to have `size` bytes: a hole costs no disk, but whoever reads the file next
    /// pays for it.
    pub(super) fn growth(&self, file: &File, size: u64) -> io::Result<()> {
        match size.saturating_sub(file.metadata()?.len()) {
            0 => Ok(()),
            by => self.bytes.take(by),
        }
    }

    /// Takes a write of so many bytes at `offset`, and the hole before it if it begins beyond the end.
    pub(super) fn write(&self, file: &File, offset: u64, bytes: usize) -> io::Result<()> {
        let gap = match offset {
            0 => 0,
            offset => offset.saturating_sub(file.metadata()?.len()),
        };
        self.bytes.take(gap.saturating_add(bytes as u64))
    }

    /// Takes one file or folder.
    pub(super) fn make(&self) -> io::Result<()> {
        self.made.take(1)
    }

    /// Whether the call wanted to write more bytes than it may.
    pub(super) fn bytes_refused(&self) -> bool {
        self.bytes.refused.load(Ordering::Relaxed)
    }

    /// Whether the call wanted to make more files and folders than it may.
    pub(super) fn made_refused(&self) -> bool {
        self.made.refused.load(Ordering::Relaxed)
    }
}
