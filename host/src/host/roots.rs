//! Folders that clients bring along: mounts that come and go while the host runs, as the policy's `[[roots]]` say. It must not
//! give a place two names, now or later.
//!
//! A call reaches what was mounted when it came in, so a mount that goes is taken from nobody who has it. A folder that was
//! mounted once keeps its name, and no other folder gets it, as long as anything may know it by that: calls that came in before
//! and after are compared by it, and what somebody has approved is remembered by it.

use super::Host;
use super::makings::Makings;
use crate::call::{Access, CanonicalPath, ObjectId};
use crate::dispatch::Dispatcher;
use crate::policy::Policy;
use crate::walls::{self, Wall};
use crate::workspace::{Folder, MountError, Workspace};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// As many folders of clients are mounted at once, and as many are remembered by name.
const MOST_MOUNTED: usize = 256;
const MOST_KNOWN: usize = 1024;

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
    /// A list of the policy refuses a folder on the way there.
    #[error("{0}: [files] of the policy denies a folder on the way there")]
    Denied(PathBuf),
    /// The host writes its audit log there.
    #[error("{0} holds the audit log, and tools could change it")]
    HoldsAudit(PathBuf),
    /// The host uses it itself.
    #[error("{0} is where the host keeps {1}, which no tool may reach")]
    HostsOwn(PathBuf, &'static str),
    /// There are enough.
    #[error("{0} has no room: {MOST_MOUNTED} folders of clients are mounted at most")]
    TooMany(PathBuf),
    /// Calls that are not done yet know a part of it by another name.
    #[error("{0} overlaps with a folder that was mounted before, in which calls are still at work; try again")]
    Busy(PathBuf),
    /// It overlaps with a folder that calls reach already, or has no name.
    #[error(transparent)]
    Mount(#[from] MountError),
}

impl RootError {
    /// Whether it may be another way in a while.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Busy(_) | Self::TooMany(_) | Self::Mount(MountError::Overlap { .. })
        )
    }
}

/// A folder that a line of `[[roots]]` has, held open so that it stays what it was when the host was built.
#[derive(Debug)]
pub(super) struct Allowed {
    folder: Folder,
    object: ObjectId,
    pub(super) access: Access,
}

impl Allowed {
    /// What the policy's lines name. A folder that isn't there can't be brought along either.
    pub(super) fn gather(policy: &Policy, workspace: &Path) -> Vec<Self> {
        let folders = policy.roots().filter_map(|rule| {
            let path = workspace.join(&rule.folder);
            let opened = Folder::open(&path).and_then(|folder| Ok((folder.chain()?, folder)));
            match opened {
                Ok((chain, folder)) => Some(Self {
                    folder,
                    object: *chain.first()?,
                    access: rule.access,
                }),
                Err(error) => {
                    tracing::warn!("[[roots]] {}: {error}", path.display());
                    None
                }
            }
        });
        folders.collect()
    }

    /// Where it is, as the kernel calls it.
    pub(super) fn real(&self) -> &Path {
        self.folder.real()
    }
}

/// The folders that clients have brought along.
#[derive(Debug, Default)]
pub(super) struct Roots {
    known: Vec<Known>,
    /// Counts names that are made with a number, so that none is made twice.
    numbers: u64,
    /// Whether a folder and its name were forgotten: then no name is free for being unknown.
    forgot: bool,
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

    /// Makes room by forgetting a folder that nobody has, if there is none.
    fn make_room(&mut self) -> bool {
        if self.known.len() < MOST_KNOWN {
            return true;
        }
        let living: Vec<Arc<Workspace>> = self.before.iter().filter_map(Weak::upgrade).collect();
        let unused = |known: &Known| {
            known.users == 0
                && !living
                    .iter()
                    .any(|old| old.mounts().any(|(name, ..)| name == known.name))
        };
        let found = self.known.iter().position(unused);
        if let Some(at) = found {
            self.known.remove(at);
            self.forgot = true;
        }
        found.is_some()
    }

    /// A name that no other folder has had, and the workspace with the folder under it.
    fn under_a_name(
        &mut self,
        workspace: &Workspace,
        folder: &Folder,
        access: Access,
    ) -> Result<(String, Workspace), MountError> {
        let last = folder
            .real()
            .file_name()
            .map(|name| name.to_string_lossy().to_lowercase());
        // No underscore, which is before a number.
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let base: String = last.unwrap_or_default().chars().map(plain).take(40).collect();
        let base = base.trim_start_matches(|c: char| !c.is_ascii_lowercase());
        let base = if base.is_empty() { "root" } else { base };
        let had = self.forgot || self.known.iter().any(|known| known.name == base);
        let mut name = base.to_owned();
        for numbered in [had, true] {
            if numbered {
                self.numbers += 1;
                name = format!("{base}_{}", self.numbers);
            }
            match workspace.clone().with(folder.clone(), &name, access) {
                Err(MountError::Twice(_) | MountError::Ambiguous(..)) if !numbered => {}
                done => return Ok((name, done?)),
            }
        }
        Err(MountError::Twice(name))
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
        let access = self.root_access(&open, &chain)?;
        let mounted = roots.known.iter().filter(|known| known.users > 0).count();
        let at = roots.known.iter().position(|known| known.object == object);
        if mounted >= MOST_MOUNTED || (at.is_none() && !roots.make_room()) {
            return Err(RootError::TooMany(folder.to_owned()));
        }
        let (name, workspace) = match at.and_then(|at| roots.known.get(at)) {
            Some(known) => {
                let workspace = Workspace::clone(&rules.workspace);
                (known.name.clone(), workspace.with(open.clone(), &known.name, access)?)
            }
            None => roots.under_a_name(&rules.workspace, &open, access)?,
        };
        for before in roots.before.iter().filter_map(Weak::upgrade) {
            if walls::stands(Wall::OneName) && before.clashes(&open, &name).map_err(fail)? {
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

    /// What calls may do in a folder, which is known by itself and those above it, as the innermost line says that allows it.
    fn root_access(&self, open: &Folder, chain: &[ObjectId]) -> Result<Access, RootError> {
        let makings = &self.makings;
        let folder = || open.real().to_owned();
        let rules = makings.allowed.iter().filter_map(|allowed| {
            let above = chain.iter().position(|folder| *folder == allowed.object)?;
            Some((above, allowed))
        });
        if !walls::stands(Wall::Roots) {
            return Ok(Access::Write);
        }
        let (_, allowed) = rules
            .min_by_key(|(above, _)| *above)
            .ok_or_else(|| RootError::NotAllowed(folder()))?;
        if walls::stands(Wall::OwnFolders) {
            if let Some(what) = makings.owns(open.real(), chain) {
                return Err(RootError::HostsOwn(folder(), what));
            }
            let audits = makings.audit.as_ref().and_then(|audit| audit.chain().ok());
            if audits.is_some_and(|audits| chain.first().is_some_and(|own| audits.contains(own))) {
                return Err(RootError::HoldsAudit(folder()));
            }
        }
        // Inside a mount, what the lists deny by name isn't there: so nobody comes in below such a name either.
        let inside = open.real().strip_prefix(allowed.real()).unwrap_or(open.real());
        let inside = inside
            .to_str()
            .map(|inside| CanonicalPath::new("root", inside.trim_start_matches('/')));
        let inside = inside.ok_or_else(|| RootError::Denied(folder()))?;
        let may = |access| inside.path().is_empty() || makings.policy.common().visible(&inside, access);
        match (may(Access::Read), may(Access::Write)) {
            (false, _) => Err(RootError::Denied(folder())),
            (true, false) => Ok(Access::Read),
            (true, true) => Ok(allowed.access),
        }
    }
}
