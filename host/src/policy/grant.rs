//! One more thing that one tool may do: an `[[allow]]` of the policy, or an approval. It speaks louder than every list.
//! It must not be read wider than it was written.

use super::network::NetworkRule;
use super::patterns::Patterns;
use crate::call::{Access, CanonicalPath, Endpoint, Entry, Reach, Resource, Rights, Scope};
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
    /// How much of it: all below, unless said.
    scope: Option<Scope>,
    read: Option<String>,
    write: Option<String>,
    pub(super) network: Option<NetworkRule>,
    session: Option<String>,
    /// What may be done in the session beside looking and driving.
    rights: Option<Vec<String>>,
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
    Places {
        mount: String,
        patterns: Patterns,
        scope: Scope,
        access: Access,
    },
    /// This place.
    Place(CanonicalPath, Scope, Access),
    Servers(Box<NetworkRule>),
    Requests(Reach),
    /// A session by its name, `*` for any, and the rights in it.
    Session(String, Rights),
}

impl WrittenGrant {
    /// The grant.
    ///
    /// # Errors
    /// If it does not allow exactly one thing, or a pattern makes no sense.
    pub(super) fn build(&self) -> Result<Grant, String> {
        let places = |text: &String, access| match Patterns::new(std::slice::from_ref(text)) {
            Ok(patterns) => Ok(What::Places {
                mount: self.mount.clone().unwrap_or_default(),
                patterns,
                scope: self.scope.unwrap_or(Scope::Tree),
                access,
            }),
            Err((pattern, problem)) => Err(format!("{pattern:?}: {problem}")),
        };
        let one = match (&self.read, &self.write, &self.network, &self.session) {
            (Some(text), None, None, None) => (format!("read = {text:?}"), places(text, Access::Read)?),
            (None, Some(text), None, None) => (format!("write = {text:?}"), places(text, Access::Write)?),
            (None, None, Some(rule), None) => (format!("network = {rule}"), What::Servers(Box::new(rule.clone()))),
            (None, None, None, Some(name)) => {
                let rights = rights(self.rights.as_deref().unwrap_or_default())?;
                (format!("session = {name:?}"), What::Session(name.clone(), rights))
            }
            _ => return Err("one of read, write, network and session must be there, and only one".to_owned()),
        };
        let (name, what) = one;
        if (self.mount.is_some() || self.scope.is_some()) && !matches!(what, What::Places { .. }) {
            return Err("mount and scope go with read or write".to_owned());
        }
        if self.rights.is_some() && self.session.is_none() {
            return Err("rights go with session".to_owned());
        }
        if self.tool.is_none() && self.plugin.is_none() {
            return Err("whose it is must be said: tool = \"…\" or plugin = \"…\"; \"*\" for all".to_owned());
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
            Resource::Path { path, scope, .. } => What::Place(path, scope, entry.access),
            Resource::Network(reach) => What::Requests(reach),
            Resource::Browser { session, rights } => What::Session(session.name().to_owned(), rights),
            Resource::AnyBrowser => What::Session("*".to_owned(), Rights::default()),
        };
        Self {
            name: "an approval".to_owned(),
            what,
        }
    }

    pub(super) fn allows(&self, entry: &Entry) -> bool {
        match &entry.resource {
            Resource::Path { path, .. } => self.reaches_path(path, entry.access).is_some(),
            Resource::Network(Reach { endpoint, methods, .. }) => {
                methods.iter().all(|method| self.allows_request(endpoint, method))
            }
            Resource::Browser { session, rights } => self.allows_session(session.name(), *rights),
            Resource::AnyBrowser => self.allows_session("*", Rights::default()),
        }
    }

    /// How much of the path, from the root down, it names, in bytes; `None` if it doesn't reach it in this way. What a list
    /// refuses below what is named here stays refused.
    pub(super) fn reaches_path(&self, path: &CanonicalPath, access: Access) -> Option<usize> {
        let text = path.path();
        let above = text.rfind('/').unwrap_or(0);
        match &self.what {
            What::Places {
                mount,
                patterns,
                scope,
                access: most,
            } if path.mount() == mount && access <= *most => {
                let (end, _) = patterns.deepest(text)?;
                let fits = match scope {
                    Scope::File => end == text.len(),
                    Scope::Directory => end >= above,
                    Scope::Tree => true,
                };
                fits.then_some(end)
            }
            What::Place(place, scope, most) if access <= *most => {
                let fits = match scope {
                    Scope::File => path == place,
                    Scope::Directory => path == place || path.parent().as_ref() == Some(place),
                    Scope::Tree => path.is_within(place),
                };
                fits.then(|| place.path().len())
            }
            What::Places { .. } | What::Place(..) | What::Servers(_) | What::Requests(_) | What::Session(..) => None,
        }
    }

    pub(super) fn allows_request(&self, endpoint: &Endpoint, method: &str) -> bool {
        match &self.what {
            What::Servers(rule) => rule.allows(endpoint, method),
            What::Requests(reach) => reach.endpoint == *endpoint && reach.methods.iter().any(|own| own == method),
            What::Places { .. } | What::Place(..) | What::Session(..) => false,
        }
    }

    /// Whether it says in so many words that `endpoint` may be at `address`.
    pub(super) fn names(&self, endpoint: &Endpoint, method: &str, address: IpAddr) -> bool {
        match &self.what {
            What::Servers(rule) => rule.allows_at(endpoint, method, address),
            What::Requests(reach) => {
                reach.endpoint == *endpoint && endpoint.host == crate::call::HostName::Address(address)
            }
            What::Places { .. } | What::Place(..) | What::Session(..) => false,
        }
    }

    pub(super) fn allows_session(&self, session: &str, wanted: Rights) -> bool {
        matches!(&self.what, What::Session(own, rights) if (own == session || own == "*") && rights.contain(wanted))
    }
}

/// Rights by their names.
///
/// # Errors
/// If there is none of such a name.
pub(super) fn rights(names: &[String]) -> Result<Rights, String> {
    names
        .iter()
        .try_fold(Rights::default(), |all, name| match Rights::from_name(name) {
            Some(right) => Ok(all.and(right)),
            None => Err(format!("there is no right {name:?}; one of evaluate and storage")),
        })
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
