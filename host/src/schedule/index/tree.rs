//! One mount's path tree: who holds what at which component. Nodes live in a list and are given back when empty.
//! It must not recurse: a path can be thousands of components deep.

use super::{Access, Scope, Ticket};
use crate::call::CanonicalPath;
use std::collections::{BTreeSet, HashMap};

type Id = usize;

const ROOT: Id = 0;

/// Which holders a search is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Writes,
    All,
}

impl Wanted {
    /// Those that an entry with this access conflicts with.
    pub(super) fn against(access: Access) -> Self {
        match access {
            Access::Read => Self::Writes,
            Access::Write => Self::All,
        }
    }
}

/// One entry at a node.
type Held = (Scope, Access, Ticket);

#[derive(Debug, Default)]
struct Node {
    parent: Id,
    name: Box<str>,
    children: HashMap<Box<str>, Id>,
    held: BTreeSet<Held>,
    /// Held here and below, by access.
    reads: usize,
    writes: usize,
}

impl Node {
    fn has(&self, wanted: Wanted) -> bool {
        self.writes > 0 || (wanted == Wanted::All && self.reads > 0)
    }

    /// Adds the holders of one scope.
    fn collect(&self, scope: Scope, wanted: Wanted, found: &mut BTreeSet<Ticket>) {
        let mut of = |access| {
            let (low, high) = ((scope, access, Ticket(0)), (scope, access, Ticket(u64::MAX)));
            found.extend(self.held.range(low..=high).map(|(_, _, ticket)| *ticket));
        };
        of(Access::Write);
        if wanted == Wanted::All {
            of(Access::Read);
        }
    }

    fn collect_all(&self, wanted: Wanted, found: &mut BTreeSet<Ticket>) {
        for scope in [Scope::File, Scope::Directory, Scope::Tree] {
            self.collect(scope, wanted, found);
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    free: Vec<Id>,
    /// Entries of files with several links, which are never hidden.
    linked: BTreeSet<(Ticket, Id)>,
    /// How many folder entries a call has here, by access.
    folders: HashMap<(Ticket, Access), usize>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            linked: BTreeSet::new(),
            folders: HashMap::new(),
        }
    }
}

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.get(ROOT).is_none_or(|root| !root.has(Wanted::All))
    }

    pub(super) fn has_folder(&self, ticket: Ticket, access: Access) -> bool {
        self.folders.contains_key(&(ticket, access))
    }

    /// Those that hold a place in the scope around `path`, or whose scope holds `path`.
    pub(super) fn find(&self, path: &CanonicalPath, scope: Scope, wanted: Wanted, found: &mut BTreeSet<Ticket>) {
        let mut at = ROOT;
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let Some(node) = self.nodes.get(at).filter(|node| node.has(wanted)) else {
                return;
            };
            node.collect(Scope::Tree, wanted, found);
            if parts.peek().is_none() {
                node.collect(Scope::Directory, wanted, found);
            }
            match node.children.get(part) {
                Some(child) => at = *child,
                None => return,
            }
        }
        let Some(node) = self.nodes.get(at) else { return };
        node.collect_all(wanted, found);
        match scope {
            Scope::File => {}
            Scope::Directory => {
                for child in node.children.values().filter_map(|id| self.nodes.get(*id)) {
                    child.collect_all(wanted, found);
                }
            }
            Scope::Tree => self.below(at, wanted, |node| node.collect_all(wanted, found)),
        }
    }

    /// Visits the nodes below `top` that lead to something wanted.
    fn below<'t>(&'t self, top: Id, wanted: Wanted, mut visit: impl FnMut(&'t Node)) {
        let mut todo: Vec<Id> = vec![top];
        while let Some(id) = todo.pop() {
            for child in self.nodes.get(id).into_iter().flat_map(|node| node.children.values()) {
                if let Some(node) = self.nodes.get(*child).filter(|node| node.has(wanted)) {
                    visit(node);
                    todo.push(*child);
                }
            }
        }
    }

    pub(super) fn add(&mut self, path: &CanonicalPath, scope: Scope, access: Access, ticket: Ticket, linked: bool) {
        let at = self.walk_or_make(path);
        let Some(node) = self.nodes.get_mut(at) else { return };
        if !node.held.insert((scope, access, ticket)) {
            return;
        }
        if linked {
            self.linked.insert((ticket, at));
        }
        if scope != Scope::File {
            *self.folders.entry((ticket, access)).or_default() += 1;
        }
        self.count(at, access, 1);
    }

    pub(super) fn remove(&mut self, path: &CanonicalPath, scope: Scope, access: Access, ticket: Ticket) {
        if let Some(at) = self.walk(path) {
            self.take(at, (scope, access, ticket));
            self.prune(at);
        }
    }

    /// Takes out every entry within the scope around `path`, except those of files with several links.
    pub(super) fn hide(&mut self, path: &CanonicalPath, scope: Scope) -> Vec<(Ticket, Access, Scope)> {
        let Some(at) = self.walk(path) else { return Vec::new() };
        let mut within: Vec<(Id, Held)> = Vec::new();
        let mut todo = vec![(at, scope)];
        while let Some((id, scope)) = todo.pop() {
            let Some(node) = self.nodes.get(id).filter(|node| node.has(Wanted::All)) else {
                continue;
            };
            // Scopes are ordered by how much they cover: what covers no more than ours at this place is within.
            let fits = node
                .held
                .iter()
                .filter(|(held, _, ticket)| *held <= scope && !self.linked.contains(&(*ticket, id)));
            within.extend(fits.map(|held| (id, *held)));
            match scope {
                Scope::File => {}
                Scope::Directory => todo.extend(node.children.values().map(|child| (*child, Scope::File))),
                Scope::Tree => todo.extend(node.children.values().map(|child| (*child, Scope::Tree))),
            }
        }
        let mut hidden = Vec::with_capacity(within.len());
        for (id, held) in &within {
            self.take(*id, *held);
            hidden.push((held.2, held.1, held.0));
        }
        for (id, _) in within {
            self.prune(id);
        }
        hidden
    }

    fn take(&mut self, at: Id, held: Held) {
        let (scope, access, ticket) = held;
        if !self.nodes.get_mut(at).is_some_and(|node| node.held.remove(&held)) {
            return;
        }
        self.linked.remove(&(ticket, at));
        if scope != Scope::File
            && let Some(count) = self.folders.get_mut(&(ticket, access))
        {
            *count -= 1;
            if *count == 0 {
                self.folders.remove(&(ticket, access));
            }
        }
        self.count(at, access, -1);
    }

    /// Adds to the counts of a node and of all above it.
    fn count(&mut self, mut at: Id, access: Access, by: isize) {
        loop {
            let Some(node) = self.nodes.get_mut(at) else { return };
            let counter = match access {
                Access::Read => &mut node.reads,
                Access::Write => &mut node.writes,
            };
            *counter = counter.saturating_add_signed(by);
            if at == ROOT {
                return;
            }
            at = node.parent;
        }
    }

    fn walk(&self, path: &CanonicalPath) -> Option<Id> {
        path.components()
            .try_fold(ROOT, |at, part| self.nodes.get(at)?.children.get(part).copied())
    }

    fn walk_or_make(&mut self, path: &CanonicalPath) -> Id {
        let mut at = ROOT;
        for part in path.components() {
            let child = self.nodes.get(at).and_then(|node| node.children.get(part).copied());
            at = match child {
                Some(child) => child,
                None => self.make(at, part),
            };
        }
        at
    }

    fn make(&mut self, parent: Id, name: &str) -> Id {
        let node = Node {
            parent,
            name: name.into(),
            ..Node::default()
        };
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(slot) = self.nodes.get_mut(id) {
                    *slot = node;
                }
                id
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.insert(name.into(), id);
        }
        id
    }

    /// Gives back a node that leads to nothing, and those above it that then do, too.
    fn prune(&mut self, mut at: Id) {
        while at != ROOT {
            let Some(node) = self.nodes.get_mut(at) else { return };
            if node.has(Wanted::All) || !node.children.is_empty() || node.name.is_empty() {
                return;
            }
            let (parent, name) = (node.parent, std::mem::take(&mut node.name));
            if let Some(above) = self.nodes.get_mut(parent) {
                above.children.remove(&name);
            }
            self.free.push(at);
            at = parent;
        }
    }
}
