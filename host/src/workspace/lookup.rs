//! Opening a canonical path below a descriptor without following any link.
//! It must not decide what a name means; it only refuses when a link stands in the way.

use crate::call::CanonicalPath;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How a path without links is opened. Both ways give the same answers; a test runs everything with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// By one `openat2` that stays beneath the root and refuses links: Linux 5.6 or later.
    Kernel,
    /// One `openat` with `O_NOFOLLOW` for every component: where there is no `openat2`, or a filter blocks it.
    Stepwise,
}

const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

impl Lookup {
    /// The kernel's way if it works here.
    #[must_use]
    pub fn detect() -> Self {
        let probe = rustix::fs::openat2(
            rustix::fs::CWD,
            ".",
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            BENEATH,
        );
        match probe {
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::TOOBIG) => Self::Stepwise,
            Ok(_) | Err(_) => Self::Kernel,
        }
    }

    /// Opens `path` below `root` with `flags`, which must hold `NOFOLLOW`.
    pub(super) fn open(self, root: BorrowedFd<'_>, path: &CanonicalPath, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let text = match path.path() {
            "" => ".",
            text => text,
        };
        // `openat2` refuses permission bits where nothing can be made; `openat` overlooks them.
        let mode = match flags.contains(OFlags::CREATE) {
            true => mode,
            false => Mode::empty(),
        };
        match self {
            Self::Kernel => open_in_kernel(root, text, flags, mode),
            Self::Stepwise => open_stepwise(root, path, flags, mode),
        }
    }
}

fn open_in_kernel(root: BorrowedFd<'_>, text: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    // O_NOFOLLOW beside O_PATH opens a last link itself, and RESOLVE_NO_SYMLINKS allows exactly that combination.
    loop {
        match rustix::fs::openat2(root, text, flags, mode, BENEATH) {
            // A rename elsewhere made the kernel unsure that we stayed beneath; or a signal came.
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
}

fn open_stepwise(root: BorrowedFd<'_>, path: &CanonicalPath, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut here: Option<OwnedFd> = None;
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let at = here.as_ref().map_or(root, AsFd::as_fd);
        if parts.peek().is_none() {
            return rustix::fs::openat(at, part, flags, mode);
        }
        let next = rustix::fs::openat(at, part, step, Mode::empty())?;
        let stat = rustix::fs::fstat(&next)?;
        match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::Directory => here = Some(next),
            rustix::fs::FileType::Symlink => return Err(Errno::LOOP),
            _ => return Err(Errno::NOTDIR),
        }
    }
    rustix::fs::openat(root, ".", flags, mode)
}
