//! What a host would be, without one: its folders, rules and plugins. It must not compile or start anything.

use super::super::makeup::Makeup;
use super::{HostBuilder, HostError};
use crate::catalog::{Catalog, LoadError};
use crate::policy::Policy;
use crate::workspace::{Lookup, Workspace};
use std::path::PathBuf;

/// What a host would be.
#[derive(Debug)]
pub struct Outline {
    /// What two hosts must have in common to be one.
    pub makeup: Makeup,
    /// Its tools.
    pub catalog: Catalog,
    /// The plugins that it would leave out, and why.
    pub problems: Vec<LoadError>,
}

impl HostBuilder {
    /// What the host would be, without starting one.
    ///
    /// # Errors
    /// If the workspace, a mount or the policy can't be used.
    pub fn outline(mut self) -> Result<Outline, HostError> {
        let (workspace, policy) = self.ground()?;
        let mut problems = Vec::new();
        let (_, catalog) = self.load(policy.limits().component, &mut problems);
        Ok(Outline {
            makeup: Makeup::of(&workspace, &policy, catalog.plugins()),
            catalog,
            problems,
        })
    }

    /// Where its calls work, and what they may do there.
    pub(super) fn ground(&self) -> Result<(Workspace, Policy), HostError> {
        let folder = self.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
        let lookup = if self.stepwise {
            Lookup::Stepwise
        } else {
            Lookup::detect()
        };
        let mut workspace = Workspace::open_with(&folder, lookup)?;
        for (name, folder, access) in &self.mounts {
            workspace = workspace.mount(name, folder, *access)?;
        }
        let mut policy = self.read_policy(workspace.path())?;
        if let Some(change) = &self.limits {
            policy.narrow(change);
        }
        for mount in policy.mounts() {
            let folder = workspace.path().join(&mount.folder);
            workspace = workspace.mount(&mount.name, &folder, mount.access)?;
        }
        Ok((workspace, policy))
    }
}
