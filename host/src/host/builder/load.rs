//! What a host is put together from that has to be read first: the policy and the plugins. It must not decide what either may.

use super::{HostBuilder, HostError, POLICY_FILE};
use crate::catalog::{Catalog, LoadError, Plugin, STANDARD};
use crate::policy::Policy;
use std::path::Path;
use std::sync::Arc;

impl HostBuilder {
    pub(super) fn read_policy(&self, workspace: &Path) -> Result<Policy, HostError> {
        if let Some(text) = &self.policy_text {
            return Ok(Policy::parse(text, "the given policy")?);
        }
        let own = workspace.join(POLICY_FILE);
        // The workspace's own file goes by its name: messages reach models, which have no business with host paths.
        let (file, name, must) = match &self.policy {
            Some(file) => (file, file.display().to_string(), true),
            None => (&own, POLICY_FILE.to_owned(), false),
        };
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Policy::parse(&text, &name)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must => Ok(Policy::default()),
            Err(error) => Err(HostError::ReadPolicy(file.clone(), error)),
        }
    }

    /// The plugins that come from no folder, and all.
    pub(super) fn load(&mut self, max_bytes: u64, problems: &mut Vec<LoadError>) -> (Vec<Arc<Plugin>>, Catalog) {
        let mut catalog = Catalog::default();
        for (name, bytes) in STANDARD.iter().filter(|_| !self.without_standard) {
            let origin = format!("standard plugin {name}");
            let added = Plugin::standard(name, bytes)
                .map_err(|problem| LoadError { origin, problem })
                .and_then(|plugin| catalog.add(plugin));
            problems.extend(added.err());
        }
        for (origin, bytes) in std::mem::take(&mut self.components) {
            let added = Plugin::from_bytes(origin.clone(), bytes)
                .map_err(|problem| LoadError { origin, problem })
                .and_then(|plugin| catalog.add(plugin));
            problems.extend(added.err());
        }
        for plugin in std::mem::take(&mut self.natives) {
            let origin = format!("native plugin {}", plugin.manifest().name);
            let added = Plugin::native(plugin)
                .map_err(|problem| LoadError { origin, problem })
                .and_then(|plugin| catalog.add(plugin));
            problems.extend(added.err());
        }
        let fixed = catalog.plugins().to_vec();
        for folder in &self.folders {
            catalog.add_folder(folder, max_bytes, &Catalog::default(), problems);
        }
        (fixed, catalog)
    }
}
