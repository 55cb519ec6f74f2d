//! Private copies that a killed host has left: removed at the first whole-file write of this host into their folder. No
//! other folder is looked at, so a start costs nothing, and a folder only once. It must not remove what a host, in this or
//! any other place, still works on.
//!
//! A copy that has a name is locked by its host for as long as that lives, and no longer: the lock is the kernel's, so it
//! tells across users, containers and process numbers that were given out again. Between getting its name and its lock
//! a copy is known by its process number and its age.

use crate::call::ObjectId;
use crate::workspace::{Found, Kind};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RawDir};
use rustix::process::Pid;
use std::collections::HashSet;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How names of private copies begin. Never shown to a guest.
pub(super) const PREFIX: &str = ".toolyard-tmp-";

/// So many folders are remembered as swept.
const MOST_FOLDERS: usize = 10_000;

/// So many names of a folder are looked at: what a killed host leaves is rare, and a write must not wait for long.
const MOST_NAMES: usize = 10_000;

/// A copy of a process that lives and is younger than this may not have its lock yet.
const YOUNG: Duration = Duration::from_secs(60);

/// Which folders this host has swept.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Held for one look or one insertion.
    swept: Mutex<HashSet<ObjectId>>,
}

/// Locks a copy as being worked on. Where a file system knows no locks, its process number has to do.
pub(super) fn lock(copy: &File) {
    let _may_fail = rustix::fs::flock(copy, FlockOperation::NonBlockingLockExclusive);
}

impl Leftovers {
    /// Removes what killed hosts have left in `folder`, if this host has not looked there before.
    pub(super) fn sweep(&self, folder: &OwnedFd) {
        let Ok(stat) = rustix::fs::fstat(folder) else { return };
        let folders = |work: &dyn Fn(&mut HashSet<ObjectId>) -> bool| {
            work(&mut self.swept.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let object = Found::from_stat(&stat).object;
        let first = folders(&|swept| {
            if swept.len() >= MOST_FOLDERS {
                swept.clear();
            }
            swept.insert(object)
        });
        if first && let Err(error) = sweep(folder) {
            tracing::debug!(%error, "a folder could not be searched for what a killed host may have left");
        }
    }
}

fn sweep(folder: &OwnedFd) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let list = rustix::fs::openat(folder, ".", flags, Mode::empty())?;
    let mut piece = [MaybeUninit::uninit(); 16 << 10];
    let mut entries = RawDir::new(list, &mut piece);
    for _ in 0..MOST_NAMES {
        let Some(entry) = entries.next() else { break };
        let entry = entry?;
        if let Ok(name) = entry.file_name().to_str()
            && let Some(owner) = owner(name)
            && is_left(folder, name, owner)
        {
            match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) => tracing::info!(name, "removed what a killed host had left"),
                Err(error) => tracing::warn!(name, %error, "what a killed host has left could not be removed"),
            }
        }
    }
    Ok(())
}

/// The process whose copy has this name; `None` for any other name.
fn owner(name: &str) -> Option<Pid> {
    let (process, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse::<u64>().ok()?;
    Pid::from_raw(process.parse().ok()?)
}

/// Whether nobody works on the copy any more.
fn is_left(folder: impl AsFd, name: &str, owner: Pid) -> bool {
    // Never follows a link, and never waits for a pipe of that name.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(folder, name, flags, Mode::empty()) else {
        return false;
    };
    let regular = rustix::fs::fstat(&file).is_ok_and(|stat| Found::from_stat(&stat).kind == Kind::File);
    let lock = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
    if !regular || matches!(lock, Err(rustix::io::Errno::WOULDBLOCK)) {
        return false;
    }
    let age = File::from(file).metadata().and_then(|record| record.modified()).ok();
    let age = age.and_then(|changed| changed.elapsed().ok()).unwrap_or_default();
    let lives = rustix::process::test_kill_process(owner) != Err(rustix::io::Errno::SRCH);
    // Locked by nobody: the process that had the number is gone, unless it has begun just now.
    !lives || (lock.is_ok() && age > YOUNG)
}
