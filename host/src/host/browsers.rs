//! Browsers as the policy and the embedder want them. It must not start any.

use super::places::browsers_base;
use crate::browser::{Browsers, Settings};
use crate::egress::Resolve;
use crate::policy::Policy;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// What an embedder says of browsers.
#[derive(Debug, Default)]
pub(super) enum Wanted {
    /// What the policy says.
    #[default]
    AsAllowed,
    /// The same, with windows; the variables of the environment that say where.
    Shown(Vec<(String, OsString)>),
    /// None.
    Never,
}

/// The sessions of a host; none if it has none.
pub(super) fn gather(
    policy: &Policy,
    workspace: &Path,
    wanted: Wanted,
    resolver: Option<Arc<dyn Resolve>>,
) -> Option<Arc<Browsers>> {
    let window = match wanted {
        Wanted::Never => return None,
        Wanted::AsAllowed => None,
        Wanted::Shown(variables) => Some(variables),
    };
    let written = policy.browser();
    let settings = Settings {
        program: written.program,
        base: browsers_base(),
        kept: written.profiles.map(|folder| workspace.join(folder)),
        sandbox: written.sandbox,
        window,
        resolver,
    };
    let browsers = Browsers::new(settings, policy.limits());
    for name in &written.warm {
        if let Some((plugin, session)) = name.split_once('/') {
            browsers.warm(plugin, session);
        }
    }
    Some(browsers)
}
