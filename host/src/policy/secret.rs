//! Secrets: what the host attaches to requests for certain servers. Which ones; never what they are.
//! It must not read any: the value is whoever builds the host's to find.

use super::network::{NetworkRule, means_in_words};
use crate::call::Endpoint;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

/// One secret, as the policy declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// Its name in the policy.
    pub name: Arc<str>,
    /// The header that carries it, in lower case.
    pub header: Arc<str>,
    /// What stands before it in the header: `Bearer `.
    pub prefix: Arc<str>,
    /// Where its value is found.
    pub from: SecretSource,
    hosts: Vec<NetworkRule>,
}

/// Where a secret's value is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In this environment variable of the host.
    Variable(String),
    /// In this file, without blanks at its ends.
    File(PathBuf),
}

impl Secret {
    /// Whether it is attached to requests for `endpoint`. To plain HTTP only where a line says `http://`.
    #[must_use]
    pub fn is_for(&self, endpoint: &Endpoint) -> bool {
        self.hosts.iter().any(|rule| means_in_words(rule, endpoint))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSecret {
    hosts: Vec<NetworkRule>,
    header: String,
    #[serde(default)]
    prefix: String,
    env: Option<String>,
    pub(super) file: Option<PathBuf>,
    /// The plugins whose requests carry it; all, where none is named.
    #[serde(default)]
    plugins: Vec<String>,
}

impl WrittenSecret {
    /// Whether requests of `plugin` carry it.
    pub(super) fn is_of(&self, plugin: &str) -> bool {
        self.plugins.is_empty() || self.plugins.iter().any(|own| own == plugin)
    }

    /// Whether it goes to every server.
    pub(super) fn is_for_all(&self) -> bool {
        self.hosts.iter().any(NetworkRule::is_for_all)
    }

    /// The secret.
    ///
    /// # Errors
    /// If it has no value's place or two, names no host, or its header is none.
    pub(super) fn build(&self, name: &str) -> Result<Secret, String> {
        let from = match (&self.env, &self.file) {
            (Some(variable), None) => SecretSource::Variable(variable.clone()),
            (None, Some(file)) => SecretSource::File(file.clone()),
            _ => return Err("one of env and file must be there, and only one".to_owned()),
        };
        if self.hosts.is_empty() {
            return Err("hosts must name at least one".to_owned());
        }
        if let Some(rule) = self.hosts.iter().find(|rule| !rule.is_plain()) {
            return Err(format!("{rule}: hosts of a secret have no methods and no addresses"));
        }
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let reserved = ["host", "connection", "content-length", "transfer-encoding", "upgrade"];
        let header = self.header.to_ascii_lowercase();
        if header.is_empty() || !header.bytes().all(fine) || reserved.contains(&header.as_str()) {
            return Err(format!("{:?} is no header that can be attached", self.header));
        }
        Ok(Secret {
            name: name.into(),
            header: header.into(),
            prefix: self.prefix.as_str().into(),
            from,
            hosts: self.hosts.clone(),
        })
    }
}
