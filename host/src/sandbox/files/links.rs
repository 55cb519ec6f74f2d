//! Symbolic links that guests make, where the policy lets them. It must not follow any.
//!
//! Nothing in this host follows a link out of its root, but other programs do, and a link outlives the call that made it.
//! So what a guest makes leads to a place below its own grant, and keeps to it whatever a guest does later: its target
//! climbs only at its beginning, from the folder where it really stands, and never above the grant. A `..` after a name
//! would mean something else as soon as that name is a link.

use super::Gate;
use super::codes::os;
use super::ops::wants_folder;
use crate::call::{Access, CanonicalPath, Scope};
use crate::workspace::{Last, ResolveError};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

type Result<T> = std::result::Result<T, ErrorCode>;

impl Gate {
    /// Makes the link `path` (below `folder`) with the target `target`.
    pub(super) fn make_link(&mut self, target: &str, folder: &CanonicalPath, path: &str) -> Result<()> {
        if !self.policy.symlinks() || wants_folder(path) {
            return Err(ErrorCode::NotPermitted);
        }
        let (path, found) = self.find(folder, path, Last::Keep)?;
        self.may_see(&path)?;
        self.may_write(&path)?;
        if found.is_some() || self.staging.get(&path).is_some() {
            return Err(ErrorCode::Exist);
        }
        self.stays_in_grant(target, &path)?;
        self.budget.make().map_err(os)?;
        let parent = self.workspace.parent_of(&path).map_err(os)?;
        rustix::fs::symlinkat(target, parent, path.name().unwrap_or_default()).map_err(os)
    }

    /// Checks that a link at `path` with this target leads to a place in the same write grant, and can't come to lead
    /// elsewhere.
    fn stays_in_grant(&self, target: &str, path: &CanonicalPath) -> Result<()> {
        let refused = ErrorCode::NotPermitted;
        let folder = path.parent().ok_or(refused)?;
        let climbs = climbs(target).ok_or(refused)?;
        let grant = self.rights.grant_of(path).ok_or(refused)?;
        let room = folder.components().count().saturating_sub(grant.components().count());
        if climbs > room {
            return Err(refused);
        }
        let place = self.workspace.resolve(&folder, target, Last::Follow);
        let place = place.map_err(|_| refused)?;
        // Where a link stands on the way, who changes that changes where this one leads: it must be in the grant, too.
        let inside = |place: &CanonicalPath| {
            self.rights.grant_of(place).as_ref() == Some(&grant) && self.policy.visible(place, Access::Write)
        };
        match inside(&place.path) && place.via.iter().all(inside) {
            true => Ok(()),
            false => Err(refused),
        }
    }

    /// Checks that a link with this target, moved from one place to another, doesn't come to lead out of its root, nor,
    /// where guests make links, out of the grant that it kept to.
    pub(super) fn may_move_link(&self, target: &str, from: &CanonicalPath, to: &CanonicalPath) -> Result<()> {
        let out = |place: &CanonicalPath| {
            let folder = place.parent().unwrap_or_else(|| place.clone());
            let answer = self.workspace.resolve(&folder, target, Last::Follow);
            matches!(answer, Err(ResolveError::Outside(_) | ResolveError::LinkOutside(..)))
        };
        if target.starts_with('/') {
            return Ok(());
        }
        let kept = self.policy.symlinks() && self.stays_in_grant(target, from).is_ok();
        match (kept && self.stays_in_grant(target, to).is_err()) || (out(to) && !out(from)) {
            true => Err(ErrorCode::NotPermitted),
            false => Ok(()),
        }
    }
}

/// How many folders a target climbs before it goes down; `None` for one that no guest may write.
pub(super) fn climbs(target: &str) -> Option<usize> {
    if target.is_empty() || target.starts_with('/') || target.ends_with('/') || target.contains('\0') {
        return None;
    }
    let mut parts = target
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .peekable();
    let mut climbs = 0;
    while parts.next_if_eq(&"..").is_some() {
        climbs += 1;
    }
    (!parts.any(|part| part == "..")).then_some(climbs)
}

impl super::rights::Rights {
    /// The root of the one write grant of a folder or tree that `path` is in.
    fn grant_of(&self, path: &CanonicalPath) -> Option<CanonicalPath> {
        self.innermost(path)
            .filter(|_| self.writes(path).is_some_and(|scope| scope != Scope::File))
    }
}
