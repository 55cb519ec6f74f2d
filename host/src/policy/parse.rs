//! `toolyard.toml` to a policy. What is left out keeps the built-in value; what is unknown is an error with its line.
//! It must not look for files.

use super::grant::rights;
use super::limits::Limits;
use super::network::NetworkRules;
use super::patterns::Patterns;
use super::tool::{Listed, ToolRules};
use super::written::{Files, Own, Written};
use super::{DEFAULT_TEXT, Policy};
use crate::call::{Endpoint, Rights};

/// What is wrong with a policy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}: {problem}")]
pub struct PolicyError {
    /// The policy's name: its file.
    pub name: String,
    /// What is wrong, with the line.
    pub problem: String,
}

impl Policy {
    /// Reads a policy; `name` is how messages call it.
    ///
    /// # Errors
    /// If it isn't TOML of this form, or a line makes no sense.
    pub fn parse(text: &str, name: &str) -> Result<Self, PolicyError> {
        let fail = |problem: String| PolicyError {
            name: name.to_owned(),
            problem,
        };
        let written: Written = toml::from_str(text).map_err(|error| fail(error.to_string().trim_end().to_owned()))?;
        build(written, name, text).map_err(fail)
    }
}

/// The built-in policy.
impl Default for Policy {
    fn default() -> Self {
        build(Written::default(), BUILT_IN, DEFAULT_TEXT).unwrap_or_else(|problem| {
            debug_assert!(false, "the built-in lists are patterns: {problem} {DEFAULT_TEXT}");
            Self {
                name: BUILT_IN.to_owned(),
                digest: blake3::hash(DEFAULT_TEXT.as_bytes()),
                written: Written::default(),
                limits: Limits::default(),
                common: nothing(),
            }
        })
    }
}

const BUILT_IN: &str = "the built-in policy";

/// Rules that allow nothing: where a doubt could only be a mistake of ours, it is a refusal.
pub(super) fn nothing() -> ToolRules {
    let section = || "files".into();
    let none = || Listed {
        section: section(),
        level: 0,
        list: Patterns::default(),
    };
    ToolRules {
        policy: BUILT_IN.into(),
        read: none(),
        write: none(),
        deny: Vec::new(),
        deny_write: Vec::new(),
        except: Vec::new(),
        symlinks: false,
        network: Listed {
            section: "network".into(),
            level: 0,
            list: NetworkRules::default(),
        },
        sessions: Listed {
            section: "browser".into(),
            level: 0,
            list: Vec::new(),
        },
        rights: Listed {
            section: "browser".into(),
            level: 0,
            list: Rights::default(),
        },
        grants: Vec::new(),
        reserved: Vec::new(),
        secrets: Vec::new(),
        limits: Limits::default(),
        defaults: serde_json::Map::new(),
    }
}

fn build(written: Written, name: &str, text: &str) -> Result<Policy, String> {
    let limits = written.limits.over(&Limits::default());
    for mount in written.mounts.keys() {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if !mount.starts_with(|c: char| c.is_ascii_lowercase()) || !mount.chars().all(fine) {
            return Err(format!(
                "[mounts.{mount}]: a mount's name begins with a-z and goes on with a-z, 0-9, _ or -"
            ));
        }
    }
    if let Some(at) = written.roots.iter().position(|root| root.path.as_os_str().is_empty()) {
        return Err(format!("[[roots]] number {}: path is empty", at + 1));
    }
    for (which, secret) in &written.secrets {
        secret
            .build(which)
            .map_err(|problem| format!("[secrets.{which}]: {problem}"))?;
    }
    for (at, grant) in written.allow.iter().enumerate() {
        grant
            .build()
            .map_err(|problem| format!("[[allow]] number {}: {problem}", at + 1))?;
    }
    // Every section is laid together once, so that a mistake in it is told now and not at a call.
    let common = rules(&written, name, &limits, None)?;
    for plugin in written.plugins.keys() {
        rules(&written, name, &limits, Some((plugin, "")))?;
    }
    for tool in written.tools.keys() {
        rules(&written, name, &limits, Some(("", tool)))?;
    }
    for (kind, own) in [("plugins", &written.plugins), ("tools", &written.tools)] {
        for (which, own) in own {
            check(&format!("{kind}.{which}"), kind, own)?;
        }
    }
    Ok(Policy {
        name: name.to_owned(),
        digest: blake3::hash(text.as_bytes()),
        written,
        limits,
        common,
    })
}

/// What makes sense only for a plugin, or only for a tool.
fn check(section: &str, kind: &str, own: &Own) -> Result<(), String> {
    if let Some(key) = own.limits.misplaced() {
        return Err(format!(
            "[{section}.limits] {key} is a limit of the host as a whole; it belongs in [limits]"
        ));
    }
    if kind == "plugins" && !own.defaults.is_empty() {
        return Err(format!(
            "[{section}.defaults]: arguments belong to a tool, in [tools.NAME.defaults]"
        ));
    }
    if kind == "tools" && !own.warm.is_empty() {
        return Err(format!(
            "[{section}] warm: connections belong to a plugin, in [plugins.NAME]"
        ));
    }
    let wrong = own.warm.iter().find_map(|text| Endpoint::parse(text).err());
    wrong.map_or(Ok(()), |error| Err(format!("[{section}] warm: {error}")))
}

/// The sections for all, for the plugin and for the tool, laid over each other.
pub(super) fn rules(
    written: &Written,
    name: &str,
    ceiling: &Limits,
    whose: Option<(&str, &str)>,
) -> Result<ToolRules, String> {
    let mut rules = ToolRules {
        policy: name.into(),
        limits: ceiling.clone(),
        ..nothing()
    };
    lay_files("files", 0, &written.files.over_built_in(), &mut rules)?;
    rules.network.list = NetworkRules {
        allow: written.network.allow.clone(),
        deny: written.network.deny.clone(),
    };
    rules.sessions.list.clone_from(&written.browser.sessions);
    rules.rights.list = rights(&written.browser.rights).map_err(|problem| format!("[browser] rights: {problem}"))?;
    let (plugin, tool) = whose.unwrap_or_default();
    let sections = [
        ("plugins", plugin, written.plugins.get(plugin)),
        ("tools", tool, written.tools.get(tool)),
    ];
    for (kind, which, own) in sections {
        if let (Some(own), Some(_)) = (own, whose) {
            let level = if kind == "plugins" { 1 } else { 2 };
            lay(&format!("{kind}.{which}"), level, own, ceiling, &mut rules)?;
        }
    }
    let mine = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|wanted| wanted == own || wanted == "*");
    for grant in &written.allow {
        if mine(&grant.tool, tool) && mine(&grant.plugin, plugin) {
            rules.grants.push(grant.build()?);
        }
    }
    for (which, secret) in written.secrets.iter().filter(|(_, secret)| secret.is_of(plugin)) {
        rules.secrets.push(secret.build(which)?);
    }
    Ok(rules)
}

fn lay_files(section: &str, level: u8, files: &Files, rules: &mut ToolRules) -> Result<(), String> {
    let list = |key: &str, texts: &Option<Vec<String>>| -> Result<Option<Listed<Patterns>>, String> {
        let Some(texts) = texts else { return Ok(None) };
        let patterns = Patterns::new(texts);
        let list = patterns.map_err(|(pattern, problem)| format!("[{section}] {key}: {pattern:?}: {problem}"))?;
        Ok(Some(Listed {
            section: section.into(),
            level,
            list,
        }))
    };
    if let Some(read) = list("read", &files.read)? {
        rules.read = read;
    }
    if let Some(write) = list("write", &files.write)? {
        rules.write = write;
    }
    rules.deny.extend(list("deny", &files.deny)?);
    rules.deny_write.extend(list("deny_write", &files.deny_write)?);
    rules.except.extend(list("except", &files.except)?);
    rules.symlinks = files.symlinks.unwrap_or(rules.symlinks);
    Ok(())
}

fn lay(section: &str, level: u8, own: &Own, ceiling: &Limits, rules: &mut ToolRules) -> Result<(), String> {
    lay_files(&format!("{section}.files"), level, &own.files, rules)?;
    if let Some(allow) = &own.network.allow {
        rules.network.section = format!("{section}.network").into();
        rules.network.list.allow.clone_from(allow);
    }
    rules.network.list.deny.extend(own.network.deny.iter().cloned());
    if let Some(sessions) = &own.browser.sessions {
        rules.sessions = Listed {
            section: format!("{section}.browser").into(),
            level,
            list: sessions.clone(),
        };
    }
    if let Some(names) = &own.browser.rights {
        let section = format!("{section}.browser");
        rules.rights = Listed {
            list: rights(names).map_err(|problem| format!("[{section}] rights: {problem}"))?,
            section: section.into(),
            level,
        };
    }
    rules.limits = own.limits.over(&rules.limits).within(&rules.limits).within(ceiling);
    rules.defaults.extend(own.defaults.clone());
    Ok(())
}
