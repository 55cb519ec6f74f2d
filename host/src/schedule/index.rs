//! Where the visible entries of live calls are: the path tree, and a table of browser sessions and linked files.
//! It must not know what calls wait for; it answers who is there.

mod tree;

use super::Ticket;
use crate::call::{Access, CanonicalPath, Entry, ObjectId, Resource, Scope};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tree::{Tree, Wanted};

/// The calls at one place, by access.
#[derive(Debug, Default)]
struct Holders {
    reads: BTreeSet<Ticket>,
    writes: BTreeSet<Ticket>,
}

impl Holders {
    fn of(&mut self, access: Access) -> &mut BTreeSet<Ticket> {
        match access {
            Access::Read => &mut self.reads,
            Access::Write => &mut self.writes,
        }
    }

    fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.writes.is_empty()
    }

    /// Those that an entry with this access conflicts with.
    fn against(&self, access: Access, found: &mut BTreeSet<Ticket>) {
        found.extend(&self.writes);
        if access == Access::Write {
            found.extend(&self.reads);
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// One tree a mount.
    mounts: BTreeMap<String, Tree>,
    sessions: HashMap<String, Holders>,
    /// Files with several links, by identity; and all of them together.
    objects: HashMap<ObjectId, Holders>,
    linked: Holders,
    /// All folder and tree entries, of every mount: what a file with several links could be in.
    folders: Holders,
}

impl Index {
    /// The calls that conflict with these entries.
    pub(super) fn conflicts(&self, entries: &[Entry], found: &mut BTreeSet<Ticket>) {
        for entry in entries {
            match &entry.resource {
                Resource::Path { path, scope, object } => {
                    if let Some(tree) = self.mounts.get(path.mount()) {
                        tree.find(path, *scope, Wanted::against(entry.access), found);
                    }
                    if let Some(object) = object {
                        self.folders.against(entry.access, found);
                        if let Some(holders) = self.objects.get(object) {
                            holders.against(entry.access, found);
                        }
                    }
                    if *scope != Scope::File {
                        self.linked.against(entry.access, found);
                    }
                }
                Resource::Browser { session } => {
                    if let Some(holders) = self.sessions.get(session) {
                        holders.against(entry.access, found);
                    }
                }
                Resource::Network { .. } => {}
            }
        }
    }

    /// Makes the entries of an arrival visible; its writes hide what lies within them.
    pub(super) fn insert(&mut self, ticket: Ticket, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.access == Access::Write) {
            match &entry.resource {
                Resource::Path { path, scope, .. } => self.hide(path, *scope),
                Resource::Browser { session } => drop(self.sessions.remove(session)),
                Resource::Network { .. } => {}
            }
        }
        self.add(ticket, entries);
    }

    /// A file with several links is never hidden: it conflicts with places outside of any folder that it is in.
    fn hide(&mut self, path: &CanonicalPath, scope: Scope) {
        let Some(tree) = self.mounts.get_mut(path.mount()) else {
            return;
        };
        for (ticket, access, hidden) in tree.hide(path, scope) {
            // One call may have several folder entries; the list of folders forgets it only with the last.
            if hidden != Scope::File && !tree.has_folder(ticket, access) {
                self.folders.of(access).remove(&ticket);
            }
        }
    }

    /// Makes entries visible, and hides nothing. Those that are visible already stay so.
    pub(super) fn add(&mut self, ticket: Ticket, entries: &[Entry]) {
        for entry in entries {
            match &entry.resource {
                Resource::Path { path, scope, object } => {
                    let tree = self.mounts.entry(path.mount().to_owned()).or_default();
                    tree.add(path, *scope, entry.access, ticket, object.is_some());
                    if let Some(object) = object {
                        self.objects.entry(*object).or_default().of(entry.access).insert(ticket);
                        self.linked.of(entry.access).insert(ticket);
                    }
                    if *scope != Scope::File {
                        self.folders.of(entry.access).insert(ticket);
                    }
                }
                Resource::Browser { session } => {
                    self.sessions
                        .entry(session.clone())
                        .or_default()
                        .of(entry.access)
                        .insert(ticket);
                }
                Resource::Network { .. } => {}
            }
        }
    }

    /// Forgets the entries of a call that is over, hidden or not.
    pub(super) fn remove(&mut self, ticket: Ticket, entries: &[Entry]) {
        for entry in entries {
            match &entry.resource {
                Resource::Path { path, scope, object } => {
                    if let Some(tree) = self.mounts.get_mut(path.mount()) {
                        tree.remove(path, *scope, entry.access, ticket);
                        if tree.is_empty() {
                            self.mounts.remove(path.mount());
                        }
                    }
                    if let Some(object) = object {
                        take(&mut self.objects, object, entry.access, ticket);
                        self.linked.of(entry.access).remove(&ticket);
                    }
                    self.folders.of(entry.access).remove(&ticket);
                }
                Resource::Browser { session } => take(&mut self.sessions, session, entry.access, ticket),
                Resource::Network { .. } => {}
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let tables = self.sessions.is_empty() && self.objects.is_empty();
        self.mounts.is_empty() && tables && self.linked.is_empty() && self.folders.is_empty()
    }
}

fn take<K: std::hash::Hash + Eq>(table: &mut HashMap<K, Holders>, key: &K, access: Access, ticket: Ticket) {
    if let Some(holders) = table.get_mut(key) {
        holders.of(access).remove(&ticket);
        if holders.is_empty() {
            table.remove(key);
        }
    }
}
