//! What a call would be granted, and by which rule: the same resolution as a run. It must not have rules of its own.

use crate::call::{Call, CallError, Entry, Status};
use crate::dispatch::{Links, Rules, links};
use crate::policy::{Limits, Refusal};
use std::sync::Arc;

/// What one call would be granted with the file tree as it is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The tool.
    pub tool: String,
    /// Its plugin.
    pub plugin: String,
    /// Everything that the call needs.
    pub entries: Vec<Explained>,
    /// Claims that can't be resolved yet, because they take results of other calls.
    pub unknown: Vec<String>,
    /// What it may use.
    pub limits: Limits,
    /// Names of secrets that the host attaches to its requests.
    pub secrets: Vec<String>,
}

/// One resource that a call needs.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What.
    pub entry: Entry,
    /// The rule that allows it, in words, or why it is refused.
    pub verdict: Result<String, Refusal>,
}

/// As often as a call may be refused for one more resource.
const MOST: usize = 1000;

pub(super) fn explain(rules: &Arc<Rules>, call: &Call) -> Result<Explanation, (Status, CallError)> {
    let named: Links = links(call).map_err(|problem| {
        let error = CallError {
            code: "invalid_arguments".to_owned(),
            message: problem,
            hint: None,
        };
        (Status::InvalidArguments, error)
    })?;
    let mut refused: Vec<(Entry, Refusal)> = Vec::new();
    let prepared = loop {
        let beyond: Vec<Entry> = refused.iter().map(|(entry, _)| entry.clone()).collect();
        match rules.prepare(call, &named, &beyond) {
            Ok(prepared) => break prepared,
            Err(refusal) => match refusal.about {
                Some(about) if refused.len() < MOST && !beyond.contains(&about.0) => refused.push(*about),
                Some(_) | None => return Err((refusal.status, refusal.error)),
            },
        }
    };
    let entries = prepared.footprint.entries().iter().map(|entry| Explained {
        verdict: match refused.iter().find(|(other, _)| other == entry) {
            Some((_, refusal)) => Err(refusal.clone()),
            // What isn't asked of the policy: a folder that is missing on the way.
            None => Ok(prepared
                .rules
                .explain(entry)
                .unwrap_or_else(|_| "the host, which makes it on the way".to_owned())),
        },
        entry: entry.clone(),
    });
    let secrets = prepared.rules.secrets().iter().map(|secret| secret.name.to_string());
    Ok(Explanation {
        tool: call.tool.clone(),
        plugin: prepared.entry.plugin.manifest.name.clone(),
        entries: entries.collect(),
        unknown: prepared.unknown,
        limits: prepared.rules.limits().clone(),
        secrets: secrets.collect(),
    })
}
