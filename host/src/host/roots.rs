//! Folders that clients bring along: mounts that come and go while the host runs, as the policy's `[[roots]]` say. It must not
//! give a place two names, now or later.
//!
//! A call reaches what was mounted when it came in, so a mount that goes is taken from nobody who has it. A folder that was
//! mounted once keeps its name for as long as the host lives: calls that came in before and after are compared by it.

use super::Host;
use super::makings::Makings;
use crate::call::{Access, CanonicalPath, ObjectId};
use crate::dispatch::Dispatcher;
use crate::workspace::{Folder, MountError, Workspace};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// As many folders of clients are mounted at once, and as many are known by name.
const MOST_MOUNTED: usize = 64;
const MOST_KNOWN: usize = 1024;

/// As many names are tried for one folder.
const MOST_NAMES: usize = 100;

/// Why a folder is not mounted.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// Not absolute.
    #[error("{0} is no absolute path")]
    Relative(PathBuf),
    /// It can't be opened, or is not a folder.
    #[error("{0}: {1}")]
    Open(PathBuf, io::Error),
    /// No line of the policy has it.
    #[error("no line of [[roots]] in the policy allows {0}")]
    NotAllowed(PathBuf),
    /// The host writes its audit log there.
    #[error("{0} holds the audit log, and tools could change it")]
    HoldsAudit(PathBuf),
    /// There are enough.
    #[error("{MOST_MOUNTED} folders of clients are mounted; {0} has no room")]
    TooMany(PathBuf),
    /// Calls that are not done yet know a part of it by another name.
    #[error("{0} overlaps with a folder that was mounted before, in which calls are still at work; try again")]
    Busy(PathBuf),
    /// It overlaps with a folder that calls reach already, or has no name.
    #[error(transparent)]
    Mount(#[from] MountError),
}

/// The folders that clients have brought along.
#[derive(Debug, Default)]
pub(super) struct Roots {
    known: Vec<Known>,
    /// What was before, as long as a call has it that came in then.
    before: Vec<Weak<Workspace>>,
}

#[derive(Debug)]
struct Known {
    object: ObjectId,
    name: String,
    /// How many want it mounted.
    users: usize,
}

/// A folder that calls reach for as long as this lives. Several may be of one folder.
#[derive(Debug)]
pub struct RootMount {
    place: CanonicalPath,
    access: Access,
    /// Those to whom it says that it is not needed any more, if it was mounted for it.
    owner: Option<(Arc<Makings>, Arc<Dispatcher>)>,
}

impl RootMount {
    /// What calls find it at.
    #[must_use]
    pub fn place(&self) -> &CanonicalPath {
        &self.place
    }

    /// What they may do there, as far as the policy's other lines let them.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }
}

impl Drop for RootMount {
    fn drop(&mut self) {
        let Some((makings, dispatcher)) = self.owner.take() else {
            return;
        };
        let mut changing = makings.changing();
        let roots = &mut changing.roots;
        let known = roots.known.iter_mut().find(|known| known.name == self.place.mount());
        let Some(known) = known else { return };
        known.users = known.users.saturating_sub(1);
        if known.users == 0 {
            let rules = dispatcher.rules();
            let fewer = rules.workspace.without(&known.name);
            roots.replaced(&rules.workspace);
            dispatcher.replace_rules(makings.moved(&rules, fewer));
        }
    }
}

impl Roots {
    fn replaced(&mut self, workspace: &Arc<Workspace>) {
        self.before.retain(|before| before.strong_count() > 0);
        self.before.push(Arc::downgrade(workspace));
    }

    /// The first name that fits, which is no other folder's, and the workspace with the folder under it.
    fn first_fit(
        &self,
        workspace: &Workspace,
        folder: &Folder,
        access: Access,
    ) -> Result<(String, Workspace), MountError> {
        let last = folder
            .real()
            .file_name()
            .map(|name| name.to_string_lossy().to_lowercase());
        let plain = |c: char| match c {
            'a'..='z' | '0'..='9' | '_' => c,
            _ => '-',
        };
        let base: String = last.unwrap_or_default().chars().map(plain).take(48).collect();
        let base = base.trim_start_matches(|c: char| !c.is_ascii_lowercase());
        let base = if base.is_empty() { "root" } else { base };
        let names = (2..MOST_NAMES).map(|number| format!("{base}-{number}"));
        let mut names = std::iter::once(base.to_owned()).chain(names);
        loop {
            let free = |name: &String| !self.known.iter().any(|known| known.name == *name);
            let next = names.find(free);
            let Some(name) = next else {
                return Err(MountError::Twice(base.to_owned()));
            };
            match workspace.clone().with(folder.clone(), &name, access) {
                Err(MountError::Twice(_) | MountError::Ambiguous(..)) => {}
                done => return Ok((name, done?)),
            }
        }
    }
}

impl Host {
    /// Lets calls that come from now on reach this folder, too, until what comes back is dropped: as a mount named after its last
    /// part, as one of `[[roots]]` in the policy says. Where calls reach it already, it is said where.
    ///
    /// # Errors
    /// If the policy does not allow it, it can't be opened, or it holds a folder that calls reach already.
    pub fn mount_root(&self, folder: &Path) -> Result<RootMount, RootError> {
        if !folder.is_absolute() {
            return Err(RootError::Relative(folder.to_owned()));
        }
        let fail = |error| RootError::Open(folder.to_owned(), error);
        let open = Folder::open(folder).map_err(fail)?;
        let chain = open.chain().map_err(fail)?;
        let Some(object) = chain.first().copied() else {
            return Err(fail(io::ErrorKind::NotFound.into()));
        };
        let makings = &self.makings;
        let mut changing = makings.changing();
        let roots = &mut changing.roots;
        let rules = self.dispatcher.rules();
        if let Some(place) = rules.workspace.place_of(&open).map_err(fail)? {
            // What it lies in must stay as long as it.
            let around = roots.known.iter_mut().find(|known| known.name == place.mount());
            let owner = around.map(|known| {
                known.users = known.users.saturating_add(1);
                self.owner()
            });
            let access = rules.workspace.mount_access(&place);
            return Ok(RootMount { place, access, owner });
        }
        let Some(access) = self.root_access(&chain) else {
            return Err(RootError::NotAllowed(folder.to_owned()));
        };
        if makings
            .audit
            .as_ref()
            .is_some_and(|audit| audit.starts_with(open.real()))
        {
            return Err(RootError::HoldsAudit(folder.to_owned()));
        }
        let mounted = roots.known.iter().filter(|known| known.users > 0).count();
        let at = roots.known.iter().position(|known| known.object == object);
        if mounted >= MOST_MOUNTED || (at.is_none() && roots.known.len() >= MOST_KNOWN) {
            return Err(RootError::TooMany(folder.to_owned()));
        }
        let (name, workspace) = match at.and_then(|at| roots.known.get(at)) {
            Some(known) => {
                let workspace = Workspace::clone(&rules.workspace);
                (known.name.clone(), workspace.with(open.clone(), &known.name, access)?)
            }
            None => roots.first_fit(&rules.workspace, &open, access)?,
        };
        for before in roots.before.iter().filter_map(Weak::upgrade) {
            if before.clashes(&open, &name).map_err(fail)? {
                return Err(RootError::Busy(folder.to_owned()));
            }
        }
        roots.replaced(&rules.workspace);
        self.dispatcher.replace_rules(makings.moved(&rules, workspace));
        match at.and_then(|at| roots.known.get_mut(at)) {
            Some(known) => known.users = 1,
            None => roots.known.push(Known {
                object,
                name: name.clone(),
                users: 1,
            }),
        }
        Ok(RootMount {
            place: CanonicalPath::new(name, ""),
            access,
            owner: Some(self.owner()),
        })
    }

    /// The folders beside the workspace that calls reach now, by name, and what the policy's mounts and roots let them do there.
    #[must_use]
    pub fn mounts(&self) -> Vec<(String, Access)> {
        let rules = self.dispatcher.rules();
        let mounts = rules.workspace.mounts();
        mounts.map(|(name, _, access)| (name.to_owned(), access)).collect()
    }

    fn owner(&self) -> (Arc<Makings>, Arc<Dispatcher>) {
        (Arc::clone(&self.makings), Arc::clone(&self.dispatcher))
    }

    /// What the innermost line says that allows a folder, which is known by itself and those above it.
    fn root_access(&self, chain: &[ObjectId]) -> Option<Access> {
        let rules = self.makings.policy.roots().filter_map(|rule| {
            let folder = Folder::open(&self.makings.workspace.path().join(&rule.folder)).ok()?;
            let object = folder.chain().ok()?.into_iter().next()?;
            let above = chain.iter().position(|folder| *folder == object)?;
            Some((above, rule.access))
        });
        rules.min_by_key(|(above, _)| *above).map(|(_, access)| access)
    }
}
