//! What decides on calls, as far as two hosts must have it in common to be one to whoever calls. It must not hold anything
//! secret: it is told to others.

use crate::call::Access;
use crate::catalog::Plugin;
use crate::policy::Policy;
use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

/// See the module. Digests are BLAKE3, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Makeup {
    /// The workspace's folder, as the kernel calls it.
    pub workspace: String,
    /// The same as the operator wrote it, made absolute: calls may spell it like this, too.
    pub spelled: String,
    /// The digest of the policy's text.
    pub policy: String,
    /// The digest of each plugin's component, by name.
    pub plugins: BTreeMap<String, String>,
    /// The other folders, by name: `read` or `write`, a blank, and the folder as the kernel calls it.
    pub mounts: BTreeMap<String, String>,
}

impl Makeup {
    pub(super) fn of(workspace: &Workspace, policy: &Policy, plugins: &[Arc<Plugin>]) -> Self {
        let mounts = workspace.mounts().map(|(name, folder, access)| {
            let access = match access {
                Access::Read => "read",
                Access::Write => "write",
            };
            (name.to_owned(), format!("{access} {}", folder.display()))
        });
        let plugins = plugins
            .iter()
            .map(|plugin| (plugin.manifest.name.clone(), plugin.digest().to_hex().to_string()));
        // What goes back up is how a command line comes to a folder, and not how a call spells one.
        let plain = |path: &&Path| !path.components().any(|part| part == Component::ParentDir);
        let spelled = Some(workspace.spelled()).filter(plain).unwrap_or(workspace.path());
        Self {
            workspace: workspace.path().display().to_string(),
            spelled: spelled.display().to_string(),
            policy: policy.digest().to_hex().to_string(),
            plugins: plugins.collect(),
            mounts: mounts.collect(),
        }
    }
}
