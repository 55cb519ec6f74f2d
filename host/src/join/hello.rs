//! The hello: what the one who joins is, and the owner's answer. It must not let anybody in who would get other answers here
//! than from a host of his own.

use crate::host::Makeup;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is spoken.
const PROTOCOL: u64 = 1;

/// The longest hello, in bytes.
pub(super) const MOST: usize = 64 << 10;

/// As many names of what differs are told.
const TOLD: usize = 8;

/// What the one who joins wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wants {
    /// To speak the Model Context Protocol.
    Mcp,
    /// To run one batch.
    Batch,
}

/// One line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    toolyard: u64,
    version: String,
    /// What its own host would be made of.
    #[serde(flatten)]
    makeup: Makeup,
    /// The log that it says its decisions belong in, if it names one.
    audit: Option<PathBuf>,
    pub(crate) wants: Wants,
    /// Whether somebody may be asked about what the policy refuses.
    pub(crate) ask: bool,
}

impl Hello {
    pub(crate) fn new(makeup: Makeup, audit: Option<PathBuf>, wants: Wants, ask: bool) -> Self {
        Self {
            toolyard: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            makeup,
            audit,
            wants,
            ask,
        }
    }
}

/// The owner's answer: one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Welcome {
        ok: bool,
        pid: u32,
    },
    No {
        error: String,
        hint: String,
        #[serde(default)]
        soon: bool,
    },
}

impl Answer {
    pub(super) fn no(error: impl Into<String>, hint: impl Into<String>) -> Self {
        let (error, hint) = (error.into(), hint.into());
        Self::No {
            error,
            hint,
            soon: false,
        }
    }
}

/// What the owner is.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) makeup: Makeup,
    pub(crate) audit: Option<PathBuf>,
}

impl Own {
    /// Whether a hello fits; the answer if it doesn't.
    pub(super) fn judge(&self, line: &[u8]) -> Result<Hello, Answer> {
        let stranger = || {
            Answer::no(
                "that is no hello",
                "what answers here is toolyard, for others of its kind",
            )
        };
        let said: Value = serde_json::from_slice(line).map_err(|_| stranger())?;
        // Before anything else: other versions may say other things.
        let (protocol, version) = (said.get("toolyard"), said.get("version").and_then(Value::as_str));
        let protocol = protocol.and_then(Value::as_u64).ok_or_else(stranger)?;
        if protocol != PROTOCOL || version != Some(env!("CARGO_PKG_VERSION")) {
            let theirs: String = version.unwrap_or("another version").chars().take(40).collect();
            return Err(Answer::no(
                format!(
                    "{}, which is toolyard {}; this is {theirs}",
                    self.served(),
                    env!("CARGO_PKG_VERSION")
                ),
                "use the same version, or end that process",
            ));
        }
        let hello: Hello = serde_json::from_value(said).map_err(|_| stranger())?;
        self.differs(&hello).map_or(Ok(hello), Err)
    }

    fn served(&self) -> String {
        format!("{} is served by process {}", self.makeup.workspace, std::process::id())
    }

    fn differs(&self, hello: &Hello) -> Option<Answer> {
        let (own, theirs) = (&self.makeup, &hello.makeup);
        let end = "or end that process";
        let known = [&own.workspace, &own.spelled].map(Path::new);
        if own.workspace != theirs.workspace || !known.contains(&Path::new(&theirs.spelled)) {
            // Calls that spell paths in that way would be refused there.
            let hint = format!("start this with --workspace {}, {end}", own.workspace);
            let error = format!("{}, which doesn't know it as {}", self.served(), theirs.spelled);
            return Some(Answer::no(error, hint));
        }
        if own.policy != theirs.policy {
            return Some(Answer::no(
                format!("{} with another policy", self.served()),
                format!(
                    "start this with the same --policy, {end} (if the file has changed since it began, it has the old one)"
                ),
            ));
        }
        if own.mounts != theirs.mounts {
            return Some(Answer::no(
                format!(
                    "{} with other mounts: {}",
                    self.served(),
                    differing(&own.mounts, &theirs.mounts)
                ),
                format!("start this with the same --policy, {end}"),
            ));
        }
        if own.plugins != theirs.plugins {
            return Some(Answer::No {
                error: format!(
                    "{} with other plugins: {}",
                    self.served(),
                    differing(&own.plugins, &theirs.plugins)
                ),
                hint: format!("start this with the same --plugins, {end}"),
                // One that was built just now may be known in a second.
                soon: true,
            });
        }
        match (&self.audit, &hello.audit) {
            (own, Some(theirs)) if own.as_ref() != Some(theirs) => Some(Answer::no(
                format!("{} with another audit log", self.served()),
                format!("leave --audit out, {end}"),
            )),
            _ => None,
        }
    }
}

/// What differs, by name.
fn differing(own: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> String {
    let gone = own.iter().filter(|(name, _)| !theirs.contains_key(*name));
    let gone = gone.map(|(name, _)| format!("{name} (only there)"));
    let other = theirs.iter().filter_map(|(name, what)| match own.get(name) {
        None => Some(format!("{name} (only here)")),
        Some(own) if own != what => Some(format!("{name} (another one there)")),
        Some(_) => None,
    });
    let mut names: Vec<String> = gone.chain(other).collect();
    let more = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}
