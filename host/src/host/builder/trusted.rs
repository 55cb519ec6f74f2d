//! Which files a host trusts, as it was put together. It must not look into any.

use super::super::places::{Trusted, browsers_base, owners_folder};
use super::{HostBuilder, POLICY_FILE};
use crate::call::Access;
use crate::policy::Policy;
use crate::workspace::Workspace;
use std::path::Path;

impl HostBuilder {
    /// Files that decide what tools may do, or that become code: wherever they are.
    pub(super) fn trusted(&self, workspace: &Workspace, policy: &Policy, cache: Option<&Path>) -> Vec<Trusted> {
        let own = workspace.path().join(POLICY_FILE);
        let mut files = vec![(self.policy.clone().unwrap_or(own), Access::Write, "the policy")];
        files.extend(cache.map(|folder| (folder.to_owned(), Access::Write, "compiled code")));
        files.extend(owners_folder().map(|folder| (folder, Access::Read, "where hosts find each other")));
        files.extend(
            self.folders
                .iter()
                .map(|folder| (folder.clone(), Access::Write, "plugins")),
        );
        files.extend(
            self.remember
                .iter()
                .map(|(file, _)| (file.clone(), Access::Write, "what plugins claimed before")),
        );
        files.push((browsers_base(), Access::Read, "browsers"));
        let certificates = policy.certificates().iter();
        files.extend(certificates.map(|file| (file.clone(), Access::Write, "certificates that are trusted")));
        let profiles = policy.browser().profiles.map(|folder| workspace.path().join(folder));
        files.extend(profiles.map(|folder| (folder, Access::Read, "profiles of browsers")));
        files.extend(policy.secret_files().map(|file| (file, Access::Read, "a secret")));
        files
    }
}
