//! Where the visible entries of live calls are: places, browser sessions, and files with several links.
//! It must not know what calls wait for; it answers who is there.

mod lists;
mod tree;

use super::Ticket;
use crate::call::{Access, Entry, ObjectId, Resource, Scope};
use crate::walls::{self, Wall};
use lists::{Holder, ListId, Lists, NONE, RecordId};
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use tree::{Node, Tree, Wanted};

/// Where the entries of one call stand in the index. An entry that was hidden stands nowhere.
pub(super) type Handles = SmallVec<[Handle; 3]>;

/// One record of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handle {
    entry: usize,
    /// In the lists of places, rather than in those of the tables.
    placed: bool,
    record: RecordId,
}

/// Lists a place has: one for each scope and access.
const A_PLACE: usize = 6;
/// Lists a table's row has: one for each access.
const A_ROW: usize = 2;

/// Rows that are always there.
const LINKED: usize = 0;
const FOLDERS: usize = A_ROW;
const SESSIONS: usize = 2 * A_ROW;
const ANY_SESSION: usize = 3 * A_ROW;
const ROWS: usize = 4 * A_ROW;

/// See the module.
#[derive(Debug)]
pub(super) struct Index {
    tree: Tree,
    /// Who holds a place: six lists a node.
    places: Lists,
    /// Who holds what is not a place, two lists a row: all files with several links; all folder and tree entries of every
    /// mount, which such a file could be in; all named sessions; those that may be any session; then one row a name.
    rows: Lists,
    sessions: HashMap<Box<str>, ListId>,
    objects: HashMap<ObjectId, ListId>,
    free_rows: Vec<ListId>,
}

impl Default for Index {
    fn default() -> Self {
        let mut rows = Lists::default();
        rows.reserve(ROWS);
        Self {
            tree: Tree::default(),
            places: Lists::default(),
            rows,
            sessions: HashMap::new(),
            objects: HashMap::new(),
            free_rows: Vec::new(),
        }
    }
}

fn by_access(access: Access) -> usize {
    match access {
        Access::Read => 0,
        Access::Write => 1,
    }
}

fn by_scope(scope: Scope) -> usize {
    match scope {
        Scope::File => 0,
        Scope::Directory => 2,
        Scope::Tree => 4,
    }
}

const SCOPES: [Scope; 3] = [Scope::File, Scope::Directory, Scope::Tree];

impl Index {
    /// Makes the entries of a call visible, as far as they aren't, and hides nothing.
    pub(super) fn add(&mut self, ticket: Ticket, entries: &[Entry], handles: &mut Handles) {
        handles.retain(|handle| self.stands(ticket, *handle));
        let standing: SmallVec<[usize; 4]> = handles.iter().map(|handle| handle.entry).collect();
        for (at, entry) in entries.iter().enumerate().filter(|(at, _)| !standing.contains(at)) {
            let holder = (ticket, at);
            let access = by_access(entry.access);
            let mut keep = |placed, record| {
                handles.push(Handle {
                    entry: at,
                    placed,
                    record,
                });
            };
            match &entry.resource {
                Resource::Path { path, scope, object } => {
                    let twin = match scope {
                        Scope::File => NONE,
                        Scope::Directory | Scope::Tree => self.rows.join(FOLDERS + access, holder, NONE, true),
                    };
                    let node = self.tree.make(path);
                    self.tree.count(node, entry.access);
                    self.places.reserve(self.tree.len() * A_PLACE);
                    let list = node * A_PLACE + by_scope(*scope) + access;
                    keep(true, self.places.join(list, holder, twin, object.is_some()));
                    if let Some(object) = object {
                        keep(false, self.rows.join(LINKED + access, holder, NONE, true));
                        let row = row_of(&mut self.objects, *object, &mut self.free_rows, &mut self.rows);
                        keep(false, self.rows.join(row + access, holder, NONE, true));
                    }
                }
                Resource::Browser { session, .. } => {
                    let twin = self.rows.join(SESSIONS + access, holder, NONE, true);
                    let name = session.as_str().into();
                    let row = row_of(&mut self.sessions, name, &mut self.free_rows, &mut self.rows);
                    keep(false, self.rows.join(row + access, holder, twin, false));
                }
                Resource::AnyBrowser => keep(false, self.rows.join(ANY_SESSION + access, holder, NONE, false)),
                Resource::Network(_) => {}
            }
        }
    }

    fn stands(&self, ticket: Ticket, handle: Handle) -> bool {
        let lists = if handle.placed { &self.places } else { &self.rows };
        lists.is(handle.record, (ticket, handle.entry))
    }

    /// Adds the calls that conflict with these entries to `found`, some of them more than once, and the call itself.
    pub(super) fn conflicts(&self, entries: &[Entry], handles: &Handles, found: &mut Vec<Ticket>) {
        if !walls::stands(Wall::Conflicts) {
            return;
        }
        for handle in handles.iter().filter(|handle| handle.placed) {
            if let (Some(entry), Some(node)) = (entries.get(handle.entry), self.node(*handle))
                && let Resource::Path { scope, .. } = &entry.resource
            {
                self.around(node, *scope, Wanted::against(entry.access), found);
            }
        }
        for entry in entries {
            match &entry.resource {
                Resource::Path { scope, object, .. } => {
                    if let Some(object) = object {
                        self.row(Some(FOLDERS), entry.access, found);
                        self.row(self.objects.get(object).copied(), entry.access, found);
                    }
                    if *scope != Scope::File {
                        self.row(Some(LINKED), entry.access, found);
                    }
                }
                Resource::Browser { session, .. } => {
                    self.row(self.sessions.get(session.as_str()).copied(), entry.access, found);
                    self.row(Some(ANY_SESSION), entry.access, found);
                }
                Resource::AnyBrowser => {
                    self.row(Some(SESSIONS), entry.access, found);
                    self.row(Some(ANY_SESSION), entry.access, found);
                }
                Resource::Network(_) => {}
            }
        }
    }

    fn node(&self, handle: Handle) -> Option<Node> {
        Some(self.places.list_of(handle.record)? / A_PLACE)
    }

    fn row(&self, row: Option<ListId>, access: Access, found: &mut Vec<Ticket>) {
        let Some(row) = row else { return };
        found.extend(self.rows.of(row + by_access(Access::Write)));
        if access == Access::Write {
            found.extend(self.rows.of(row + by_access(Access::Read)));
        }
    }

    /// Those that hold a place in the scope around `node`, or whose scope holds `node`.
    fn around(&self, node: Node, scope: Scope, wanted: Wanted, found: &mut Vec<Ticket>) {
        let mut at = node;
        let mut direct = true;
        while let Some(above) = self.tree.parent(at) {
            self.at(above, Scope::Tree, wanted, found);
            if direct {
                self.at(above, Scope::Directory, wanted, found);
            }
            (at, direct) = (above, false);
        }
        let mut todo: SmallVec<[(Node, Scope); 16]> = SmallVec::new();
        todo.push((node, scope));
        while let Some((node, scope)) = todo.pop() {
            if !self.tree.has(node, wanted) {
                continue;
            }
            for scope in SCOPES {
                self.at(node, scope, wanted, found);
            }
            match scope {
                Scope::File => {}
                Scope::Directory => todo.extend(self.tree.children(node, wanted).map(|child| (child, Scope::File))),
                Scope::Tree => todo.extend(self.tree.children(node, wanted).map(|child| (child, Scope::Tree))),
            }
        }
    }

    fn at(&self, node: Node, scope: Scope, wanted: Wanted, found: &mut Vec<Ticket>) {
        let list = node * A_PLACE + by_scope(scope);
        found.extend(self.places.of(list + by_access(Access::Write)));
        if wanted == Wanted::All {
            found.extend(self.places.of(list + by_access(Access::Read)));
        }
    }

    /// Takes out what lies within the write entries of a call that is visible itself. Only what came before it may be
    /// there. A file with several links stays: it conflicts with places outside of any folder that it is in.
    pub(super) fn hide_within(&mut self, ticket: Ticket, entries: &[Entry], handles: &Handles) {
        let mut hidden: SmallVec<[(bool, RecordId, Holder); 8]> = SmallVec::new();
        for handle in handles {
            let Some(entry) = entries.get(handle.entry).filter(|entry| entry.access == Access::Write) else {
                continue;
            };
            match &entry.resource {
                Resource::Path { scope, .. } if handle.placed => {
                    if let Some(node) = self.node(*handle) {
                        self.within(node, *scope, &mut hidden);
                    }
                }
                Resource::Browser { session, .. } => {
                    let row = self.sessions.get(session.as_str()).copied().unwrap_or(NONE);
                    hidden.extend(self.row_records(row));
                }
                Resource::AnyBrowser => {
                    hidden.extend(self.row_records(ANY_SESSION));
                    for row in self.sessions.values() {
                        hidden.extend(self.row_records(*row));
                    }
                }
                Resource::Path { .. } | Resource::Network(_) => {}
            }
        }
        for (placed, record, holder) in hidden.into_iter().filter(|(_, _, (owner, _))| *owner != ticket) {
            match placed {
                true => self.leave_place(record, holder),
                false => self.leave_row(record, holder),
            }
        }
    }

    fn row_records(&self, row: ListId) -> impl Iterator<Item = (bool, RecordId, Holder)> {
        let lists = [row, row.saturating_add(1)].into_iter();
        lists.flat_map(|list| self.rows.may_go(list).map(|(record, holder)| (false, record, holder)))
    }

    /// The records within the scope around `node`. Scopes are ordered by how much they cover: what covers no more than
    /// ours at a place is within.
    fn within(&self, node: Node, scope: Scope, hidden: &mut SmallVec<[(bool, RecordId, Holder); 8]>) {
        let mut todo: SmallVec<[(Node, Scope); 16]> = SmallVec::new();
        todo.push((node, scope));
        while let Some((node, scope)) = todo.pop() {
            for held in SCOPES.into_iter().filter(|held| *held <= scope) {
                let list = node * A_PLACE + by_scope(held);
                let both = self.places.may_go(list).chain(self.places.may_go(list + 1));
                hidden.extend(both.map(|(record, holder)| (true, record, holder)));
            }
            match scope {
                Scope::File => {}
                Scope::Directory => {
                    todo.extend(self.tree.children(node, Wanted::All).map(|child| (child, Scope::File)))
                }
                Scope::Tree => todo.extend(self.tree.children(node, Wanted::All).map(|child| (child, Scope::Tree))),
            }
        }
    }

    fn leave_place(&mut self, record: RecordId, holder: Holder) {
        let Some((list, twin)) = self.places.leave(record, holder) else {
            return;
        };
        let access = if list % A_ROW == 0 { Access::Read } else { Access::Write };
        self.tree.discount(list / A_PLACE, access);
        self.rows.leave(twin, holder);
    }

    fn leave_row(&mut self, record: RecordId, holder: Holder) {
        let Some((_, twin)) = self.rows.leave(record, holder) else {
            return;
        };
        self.rows.leave(twin, holder);
    }

    /// Forgets the entries of a call that is over, hidden or not.
    pub(super) fn remove(&mut self, ticket: Ticket, entries: &[Entry], handles: &mut Handles) {
        for handle in handles.drain(..) {
            let holder = (ticket, handle.entry);
            match handle.placed {
                true => self.leave_place(handle.record, holder),
                false => self.leave_row(handle.record, holder),
            }
        }
        for entry in entries {
            match &entry.resource {
                Resource::Browser { session, .. } => {
                    drop_row(&mut self.sessions, session.as_str(), &mut self.free_rows, &self.rows)
                }
                Resource::Path {
                    object: Some(object), ..
                } => {
                    drop_row(&mut self.objects, object, &mut self.free_rows, &self.rows);
                }
                Resource::Path { .. } | Resource::AnyBrowser | Resource::Network(_) => {}
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let tables = self.sessions.is_empty() && self.objects.is_empty();
        self.tree.is_empty() && tables && self.places.nobody() && self.rows.nobody()
    }
}

/// The row of a name, made if there is none.
fn row_of<K: Eq + Hash>(table: &mut HashMap<K, ListId>, key: K, free: &mut Vec<ListId>, rows: &mut Lists) -> ListId {
    *table.entry(key).or_insert_with(|| {
        free.pop().unwrap_or_else(|| {
            let row = rows.len();
            rows.reserve(row + A_ROW);
            row
        })
    })
}

/// Gives a row back that nobody is in.
fn drop_row<K, Q>(table: &mut HashMap<K, ListId>, key: &Q, free: &mut Vec<ListId>, rows: &Lists)
where
    K: Eq + Hash + Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    let empty = |row: &ListId| rows.is_empty(*row) && rows.is_empty(*row + 1);
    if table.get(key).is_some_and(empty) {
        free.extend(table.remove(key));
    }
}
