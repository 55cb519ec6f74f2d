//! From a spelling to the one canonical name, by looking at every real component.
//! It must not open anything for reading or writing: it only finds out what is where.

use super::roots::Root;
use super::{Found, Kind, MAX_PATH_BYTES, Place, ResolveError, Workspace};
use crate::call::CanonicalPath;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// As many links as the kernel follows in one lookup.
const MAX_LINKS: usize = 40;

/// What happens to a link in the last place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It is followed, and its target is meant.
    Follow,
    /// The link itself is meant.
    Keep,
}

/// See `Workspace::resolve`.
pub(super) fn resolve(
    workspace: &Workspace,
    from: &CanonicalPath,
    value: &str,
    last: Last,
) -> Result<(Place, Option<OwnedFd>), ResolveError> {
    check_text(value)?;
    let outside = || ResolveError::Outside(value.to_owned());
    let (start, relative) = match value.starts_with('/') {
        true => workspace.enter(Path::new(value)).ok_or_else(outside)?,
        false => (from.clone(), value),
    };
    if let Some((place, fd)) = at_once(workspace, &start, relative) {
        return Ok((place, Some(fd)));
    }
    let root = workspace.named(start.mount()).ok_or_else(outside)?;
    let place = Walk::new(workspace, root, value, &start, relative, last).run()?;
    Ok((place, None))
}

fn check_text(value: &str) -> Result<(), ResolveError> {
    if value.is_empty() {
        return Err(ResolveError::Empty);
    }
    if value.contains('\0') {
        return Err(ResolveError::Nul(value.chars().take(100).collect()));
    }
    if value.len() > MAX_PATH_BYTES {
        return Err(ResolveError::TooLong(value.chars().take(60).collect(), value.len()));
    }
    Ok(())
}

/// The common case in one look: no `..`, everything there, no link anywhere. `None` sends the name to the walk.
fn at_once(workspace: &Workspace, start: &CanonicalPath, relative: &str) -> Option<(Place, OwnedFd)> {
    let mut text = start.path().to_owned();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            name => {
                if !text.is_empty() {
                    text.push('/');
                }
                text.push_str(name);
            }
        }
    }
    let path = CanonicalPath::new(start.mount(), text);
    let (found, fd) = workspace.look_open(&path).ok().flatten()?;
    let wants_folder = wants_folder(relative);
    match found.kind {
        Kind::Folder => {}
        Kind::File | Kind::Other if !wants_folder => {}
        Kind::File | Kind::Other | Kind::Link => return None,
    }
    let place = Place {
        path,
        found: Some(found),
        via: Vec::new(),
        first_missing: None,
    };
    Some((place, fd))
}

/// Whether a spelling or a link's target says at its end that it means a folder.
fn wants_folder(text: &str) -> bool {
    text.ends_with('/') || text.ends_with("/.") || text == "."
}

struct Walk<'a> {
    workspace: &'a Workspace,
    /// Where it began: nothing leads from one root into another.
    root: &'a Root,
    /// The spelling, for messages.
    value: &'a str,
    /// The folder reached so far, and its descriptor (`None` for the root).
    here: CanonicalPath,
    dir: Option<OwnedFd>,
    /// Components still to go, the next one last.
    todo: Vec<String>,
    via: Vec<CanonicalPath>,
    links: usize,
    last: Last,
    wants_folder: bool,
}

enum Step {
    Into(OwnedFd, CanonicalPath),
    Link(CanonicalPath, String),
    End(Place),
}

impl<'a> Walk<'a> {
    fn new(
        workspace: &'a Workspace,
        root: &'a Root,
        value: &'a str,
        start: &CanonicalPath,
        relative: &str,
        last: Last,
    ) -> Self {
        let mut walk = Self {
            workspace,
            root,
            value,
            here: root.path(),
            dir: None,
            todo: Vec::new(),
            via: Vec::new(),
            links: 0,
            last,
            wants_folder: wants_folder(relative),
        };
        walk.push(relative);
        walk.push(start.path());
        walk
    }

    /// Puts the components of `text` before those still to go.
    fn push(&mut self, text: &str) {
        let parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
        self.todo.extend(parts.rev().map(str::to_owned));
    }

    fn run(mut self) -> Result<Place, ResolveError> {
        while let Some(part) = self.todo.pop() {
            if part == ".." {
                self.up()?;
                continue;
            }
            match self.step(&part)? {
                Step::Into(dir, path) => {
                    self.dir = Some(dir);
                    self.here = path;
                }
                Step::Link(path, target) => self.follow(&path, &target)?,
                Step::End(mut place) => {
                    place.via = self.via;
                    return Ok(place);
                }
            }
        }
        let found = match &self.dir {
            Some(dir) => rustix::fs::fstat(dir),
            None => rustix::fs::fstat(&self.root.fd),
        };
        let found = found.map_err(|e| self.os(e))?;
        Ok(Place {
            path: self.here,
            found: Some(Found::from_stat(&found)),
            via: self.via,
            first_missing: None,
        })
    }

    /// `..`: the folder above, found again from the root, so that no descriptor of it has to be kept.
    fn up(&mut self) -> Result<(), ResolveError> {
        let above = self
            .here
            .parent()
            .ok_or_else(|| ResolveError::Outside(self.value.to_owned()))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let dir = self
            .workspace
            .open_at(&above, flags, Mode::empty())
            .map_err(|e| ResolveError::Os(self.value.to_owned(), e.kind()))?;
        self.dir = Some(dir);
        self.via.push(std::mem::replace(&mut self.here, above));
        Ok(())
    }

    fn step(&self, part: &str) -> Result<Step, ResolveError> {
        let path = self.here.join(part);
        let at = self.dir.as_ref().unwrap_or(&self.root.fd);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(at.as_fd(), part, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return self.missing(path).map(Step::End),
            Err(error) => return Err(self.os(error)),
        };
        let found = Found::from_stat(&rustix::fs::fstat(&fd).map_err(|e| self.os(e))?);
        let is_last = self.todo.is_empty();
        match found.kind {
            Kind::Folder => Ok(Step::Into(fd, path)),
            Kind::Link if is_last && self.last == Last::Keep && !self.wants_folder => Ok(Step::End(Place {
                path,
                found: Some(found),
                via: Vec::new(),
                first_missing: None,
            })),
            Kind::Link => {
                let target = rustix::fs::readlinkat(&fd, "", Vec::new()).map_err(|e| self.os(e))?;
                let target = target
                    .into_string()
                    .map_err(|_| ResolveError::NotUtf8(self.value.to_owned()))?;
                Ok(Step::Link(path, target))
            }
            Kind::File | Kind::Other if is_last && !self.wants_folder => Ok(Step::End(Place {
                path,
                found: Some(found),
                via: Vec::new(),
                first_missing: None,
            })),
            Kind::File | Kind::Other => Err(ResolveError::NotAFolder(self.value.to_owned(), path)),
        }
    }

    /// Continues at a link's target, which must stay inside.
    fn follow(&mut self, link: &CanonicalPath, target: &str) -> Result<(), ResolveError> {
        self.via.push(link.clone());
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(ResolveError::TooManyLinks(self.value.to_owned()));
        }
        let outside = || ResolveError::LinkOutside(self.value.to_owned(), link.clone());
        if self.todo.is_empty() && wants_folder(target) {
            self.wants_folder = true;
        }
        if target.starts_with('/') {
            let rest = self.root.strip(Path::new(target)).ok_or_else(outside)?;
            self.here = self.root.path();
            self.dir = None;
            let rest = rest.to_owned();
            self.push(&rest);
            return Ok(());
        }
        // Would the target climb out? Then say so by the link's name rather than by the argument's.
        let climbs = target.split('/').take_while(|part| *part == "..").count();
        if climbs > self.here.components().count() {
            return Err(outside());
        }
        self.push(target);
        Ok(())
    }

    /// Nothing is at `path`: what is left are names below it.
    fn missing(&self, path: CanonicalPath) -> Result<Place, ResolveError> {
        if self.todo.iter().any(|part| part == "..") {
            return Err(ResolveError::Missing(self.value.to_owned(), path));
        }
        let first_missing = (!self.todo.is_empty()).then(|| path.clone());
        let path = self.todo.iter().rev().fold(path, |path, part| path.join(part));
        if path.path().len() > MAX_PATH_BYTES || path.components().any(|part| part.len() > 255) {
            return Err(ResolveError::TooLong(
                self.value.chars().take(60).collect(),
                path.path().len(),
            ));
        }
        Ok(Place {
            path,
            found: None,
            via: Vec::new(),
            first_missing,
        })
    }

    fn os(&self, error: Errno) -> ResolveError {
        match error {
            Errno::NAMETOOLONG => ResolveError::TooLong(self.value.chars().take(60).collect(), self.value.len()),
            other => ResolveError::Os(self.value.to_owned(), std::io::Error::from(other).kind()),
        }
    }
}
