//! Giving a file or folder another name: both ends must be ours to change, and so must all that goes along.
//! It must not be reached with a path that the gate has not checked.

use super::Gate;
use super::codes::os;
use super::links::climbs;
use super::ops::wants_folder;
use crate::call::{Access, CanonicalPath};
use crate::workspace::{Kind, Last, look_in};
use rustix::fs::{FileType, Mode, OFlags};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

type Result<T> = std::result::Result<T, ErrorCode>;

impl Gate {
    pub(super) fn rename(&mut self, old: (&CanonicalPath, &str), new: (&CanonicalPath, &str)) -> Result<()> {
        let (from, _) = self.find(old.0, old.1, Last::Keep)?;
        let (to, _) = self.find(new.0, new.1, Last::Keep)?;
        self.may_see(&from)?;
        if from.mount() != to.mount() {
            return Err(ErrorCode::CrossDevice);
        }
        self.may_write(&from)?;
        self.may_write(&to)?;
        self.staging.settle_one(&from).map_err(os)?;
        self.staging.discard(&to);
        let there = self.workspace.look(&from).map_err(os)?.ok_or(ErrorCode::NoEntry)?;
        if there.kind != Kind::Folder && (wants_folder(old.1) || wants_folder(new.1)) {
            return Err(ErrorCode::NotDirectory);
        }
        match there.kind {
            // A folder takes everything below it along, so everything below must be ours to move, at both ends.
            Kind::Folder if !self.rights.writes_below(&from) || !self.rights.writes_below(&to) => {
                return Err(ErrorCode::NotPermitted);
            }
            Kind::Other => return Err(ErrorCode::NotPermitted),
            Kind::Link => self.may_move_link(&self.target(&from)?, &from, &to)?,
            Kind::Folder | Kind::File => {}
        }
        if there.kind == Kind::Folder && self.held_below(&from, 0)? {
            return Err(ErrorCode::NotPermitted);
        }
        let from_parent = self.workspace.parent_of(&from).map_err(os)?;
        let to_parent = self.workspace.parent_of(&to).map_err(os)?;
        let (from, to) = (from.name().unwrap_or_default(), to.name().unwrap_or_default());
        rustix::fs::renameat(from_parent, from, to_parent, to).map_err(os)
    }

    /// Where the link `path` says it leads.
    fn target(&self, path: &CanonicalPath) -> Result<String> {
        let parent = self.workspace.parent_of(path).map_err(os)?;
        let target = rustix::fs::readlinkat(parent, path.name().unwrap_or_default(), Vec::new()).map_err(os)?;
        target.into_string().map_err(|_| ErrorCode::IllegalByteSequence)
    }

    /// Whether something below `folder` must stay where it is: what the policy hides, which a move would carry to where other
    /// rules hold; and, where guests make links, one that climbs out of the folder, which would lead elsewhere from there.
    fn held_below(&self, folder: &CanonicalPath, depth: usize) -> Result<bool> {
        if depth > 256 {
            return Ok(true);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.workspace.open_at(folder, flags, Mode::empty()).map_err(os)?;
        let mut dir = rustix::fs::Dir::new(fd).map_err(os)?;
        while let Some(entry) = dir.read() {
            let entry = entry.map_err(os)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let path = folder.join(name);
            if !self.policy.visible(&path, Access::Write) {
                return Ok(true);
            }
            let kind = match entry.file_type() {
                FileType::Unknown => look_in(dir.fd().map_err(os)?, name)
                    .map_err(os)?
                    .map(|found| found.kind),
                FileType::Symlink => Some(Kind::Link),
                FileType::Directory => Some(Kind::Folder),
                _ => Some(Kind::File),
            };
            if kind == Some(Kind::Link) && self.policy.symlinks() {
                let target = self.target(&path)?;
                if !target.starts_with('/') && climbs(target.trim_end_matches('/')).is_none_or(|climbs| climbs > depth)
                {
                    return Ok(true);
                }
            }
            if kind == Some(Kind::Folder) && self.held_below(&path, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
