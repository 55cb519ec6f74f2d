//! Policy: what the operator allows. A pure decision over resources and names.
//! It must not open or resolve anything, and never allows what no line allows.
//!
//! Sections for all tools, for one plugin and for one tool are laid over each other once, as `ToolRules`: of lists that
//! allow, the innermost that is written counts; lists that refuse add up; limits only get narrower.

mod address;
mod grant;
mod limits;
mod network;
mod parse;
mod patterns;
mod refusal;
mod secret;
mod tool;
mod written;

#[cfg(test)]
mod tests;

pub use address::{AddressRange, is_global};
pub use limits::{LimitRow, Limits};
pub use parse::PolicyError;
pub use refusal::{Refusal, Verdict};
pub use secret::{Secret, SecretSource};
pub use tool::ToolRules;

use crate::call::{Access, Entry, Reach, Resource, Scope};
use std::path::{Path, PathBuf};
use written::Written;

/// The built-in policy, as it is shipped and documented.
pub const DEFAULT_TEXT: &str = include_str!("../../default-policy.toml");

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How messages call it: a file, or `the built-in policy`.
    name: String,
    /// Of its text.
    digest: blake3::Hash,
    written: Written,
    limits: Limits,
    /// What holds for every tool that has no section of its own.
    common: ToolRules,
}

/// How browsers are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowserSettings {
    /// The program; looked for where it usually is, if not said.
    pub program: Option<PathBuf>,
    /// Whether the browser's own sandbox must be on, or off; where the machine can, if not said.
    pub sandbox: Option<bool>,
    /// Where sessions keep their profiles; relative to the workspace.
    pub profiles: Option<PathBuf>,
    /// Sessions that start with the host, as `plugin/session`.
    pub warm: Vec<String>,
}

/// A folder beside the workspace that calls may work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Guests find it at `/name`.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Whether it may be written.
    pub access: Access,
}

/// A folder that clients may bring along as a root of theirs, and every folder below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRule {
    /// Where it is; relative to the workspace.
    pub folder: PathBuf,
    /// What calls may do in what is brought along.
    pub access: Access,
}

impl Policy {
    /// Its name: the file that it was read from, or `the built-in policy`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest (BLAKE3) of its text: two with the same say the same.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        self.digest
    }

    /// What it says to one tool of one plugin.
    #[must_use]
    pub fn for_tool(&self, plugin: &str, tool: &str) -> ToolRules {
        // What is written was looked at when it was read, so this can only be a mistake of ours: then nothing is allowed.
        parse::rules(&self.written, &self.name, &self.limits, Some((plugin, tool))).unwrap_or_else(|problem| {
            debug_assert!(false, "{problem}");
            parse::nothing()
        })
    }

    /// Judges one resource for a tool that has no section of its own.
    #[must_use]
    pub fn judge(&self, entry: &Entry) -> Verdict {
        self.common.judge(entry)
    }

    /// What holds for every tool that has no section of its own.
    #[must_use]
    pub fn common(&self) -> &ToolRules {
        &self.common
    }

    /// Folders beside the workspace.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let mounts = self.written.mounts.iter();
        let mounts = mounts.map(|(name, mount)| Mount {
            name: name.clone(),
            folder: mount.path.clone(),
            access: mount.access,
        });
        let mut mounts: Vec<Mount> = mounts.collect();
        mounts.sort_by(|a, b| a.name.cmp(&b.name));
        mounts
    }

    /// Folders that clients may bring along.
    pub fn roots(&self) -> impl Iterator<Item = RootRule> {
        self.written.roots.iter().map(|root| RootRule {
            folder: root.path.clone(),
            access: root.access,
        })
    }

    /// The tools whose answers may be given again while nothing that they read has changed; `*` for all.
    #[must_use]
    pub fn reuse(&self) -> &[String] {
        &self.written.reuse.tools
    }

    /// The file that every decision and every end of a call is written to.
    #[must_use]
    pub fn audit(&self) -> Option<&Path> {
        self.written.audit.file.as_deref()
    }

    /// How browsers are started.
    #[must_use]
    pub fn browser(&self) -> BrowserSettings {
        let written = &self.written.browser;
        BrowserSettings {
            program: written.program.clone(),
            sandbox: written.sandbox,
            profiles: written.profiles.clone(),
            warm: written.warm.clone(),
        }
    }

    /// Files with certificates (PEM) that are trusted beside the web's own.
    #[must_use]
    pub fn certificates(&self) -> &[PathBuf] {
        &self.written.network.certificates
    }

    /// The files that secrets are in.
    pub fn secret_files(&self) -> impl Iterator<Item = PathBuf> {
        self.written.secrets.values().filter_map(|secret| secret.file.clone())
    }

    /// The servers that a plugin's connections are opened to ahead of its calls.
    #[must_use]
    pub fn warm(&self, plugin: &str) -> &[String] {
        self.written.plugins.get(plugin).map_or(&[], |own| &own.warm)
    }

    /// The sections of plugins and tools that it has: names that exist nowhere are probably misspelled.
    pub fn named(&self) -> (impl Iterator<Item = &str>, impl Iterator<Item = &str>) {
        let grants = || self.written.allow.iter();
        let plugins = self
            .written
            .plugins
            .keys()
            .chain(grants().filter_map(|grant| grant.plugin.as_ref()));
        let tools = self
            .written
            .tools
            .keys()
            .chain(grants().filter_map(|grant| grant.tool.as_ref()));
        (plugins.map(String::as_str), tools.map(String::as_str))
    }

    /// Lines that open more than one would expect of a careful operator, in words.
    #[must_use]
    pub fn open_doors(&self) -> Vec<String> {
        let own = self.written.plugins.values().chain(self.written.tools.values());
        let own = own.filter_map(|own| own.network.allow.as_ref()).flatten();
        let grants = self.written.allow.iter().filter_map(|grant| grant.network.as_ref());
        let rules = self.written.network.allow.iter().chain(own).chain(grants);
        let wide = rules.filter(|rule| rule.is_for_all());
        let mut doors: Vec<String> = wide
            .map(|rule| format!("{rule} lets tools reach every server"))
            .collect();
        let loose = self.written.secrets.iter().filter(|(_, secret)| secret.is_for_all());
        doors.extend(loose.map(|(name, _)| format!("the secret {name} goes along with requests to every server")));
        let files = &self.written.files;
        if files
            .deny
            .as_ref()
            .is_some_and(|list| !list.iter().any(|name| name == ".git"))
        {
            doors.push(
                "deny in [files] no longer has \".git\": a hook written there is code that runs later".to_owned(),
            );
        }
        if files
            .deny_write
            .as_ref()
            .is_some_and(|list| !list.iter().any(|name| name == "toolyard.toml"))
        {
            doors.push(
                "deny_write in [files] no longer has \"toolyard.toml\": a tool may rewrite its own policy".to_owned(),
            );
        }
        doors
    }

    /// Lets `change` set limits; none gets wider than it was.
    pub(crate) fn narrow(&mut self, change: &dyn Fn(&mut Limits)) {
        let mut wanted = self.limits.clone();
        change(&mut wanted);
        self.limits = wanted.narrower(&self.limits);
        self.common.limits = self.limits.clone();
    }

    /// The limits of every call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// The `[[allow]]` that gives one tool exactly one resource, to be appended to a policy.
#[must_use]
pub fn allow_lines(tool: &str, entry: &Entry) -> String {
    let what = match &entry.resource {
        Resource::Path { path, scope, .. } => {
            let verb = match entry.access {
                Access::Read => "read",
                Access::Write => "write",
            };
            let scope = match scope {
                Scope::File => "scope = \"file\"\n",
                Scope::Directory => "scope = \"directory\"\n",
                Scope::Tree => "",
            };
            let mount = match path.mount() {
                "" => String::new(),
                mount => format!("mount = {}\n", patterns::quoted(mount)),
            };
            let place = patterns::quoted(&patterns::exactly(path.path()));
            format!("{mount}{scope}{verb} = {place}")
        }
        Resource::Network(Reach { endpoint, methods, .. }) => {
            format!("network = {{ host = \"{endpoint}\", methods = {methods:?} }}")
        }
        Resource::Browser { session, rights } => {
            let rights = match rights.names() {
                names if names.is_empty() => String::new(),
                names => format!("\nrights = {names:?}"),
            };
            format!("session = {}{rights}", patterns::quoted(session.name()))
        }
        Resource::AnyBrowser => "session = \"*\"".to_owned(),
    };
    format!("[[allow]]\ntool = {tool:?}\n{what}\n")
}
