//! Giving a file or folder another name: both ends must be ours to change, and so must all that goes along.
//! It must not be reached with a path that the gate has not checked.

use super::super::slot::step_back;
use super::Gate;
use super::codes::os;
use super::links::climbs;
use super::ops::wants_folder;
use crate::call::{Access, CanonicalPath};
use crate::workspace::{Kind, Last, look_in};
use rustix::fs::{Dir, FileType, Mode, OFlags};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

type Result<T> = std::result::Result<T, ErrorCode>;

/// As many names are looked at in one go before the guest steps back for others.
const STRIDE: usize = 1000;

/// Folders deeper than this below the one that is moved are not looked through, and it stays where it is.
const DEEPEST: usize = 256;

impl Gate {
    pub(super) async fn rename(&mut self, old: (&CanonicalPath, &str), new: (&CanonicalPath, &str)) -> Result<()> {
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
        if there.kind == Kind::Folder && self.held_below(&from, &to).await? {
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

    /// Whether something below `from` must stay where it is: what the policy hides here or would hide there; and, where guests
    /// make links, one that climbs out of the folder, which would lead elsewhere from there.
    async fn held_below(&self, from: &CanonicalPath, to: &CanonicalPath) -> Result<bool> {
        let mut todo = vec![self.level(from.clone(), to.clone())?];
        let mut seen = 0_usize;
        while let Some(level) = todo.last_mut() {
            let Some(entry) = level.dir.read() else {
                todo.pop();
                continue;
            };
            seen += 1;
            if seen.is_multiple_of(STRIDE) {
                // However much is below, others get their turn, and a cancel is seen.
                step_back();
                tokio::task::yield_now().await;
            }
            let entry = entry.map_err(os)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let kind = kind(level, name, entry.file_type())?;
            let (from, to) = (level.from.join(name), level.to.join(name));
            let depth = todo.len();
            if self.stays(&from, &to, kind, depth - 1)? || depth > DEEPEST {
                return Ok(true);
            }
            if kind == Some(Kind::Folder) {
                todo.push(self.level(from, to)?);
            }
        }
        Ok(false)
    }

    /// Whether one name must stay where it is: `depth` folders below the one that is moved.
    fn stays(&self, from: &CanonicalPath, to: &CanonicalPath, kind: Option<Kind>, depth: usize) -> Result<bool> {
        if !self.policy.visible(from, Access::Write) || !self.policy.visible(to, Access::Write) {
            return Ok(true);
        }
        if kind != Some(Kind::Link) || !self.policy.symlinks() {
            return Ok(false);
        }
        let target = self.target(from)?;
        let kept =
            target.starts_with('/') || climbs(target.trim_end_matches('/')).is_some_and(|climbs| climbs <= depth);
        Ok(!kept)
    }

    fn level(&self, from: CanonicalPath, to: CanonicalPath) -> Result<Level> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.workspace.open_at(&from, flags, Mode::empty()).map_err(os)?;
        let dir = Dir::new(fd).map_err(os)?;
        Ok(Level { dir, from, to })
    }
}

/// One folder of those that are being looked through before a move.
struct Level {
    dir: Dir,
    from: CanonicalPath,
    to: CanonicalPath,
}

/// The kernel's word for a kind; where it has not said which, the name is looked at.
fn kind(level: &Level, name: &str, said: FileType) -> Result<Option<Kind>> {
    Ok(match said {
        FileType::Unknown => {
            let found = look_in(level.dir.fd().map_err(os)?, name).map_err(os)?;
            found.map(|found| found.kind)
        }
        FileType::Symlink => Some(Kind::Link),
        FileType::Directory => Some(Kind::Folder),
        _ => Some(Kind::File),
    })
}
