//! Trees that somebody may be about to take away. Who writes below one will have to make its folders again, and then whoever
//! looks at the folder above must wait for that, as if the folders had been missing from the start. It must not look at files.

use crate::call::{Access, CanonicalPath, Entry, Footprint, Resource, Scope};
use std::collections::HashMap;

/// The roots of all trees that calls which have not ended may change as a whole.
#[derive(Debug, Default)]
pub(crate) struct Trees(HashMap<CanonicalPath, usize>);

fn roots(footprint: &Footprint) -> impl Iterator<Item = &CanonicalPath> {
    footprint.entries().iter().filter_map(|entry| match &entry.resource {
        Resource::Path {
            path,
            scope: Scope::Tree,
            ..
        } if entry.access == Access::Write && !path.path().is_empty() => Some(path),
        _ => None,
    })
}

impl Trees {
    /// A call was let in.
    pub(crate) fn add(&mut self, footprint: &Footprint) {
        for root in roots(footprint) {
            *self.0.entry(root.clone()).or_default() += 1;
        }
    }

    /// It has ended, or is planned again.
    pub(crate) fn remove(&mut self, footprint: &Footprint) {
        for root in roots(footprint) {
            if let Some(count) = self.0.get_mut(root) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(root);
                }
            }
        }
    }

    /// The footprint with the names of the folders that may be gone when its turn comes; `None` if none may.
    pub(crate) fn widen(&self, footprint: &Footprint) -> Option<Footprint> {
        if self.0.is_empty() {
            return None;
        }
        let mut more = Vec::new();
        for entry in footprint.entries() {
            let (Resource::Path { path, .. }, Access::Write) = (&entry.resource, entry.access) else {
                continue;
            };
            let above = || std::iter::successors(path.parent(), CanonicalPath::parent);
            // Everything from the highest of these roots down may be gone.
            let highest = above().filter(|folder| self.0.contains_key(folder)).last();
            let Some(highest) = highest else { continue };
            more.extend(
                above()
                    .take_while(|folder| folder.is_within(&highest))
                    .map(|path| Entry {
                        resource: Resource::Path {
                            path,
                            scope: Scope::File,
                            object: None,
                        },
                        access: Access::Write,
                    }),
            );
        }
        (!more.is_empty()).then(|| Footprint::new(footprint.entries().iter().cloned().chain(more)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(entries: &[(&str, Scope, Access)]) -> Footprint {
        Footprint::new(entries.iter().map(|(path, scope, access)| Entry {
            resource: Resource::Path {
                path: CanonicalPath::new("", *path),
                scope: *scope,
                object: None,
            },
            access: *access,
        }))
    }

    #[test]
    fn folders_that_may_be_gone() {
        let mut trees = Trees::default();
        let gone = footprint(&[("a/b", Scope::Tree, Access::Write), ("x", Scope::Tree, Access::Read)]);
        let below = footprint(&[("a/b/c/d.txt", Scope::File, Access::Write)]);
        assert_eq!(trees.widen(&below), None);
        trees.add(&gone);
        let wide = footprint(&[
            ("a/b/c/d.txt", Scope::File, Access::Write),
            ("a/b/c", Scope::File, Access::Write),
            ("a/b", Scope::File, Access::Write),
        ]);
        assert_eq!(trees.widen(&below), Some(wide));
        for other in [
            ("a/b", Scope::Tree, Access::Write),
            ("a/c.txt", Scope::File, Access::Write),
            ("a/b/c", Scope::File, Access::Read),
            ("x/y", Scope::File, Access::Write),
        ] {
            assert_eq!(trees.widen(&footprint(&[other])), None, "{other:?}");
        }
        trees.add(&gone);
        trees.remove(&gone);
        assert!(trees.widen(&below).is_some());
        trees.remove(&gone);
        assert_eq!(trees.widen(&below), None);
    }
}
