//! Policy: what the operator allows. A pure decision over resources and names.
//! It must not open or resolve anything, and never allows what no line allows.

mod limits;
mod parse;
mod patterns;

#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use parse::PolicyError;

use crate::call::{Access, CanonicalPath, Entry, Resource};
use crate::manifest::Claim;
use patterns::Patterns;
use std::collections::HashMap;

/// The built-in policy, as it is shipped and documented.
pub const DEFAULT_TEXT: &str = include_str!("../../default-policy.toml");

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How messages call it: a file, or `the built-in policy`.
    name: String,
    read: Patterns,
    write: Patterns,
    deny: Patterns,
    deny_write: Patterns,
    except: Patterns,
    symlinks: bool,
    hosts: Vec<String>,
    sessions: Vec<String>,
    reuse: Vec<String>,
    limits: Limits,
    plugins: HashMap<String, Limits>,
}

/// What the policy says to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No.
    Refused(Refusal),
}

/// Why a resource is refused, and what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for: `write of .git/config`.
    asked: String,
    /// The rule that refuses it: `deny = [".git"] in [files] of the built-in policy`.
    rule: String,
    /// The lines that would allow it.
    allow: String,
}

impl Refusal {
    /// The refusal as a sentence that names the tool, the claim and the rule.
    #[must_use]
    pub fn message(&self, tool: &str, claim: usize, claims: &[Claim]) -> String {
        let claim = match claims.get(claim) {
            Some(declared) => format!("claim {}: {}", claim + 1, declared.describe()),
            None => format!("claim {}", claim + 1),
        };
        format!("{tool}: {} ({claim}) is refused by {}", self.asked, self.rule)
    }

    /// What to write where to allow it.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("this line in toolyard.toml would allow it: {}", self.allow)
    }
}

/// Why a name can't be used in one way.
enum Reason<'a> {
    Listed(&'static str, &'a str),
    NotListed(&'static str),
}

impl Policy {
    /// Judges one resource of a call: for a folder or tree, its root. What is refused below it is `visible`'s business.
    #[must_use]
    pub fn judge(&self, entry: &Entry) -> Verdict {
        match &entry.resource {
            Resource::Path { path, .. } => match self.reason(path, entry.access) {
                None => Verdict::Allowed,
                Some(reason) => Verdict::Refused(self.file_refusal(path, entry.access, &reason)),
            },
            Resource::Network { host, port } => self.judge_host(host, *port),
            Resource::Browser { session } => self.judge_session(session),
            // Only ever held, until it is known which.
            Resource::AnyBrowser => self.judge_session("*"),
        }
    }

    /// Whether a guest may use `path` in this way, inside whatever was granted to it. Asked at every file operation.
    #[must_use]
    pub fn visible(&self, path: &CanonicalPath, access: Access) -> bool {
        self.reason(path, access).is_none()
    }

    /// The first rule that speaks against using `path`; `None` if none does.
    fn reason(&self, path: &CanonicalPath, access: Access) -> Option<Reason<'_>> {
        let text = path.path();
        if !self.except.matches(text) {
            if let Some(pattern) = self.deny.find(text) {
                return Some(Reason::Listed("deny", pattern));
            }
            if access == Access::Write
                && let Some(pattern) = self.deny_write.find(text)
            {
                return Some(Reason::Listed("deny_write", pattern));
            }
        }
        // The lists below are about the workspace; what may be done in a mount is said where it is mounted.
        if !path.mount().is_empty() {
            return None;
        }
        let (list, name) = match access {
            Access::Read => (&self.read, "read"),
            Access::Write => (&self.write, "write"),
        };
        match list.matches(text) {
            true => None,
            false => Some(Reason::NotListed(name)),
        }
    }

    /// Whether a guest may make symbolic links, inside what it may write.
    #[must_use]
    pub fn symlinks(&self) -> bool {
        self.symlinks
    }

    fn file_refusal(&self, path: &CanonicalPath, access: Access, reason: &Reason<'_>) -> Refusal {
        let verb = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let name = &self.name;
        let (rule, list, has) = match reason {
            Reason::Listed(list, pattern) => (
                format!("{list} = [{pattern:?}] in [files] of {name}"),
                "except",
                &self.except,
            ),
            Reason::NotListed(list) => {
                let has = if *list == "read" { &self.read } else { &self.write };
                (
                    format!("{list} in [files] of {name}, which doesn't list it"),
                    *list,
                    has,
                )
            }
        };
        let own = if path.path().is_empty() { "**" } else { path.path() };
        let all: Vec<&str> = has.texts().chain([own]).collect();
        Refusal {
            asked: format!("{verb} of {path}"),
            rule,
            allow: format!("[files] {list} = {all:?}"),
        }
    }

    fn judge_host(&self, host: &str, port: u16) -> Verdict {
        let allowed = self.hosts.iter().any(|rule| {
            let (name, wanted) = match rule.rsplit_once(':') {
                Some((name, text)) => (name, text.parse().ok()),
                None => (rule.as_str(), Some(port)),
            };
            let fits = match name.strip_prefix("*.") {
                Some(suffix) => host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
                None => name.eq_ignore_ascii_case(host),
            };
            fits && wanted == Some(port)
        });
        match allowed {
            true => Verdict::Allowed,
            false => Verdict::Refused(Refusal {
                asked: format!("reaching {host}:{port}"),
                rule: format!("allow in [network] of {}, which doesn't list it", self.name),
                allow: format!("[network] allow = [\"{host}:{port}\"]"),
            }),
        }
    }

    fn judge_session(&self, session: &str) -> Verdict {
        match self.sessions.iter().any(|rule| rule == "*" || rule == session) {
            true => Verdict::Allowed,
            false => Verdict::Refused(Refusal {
                asked: format!("using the browser session {session:?}"),
                rule: format!("sessions in [browser] of {}, which doesn't list it", self.name),
                allow: format!("[browser] sessions = [{session:?}]"),
            }),
        }
    }

    /// The tools whose answers may be given again while nothing that they read has changed; `*` for all.
    #[must_use]
    pub fn reuse(&self) -> &[String] {
        &self.reuse
    }

    /// The limits of every call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The limits of calls of one plugin: never wider than those of every call.
    #[must_use]
    pub fn limits_for(&self, plugin: &str) -> &Limits {
        self.plugins.get(plugin).unwrap_or(&self.limits)
    }
}
