//! The form of `toolyard.toml`. What is unknown is an error with its line. It must not know what anything means.

use super::grant::WrittenGrant;
use super::limits::WrittenLimits;
use super::network::NetworkRule;
use super::secret::WrittenSecret;
use crate::call::Access;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    pub(super) files: Files,
    pub(super) network: Network,
    pub(super) browser: Browser,
    pub(super) reuse: Reuse,
    pub(super) audit: Audit,
    pub(super) limits: WrittenLimits,
    pub(super) mounts: BTreeMap<String, WrittenMount>,
    pub(super) roots: Vec<WrittenMount>,
    pub(super) secrets: BTreeMap<String, WrittenSecret>,
    pub(super) allow: Vec<WrittenGrant>,
    pub(super) plugins: BTreeMap<String, Own>,
    pub(super) tools: BTreeMap<String, Own>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Files {
    pub(super) read: Option<Vec<String>>,
    pub(super) write: Option<Vec<String>>,
    pub(super) deny: Option<Vec<String>>,
    pub(super) deny_write: Option<Vec<String>>,
    pub(super) except: Option<Vec<String>>,
    pub(super) symlinks: Option<bool>,
}

impl Files {
    /// The built-in lists, once more: a test holds them against the shipped file.
    pub(super) fn built_in() -> Self {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        Self {
            read: list(&["**"]),
            write: list(&["**"]),
            deny: list(&[".git", ".hg", ".svn", ".jj", ".bzr", ".env", ".env.*", ".envrc"]),
            deny_write: list(&["toolyard.toml"]),
            except: list(&[".env.example", ".env.sample", ".env.template"]),
            symlinks: Some(false),
        }
    }

    /// These, and the built-in ones for what is left out.
    pub(super) fn over_built_in(&self) -> Self {
        let (own, base) = (self.clone(), Self::built_in());
        Self {
            read: own.read.or(base.read),
            write: own.write.or(base.write),
            deny: own.deny.or(base.deny),
            deny_write: own.deny_write.or(base.deny_write),
            except: own.except.or(base.except),
            symlinks: own.symlinks.or(base.symlinks),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Network {
    pub(super) allow: Vec<NetworkRule>,
    pub(super) deny: Vec<NetworkRule>,
    pub(super) certificates: Vec<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OwnNetwork {
    pub(super) allow: Option<Vec<NetworkRule>>,
    pub(super) deny: Vec<NetworkRule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Browser {
    pub(super) sessions: Vec<String>,
    pub(super) rights: Vec<String>,
    /// The browser's program; looked for where it usually is, if not said.
    pub(super) program: Option<PathBuf>,
    /// Whether the browser's own sandbox must be on (`true`), or off; where the machine can, if not said.
    pub(super) sandbox: Option<bool>,
    /// Where sessions keep their profiles; thrown away with each session, if not said.
    pub(super) profiles: Option<PathBuf>,
    /// Sessions that start with the host, as `plugin/session`.
    pub(super) warm: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OwnBrowser {
    pub(super) sessions: Option<Vec<String>>,
    pub(super) rights: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reuse {
    pub(super) tools: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Audit {
    pub(super) file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMount {
    pub(super) path: PathBuf,
    pub(super) access: Access,
}

/// A section of one plugin or of one tool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Own {
    pub(super) files: Files,
    pub(super) network: OwnNetwork,
    pub(super) browser: OwnBrowser,
    pub(super) limits: WrittenLimits,
    /// Of a tool: arguments that the operator gives where the caller gives none.
    pub(super) defaults: Map<String, Value>,
    /// Of a plugin: servers that connections are opened to ahead of calls.
    pub(super) warm: Vec<String>,
}
