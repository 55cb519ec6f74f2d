//! A folder that is open and has no name for calls yet: what is judged of it is what may be mounted. It must not decide whether
//! it may.

use super::Workspace;
use super::roots::Root;
use crate::call::{Access, CanonicalPath, ObjectId};
use std::io;
use std::path::Path;

/// See the module.
#[derive(Clone, Debug)]
pub struct Folder(Root);

impl Folder {
    /// Opens it.
    ///
    /// # Errors
    /// If it can't be opened or is no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        Root::open("", path, Access::Read).map(Self)
    }

    /// Where it is, as the kernel calls it.
    #[must_use]
    pub fn real(&self) -> &Path {
        self.0.real()
    }

    /// The objects that it and all folders above it are, itself first: whatever names lead there, it lies in these.
    ///
    /// # Errors
    /// If the operating system doesn't let them be seen.
    pub fn chain(&self) -> io::Result<Vec<ObjectId>> {
        self.0.chain()
    }

    pub(super) fn named(self, name: &str, access: Access) -> Root {
        self.0.renamed(name, access)
    }
}

impl Workspace {
    /// The name that this folder has for calls, if it is one that they reach already.
    ///
    /// # Errors
    /// If the operating system doesn't let the folders above it be seen.
    pub fn place_of(&self, folder: &Folder) -> io::Result<Option<CanonicalPath>> {
        let chain = folder.chain()?;
        for root in self.roots() {
            let top = root.chain()?.into_iter().next();
            if top.is_some_and(|top| chain.contains(&top)) {
                return Ok(self.name_of(folder.real()));
            }
        }
        Ok(None)
    }

    /// Whether calls in this workspace know a part of this folder by another name than it has in the mount `name`.
    ///
    /// # Errors
    /// As `place_of`.
    pub fn clashes(&self, folder: &Folder, name: &str) -> io::Result<bool> {
        for root in self.roots() {
            match folder.0.overlaps(root)? {
                Some("is") if *root.name == *name => {}
                Some(_) => return Ok(true),
                None => {}
            }
        }
        Ok(false)
    }
}
