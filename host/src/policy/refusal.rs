//! Why something is refused, and the line that would allow it. It must not decide anything.

use super::network::NetworkReason;
use crate::call::{Access, CanonicalPath, Endpoint};
use crate::manifest::Claim;

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
    pub(super) asked: String,
    /// The rule that refuses it: `deny = [".git"] in [files] of the built-in policy`.
    pub(super) rule: String,
    /// The lines that would allow it.
    pub(super) allow: String,
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

    /// What was asked for: `write of .git/config`.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// The rule that refuses it.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What was asked for, and the rule that refuses it.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("{} is refused by {}", self.asked, self.rule)
    }

    /// What a tool tried that none of its claims names.
    #[must_use]
    pub fn beyond_claims(asked: String) -> Self {
        Self {
            asked,
            rule: "the tool's own manifest: none of its claims names it for this call".to_owned(),
            allow: String::new(),
        }
    }

    /// What to write where to allow it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.allow.is_empty() {
            true => "no line in toolyard.toml would allow it".to_owned(),
            // The section on a line of its own, as it has to stand there.
            false => format!(
                "these lines in toolyard.toml would allow it:\n{}",
                self.allow.replacen("] ", "]\n", 1)
            ),
        }
    }

    /// The line that would allow it, with its section in front.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.allow
    }
}

/// Why a name can't be used in one way.
#[derive(Clone, Debug)]
pub(super) enum FileReason<'a> {
    /// A list of what is refused has it: the list's name, its section, the pattern.
    Listed(&'static str, &'a str, &'a str),
    /// The host itself trusts it: what it is.
    Reserved(&'static str),
    /// The list of what is allowed doesn't: the list's name and its section.
    NotListed(&'static str, &'a str),
}

impl FileReason<'_> {
    /// The list that would have to be longer, and its section.
    pub(super) fn list(&self) -> (&'static str, &str) {
        match self {
            Self::Listed(_, section, _) => ("except", section),
            Self::NotListed(list, section) => (list, section),
            Self::Reserved(_) => ("", ""),
        }
    }

    /// As a refusal; `has` is what stands in the list that would have to be longer.
    pub(super) fn refusal<'a>(
        &self,
        policy: &str,
        path: &CanonicalPath,
        access: Access,
        has: impl Iterator<Item = &'a str>,
    ) -> Refusal {
        let verb = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let rule = match self {
            Self::Reserved(what) => {
                return Refusal {
                    asked: format!("{verb} of {path}"),
                    rule: format!("the host itself, which trusts what is there: {what}"),
                    allow: String::new(),
                };
            }
            Self::Listed(list, section, pattern) => format!("{list} = [{pattern:?}] in [{section}] of {policy}"),
            Self::NotListed(list, section) => format!("{list} in [{section}] of {policy}, which doesn't list it"),
        };
        let (list, section) = self.list();
        let own = super::patterns::exactly(path.path());
        let mut all: Vec<String> = has.map(super::patterns::quoted).collect();
        all.push(super::patterns::quoted(&own));
        Refusal {
            asked: format!("{verb} of {path}"),
            rule,
            allow: format!("[{section}] {list} = [{}]", all.join(", ")),
        }
    }
}

impl NetworkReason {
    /// As a refusal; `has` are the lines of the section's `allow`.
    pub(super) fn refusal(
        &self,
        policy: &str,
        section: &str,
        endpoint: &Endpoint,
        has: impl Iterator<Item = String>,
    ) -> Refusal {
        let host = endpoint.to_string();
        let (rule, line) = match self {
            Self::Denied(line) => (format!("deny = [{line}] in [{section}] of {policy}"), None),
            Self::NotListed => (
                format!("allow in [{section}] of {policy}, which doesn't list it"),
                Some(format!("{host:?}")),
            ),
            Self::Method(method) => (
                format!("allow in [{section}] of {policy}, which doesn't list it for {method}"),
                (!matches!(method.as_str(), "CONNECT" | "TRACE"))
                    .then(|| format!("{{ host = {host:?}, methods = [{method:?}] }}")),
            ),
            Self::Address(address) => (
                format!(
                    "allow in [{section}] of {policy}: {address} is not an address that everyone can reach, and no line names it"
                ),
                Some(format!("{{ host = {host:?}, addresses = [\"{address}\"] }}")),
            ),
        };
        let allow = match line {
            Some(line) => {
                let all: Vec<String> = has.chain([line]).collect();
                format!("[{section}] allow = [{}]", all.join(", "))
            }
            None => String::new(),
        };
        Refusal {
            asked: format!("reaching {host}"),
            rule,
            allow,
        }
    }
}
