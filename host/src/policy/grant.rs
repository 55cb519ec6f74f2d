//! One more thing that one tool may do: an `[[allow]]` of the policy, or an approval. It speaks louder than every list.
//! It must not be read wider than it was written.

use super::network::NetworkRule;
use super::patterns::Patterns;
use crate::call::{Access, CanonicalPath, Endpoint, Entry, Reach, Resource};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;

/// As it is written: whose it is, and exactly one thing that is allowed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGrant {
    pub(super) tool: Option<String>,
    pub(super) plugin: Option<String>,
    /// The mount that `read` or `write` is about; the workspace, where none is named.
    mount: Option<String>,
    read: Option<String>,
    write: Option<String>,
    pub(super) network: Option<NetworkRule>,
    session: Option<String>,
}

/// What is allowed.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// How messages call it.
    name: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Places in a mount (empty for the workspace), to read; to write, too, with `Access::Write`.
    Places(String, Patterns, Access),
    /// Exactly this place and what lies below it.
    Place(CanonicalPath, Access),
    Servers(Box<NetworkRule>),
    Requests(Reach),
    Session(String),
}

impl WrittenGrant {
    /// The grant.
    ///
    /// # Errors
    /// If it does not allow exactly one thing, or a pattern makes no sense.
    pub(super) fn build(&self) -> Result<Grant, String> {
        let places = |text: &String, access| match Patterns::new(std::slice::from_ref(text)) {
            Ok(patterns) => Ok(What::Places(self.mount.clone().unwrap_or_default(), patterns, access)),
            Err((pattern, problem)) => Err(format!("{pattern:?}: {problem}")),
        };
        let one = match (&self.read, &self.write, &self.network, &self.session) {
            (Some(text), None, None, None) => (format!("read = {text:?}"), places(text, Access::Read)?),
            (None, Some(text), None, None) => (format!("write = {text:?}"), places(text, Access::Write)?),
            (None, None, Some(rule), None) => (format!("network = {rule}"), What::Servers(Box::new(rule.clone()))),
            (None, None, None, Some(name)) => (format!("session = {name:?}"), What::Session(name.clone())),
            _ => return Err("one of read, write, network and session must be there, and only one".to_owned()),
        };
        let (name, what) = one;
        if self.mount.is_some() && !matches!(what, What::Places(..)) {
            return Err("mount goes with read or write".to_owned());
        }
        Ok(Grant {
            name: format!("{name} in [[allow]]"),
            what,
        })
    }
}

impl Grant {
    /// What was approved for one call.
    pub(super) fn exactly(entry: Entry) -> Self {
        let what = match entry.resource {
            Resource::Path { path, .. } => What::Place(path, entry.access),
            Resource::Network(reach) => What::Requests(reach),
            Resource::Browser { session } => What::Session(session),
            Resource::AnyBrowser => What::Session("*".to_owned()),
        };
        Self {
            name: "an approval".to_owned(),
            what,
        }
    }

    pub(super) fn allows(&self, entry: &Entry) -> bool {
        match &entry.resource {
            Resource::Path { path, .. } => self.allows_path(path, entry.access),
            Resource::Network(Reach { endpoint, methods, .. }) => {
                methods.iter().all(|method| self.allows_request(endpoint, method))
            }
            Resource::Browser { session } => self.allows_session(session),
            Resource::AnyBrowser => self.allows_session("*"),
        }
    }

    pub(super) fn allows_path(&self, path: &CanonicalPath, access: Access) -> bool {
        match &self.what {
            What::Places(mount, patterns, most) => {
                path.mount() == mount && access <= *most && patterns.matches(path.path())
            }
            What::Place(place, most) => access <= *most && path.is_within(place),
            What::Servers(_) | What::Requests(_) | What::Session(_) => false,
        }
    }

    pub(super) fn allows_request(&self, endpoint: &Endpoint, method: &str) -> bool {
        match &self.what {
            What::Servers(rule) => rule.allows(endpoint, method),
            What::Requests(reach) => reach.endpoint == *endpoint && reach.methods.iter().any(|own| own == method),
            What::Places(..) | What::Place(..) | What::Session(_) => false,
        }
    }

    /// Whether it says in so many words that `endpoint` may be at `address`.
    pub(super) fn names(&self, endpoint: &Endpoint, address: IpAddr) -> bool {
        match &self.what {
            What::Servers(rule) => rule.allows_at(endpoint, address),
            What::Requests(reach) => {
                reach.endpoint == *endpoint && endpoint.host == crate::call::HostName::Address(address)
            }
            What::Places(..) | What::Place(..) | What::Session(_) => false,
        }
    }

    pub(super) fn allows_session(&self, session: &str) -> bool {
        matches!(&self.what, What::Session(own) if own == session || own == "*")
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
