//! The gate: what a guest can reach in the file tree, checked at every operation.
//! It must not find out what a name means by itself (the workspace does), and never widens what the footprint holds.
//!
//! The gate knows a guest's descriptors by their canonical paths. An operation's path is resolved from the workspace's
//! root to one canonical name; that name must lie in the footprint with the access that the operation needs, and the
//! policy must allow it; then the kernel is asked to open exactly that name and to refuse every link on the way. So what
//! was compared, what is checked and what is opened are one name.

mod budget;
mod codes;
mod host;
mod leftovers;
mod links;
mod listing;
mod moves;
mod ops;
mod rights;
mod staging;
mod writer;

#[cfg(test)]
mod tests;

use crate::call::{CanonicalPath, Footprint};
use crate::policy::{Limits, ToolRules};
use crate::walls::{self, Wall};
use crate::workspace::{Found, Last, Workspace};
use budget::Budget;
use rights::Rights;
use staging::Staging;
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

pub(super) use leftovers::Leftovers;
pub(super) use staging::CommitError;

/// Everything the gate knows of one call.
#[derive(Debug)]
pub(crate) struct Gate {
    workspace: Arc<Workspace>,
    policy: Arc<ToolRules>,
    rights: Rights,
    staging: Staging,
    /// The guest's open folders, by handle number.
    folders: HashMap<u32, CanonicalPath>,
    /// How many files, folders and listings the guest holds open, and how many it may.
    open: u32,
    max_open: u32,
    /// Set when that limit refused something.
    refused: bool,
    /// What may still be written and made; shared with the streams into files.
    budget: Arc<Budget>,
    /// Files opened for writing: the call isn't over before the last system call on each has returned.
    written: Vec<Weak<File>>,
    /// Folders that the host made on the way to a granted name, outermost first.
    made: Vec<CanonicalPath>,
}

/// The gate beside the parts of the store that wasmtime's own implementation needs.
pub(super) struct GateView<'a> {
    pub(super) gate: &'a mut Gate,
    pub(super) table: &'a mut ResourceTable,
    pub(super) wasi: &'a mut WasiCtx,
}

/// Marks the gate as what `wasi:filesystem` is served by.
pub(super) struct Gated;

impl HasData for Gated {
    type Data<'a> = GateView<'a>;
}

/// What was found: its name, what it is, and perhaps a handle on it.
type FoundOpen = (CanonicalPath, Option<Found>, Option<OwnedFd>);

impl Gate {
    /// The gate of a call with this footprint. Opens nothing yet.
    pub(crate) fn new(
        workspace: Arc<Workspace>,
        policy: Arc<ToolRules>,
        footprint: &Footprint,
        limits: &Limits,
        leftovers: Arc<Leftovers>,
    ) -> Self {
        Self {
            rights: Rights::new(footprint),
            staging: Staging::new(limits.in_place, leftovers),
            workspace,
            policy,
            folders: HashMap::new(),
            open: 0,
            max_open: u32::try_from(limits.open_files).unwrap_or(u32::MAX),
            refused: false,
            budget: Arc::new(Budget::new(limits.write_bytes, limits.made_files)),
            written: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Whether the guest was refused a file, folder or listing more than it may hold open.
    pub(super) fn open_refused(&self) -> bool {
        self.refused
    }

    /// Whether the call was refused bytes to write.
    pub(super) fn bytes_refused(&self) -> bool {
        self.budget.bytes_refused()
    }

    /// Whether the call was refused a file or folder to make.
    pub(super) fn made_refused(&self) -> bool {
        self.budget.made_refused()
    }

    /// Makes the folders that are missing on the way to each name that may be written. The guest can't: it sees no
    /// further than the name itself.
    ///
    /// # Errors
    /// What the operating system says, with the folder.
    pub(super) fn make_parents(&mut self) -> Result<(), (CanonicalPath, std::io::Error)> {
        let wanted: Vec<CanonicalPath> = self.rights.writable_roots().collect();
        for path in wanted {
            let mut missing = Vec::new();
            let mut above = path.parent();
            while let Some(folder) = above {
                match self.workspace.look(&folder) {
                    Ok(Some(_)) => break,
                    Ok(None) => {
                        above = folder.parent();
                        missing.push(folder);
                    }
                    Err(error) => return Err((folder, error)),
                }
            }
            for folder in missing.into_iter().rev() {
                let made = self
                    .budget
                    .make()
                    .and_then(|()| ops::make_folder(&self.workspace, &folder));
                made.map_err(|error| (folder.clone(), error))?;
                self.made.push(folder);
            }
        }
        Ok(())
    }

    /// Resolves a guest's path to the canonical name that an operation is about, and to what stands there.
    fn find(
        &self,
        folder: &CanonicalPath,
        path: &str,
        last: Last,
    ) -> Result<(CanonicalPath, Option<Found>), ErrorCode> {
        let (path, found, _) = self.find_open(folder, path, last)?;
        Ok((path, found))
    }

    /// The same, with a handle on what stands there if finding it gave one: for its record alone, not open for anything.
    fn find_open(&self, folder: &CanonicalPath, path: &str, last: Last) -> Result<FoundOpen, ErrorCode> {
        if path.starts_with('/') {
            return Err(ErrorCode::NotPermitted);
        }
        // Whatever happens on the way, a guest learns nothing of names outside its grants: what is missing there, what is a
        // file, a folder or a link is answered alike.
        let known = |place: &CanonicalPath| self.sees(place);
        let (place, fd) = match self.workspace.resolve_open(folder, path, last) {
            Ok(found) => found,
            Err(error) if codes::place_of(&error).is_none_or(known) => return Err(codes::refusal(&error)),
            Err(_) => return Err(ErrorCode::NotPermitted),
        };
        if !place.via.iter().all(known) {
            return Err(ErrorCode::NotPermitted);
        }
        match place.first_missing {
            Some(missing) if known(&missing) => return Err(ErrorCode::NoEntry),
            Some(_) => return Err(self.hidden(&place.path)),
            None => {}
        }
        Ok((place.path, place.found, fd))
    }

    /// Whether the guest may know that something stands at `path`.
    fn sees(&self, path: &CanonicalPath) -> bool {
        let shown = self.policy.visible(path, crate::call::Access::Read) || !walls::stands(Wall::Hidden);
        (self.rights.reads(path) && shown) || self.rights.leads_to(path)
    }

    /// What an operation that the footprint or the policy doesn't cover is told: what is invisible isn't there.
    fn hidden(&self, path: &CanonicalPath) -> ErrorCode {
        match self.rights.reads(path) {
            // Inside a granted tree the policy hides names as if they didn't exist.
            true => ErrorCode::NoEntry,
            false => ErrorCode::NotPermitted,
        }
    }

    /// The call ended well: puts every private copy in its place, in one step after the guest is done.
    ///
    /// # Errors
    /// The place that could not be updated; then nothing more is, and the copies that remain are dropped.
    pub(super) fn commit(&mut self) -> Result<Vec<String>, CommitError> {
        self.staging.commit()
    }

    /// Drops every private copy and the folders that were made for names which did not come to be.
    pub(super) fn abandon(&mut self) {
        self.staging.drop_all();
        self.tidy();
    }

    /// Removes folders of ours that stayed empty.
    pub(super) fn tidy(&mut self) {
        for folder in std::mem::take(&mut self.made).into_iter().rev() {
            if ops::remove_folder(&self.workspace, &folder).is_err() {
                break;
            }
        }
    }

    /// The guest's preopened directories: the nearest existing folder above each granted name.
    pub(super) fn preopens(&mut self) -> Vec<(Descriptor, CanonicalPath)> {
        let above = |root: CanonicalPath| root.parent().unwrap_or(root);
        let mut wanted: Vec<CanonicalPath> = self.rights.roots().map(above).collect();
        wanted.sort();
        wanted.dedup();
        let mut opened: Vec<(Descriptor, CanonicalPath)> = Vec::new();
        for folder in wanted {
            let mut next = Some(folder);
            while let Some(folder) = next {
                if opened.iter().any(|(_, path)| *path == folder) {
                    break;
                }
                match self.open_folder(&folder) {
                    Ok(descriptor) => {
                        opened.push((descriptor, folder));
                        break;
                    }
                    // What vanished since, or can't be opened, is simply not there.
                    Err(_) => next = folder.parent(),
                }
            }
        }
        opened.sort_by(|(_, a), (_, b)| a.cmp(b));
        opened
    }

    /// Waits until nothing that was opened for writing is in use any more: a write that was handed to another thread
    /// goes on when the instance that asked for it is gone.
    pub(super) async fn settled(&mut self) {
        let mut patience = std::time::Duration::from_micros(50);
        for file in std::mem::take(&mut self.written) {
            while file.strong_count() > 0 {
                tokio::time::sleep(patience).await;
                patience = (patience * 2).min(std::time::Duration::from_millis(5));
            }
        }
    }
}
