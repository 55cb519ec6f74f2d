//! The folders that calls can reach: the workspace and the mounts beside it, each a descriptor with the ways to spell it.
//! It must not look below them.

use super::{Folder, Found, Workspace, WorkspaceError};
use crate::call::{Access, CanonicalPath, ObjectId};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// One folder that calls can reach.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Empty for the workspace.
    pub(super) name: Arc<str>,
    pub(super) fd: Arc<OwnedFd>,
    /// As the kernel calls it and as the operator wrote it (made absolute): absolute spellings of arguments and absolute
    /// link targets are recognised by either.
    spellings: [PathBuf; 2],
    access: Access,
}

/// Why a folder can't be mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The name is none.
    #[error("the mount name {0:?} can't be used: a name is a small letter, then small letters, digits, - and _")]
    Name(String),
    /// The name is there already.
    #[error("two mounts are called {0}; give one of them another name")]
    Twice(String),
    /// A path could mean two things.
    #[error("the mount name {0} is also how the path {1} begins, so that a path could mean two things; choose another")]
    Ambiguous(String, PathBuf),
    /// It can't be opened, or is not a folder.
    #[error("mount {name}: {path}: {source}")]
    Open {
        /// The mount's name.
        name: String,
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// One place would have two names.
    #[error("the mount {name} {how} {other}: one place must have one name, or two calls could collide unseen")]
    Overlap {
        /// The mount's name.
        name: String,
        /// `is`, `holds` or `lies inside`.
        how: &'static str,
        /// What it has a place in common with: `the workspace` or `the mount …`.
        other: String,
    },
}

impl Root {
    /// The same folder under that name.
    pub(super) fn renamed(self, name: &str, access: Access) -> Self {
        Self {
            name: name.into(),
            access,
            ..self
        }
    }

    pub(super) fn open(name: &str, path: &Path, access: Access) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let real = path.canonicalize()?;
        // What is judged by its name must be what was opened.
        let named = rustix::fs::open(&real, flags | OFlags::NOFOLLOW, Mode::empty())?;
        let object = |fd: &OwnedFd| rustix::fs::fstat(fd).map(|stat| Found::from_stat(&stat).object);
        if object(&fd)? != object(&named)? {
            return Err(io::Error::other("it was exchanged while it was opened"));
        }
        Ok(Self {
            name: name.into(),
            fd: Arc::new(fd),
            spellings: [real, std::path::absolute(path)?],
            access,
        })
    }

    /// Its own name as a place.
    pub(super) fn path(&self) -> CanonicalPath {
        CanonicalPath::new(Arc::clone(&self.name), "")
    }

    /// Where it is, as the operator wrote it, made absolute.
    pub(super) fn spelled(&self) -> &Path {
        let [_, spelled] = &self.spellings;
        spelled
    }

    /// As a mount.
    pub(super) fn mounted(&self) -> (&str, &Path, Access) {
        (&self.name, self.real(), self.access)
    }

    /// Where it is, as the kernel calls it.
    pub(super) fn real(&self) -> &Path {
        let [real, _] = &self.spellings;
        real
    }

    /// What an absolute path is relative to this root, if it begins with one of its spellings.
    pub(super) fn strip<'p>(&self, path: &'p Path) -> Option<&'p str> {
        self.spellings.iter().find_map(|root| strip(path, root))
    }

    /// How messages call it.
    fn title(&self) -> String {
        match &*self.name {
            "" => "the workspace".to_owned(),
            name => format!("the mount {name}"),
        }
    }

    /// The objects that it and all folders above it are, itself first.
    pub(super) fn chain(&self) -> io::Result<Vec<ObjectId>> {
        let mut chain = Vec::new();
        let mut here = self.fd.as_fd().try_clone_to_owned()?;
        loop {
            let object = Found::from_stat(&rustix::fs::fstat(&here)?).object;
            // Above the topmost folder is itself.
            if chain.last() == Some(&object) {
                return Ok(chain);
            }
            chain.push(object);
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            here = rustix::fs::openat(&here, "..", flags, Mode::empty())?;
        }
    }

    /// How this root and another have a place in common, if they have. Two names of one folder are one object; where the
    /// chain above can't show that something is mounted twice, the path may, and the other way round.
    pub(super) fn overlaps(&self, other: &Self) -> io::Result<Option<&'static str>> {
        let (mine, theirs) = (self.chain()?, other.chain()?);
        let (me, them) = (self.real(), other.real());
        Ok(if mine.first() == theirs.first() || me == them {
            Some("is")
        } else if theirs.first().is_some_and(|root| mine.contains(root)) || me.starts_with(them) {
            Some("lies inside")
        } else if mine.first().is_some_and(|root| theirs.contains(root)) || them.starts_with(me) {
            Some("holds")
        } else {
            None
        })
    }
}

/// What of `path` is left after `root`, a trailing slash included: it means that a folder is wanted.
fn strip<'p>(path: &'p Path, root: &Path) -> Option<&'p str> {
    let mut rest = path.to_str()?;
    for part in root.components().filter(|part| *part != Component::RootDir) {
        rest = after_slashes(rest).strip_prefix(part.as_os_str().to_str()?)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
    }
    match after_slashes(rest) {
        "" => Some("."),
        rest => Some(rest),
    }
}

/// The text without the slashes, and steps to where one is, that it begins with.
fn after_slashes(text: &str) -> &str {
    let mut rest = text.trim_start_matches('/');
    while let Some(next) = rest.strip_prefix("./") {
        rest = next.trim_start_matches('/');
    }
    rest
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_')
        && name.len() <= 64
}

impl Workspace {
    /// Adds the folder `path` under `name`: calls reach it as `/name/…`.
    ///
    /// # Errors
    /// If the name is none or is taken, the folder can't be opened, or a place would have two names.
    pub fn mount(self, name: &str, path: &Path, access: Access) -> Result<Self, MountError> {
        if !is_name(name) {
            return Err(MountError::Name(name.to_owned()));
        }
        match Folder::open(path) {
            Ok(folder) => self.with(folder, name, access),
            Err(source) => Err(MountError::Open {
                name: name.to_owned(),
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// The same with a folder that is open already.
    ///
    /// # Errors
    /// As `mount`.
    pub fn with(mut self, folder: Folder, name: &str, access: Access) -> Result<Self, MountError> {
        if !is_name(name) {
            return Err(MountError::Name(name.to_owned()));
        }
        if self.named(name).is_some() {
            return Err(MountError::Twice(name.to_owned()));
        }
        let new = folder.named(name, access);
        for other in self.roots() {
            let how = new.overlaps(other).map_err(|source| MountError::Open {
                name: name.to_owned(),
                path: new.spelled().to_owned(),
                source,
            })?;
            if let Some(how) = how {
                return Err(MountError::Overlap {
                    name: name.to_owned(),
                    how,
                    other: other.title(),
                });
            }
        }
        self.mounts.push(Arc::new(new));
        match self.ambiguous() {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// The same without the mount of that name; calls that came in under this one still reach it.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut fewer = self.clone();
        fewer.mounts.retain(|mount| *mount.name != *name);
        fewer
    }

    /// A mount's name with which an absolute spelling of something else begins.
    fn ambiguous(&self) -> Option<MountError> {
        self.mounts.iter().find_map(|mount| {
            let begins = Path::new("/").join(&*mount.name);
            let spellings = self
                .roots()
                .flat_map(|root| root.spellings.iter().map(move |spelling| (root, spelling)));
            // A folder that is mounted under the very name that it has means the same either way.
            let same = |root: &Root, spelling: &Path| root.name == mount.name && *spelling == *begins;
            let mut other = spellings.filter(|(root, spelling)| spelling.starts_with(&begins) && !same(root, spelling));
            let (_, spelling) = other.next()?;
            Some(MountError::Ambiguous(mount.name.to_string(), spelling.clone()))
        })
    }

    /// What calls may do in the mount of this path; in the workspace everything that the policy allows.
    #[must_use]
    pub fn mount_access(&self, path: &CanonicalPath) -> Access {
        self.named(path.mount()).map_or(Access::Read, |root| root.access)
    }

    /// The roots of the workspace and of all mounts.
    pub fn places(&self) -> impl Iterator<Item = CanonicalPath> {
        self.roots().map(Root::path)
    }

    pub(super) fn roots(&self) -> impl Iterator<Item = &Root> {
        std::iter::once(&self.main).chain(&self.mounts).map(|root| &**root)
    }

    /// Where a canonical path is, as the kernel calls it; `None` if there is no such mount.
    #[must_use]
    pub fn real_path(&self, path: &CanonicalPath) -> Option<PathBuf> {
        let root = self.named(path.mount())?;
        Some(root.real().join(path.path()))
    }

    /// The root of that name; the workspace's is empty.
    pub(super) fn named(&self, name: &str) -> Option<&Root> {
        self.roots().find(|root| *root.name == *name)
    }

    /// What an absolute path means: the root that it leads to, and the rest of it. `/name` is a spelling, too; no other
    /// spelling begins with one. Where several spellings fit, the longest is the nearest.
    pub(super) fn enter<'p>(&self, path: &'p Path) -> Option<(CanonicalPath, &'p str)> {
        let mounts = self.mounts.iter().map(|root| &**root);
        let named = mounts.filter_map(|root| Some((root, strip(path, &Path::new("/").join(&*root.name))?)));
        let spelled = self.roots().filter_map(|root| Some((root, root.strip(path)?)));
        let (root, rest) = named.chain(spelled).min_by_key(|(_, rest)| rest.len())?;
        Some((root.path(), rest))
    }

    pub(super) fn open_main(path: &Path) -> Result<Root, WorkspaceError> {
        Root::open("", path, Access::Write).map_err(|source| WorkspaceError {
            path: path.display().to_string(),
            source,
        })
    }
}
