//! Browsers in a build without them. It must not do anything.

use super::Host;
use super::doctor::{Check, Health};
use crate::browser::Browsers;
use crate::egress::Resolve;
use crate::policy::Policy;
use std::path::Path;
use std::sync::Arc;

/// What an embedder says of browsers.
#[derive(Debug, Default)]
pub(super) enum Wanted {
    /// None; there is nothing else.
    #[default]
    Never,
}

/// No sessions.
pub(super) fn gather(_: &Policy, _: &Path, wanted: Wanted, _: Option<Arc<dyn Resolve>>) -> Option<Arc<Browsers>> {
    match wanted {
        Wanted::Never => None,
    }
}

impl Host {
    pub(super) fn check_browser(&self) -> std::future::Ready<Vec<Check>> {
        std::future::ready(vec![Check::new("browser", Health::Weak, "this host was built without")])
    }
}
