//! Browsers as the policy and the embedder want them. It must not start any, but to see whether one does.

use super::Host;
use super::doctor::{Check, Health};
use super::places::browsers_base;
use crate::browser::{Browsers, Fault, Settings};
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

impl Host {
    pub(super) async fn check_browser(&self) -> Vec<Check> {
        let Some(browsers) = self.dispatcher.browsers() else {
            return vec![Check::new("browser", Health::Weak, "this host opens none")];
        };
        let program = match browsers.program() {
            Ok(program) => program.path.display().to_string(),
            // All other tools work without.
            Err(why) => return vec![Check::new("browser", Health::Weak, why)],
        };
        let base = browsers_base();
        match browsers.probe().await {
            Ok(probe) => {
                let found = format!("{} at {program}, started in {} ms", probe.version, probe.ms);
                let own = match probe.sandbox {
                    true => Check::new("browser's sandbox", Health::Good, "on"),
                    false => Check::new("browser's sandbox", Health::Weak, "off")
                        .hint("allow user namespaces on this machine: sysctl kernel.unprivileged_userns_clone=1"),
                };
                vec![Check::new("browser", Health::Good, found), own]
            }
            Err(Fault { message, hint, .. }) => {
                let check = Check::new("browser", Health::Bad, message);
                vec![check.hint(hint.unwrap_or_else(|| format!("{program} and {} must be usable", base.display())))]
            }
        }
    }
}
