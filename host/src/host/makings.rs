//! What a host's rules are made of, kept so that they can be made again when plugin folders change. It must not touch calls
//! that are here: those keep the rules that they came in under.

use super::known::{self, Memory};
use super::places::{Reserved, Trusted, reserve};
use super::roots::{Allowed, Roots};
use super::{Host, HostError};
use crate::call::{Access, CanonicalPath, ObjectId};
use crate::catalog::{Catalog, Entry, LoadError, Plugin};
use crate::dispatch::Rules;
use crate::policy::{Policy, ToolRules};
use crate::workspace::{Folder, Workspace};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What changed when plugin folders were read again.
#[derive(Debug, Default)]
pub struct Reloaded {
    /// Tools that are new, by name.
    pub added: Vec<String>,
    /// Tools that are there no more.
    pub removed: Vec<String>,
    /// Tools whose component is another one now.
    pub changed: Vec<String>,
    /// Files that could not be taken. Where a plugin had been loaded from one before, that stays.
    pub problems: Vec<LoadError>,
}

/// A file of a plugin folder, as it was last looked at.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    file: PathBuf,
    changed: Option<SystemTime>,
    bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Makings {
    /// The workspace and the mounts that are always there.
    pub(super) workspace: Arc<Workspace>,
    pub(super) policy: Arc<Policy>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) trusted: Vec<Trusted>,
    /// The folder of the audit log.
    pub(super) audit: Option<Folder>,
    /// What clients may bring along.
    pub(super) allowed: Vec<Allowed>,
    pub(super) remember: Option<(PathBuf, Memory)>,
    pub(super) shows_tabs: bool,
    /// The plugins that come from no folder.
    pub(super) fixed: Vec<Arc<Plugin>>,
    // Held while new rules are made, so that this is done once at a time.
    pub(super) changing: Mutex<Changing>,
}

/// What of a host changes while it runs.
#[derive(Debug)]
pub(super) struct Changing {
    pub(super) seen: Seen,
    pub(super) roots: Roots,
}

/// The folders as they were last looked at.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<Mark>);

impl Seen {
    /// As they are now.
    pub(super) fn now(folders: &[PathBuf]) -> Self {
        let files = folders
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flatten();
        let marks = files.filter_map(|entry| mark(&entry.ok()?.path()));
        let mut marks: Vec<Mark> = marks.collect();
        marks.sort_by(|a, b| a.file.cmp(&b.file));
        Self(marks)
    }
}

fn mark(file: &Path) -> Option<Mark> {
    if file.extension()? != "wasm" {
        return None;
    }
    let found = std::fs::metadata(file).ok()?;
    Some(Mark {
        file: file.to_owned(),
        changed: found.modified().ok(),
        bytes: found.len(),
    })
}

impl Makings {
    pub(super) fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules over the tools of this catalog in this workspace.
    ///
    /// # Errors
    /// If what plugins claimed before can't be read.
    pub(super) fn rules(&self, catalog: Catalog, workspace: &Arc<Workspace>) -> Result<Rules, HostError> {
        let held = match &self.remember {
            Some((file, memory)) => known::held(&catalog, file, *memory)?,
            None => HashMap::new(),
        };
        Ok(Rules {
            shows_tabs: self.shows_tabs,
            held,
            tools: self.tools(&catalog, workspace),
            workspace: Arc::clone(workspace),
            policy: Arc::clone(&self.policy),
            catalog: Arc::new(catalog),
        })
    }

    /// The same rules in another workspace.
    pub(super) fn moved(&self, rules: &Rules, workspace: Workspace) -> Rules {
        let workspace = Arc::new(workspace);
        Rules {
            shows_tabs: rules.shows_tabs,
            held: rules.held.clone(),
            tools: self.tools(&rules.catalog, &workspace),
            workspace,
            policy: Arc::clone(&rules.policy),
            catalog: Arc::clone(&rules.catalog),
        }
    }

    /// What of the host's own a folder is, or lies in: by its name as the kernel calls it, and by the folders above it.
    pub(super) fn owns(&self, real: &Path, chain: &[ObjectId]) -> Option<&'static str> {
        let own = self.trusted.iter().find(|(place, ..)| {
            let named = place.canonicalize().is_ok_and(|place| real.starts_with(place));
            let object = Folder::open(place).and_then(|folder| folder.chain());
            named || object.is_ok_and(|own| own.first().is_some_and(|own| chain.contains(own)))
        });
        own.map(|(.., what)| *what)
    }

    /// What the policy says to each tool, with the host's own files kept from all.
    fn tools(&self, catalog: &Catalog, workspace: &Workspace) -> HashMap<String, Arc<ToolRules>> {
        let mut reserved: Vec<Reserved> = reserve(workspace, &self.trusted);
        // A line of the policy that lets only read isn't lifted by bringing along what is around its folder.
        let read = self.allowed.iter().filter(|allowed| allowed.access == Access::Read);
        let read = read.filter_map(|allowed| workspace.name_of(allowed.real()));
        let brought = |path: &CanonicalPath| !self.workspace.places().any(|place| place.mount() == path.mount());
        let read = read.filter(|path| brought(path) && !path.path().is_empty());
        reserved.extend(read.map(|path| (path, Access::Write, "what [[roots]] has for reading only")));
        let tools = catalog.tools().map(|entry| {
            let mut rules = self.policy.for_tool(&entry.plugin.manifest.name, &entry.tool.name);
            for (path, from, what) in &reserved {
                rules = rules.reserve(path.clone(), *from, what);
            }
            (entry.tool.name.clone(), Arc::new(rules))
        });
        tools.collect()
    }
}

impl Host {
    /// Reads the plugin folders again if a file in them has changed since they were last read; `None` if none has. Calls that
    /// are here keep the plugin that they came in under, and a component that has not changed stays compiled. A secret that
    /// the policy gives to a tool is read when the host is built: a new tool goes without.
    ///
    /// # Errors
    /// If what plugins claimed before can't be read; then all stays as it is.
    pub fn reload(&self) -> Result<Option<Reloaded>, HostError> {
        let makings = &self.makings;
        let mut changing = makings.changing();
        let now = Seen::now(&makings.folders);
        if changing.seen.0 == now.0 {
            return Ok(None);
        }
        let rules = self.dispatcher.rules();
        let before = &rules.catalog;
        let mut reloaded = Reloaded::default();
        let mut catalog = Catalog::default();
        for plugin in &makings.fixed {
            reloaded.problems.extend(catalog.add_shared(Arc::clone(plugin)).err());
        }
        let most = makings.policy.limits().component;
        for folder in &makings.folders {
            catalog.add_folder(folder, most, before, &mut reloaded.problems);
        }
        reloaded.compare(before, &catalog);
        self.dispatcher.replace_rules(makings.rules(catalog, &rules.workspace)?);
        changing.seen = now;
        Ok(Some(reloaded))
    }
}

impl Reloaded {
    fn compare(&mut self, before: &Catalog, now: &Catalog) {
        let name = |entry: &Entry| entry.tool.name.clone();
        for entry in now.tools() {
            match before.tool(&entry.tool.name) {
                None => self.added.push(name(entry)),
                Some(old) if !Arc::ptr_eq(&old.plugin, &entry.plugin) => self.changed.push(name(entry)),
                Some(_) => {}
            }
        }
        let gone = before.tools().filter(|entry| now.tool(&entry.tool.name).is_none());
        self.removed.extend(gone.map(name));
    }

    /// Whether a tool is new, gone, or another one.
    #[must_use]
    pub fn any_tool(&self) -> bool {
        !(self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty())
    }
}
