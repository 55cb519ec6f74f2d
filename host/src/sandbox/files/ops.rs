//! The operations on single names, each on the folder that holds the name, none following a link.
//! It must not be reached with a path that the gate has not checked.

use super::codes::os;
use super::{Gate, leftovers, staging};
use crate::call::{Access, CanonicalPath, Scope};
use crate::walls::{self, Wall};
use crate::workspace::{Found, Kind, Last, Workspace, look_in};
use rustix::fs::{AtFlags, Mode, OFlags};
use std::fs::File;
use std::sync::Arc;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile, FsPerms, OpenMode};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

type Result<T> = std::result::Result<T, ErrorCode>;

pub(super) fn make_folder(workspace: &Workspace, path: &CanonicalPath) -> std::io::Result<()> {
    let parent = workspace.parent_of(path)?;
    let name = path.name().unwrap_or_default();
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
        // Somebody was faster; it is a folder or the next step will say so.
        Err(rustix::io::Errno::EXIST) => Ok(()),
        other => Ok(other?),
    }
}

pub(super) fn remove_folder(workspace: &Workspace, path: &CanonicalPath) -> std::io::Result<()> {
    let parent = workspace.parent_of(path)?;
    let name = path.name().unwrap_or_default();
    Ok(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// As many files that were opened for writing are kept in mind before those that are closed are forgotten.
const MOST_WRITTEN: usize = 1024;

/// What a guest asks for when it opens a name.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the independent flags of `open-at`"
)]
pub(super) struct Open {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) create: bool,
    pub(super) exclusive: bool,
    pub(super) truncate: bool,
    pub(super) folder: bool,
}

impl Open {
    fn changes(self) -> bool {
        self.write || self.create || self.truncate
    }
}

impl Gate {
    /// Checks that `path` may be changed; the scope of the grant that says so.
    pub(super) fn may_write(&self, path: &CanonicalPath) -> Result<Scope> {
        let scope = self.rights.writes(path).ok_or(match self.rights.reads(path) {
            true => ErrorCode::ReadOnly,
            false => ErrorCode::NotPermitted,
        })?;
        if self.workspace.mount_access(path) == Access::Read {
            return Err(ErrorCode::ReadOnly);
        }
        if !self.policy.visible(path, Access::Write) || is_ours(path) {
            return Err(ErrorCode::NotPermitted);
        }
        Ok(scope)
    }

    /// Checks that the guest may know what stands at `path`.
    pub(super) fn may_see(&self, path: &CanonicalPath) -> Result<()> {
        match self.sees(path) && !is_ours(path) {
            true => Ok(()),
            false => Err(self.hidden(path)),
        }
    }

    /// Checks that the guest may hold one more descriptor.
    pub(super) fn one_more_open(&mut self) -> Result<()> {
        if self.open >= self.max_open && walls::stands(Wall::OpenFiles) {
            self.refused = true;
            return Err(ErrorCode::Quota);
        }
        Ok(())
    }

    /// The common case, a file in an open folder that is only read, without finding out first what its name means: a name
    /// that is no link means itself, and the kernel refuses what became one meanwhile. `None` for every other case.
    pub(super) fn open_at_once(
        &mut self,
        folder: &CanonicalPath,
        dir: &File,
        name: &str,
        how: Open,
    ) -> Result<Option<Descriptor>> {
        if how.changes() || how.folder || matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Ok(None);
        }
        let path = folder.join(name);
        // Only a hint, so that nothing but a file is ever opened; what was opened is looked at once more.
        let hint = |found: &Found| found.kind == Kind::File;
        if self.may_see(&path).is_err()
            || self.staging.get(&path).is_some()
            || !look_in(dir, name).ok().flatten().is_some_and(|found| hint(&found))
        {
            return Ok(None);
        }
        self.one_more_open()?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let Ok(fd) = self.workspace.open_at(&path, flags, Mode::empty()) else {
            return Ok(None);
        };
        let file = File::from(fd);
        regular(&file)?;
        Ok(Some(self.descriptor(file, how)))
    }

    /// Opens what `text` (below `folder`) names. The descriptor, and where it is if it is a folder.
    pub(super) fn open(
        &mut self,
        folder: &CanonicalPath,
        text: &str,
        last: Last,
        how: Open,
    ) -> Result<(Descriptor, Option<CanonicalPath>)> {
        self.one_more_open()?;
        let (path, found) = self.find(folder, text, last)?;
        self.may_see(&path)?;
        if how.exclusive && how.create && (found.is_some() || self.staging.get(&path).is_some()) {
            return Err(ErrorCode::Exist);
        }
        // A name with a slash behind it can only be a folder's, and a folder isn't made by opening.
        if found.is_none() && wants_folder(text) {
            return Err(match how.create {
                true => ErrorCode::IsDirectory,
                false => ErrorCode::NoEntry,
            });
        }
        match found.map(|found| found.kind) {
            Some(Kind::Folder) if how.changes() => Err(ErrorCode::IsDirectory),
            Some(Kind::Folder) => Ok((self.open_folder(&path)?, Some(path))),
            Some(Kind::File) | None if how.folder => Err(match found {
                Some(_) => ErrorCode::NotDirectory,
                None => ErrorCode::NoEntry,
            }),
            Some(Kind::File) | None => Ok((self.open_file(&path, found, how)?, None)),
            // `Last::Keep` on a link, or a device, a pipe, a socket: never opened, so never waited for.
            Some(Kind::Link) => Err(ErrorCode::Loop),
            Some(Kind::Other) if walls::stands(Wall::OnlyFiles) => Err(ErrorCode::NotPermitted),
            Some(Kind::Other) => Ok((self.open_file(&path, found, how)?, None)),
        }
    }

    pub(super) fn open_folder(&mut self, path: &CanonicalPath) -> Result<Descriptor> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.workspace.open_at(path, flags, Mode::empty()).map_err(os)?;
        let (perms, mode) = match self.may_write(path) {
            Ok(_) => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
            Err(_) => (FsPerms::ReadOnly, OpenMode::READ),
        };
        let folder = Dir::new(File::from(fd), perms, mode, true);
        self.open += 1;
        Ok(Descriptor::Dir(folder))
    }

    fn open_file(&mut self, path: &CanonicalPath, found: Option<Found>, how: Open) -> Result<Descriptor> {
        if how.changes() {
            let scope = self.may_write(path)?;
            if found.is_none() && !how.create && self.staging.get(path).is_none() {
                return Err(ErrorCode::NoEntry);
            }
            if found.is_none() && self.staging.get(path).is_none() {
                self.budget.make().map_err(os)?;
            }
            let whole = scope == Scope::File
                && walls::stands(Wall::PrivateCopies)
                && !self.staging.in_place(path, found.as_ref());
            return match whole {
                true => self.open_copy(path, found, how),
                false => self.open_in_place(path, how),
            };
        }
        if let Some(copy) = self.staging.get(path) {
            return Ok(self.descriptor(copy.map_err(os)?, how));
        }
        // Never waits for the other end of a pipe that took the file's place just now.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.workspace.open_at(path, flags, Mode::empty()).map_err(os)?);
        regular(&file)?;
        Ok(self.descriptor(file, how))
    }

    fn open_copy(&mut self, path: &CanonicalPath, found: Option<Found>, how: Open) -> Result<Descriptor> {
        if self.staging.get(path).is_none() {
            let start = match how.truncate {
                true => staging::Start::Empty,
                false => staging::Start::Old,
            };
            if self.staging.held() >= self.max_open {
                self.refused = true;
                return Err(ErrorCode::Quota);
            }
            let begun = self.staging.begin(&self.workspace, path, found, start, &self.budget);
            begun.map_err(os)?;
        }
        let copy = self.staging.get(path).ok_or(ErrorCode::Io)?.map_err(os)?;
        if how.truncate {
            copy.set_len(0).map_err(os)?;
        }
        Ok(self.descriptor(copy, how))
    }

    fn open_in_place(&mut self, path: &CanonicalPath, how: Open) -> Result<Descriptor> {
        let mut flags = match (how.read, how.write) {
            (_, true) if how.read => OFlags::RDWR,
            (_, true) => OFlags::WRONLY,
            (_, false) => OFlags::RDWR,
        } | OFlags::NONBLOCK;
        // The kernel refuses a mode for what is not to be made.
        let mut mode = Mode::empty();
        if how.create {
            flags |= OFlags::CREATE;
            mode = Mode::from_raw_mode(0o666);
        }
        if how.exclusive {
            flags |= OFlags::EXCL;
        }
        let file = File::from(self.workspace.open_at(path, flags, mode).map_err(os)?);
        regular(&file)?;
        if how.truncate {
            file.set_len(0).map_err(os)?;
        }
        Ok(self.descriptor(file, how))
    }

    fn descriptor(&mut self, file: File, how: Open) -> Descriptor {
        let mut mode = OpenMode::empty();
        if how.read || !how.write {
            mode |= OpenMode::READ;
        }
        if how.write {
            mode |= OpenMode::WRITE;
        }
        let perms = match how.write {
            true => FsPerms::ReadWrite,
            false => FsPerms::ReadOnly,
        };
        let file = WasiFile::new(file, perms, mode, true);
        if how.write {
            if self.written.len() >= MOST_WRITTEN {
                // What is closed already needs no waiting for, however often a guest opens and closes.
                self.written.retain(|file| file.strong_count() > 0);
            }
            self.written.push(Arc::downgrade(&file.file));
        }
        self.open += 1;
        Descriptor::File(file)
    }

    pub(super) fn create_folder(&mut self, folder: &CanonicalPath, path: &str) -> Result<()> {
        let (path, found) = self.find(folder, path, Last::Keep)?;
        // A name that exists is told as such even where it may not be changed: it is what `mkdir -p` steps over.
        if found.is_some() && self.sees(&path) {
            return Err(ErrorCode::Exist);
        }
        self.may_write(&path)?;
        self.budget.make().map_err(os)?;
        let parent = self.workspace.parent_of(&path).map_err(os)?;
        let name = path.name().unwrap_or_default();
        rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o777)).map_err(os)
    }

    pub(super) fn remove(&mut self, folder: &CanonicalPath, path: &str, flags: AtFlags) -> Result<()> {
        let (path, found) = self.find(folder, path, Last::Keep)?;
        self.may_see(&path)?;
        self.may_write(&path)?;
        let had_copy = flags.is_empty() && self.staging.discard(&path);
        if found.is_none() && had_copy {
            return Ok(());
        }
        let parent = self.workspace.parent_of(&path).map_err(os)?;
        let name = path.name().unwrap_or_default();
        rustix::fs::unlinkat(parent, name, flags).map_err(os)
    }

    pub(super) fn read_link(&self, folder: &CanonicalPath, path: &str) -> Result<String> {
        let (path, found) = self.find(folder, path, Last::Keep)?;
        self.may_see(&path)?;
        if !self.rights.reads(&path) {
            return Err(ErrorCode::NotPermitted);
        }
        match found.map(|found| found.kind) {
            Some(Kind::Link) => {}
            Some(_) => return Err(ErrorCode::Invalid),
            None => return Err(ErrorCode::NoEntry),
        }
        let parent = self.workspace.parent_of(&path).map_err(os)?;
        let target = rustix::fs::readlinkat(parent, path.name().unwrap_or_default(), Vec::new()).map_err(os)?;
        let target = target.into_string().map_err(|_| ErrorCode::IllegalByteSequence)?;
        // An absolute target names a place on the host; a guest has no use for it and no right to it.
        match target.starts_with('/') {
            true => Err(ErrorCode::NotPermitted),
            false => Ok(target),
        }
    }

    /// A handle on what `path` names, for looking at its record only. Nothing is opened for reading.
    pub(super) fn look_at(&self, folder: &CanonicalPath, path: &str, last: Last) -> Result<File> {
        let (path, found, fd) = self.find_open(folder, path, last)?;
        self.may_see(&path)?;
        if let Some(copy) = self.staging.get(&path) {
            return copy.map_err(os);
        }
        found.ok_or(ErrorCode::NoEntry)?;
        let fd = match fd {
            Some(fd) => fd,
            None => self.workspace.open_at(&path, OFlags::PATH, Mode::empty()).map_err(os)?,
        };
        Ok(File::from(fd))
    }

    pub(super) fn set_times(
        &self,
        folder: &CanonicalPath,
        path: &str,
        last: Last,
        times: &rustix::fs::Timestamps,
    ) -> Result<()> {
        let (path, found) = self.find(folder, path, last)?;
        self.may_see(&path)?;
        self.may_write(&path)?;
        if let Some(copy) = self.staging.get(&path) {
            return rustix::fs::futimens(copy.map_err(os)?, times).map_err(os);
        }
        found.ok_or(ErrorCode::NoEntry)?;
        let parent = self.workspace.parent_of(&path).map_err(os)?;
        let name = path.name().unwrap_or_default();
        rustix::fs::utimensat(parent, name, times, AtFlags::SYMLINK_NOFOLLOW).map_err(os)
    }

    /// Whether a listing of `folder` may show `name`.
    pub(super) fn lists(&self, folder: &CanonicalPath, name: &str) -> bool {
        let path = folder.join(name);
        !name.starts_with(leftovers::PREFIX) && self.sees(&path)
    }
}

/// Whether a path is spelled as that of a folder.
pub(super) fn wants_folder(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.")
}

fn is_ours(path: &CanonicalPath) -> bool {
    path.name().is_some_and(|name| name.starts_with(leftovers::PREFIX))
}

/// Only regular files are read or written: a device or a pipe has effects that no lock covers.
fn regular(file: &File) -> Result<()> {
    match rustix::fs::fstat(file).map(|stat| Found::from_stat(&stat).kind) {
        Ok(Kind::File) => Ok(()),
        Ok(_) if !walls::stands(Wall::OnlyFiles) => Ok(()),
        Ok(_) => Err(ErrorCode::NotPermitted),
        Err(error) => Err(os(error)),
    }
}
