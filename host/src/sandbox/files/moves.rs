//! Giving a file or folder another name: both ends must be ours to change, and so must all that goes along.
//! It must not be reached with a path that the gate has not checked.

use super::Gate;
use super::codes::os;
use crate::call::{Access, CanonicalPath};
use crate::workspace::{Kind, Last};
use rustix::fs::{Mode, OFlags};
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
        match there.kind {
            // A folder takes everything below it along, so everything below must be ours to move, at both ends.
            Kind::Folder if !self.rights.writes_below(&from) || !self.rights.writes_below(&to) => {
                return Err(ErrorCode::NotPermitted);
            }
            Kind::Other => return Err(ErrorCode::NotPermitted),
            Kind::Folder | Kind::File | Kind::Link => {}
        }
        if there.kind == Kind::Folder && self.hides_below(&from, 0)? {
            return Err(ErrorCode::NotPermitted);
        }
        let from_parent = self.workspace.parent_of(&from).map_err(os)?;
        let to_parent = self.workspace.parent_of(&to).map_err(os)?;
        let (from, to) = (from.name().unwrap_or_default(), to.name().unwrap_or_default());
        rustix::fs::renameat(from_parent, from, to_parent, to).map_err(os)
    }

    /// Whether the policy hides something below `folder`: moving it would carry that to where other rules hold.
    fn hides_below(&self, folder: &CanonicalPath, depth: usize) -> Result<bool> {
        if depth > 256 {
            return Ok(true);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.workspace.open_at(folder, flags, Mode::empty()).map_err(os)?;
        for entry in rustix::fs::Dir::new(fd).map_err(os)? {
            let entry = entry.map_err(os)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let path = folder.join(name);
            if !self.policy.visible(&path, Access::Write) {
                return Ok(true);
            }
            if entry.file_type() == rustix::fs::FileType::Directory && self.hides_below(&path, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
