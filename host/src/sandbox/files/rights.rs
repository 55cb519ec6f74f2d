//! What a footprint allows at a canonical path. Pure: it must not look at any file.

use crate::call::{Access, CanonicalPath, Footprint, Resource, Scope};
use crate::walls::{self, Wall};

/// The path entries of one footprint.
#[derive(Debug)]
pub(super) struct Rights(Vec<Right>);

#[derive(Clone, Debug)]
struct Right {
    root: CanonicalPath,
    scope: Scope,
    access: Access,
}

/// What may be done at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) access: Access,
    /// `File` where exactly this name was asked for, so that a write to it can be made whole; else the widest scope.
    pub(super) scope: Scope,
}

impl Right {
    fn covers(&self, path: &CanonicalPath) -> bool {
        match self.scope {
            Scope::File => {
                *path == self.root || (!walls::stands(Wall::FileScope) && path.parent() == self.root.parent())
            }
            Scope::Directory => *path == self.root || path.parent().as_ref() == Some(&self.root),
            Scope::Tree => path.is_within(&self.root),
        }
    }
}

impl Rights {
    pub(super) fn new(footprint: &Footprint) -> Self {
        let rights = footprint.entries().iter().filter_map(|entry| match &entry.resource {
            Resource::Path { path, scope, .. } => Some(Right {
                root: path.clone(),
                scope: *scope,
                access: entry.access,
            }),
            Resource::Network(_) | Resource::Browser { .. } | Resource::AnyBrowser => None,
        });
        Self(rights.collect())
    }

    /// The right at `path`: that of the innermost grant; where several have the same root, the wider access and scope.
    pub(super) fn at(&self, path: &CanonicalPath) -> Option<Allowed> {
        let covering = || self.0.iter().filter(|right| right.covers(path));
        let depth = covering().map(|right| right.root.path().len()).max()?;
        covering()
            .filter(|right| right.root.path().len() == depth)
            .map(|right| Allowed {
                access: right.access,
                scope: right.scope,
            })
            .reduce(|a, b| Allowed {
                access: a.access.max(b.access),
                scope: a.scope.max(b.scope),
            })
    }

    /// The root of the innermost grant at `path`: the one whose right counts there.
    pub(super) fn innermost(&self, path: &CanonicalPath) -> Option<CanonicalPath> {
        let covering = self.0.iter().filter(|right| right.covers(path));
        let right = covering.max_by_key(|right| right.root.path().len())?;
        Some(right.root.clone())
    }

    pub(super) fn reads(&self, path: &CanonicalPath) -> bool {
        self.at(path).is_some()
    }

    pub(super) fn writes(&self, path: &CanonicalPath) -> Option<Scope> {
        self.at(path)
            .filter(|allowed| allowed.access == Access::Write || !walls::stands(Wall::ReadOnly))
            .map(|allowed| allowed.scope)
    }

    /// Whether everything below `path` may be written too, so that a folder may be moved as a whole.
    pub(super) fn writes_below(&self, path: &CanonicalPath) -> bool {
        self.writes(path) == Some(Scope::Tree)
            && !self
                .0
                .iter()
                .any(|right| right.access == Access::Read && right.root.is_within(path))
    }

    /// Whether `path` is a folder on the way to something granted: it may be passed, and shows only what leads on.
    pub(super) fn leads_to(&self, path: &CanonicalPath) -> bool {
        self.0.iter().any(|right| right.root.is_within(path))
    }

    /// The names in `folder` that may be shown, where they are only those on the way to something granted; `None` where
    /// the folder's names are granted as such.
    pub(super) fn names_in(&self, folder: &CanonicalPath) -> Option<Vec<String>> {
        let whole = |right: &Right| match right.scope {
            Scope::File => false,
            Scope::Directory => right.root == *folder,
            Scope::Tree => folder.is_within(&right.root),
        };
        if self.0.iter().any(whole) {
            return None;
        }
        let depth = folder.components().count();
        let below = self.0.iter().filter(|right| right.root.is_within(folder));
        let mut names: Vec<String> = below
            .filter_map(|right| right.root.components().nth(depth).map(str::to_owned))
            .collect();
        names.sort();
        names.dedup();
        Some(names)
    }

    pub(super) fn roots(&self) -> impl Iterator<Item = CanonicalPath> {
        self.0.iter().map(|right| right.root.clone())
    }

    pub(super) fn writable_roots(&self) -> impl Iterator<Item = CanonicalPath> {
        self.0
            .iter()
            .filter(|right| right.access == Access::Write)
            .map(|right| right.root.clone())
    }
}
