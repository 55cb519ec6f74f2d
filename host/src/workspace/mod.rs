//! The workspace and its mounts: the one place with ambient file authority, and the one resolver of paths.
//! Claims, locks and grants all get their names from `Workspace::resolve`, and the sandbox reaches files only through
//! the descriptors that `Workspace::open` gives. It must not know tools, guests or the scheduler.
//!
//! A name is resolved by walking real components from the root's descriptor, never by editing text. Where the kernel has
//! `openat2` a path without links is looked up in one system call that refuses every link on the way (see `lookup`); a
//! path with links, `..` or missing parts is walked component by component without following anything unseen (`walk`).

mod folder;
mod lookup;
mod marks;
mod roots;
mod walk;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use lookup::Lookup;
pub use marks::Marks;
pub use roots::MountError;
pub use walk::Last;

use crate::call::{Access, CanonicalPath, ObjectId};
use crate::walls::{self, Wall};
use roots::Root;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// The longest path that is looked at, in bytes: what the kernel takes.
pub const MAX_PATH_BYTES: usize = 4095;

/// The directory tree that calls work in, and the mounts beside it.
#[derive(Clone, Debug)]
pub struct Workspace {
    main: Arc<Root>,
    mounts: Vec<Arc<Root>>,
    lookup: Lookup,
}

/// What a name led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its one name.
    pub path: CanonicalPath,
    /// What is there; `None` if nothing is.
    pub found: Option<Found>,
    /// The symbolic links that led here, and the folders that a `..` left again. Whoever changes one of them changes what
    /// the name means.
    pub via: Vec<CanonicalPath>,
    /// The first folder on the way that does not exist, if the folder that would hold the name is missing too.
    pub first_missing: Option<CanonicalPath>,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    /// The numbers that the kernel knows it by.
    pub object: ObjectId,
    /// How many names it has.
    pub links: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
}

/// Kinds of things in a file tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket: never opened.
    Other,
}

impl Found {
    /// Reads the kernel's record.
    #[must_use]
    #[expect(
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "the widths and signs of these fields differ by platform; sizes are not negative"
    )]
    pub fn from_stat(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        Self {
            kind,
            object: ObjectId {
                device: stat.st_dev as u64,
                inode: stat.st_ino as u64,
            },
            links: stat.st_nlink as u64,
            size: stat.st_size as u64,
            mode: stat.st_mode as u32 & 0o7777,
            owner: Owner {
                user: stat.st_uid,
                group: stat.st_gid,
            },
        }
    }
}

/// Why a workspace can't be used.
#[derive(Debug, thiserror::Error)]
#[error("workspace {path}: {source}")]
pub struct WorkspaceError {
    path: String,
    source: io::Error,
}

/// Why a name leads nowhere that may be used. The text never shows anything outside the workspace.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum ResolveError {
    /// An empty name.
    #[error("the path is empty")]
    Empty,
    /// A NUL byte, which no file system takes.
    #[error("{0:?} holds a NUL byte")]
    Nul(String),
    /// Longer than the kernel takes.
    #[error("the path {0}… is too long: {1} bytes; {MAX_PATH_BYTES} are allowed, and 255 for one name")]
    TooLong(String, usize),
    /// It leaves the workspace.
    #[error("{0:?} is outside the workspace")]
    Outside(String),
    /// A link on the way leaves the workspace.
    #[error("{0:?} leads outside the workspace through the link {1}")]
    LinkOutside(String, CanonicalPath),
    /// Links in a circle.
    #[error("{0:?} goes through too many links")]
    TooManyLinks(String),
    /// A folder is wanted and something else is there.
    #[error("{0:?}: {1} is not a folder")]
    NotAFolder(String, CanonicalPath),
    /// `..` below something that does not exist.
    #[error("{0:?}: {1} does not exist")]
    Missing(String, CanonicalPath),
    /// A name that is not UTF-8 on disk, which a guest can't be told.
    #[error("{0:?} goes through a link whose target is not UTF-8")]
    NotUtf8(String),
    /// The operating system said no.
    #[error("{0:?}: {1}")]
    Os(String, io::ErrorKind),
}

impl ResolveError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::Nul(_) | Self::TooLong(..) => "invalid_path",
            Self::Outside(_) | Self::LinkOutside(..) => "outside_workspace",
            Self::TooManyLinks(_) => "too_many_links",
            Self::NotAFolder(..) => "not_a_directory",
            Self::Missing(..) => "not_found",
            Self::NotUtf8(_) => "not_utf8",
            Self::Os(..) => "io",
        }
    }
}

impl Workspace {
    /// Opens the folder `path` as a workspace. Everything afterwards goes through this one descriptor.
    ///
    /// # Errors
    /// If it can't be opened or is not a folder.
    pub fn open(path: &Path) -> Result<Self, WorkspaceError> {
        Self::open_with(path, Lookup::detect())
    }

    /// The same with a chosen way of looking up; the two must always agree.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_with(path: &Path, lookup: Lookup) -> Result<Self, WorkspaceError> {
        Ok(Self {
            main: Arc::new(Self::open_main(path)?),
            mounts: Vec::new(),
            lookup,
        })
    }

    /// Where the workspace is, as the kernel calls it.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.main.real()
    }

    /// Where the workspace is, as the operator wrote it, made absolute: calls may spell it like this, too.
    #[must_use]
    pub fn spelled(&self) -> &Path {
        self.main.spelled()
    }

    /// All folders that calls work in, as the kernel calls them: the workspace's and those of its mounts.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots().map(Root::real)
    }

    /// The folders beside the workspace: what each is called, where it is, as the kernel calls it, and what may be done in it.
    pub fn mounts(&self) -> impl Iterator<Item = (&str, &Path, Access)> {
        self.mounts.iter().map(|root| root.mounted())
    }

    /// The name that the place `real` (as the kernel calls it) has for calls, if they can reach it at all.
    #[must_use]
    pub fn name_of(&self, real: &Path) -> Option<CanonicalPath> {
        let mut inside = self
            .roots()
            .filter_map(|root| Some((root, real.strip_prefix(root.real()).ok()?.to_str()?)));
        inside
            .next()
            .map(|(root, rest)| CanonicalPath::new(root.path().mount(), rest))
    }

    /// The workspace's own root.
    #[must_use]
    pub fn root(&self) -> CanonicalPath {
        self.main.path()
    }

    /// Finds the one name of what `value` means, relative to the folder `from`, or absolute: inside the
    /// workspace or a mount, as the kernel or the operator spells it, or `/name/…` for what is in the mount `name`.
    ///
    /// # Errors
    /// If it leaves the workspace or its mount, can't name anything, or the operating system refuses.
    pub fn resolve(&self, from: &CanonicalPath, value: &str, last: Last) -> Result<Place, ResolveError> {
        self.resolve_open(from, value, last).map(|(place, _)| place)
    }

    /// The same, with a descriptor (`O_PATH`) of what stands there, if finding it needed one.
    pub(crate) fn resolve_open(
        &self,
        from: &CanonicalPath,
        value: &str,
        last: Last,
    ) -> Result<(Place, Option<OwnedFd>), ResolveError> {
        walk::resolve(self, from, value, last)
    }

    /// Opens what `path` names, following no link at all, not even a last one.
    ///
    /// # Errors
    /// `ELOOP` (or `ENOTDIR`) if a link stands anywhere on the path, and whatever else the operating system says.
    pub fn open_at(&self, path: &CanonicalPath, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let root = self.named(path.mount()).ok_or(rustix::io::Errno::NOENT)?;
        if !walls::stands(Wall::NoFollow) {
            return Ok(rustix::fs::openat(
                &root.fd,
                format!("./{}", path.path()),
                flags | OFlags::CLOEXEC,
                mode,
            )?);
        }
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(self.lookup.open(root.fd.as_fd(), path, flags, mode)?)
    }

    /// What stands at `path`, links not followed; `None` if nothing does.
    ///
    /// # Errors
    /// As `open_at`.
    pub fn look(&self, path: &CanonicalPath) -> io::Result<Option<Found>> {
        Ok(self.look_open(path)?.map(|(found, _)| found))
    }

    fn look_open(&self, path: &CanonicalPath) -> io::Result<Option<(Found, OwnedFd)>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Some(root) = self.named(path.mount()) else {
            return Ok(None);
        };
        let opened = self.lookup.open(root.fd.as_fd(), path, flags, Mode::empty());
        match opened.map_err(io::Error::from) {
            Ok(fd) => Ok(Some((Found::from_stat(&rustix::fs::fstat(&fd)?), fd))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the folder that holds `path`, for operations on its one last name.
    ///
    /// # Errors
    /// As `open_at`; `EBUSY` for the root, which no folder of the workspace holds.
    pub fn parent_of(&self, path: &CanonicalPath) -> io::Result<OwnedFd> {
        let parent = path.parent().ok_or(rustix::io::Errno::BUSY)?;
        self.open_at(&parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
    }
}

/// What stands under `name` in the folder `parent`, not following it.
pub(crate) fn look_in(parent: impl AsFd, name: &str) -> rustix::io::Result<Option<Found>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Found::from_stat(&stat))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}
