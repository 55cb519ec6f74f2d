//! What the network is handed: certificates that are trusted, secrets by name, connections that are opened ahead.
//! The one place that reads a secret's value. It must not show one to anybody but the sandbox.

use super::HostError;
use crate::call::Endpoint;
use crate::catalog::Catalog;
use crate::dispatch::Rules;
use crate::egress::Resolve;
use crate::policy::{Policy, Secret, SecretSource};
use crate::sandbox::{HeaderName, HeaderValue, Sandbox, Trust};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads what the policy names.
///
/// # Errors
/// If a file of certificates can't be read. A secret that isn't there is only missing: its requests go without.
pub(super) fn gather(
    policy: &Policy,
    catalog: &Catalog,
    resolver: Option<Arc<dyn Resolve>>,
    mut certificates: Vec<Vec<u8>>,
) -> Result<Trust, HostError> {
    for file in policy.certificates() {
        let pem = std::fs::read(file).map_err(|error| HostError::ReadNamed(file.clone(), error))?;
        certificates.push(pem);
    }
    let mut secrets = HashMap::new();
    for entry in catalog
        .tools()
        .filter(|entry| entry.tool.claims.iter().any(|claim| claim.is_network()))
    {
        for secret in policy.for_tool(&entry.plugin.manifest.name, &entry.tool.name).secrets() {
            if !secrets.contains_key(&*secret.name)
                && let Some(header) = header(secret)
            {
                secrets.insert(secret.name.to_string(), header);
            }
        }
    }
    Ok(Trust {
        resolver,
        certificates,
        secrets,
    })
}

/// The header that carries a secret; `None`, and a word to the operator, if it has no value.
fn header(secret: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let missing = |why: String| {
        tracing::warn!(secret = %secret.name, "requests go without this secret: {why}");
        None
    };
    let value = match &secret.from {
        SecretSource::Variable(name) => match std::env::var(name) {
            Ok(value) => value,
            Err(_) => return missing(format!("the environment variable {name} is not set")),
        },
        SecretSource::File(file) => match std::fs::read_to_string(file) {
            Ok(value) => value,
            Err(error) => return missing(format!("{}: {error}", file.display())),
        },
    };
    let name = HeaderName::from_bytes(secret.header.as_bytes()).ok()?;
    match HeaderValue::from_str(&format!("{}{}", secret.prefix, value.trim())) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Some((name, value))
        }
        // The error must not quote it.
        Err(_) => missing("its value can't stand in a header".to_owned()),
    }
}

/// Opens the connections that the policy wants ahead; waits for none.
pub(super) fn warm(sandbox: &Sandbox, rules: &Arc<Rules>) {
    for plugin in rules.catalog.plugins() {
        let name = &plugin.manifest.name;
        let tool = plugin
            .manifest
            .tools
            .iter()
            .find(|tool| tool.claims.iter().any(|claim| claim.is_network()));
        let Some(tool) = tool.and_then(|tool| rules.tools.get(&tool.name)) else {
            continue;
        };
        for text in rules.policy.warm(name) {
            if let Ok(endpoint) = Endpoint::parse(text) {
                sandbox.warm(name, endpoint, Arc::clone(tool));
            }
        }
    }
}
