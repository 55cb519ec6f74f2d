//! Whether this machine has what a host needs, and what would help where it hasn't. It must not change anything but for a
//! browser that it starts and ends again.

use super::Host;
use super::places::users_cache;
use crate::workspace::Lookup;
use rustix::fs::{Mode, OFlags};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, and could work better.
    Weak,
    /// It doesn't work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What would help.
    pub hint: Option<String>,
}

impl Check {
    pub(super) fn new(name: &'static str, health: Health, found: impl Into<String>) -> Self {
        Self {
            name,
            health,
            found: found.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Host {
    /// Looks at what this host rests on: workspace, policy, plugins, the cache of compiled code, the kernel, a browser.
    pub async fn check(&self) -> Vec<Check> {
        let rules = self.dispatcher.rules();
        let workspace = rules.workspace.path();
        let mut checks = vec![
            Check::new("workspace", Health::Good, workspace.display().to_string()),
            Check::new("policy", Health::Good, rules.policy.name()),
            self.check_plugins(),
            check_cache(),
            check_lookup(),
            check_copies(workspace),
        ];
        checks.extend(self.check_browser().await);
        checks
    }

    fn check_plugins(&self) -> Check {
        let catalog = self.catalog();
        let plugins: Vec<&str> = catalog
            .plugins()
            .iter()
            .map(|plugin| plugin.manifest.name.as_str())
            .collect();
        let found = format!("{} tools of {}", catalog.tools().count(), plugins.join(", "));
        match self.problems() {
            [] => Check::new("plugins", Health::Good, found),
            [first, ..] => {
                let count = self.problems().len();
                Check::new("plugins", Health::Bad, format!("{found}; {count} left out")).hint(first.to_string())
            }
        }
    }
}

fn check_cache() -> Check {
    let name = "compiled code";
    let Some(cache) = users_cache() else {
        return Check::new(
            name,
            Health::Weak,
            "neither XDG_CACHE_HOME nor HOME is set: nothing is kept",
        )
        .hint("plugins are compiled at every start; set HOME");
    };
    // What isn't there yet will be made.
    let there = cache.ancestors().find(|folder| folder.is_dir()).unwrap_or(&cache);
    let found = cache.display().to_string();
    match fs::metadata(there) {
        Ok(meta) if meta.uid() != rustix::process::geteuid().as_raw() => Check::new(
            name,
            Health::Weak,
            format!("{} is somebody else's: nothing is kept", there.display()),
        ),
        Ok(meta) if meta.permissions().mode() & 0o200 == 0 => Check::new(
            name,
            Health::Weak,
            format!("{} can't be written: nothing is kept", there.display()),
        ),
        Ok(_) => Check::new(name, Health::Good, found),
        Err(error) => Check::new(name, Health::Weak, format!("{found}: {error}")),
    }
}

fn check_lookup() -> Check {
    match Lookup::detect() {
        Lookup::Kernel => Check::new("paths", Health::Good, "the kernel looks them up safely (openat2)"),
        Lookup::Stepwise => Check::new(
            "paths",
            Health::Weak,
            "looked up one component at a time: no openat2 here",
        )
        .hint("as safe, and slower; a kernel from 5.6 on has it, some container filters block it"),
    }
}

fn check_copies(workspace: &Path) -> Check {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(workspace, flags, Mode::RUSR | Mode::WUSR) {
        Ok(_) => Check::new("whole-file writes", Health::Good, "copies without a name (O_TMPFILE)"),
        Err(error) => Check::new(
            "whole-file writes",
            Health::Weak,
            format!("copies with a name: {error}"),
        )
        .hint("a killed host may leave one; the next write into that folder removes it"),
    }
}
