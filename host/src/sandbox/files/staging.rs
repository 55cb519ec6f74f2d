//! Whole-file writes: a guest writes to a private copy, and the copies take their places when the call has ended well.
//! It must not judge what may be written; the gate has.
//!
//! A copy has no name where the file system can do that (`O_TMPFILE`), so a killed host leaves nothing behind; elsewhere
//! it stands beside its target under a name that no guest is shown, and what a killed host leaves is swept (`leftovers`).

use super::budget::Budget;
use super::leftovers::{self, Leftovers, PREFIX};
use crate::call::CanonicalPath;
use crate::workspace::{Found, Workspace, look_in};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why the copies could not be put in place.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub(crate) struct CommitError {
    path: CanonicalPath,
    source: std::io::Error,
}

/// The private copies of one call.
#[derive(Debug)]
pub(super) struct Staging {
    copies: Vec<Copy>,
    /// Files above this many bytes are updated in place.
    in_place_above: u64,
    notes: Vec<String>,
    leftovers: Arc<Leftovers>,
}

#[derive(Debug)]
struct Copy {
    path: CanonicalPath,
    /// The folder that holds the target, and the target's name in it.
    folder: OwnedFd,
    target: String,
    /// What stood there when the copy was begun.
    found: Option<Found>,
    /// The copy's own name, if it needs one.
    name: Option<String>,
    file: File,
}

/// What a private copy starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing: the guest truncates, or nothing was there.
    Empty,
    /// The old content.
    Old,
}

impl Staging {
    pub(super) fn new(in_place_above: u64, leftovers: Arc<Leftovers>) -> Self {
        Self {
            copies: Vec::new(),
            in_place_above,
            notes: Vec::new(),
            leftovers,
        }
    }

    /// A handle on the copy of `path`, if the guest has begun one.
    pub(super) fn get(&self, path: &CanonicalPath) -> Option<std::io::Result<File>> {
        let copy = self.copies.iter().find(|copy| copy.path == *path)?;
        Some(copy.file.try_clone())
    }

    /// How many copies there are: each has its descriptors until the call ends, whether the guest has it open or not.
    pub(super) fn held(&self) -> u32 {
        u32::try_from(self.copies.len()).unwrap_or(u32::MAX)
    }

    /// Whether a file must be written where it is: other names of it would be cut off by a replacement, and a very
    /// large one would cost too much to copy. The outcome will say so.
    pub(super) fn in_place(&mut self, path: &CanonicalPath, found: Option<&Found>) -> bool {
        let why = match found {
            Some(found) if found.links > 1 => "it has several links",
            Some(found) if found.size > self.in_place_above => "it is very large",
            Some(_) | None => return false,
        };
        let note = format!("{path} was updated in place: {why}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        true
    }

    /// Begins a private copy of `path`.
    pub(super) fn begin(
        &mut self,
        workspace: &Workspace,
        path: &CanonicalPath,
        found: Option<Found>,
        start: Start,
        budget: &Budget,
    ) -> std::io::Result<()> {
        let folder = workspace.parent_of(path)?;
        self.leftovers.sweep(&folder);
        let target = path.name().unwrap_or_default().to_owned();
        let (file, name) = match unnamed(&folder) {
            Ok(file) => (file, None),
            Err(_) => named(&folder).map(|(file, name)| (file, Some(name)))?,
        };
        let copy = Copy {
            path: path.clone(),
            folder,
            target,
            found,
            name,
            file: File::from(file),
        };
        if copy.name.is_some() {
            leftovers::lock(&copy.file);
        }
        if let Some(found) = found
            && let Err(error) = copy.fill(workspace, &found, start, budget)
        {
            copy.remove();
            return Err(error);
        }
        self.copies.push(copy);
        Ok(())
    }

    /// Forgets the copy of `path`; whether there was one.
    pub(super) fn discard(&mut self, path: &CanonicalPath) -> bool {
        let Some(at) = self.copies.iter().position(|copy| copy.path == *path) else {
            return false;
        };
        self.copies.swap_remove(at).remove();
        true
    }

    pub(super) fn drop_all(&mut self) {
        for copy in self.copies.drain(..) {
            copy.remove();
        }
    }

    /// Puts the copy of `path` in place now, for an operation that needs the name to be real.
    pub(super) fn settle_one(&mut self, path: &CanonicalPath) -> std::io::Result<()> {
        let Some(at) = self.copies.iter().position(|copy| copy.path == *path) else {
            return Ok(());
        };
        let mut copy = self.copies.swap_remove(at);
        let placed = copy.give_name().and_then(|()| copy.replace());
        if placed.is_err() {
            copy.remove();
        }
        placed
    }

    /// Puts all copies in place; notes for the outcome.
    ///
    /// Everything that can fail for want of space or rights is done for all before the first target is replaced.
    pub(super) fn commit(&mut self) -> Result<Vec<String>, CommitError> {
        let mut copies = std::mem::take(&mut self.copies);
        let blame = |copy: &Copy| {
            let path = copy.path.clone();
            move |source| CommitError { path, source }
        };
        let done = copies
            .iter_mut()
            .try_for_each(|copy| copy.give_name().map_err(blame(copy)))
            .and_then(|()| {
                copies
                    .iter_mut()
                    .try_for_each(|copy| copy.replace().map_err(blame(copy)))
            });
        if let Err(error) = done {
            for copy in copies {
                copy.remove();
            }
            return Err(error);
        }
        Ok(std::mem::take(&mut self.notes))
    }
}

impl Copy {
    /// Gives the copy the old file's owner, permissions and, if wanted, content.
    fn fill(&self, workspace: &Workspace, found: &Found, start: Start, budget: &Budget) -> std::io::Result<()> {
        if start == Start::Old {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK;
            let mut old = File::from(workspace.open_at(&self.path, flags, Mode::empty())?);
            budget.bytes(old.metadata()?.len())?;
            std::io::copy(&mut old, &mut &self.file)?;
        }
        let ours = rustix::fs::fstat(&self.file)?;
        let (uid, gid) = (found.owner.user, found.owner.group);
        if (ours.st_uid, ours.st_gid) != (uid, gid) {
            // Only root may give files away; anyone else keeps what they made, as an editor would.
            let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
            let _may_fail = rustix::fs::fchown(&self.file, Some(uid), Some(gid));
        }
        Ok(rustix::fs::fchmod(&self.file, Mode::from_raw_mode(found.mode))?)
    }

    /// Makes sure that the copy has a name beside its target, and that the target is still what it was.
    fn give_name(&mut self) -> std::io::Result<()> {
        let now = look_in(&self.folder, &self.target)?;
        if now.map(|found| found.object) != self.found.map(|found| found.object) {
            return Err(std::io::Error::other("changed by someone outside while the call ran"));
        }
        if self.name.is_none() {
            let name = fresh_name();
            leftovers::lock(&self.file);
            let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            rustix::fs::linkat(CWD, own, &self.folder, &*name, AtFlags::SYMLINK_FOLLOW)?;
            self.name = Some(name);
        }
        Ok(())
    }

    fn replace(&mut self) -> std::io::Result<()> {
        if let Some(name) = &self.name {
            rustix::fs::renameat(&self.folder, &**name, &self.folder, &*self.target)?;
            self.name = None;
        }
        Ok(())
    }

    /// Takes the copy's own name away, if it has one.
    fn remove(self) {
        if let Some(name) = &self.name
            && let Err(error) = rustix::fs::unlinkat(&self.folder, &**name, AtFlags::empty())
        {
            tracing::warn!(path = %self.path, %error, "a private copy could not be removed");
        }
    }
}

/// A file without a name in `folder`.
fn unnamed(folder: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::openat(folder, ".", flags, Mode::from_raw_mode(0o666))
}

/// A file under a fresh name in `folder`.
fn named(folder: &OwnedFd) -> rustix::io::Result<(OwnedFd, String)> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    loop {
        let name = fresh_name();
        match rustix::fs::openat(folder, &*name, flags, Mode::from_raw_mode(0o666)) {
            Err(Errno::EXIST) => {}
            other => return other.map(|fd| (fd, name)),
        }
    }
}

/// A name that says whose it is: the host's process, and a number.
fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{number}", std::process::id())
}
