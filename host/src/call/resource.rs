//! Resources, accesses and footprints: what calls are compared by, and what the sandbox opens.
//! It must not touch the file system: a path here was made canonical elsewhere and is only a name.

use super::{Endpoint, Rights, SessionName, plain};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What a call does with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looks at it, beside any number of other readers. For a browser session: observe.
    Read,
    /// Changes it, alone. For a browser session: drive.
    Write,
}

/// How much of the file tree below a path a resource covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Exactly this name.
    File,
    /// The folder and its direct children.
    Directory,
    /// The name and everything below it.
    Tree,
}

/// A path without links, `.` or `..`, in one mount: the one name by which a place is compared, granted and shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CanonicalPath {
    #[serde(serialize_with = "plain::share", deserialize_with = "plain::own::<String, _, _>")]
    mount: Arc<str>,
    #[serde(serialize_with = "plain::share", deserialize_with = "plain::own::<String, _, _>")]
    path: Arc<str>,
}

impl CanonicalPath {
    /// The path `path` (components joined by `/`, empty for the root) of the mount `mount` (empty for the workspace).
    /// The caller answers for its being canonical.
    #[must_use]
    pub fn new(mount: impl Into<Arc<str>>, path: impl Into<Arc<str>>) -> Self {
        Self {
            mount: mount.into(),
            path: path.into(),
        }
    }

    /// The mount's name; empty for the workspace.
    #[must_use]
    pub fn mount(&self) -> &str {
        &self.mount
    }

    /// The components joined by `/`; empty for the mount's root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The components from the mount's root down; none for the root itself.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.path.split('/').filter(|part| !part.is_empty())
    }

    /// The last component; `None` for the mount's root.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.components().next_back()
    }

    /// The folder that holds this name; `None` for the mount's root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.path.is_empty() {
            return None;
        }
        let end = self.path.rfind('/').unwrap_or(0);
        let head = self.path.get(..end).unwrap_or_default();
        Some(Self::new(Arc::clone(&self.mount), head))
    }

    /// The child `name` of this folder.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let path: Arc<str> = match self.path.is_empty() {
            true => name.into(),
            false => format!("{}/{name}", self.path).into(),
        };
        Self::new(Arc::clone(&self.mount), path)
    }

    /// Whether this path is `above` or lies below it.
    #[must_use]
    pub fn is_within(&self, above: &Self) -> bool {
        self.mount == above.mount
            && self
                .path
                .strip_prefix(&*above.path)
                .is_some_and(|rest| rest.is_empty() || above.path.is_empty() || rest.starts_with('/'))
    }
}

/// As the guest spells it: relative to the workspace (`.` for its root), or `/mount/…`.
impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.mount.is_empty(), self.path.is_empty()) {
            (true, true) => f.write_str("."),
            (true, false) => f.write_str(&self.path),
            (false, true) => write!(f, "/{}", self.mount),
            (false, false) => write!(f, "/{}/{}", self.mount, self.path),
        }
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A file that has several names (hard links), by the numbers that the kernel knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// The device number.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
}

/// What requests may be made of one web server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reach {
    /// Where.
    pub endpoint: Endpoint,
    /// HTTP methods, in capital letters.
    #[serde(
        serialize_with = "plain::share",
        deserialize_with = "plain::own::<Vec<String>, _, _>"
    )]
    pub methods: Arc<[String]>,
    /// Whether it extends to where answers to these requests send the tool, as far as the policy allows that.
    pub redirects: bool,
}

/// What a claim resolves to for one call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A place in the file tree.
    Path {
        /// Where.
        path: CanonicalPath,
        /// How much below it.
        scope: Scope,
        /// Set for a file with several links: its other names can be anywhere, so it also overlaps every entry with the
        /// same object, and every folder or tree of any mount.
        object: Option<ObjectId>,
    },
    /// Requests to a web server. Reaching one is never a conflict.
    Network(Reach),
    /// A browser session.
    Browser {
        /// Whose it is, and its name.
        session: SessionName,
        /// What may be done in it beside looking and driving. Says nothing about conflicts.
        rights: Rights,
    },
    /// Some browser session: which one is not known yet. Held, never granted.
    AnyBrowser,
}

impl Resource {
    /// Whether it is about requests over the network.
    #[must_use]
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Network(_))
    }

    /// Whether two resources have a place in common: the definition that the scheduler's tree must agree with.
    ///
    /// Two scopes share a place exactly if the root of one lies in the other, so looking at the roots is enough.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        use Resource::{AnyBrowser, Browser, Network, Path};
        match (self, other) {
            (
                Path {
                    path: a,
                    scope: sa,
                    object: oa,
                },
                Path {
                    path: b,
                    scope: sb,
                    object: ob,
                },
            ) => {
                covers(a, *sa, b)
                    || covers(b, *sb, a)
                    || (oa.is_some() && oa == ob)
                    || (oa.is_some() && *sb != Scope::File)
                    || (ob.is_some() && *sa != Scope::File)
            }
            (Browser { session: a, .. }, Browser { session: b, .. }) => a == b,
            (AnyBrowser, AnyBrowser | Browser { .. }) | (Browser { .. }, AnyBrowser) => true,
            (Path { .. } | Network(_) | Browser { .. } | AnyBrowser, _) => false,
        }
    }
}

impl Resource {
    /// Whether every place of `other` is one of this resource's.
    fn contains(&self, other: &Self) -> bool {
        use Resource::{AnyBrowser, Browser, Path};
        match (self, other) {
            (AnyBrowser, AnyBrowser | Browser { .. }) => true,
            (Browser { session: a, .. }, Browser { session: b, .. }) => a == b,
            (
                Path { path: a, scope: sa, .. },
                Path {
                    path: b,
                    scope: sb,
                    object: None,
                },
            ) => (a == b && sa >= sb) || (covers(a, *sa, b) && (*sa == Scope::Tree || *sb == Scope::File)),
            (mine, other) => mine == other,
        }
    }
}

/// Whether the name `place` itself lies in the scope around `at`.
fn covers(at: &CanonicalPath, scope: Scope, place: &CanonicalPath) -> bool {
    match scope {
        Scope::File => at == place,
        Scope::Directory => at == place || place.parent().as_ref() == Some(at),
        Scope::Tree => place.is_within(at),
    }
}

/// One resource of a call with its access.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// What.
    pub resource: Resource,
    /// How.
    pub access: Access,
}

impl Entry {
    /// Whether the two may not be held by two calls at once.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        (self.access == Access::Write || other.access == Access::Write) && self.resource.overlaps(&other.resource)
    }
}

/// All resources of one call, each once, with the widest access asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>")]
pub struct Footprint(Vec<Entry>);

impl From<Vec<Entry>> for Footprint {
    fn from(entries: Vec<Entry>) -> Self {
        Self::new(entries)
    }
}

impl Footprint {
    /// The footprint of these entries; two for one resource merge to the wider access.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut all: Vec<Entry> = entries.into_iter().collect();
        // Within one resource the write comes last, and it is the one that stays.
        all.sort();
        let mut kept: Vec<Entry> = Vec::with_capacity(all.len());
        for entry in all {
            match kept.last_mut() {
                Some(last) if last.resource == entry.resource => *last = entry,
                _ => kept.push(entry),
            }
        }
        Self(kept)
    }

    /// The entries, in a fixed order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Whether everything that `other` holds is held by this one, at least in the same manner: who conflicts with `other`
    /// then conflicts with this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|theirs| {
            self.0
                .iter()
                .any(|mine| mine.access >= theirs.access && mine.resource.contains(&theirs.resource))
        })
    }

    /// The first pair of entries of the two that conflicts: the definition, for explanations and for tests.
    #[must_use]
    pub fn conflict<'a>(&'a self, other: &'a Self) -> Option<Conflict<'a>> {
        self.0.iter().find_map(|mine| {
            let theirs = other.0.iter().find(|theirs| mine.conflicts(theirs))?;
            Some(Conflict { mine, theirs })
        })
    }
}

/// Why one call waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict<'a> {
    /// The entry of the call that waits.
    pub mine: &'a Entry,
    /// The entry of the call it waits for.
    pub theirs: &'a Entry,
}
