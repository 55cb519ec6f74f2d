//! The places that are held, as a tree of names; one table finds a child by its parent and name, whatever the depth.
//! It must not know who holds them, nor recurse: a path can be thousands of components deep.

use super::lists::NONE;
use crate::call::{Access, CanonicalPath};
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// A place, by its number.
pub(super) type Node = usize;

#[derive(Clone, Debug)]
struct Place {
    parent: Node,
    name: Box<str>,
    hash: u64,
    /// The first of the children that lead to a write, and of those that don't: who looks for writes sees no others.
    children: [Node; 2],
    prev: Node,
    next: Node,
    /// Entries held here and below, by access.
    held: [usize; 2],
}

impl Place {
    /// Which of its parent's lists of children it is in.
    fn side(&self) -> usize {
        usize::from(self.held(Access::Write) == 0)
    }

    fn held(&self, access: Access) -> usize {
        let [reads, writes] = self.held;
        match access {
            Access::Read => reads,
            Access::Write => writes,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tree {
    places: Vec<Place>,
    free: Vec<Node>,
    by_name: HashTable<Node>,
    // Keyed at random: names come from callers, who must not be able to choose colliding ones.
    keys: RandomState,
}

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

impl Tree {
    /// The place of that path, made if it isn't there. The caller counts an entry there, or it is never given back.
    pub(super) fn make(&mut self, path: &CanonicalPath) -> Node {
        // A mount's root is a child of nobody, named like the mount.
        let mut at = self.child_or_new(NONE, path.mount());
        for part in path.components() {
            at = self.child_or_new(at, part);
        }
        at
    }

    fn child_or_new(&mut self, parent: Node, name: &str) -> Node {
        let hash = self.keys.hash_one((parent, name));
        let places = &self.places;
        let same = |node: &Node| {
            places
                .get(*node)
                .is_some_and(|place| place.parent == parent && *place.name == *name)
        };
        match self.by_name.find(hash, same) {
            Some(node) => *node,
            None => self.new_place(parent, name, hash),
        }
    }

    fn new_place(&mut self, parent: Node, name: &str, hash: u64) -> Node {
        let place = Place {
            parent,
            name: name.into(),
            hash,
            children: [NONE, NONE],
            prev: NONE,
            next: NONE,
            held: [0, 0],
        };
        let node = match self.free.pop() {
            Some(node) => {
                if let Some(slot) = self.places.get_mut(node) {
                    *slot = place;
                }
                node
            }
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        };
        let places = &self.places;
        let hash_of = |node: &Node| places.get(*node).map_or(0, |place| place.hash);
        self.by_name.insert_unique(hash, node, hash_of);
        self.enlist(node);
        node
    }

    /// Puts a node into its parent's list of children.
    fn enlist(&mut self, node: Node) {
        let Some((parent, side)) = self.places.get(node).map(|place| (place.parent, place.side())) else {
            return;
        };
        let above = self
            .places
            .get_mut(parent)
            .and_then(|above| above.children.get_mut(side));
        let next = match above {
            Some(first) => std::mem::replace(first, node),
            None => NONE,
        };
        if let Some(after) = self.places.get_mut(next) {
            after.prev = node;
        }
        if let Some(place) = self.places.get_mut(node) {
            (place.prev, place.next) = (NONE, next);
        }
    }

    /// Takes a node out of the list of children that it is in, on that side.
    fn delist(&mut self, node: Node, side: usize) {
        let Some((parent, prev, next)) = self
            .places
            .get(node)
            .map(|place| (place.parent, place.prev, place.next))
        else {
            return;
        };
        if let Some(after) = self.places.get_mut(next) {
            after.prev = prev;
        }
        let before = match self.places.get_mut(prev) {
            Some(before) => Some(&mut before.next),
            None => self
                .places
                .get_mut(parent)
                .and_then(|above| above.children.get_mut(side)),
        };
        if let Some(before) = before {
            *before = next;
        }
    }

    /// One more entry is held at `node`.
    pub(super) fn count(&mut self, node: Node, access: Access) {
        let mut at = node;
        while let Some(place) = self.places.get_mut(at) {
            let side = place.side();
            let [reads, writes] = &mut place.held;
            match access {
                Access::Read => *reads += 1,
                Access::Write => *writes += 1,
            }
            let (moved, parent) = (place.side() != side, place.parent);
            if moved {
                self.delist(at, side);
                self.enlist(at);
            }
            at = parent;
        }
    }

    /// One entry less is held at `node`; places that lead to nothing are given back.
    pub(super) fn discount(&mut self, node: Node, access: Access) {
        let mut at = node;
        while let Some(place) = self.places.get_mut(at) {
            let side = place.side();
            let [reads, writes] = &mut place.held;
            let count = match access {
                Access::Read => reads,
                Access::Write => writes,
            };
            *count = count.saturating_sub(1);
            let (moved, parent) = (place.side() != side, place.parent);
            match place.held == [0, 0] && place.children == [NONE, NONE] {
                true => {
                    self.delist(at, side);
                    self.forget(at);
                }
                false if moved => {
                    self.delist(at, side);
                    self.enlist(at);
                }
                false => {}
            }
            at = parent;
        }
    }

    fn forget(&mut self, node: Node) {
        let Some(hash) = self.places.get(node).map(|place| place.hash) else {
            return;
        };
        if let Ok(found) = self.by_name.find_entry(hash, |other| *other == node) {
            found.remove();
        }
        self.free.push(node);
    }

    pub(super) fn parent(&self, node: Node) -> Option<Node> {
        let place = self.places.get(node)?;
        (place.parent != NONE).then_some(place.parent)
    }

    /// Whether anything wanted is held here or below.
    pub(super) fn has(&self, node: Node, wanted: Wanted) -> bool {
        self.places.get(node).is_some_and(|place| {
            place.held(Access::Write) > 0 || (wanted == Wanted::All && place.held(Access::Read) > 0)
        })
    }

    /// The children that lead to something wanted.
    pub(super) fn children(&self, node: Node, wanted: Wanted) -> impl Iterator<Item = Node> {
        let [writes, others] = self.places.get(node).map_or([NONE, NONE], |place| place.children);
        let others = match wanted {
            Wanted::Writes => NONE,
            Wanted::All => others,
        };
        self.siblings(writes).chain(self.siblings(others))
    }

    fn siblings(&self, first: Node) -> impl Iterator<Item = Node> {
        let mut at = first;
        std::iter::from_fn(move || {
            let place = self.places.get(at)?;
            Some(std::mem::replace(&mut at, place.next))
        })
    }

    /// How many places there are or were at once: every node is below.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.free.len() == self.places.len()
    }
}
