//! Files that the host itself uses: where they are, and how they are kept from tools where they lie among those that calls
//! work in. It must not refuse a host for rules, secrets or code that lie there: people work in their home folders.

use super::HostError;
use crate::audit::Audit;
use crate::call::{Access, CanonicalPath};
use crate::workspace::{Folder, Workspace};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file or folder that the host trusts, from which access on it is refused, and what it is.
pub(super) type Trusted = (PathBuf, Access, &'static str);

/// A place of one among those that calls reach, from which access on it is refused, and what it is.
pub(super) type Reserved = (CanonicalPath, Access, &'static str);

/// All places of these files that calls could reach: where each is named, and where that leads.
pub(super) fn reserve(workspace: &Workspace, files: &[Trusted]) -> Vec<Reserved> {
    let mut reserved = Vec::new();
    for (file, from, what) in files {
        let named = named(file);
        let real = real(file);
        for place in [named, real].into_iter().flatten() {
            if let Some(path) = workspace.name_of(&place)
                && !path.path().is_empty()
            {
                reserved.push((path, *from, *what));
            }
        }
    }
    reserved
}

/// The name itself, in the folder that really holds it.
fn named(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    Some(real(file.parent()?)?.join(file.file_name()?))
}

/// Where a name leads; for what doesn't exist yet, where it would be.
fn real(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    file.ancestors().find_map(|above| {
        let real = above.canonicalize().ok()?;
        let rest = file.strip_prefix(above).ok()?;
        Some(if rest.as_os_str().is_empty() {
            real
        } else {
            real.join(rest)
        })
    })
}

/// Opens the audit log; a relative name is one of the workspace's folder. Where tools may work it can't be.
/// The log, and its folder.
pub(super) fn open_audit(workspace: &Workspace, file: &Path) -> Result<(Audit, Folder), HostError> {
    let file = workspace.path().join(file);
    let fail = |error| HostError::OpenAudit(file.clone(), error);
    let folder = file.parent().unwrap_or(Path::new("/")).canonicalize().map_err(fail)?;
    if workspace.folders().any(|own| folder.starts_with(own)) {
        let why = "it lies where tools work, and they could change it";
        return Err(fail(std::io::Error::other(why)));
    }
    let audit = Audit::open(&file).map_err(fail)?;
    Ok((audit, Folder::open(&folder).map_err(fail)?))
}

/// `$XDG_CACHE_HOME/toolyard`, else `~/.cache/toolyard`; none where neither is set.
pub(super) fn users_cache() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let root = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(root.join("toolyard"))
}

/// Where hosts of one workspace find each other: in `$XDG_RUNTIME_DIR`, else in `/run/user/UID`, else in the user's cache
/// folder; `None` where there is none of these. Programs that start servers often hand on little of the environment, so the
/// second is where the first would point to on most systems.
#[must_use]
pub fn owners_folder() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let said = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usual = PathBuf::from(format!("/run/user/{user}"));
    // One of another user's may have been handed on to us.
    let ours = |folder: &PathBuf| std::fs::metadata(folder).is_ok_and(|record| record.is_dir() && record.uid() == user);
    let mut runtime = said.into_iter().chain([usual]).filter(|folder| folder.is_absolute());
    let runtime = runtime.find(ours).map(|folder| folder.join("toolyard"));
    Some(runtime.or_else(users_cache)?.join("owners"))
}

/// Where browsers have their folders: one for each user, below the folder for what may go at any time.
#[must_use]
pub fn browsers_base() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("toolyard-browsers-{user}"))
}
