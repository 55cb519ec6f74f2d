//! What the policy says to one tool: the sections for all, for its plugin and for itself, as one.
//! It must not open or resolve anything, and never allows what no line allows.

use super::grant::Grant;
use super::limits::Limits;
use super::network::{NetworkReason, NetworkRules};
use super::patterns::Patterns;
use super::refusal::{FileReason, Refusal, Verdict};
use super::secret::Secret;
use crate::call::{Access, CanonicalPath, Endpoint, Entry, Reach, Resource, Rights};
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::sync::Arc;

/// A list and the section that it stands in.
#[derive(Clone, Debug)]
pub(super) struct Listed<T> {
    pub(super) section: Arc<str>,
    /// 0 for all tools, 1 for a plugin's, 2 for a tool's own.
    pub(super) level: u8,
    pub(super) list: T,
}

/// What one tool may do.
#[derive(Clone, Debug)]
pub struct ToolRules {
    /// How messages call the policy: a file, or `the built-in policy`.
    pub(super) policy: Arc<str>,
    pub(super) read: Listed<Patterns>,
    pub(super) write: Listed<Patterns>,
    pub(super) deny: Vec<Listed<Patterns>>,
    pub(super) deny_write: Vec<Listed<Patterns>>,
    pub(super) except: Vec<Listed<Patterns>>,
    pub(super) symlinks: bool,
    pub(super) network: Listed<NetworkRules>,
    pub(super) sessions: Listed<Vec<String>>,
    pub(super) rights: Listed<Rights>,
    pub(super) grants: Vec<Grant>,
    /// Files that the host itself trusts, and that no line opens: what each is, and from which access on it is refused.
    pub(super) reserved: Vec<(CanonicalPath, Access, &'static str)>,
    pub(super) secrets: Vec<Secret>,
    pub(super) limits: Limits,
    pub(super) defaults: Map<String, Value>,
}

impl ToolRules {
    /// Judges one resource of a call: for a folder or tree, its root. What is refused below it is `visible`'s business.
    #[must_use]
    pub fn judge(&self, entry: &Entry) -> Verdict {
        let refusal = match &entry.resource {
            Resource::Path { path, .. } => self
                .reason(path, entry.access)
                .map(|reason| self.file_refusal(path, entry.access, &reason)),
            Resource::Network(reach) => self.judge_reach(reach),
            Resource::Browser { session, rights } => self.judge_session(session.name(), *rights),
            // Only ever held, until it is known which.
            Resource::AnyBrowser => self.judge_session("*", Rights::default()),
        };
        refusal.map_or(Verdict::Allowed, Verdict::Refused)
    }

    /// Whether a guest may use `path` in this way, inside whatever was granted to it. Asked at every file operation.
    #[must_use]
    pub fn visible(&self, path: &CanonicalPath, access: Access) -> bool {
        self.reason(path, access).is_none()
    }

    /// Whether guests may make symbolic links inside what they may write.
    #[must_use]
    pub fn symlinks(&self) -> bool {
        self.symlinks
    }

    /// What the tool may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Arguments that the operator gives where the caller gives none.
    #[must_use]
    pub fn defaults(&self) -> &Map<String, Value> {
        &self.defaults
    }

    /// What the host attaches to this tool's requests.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// The line that allows a resource, in words; the refusal where none does.
    ///
    /// # Errors
    /// As `judge`.
    pub fn explain(&self, entry: &Entry) -> Result<String, Refusal> {
        if let Verdict::Refused(refusal) = self.judge(entry) {
            return Err(refusal);
        }
        if let Some(grant) = self.grants.iter().find(|grant| grant.allows(entry)) {
            return Ok(format!("{grant} of {}", self.policy));
        }
        let (list, section, line) = match &entry.resource {
            Resource::Path { path, .. } => {
                let (name, listed) = self.allowing(entry.access);
                let pattern = listed.list.find(path.path()).unwrap_or("the mount's own access");
                (name, &listed.section, format!("{pattern:?}"))
            }
            Resource::Network(reach) => {
                let lines = reach.methods.iter().filter_map(|method| {
                    let rule = self.network.list.find(&reach.endpoint, method).ok()?;
                    Some(rule.to_string())
                });
                let mut lines: Vec<String> = lines.collect();
                lines.dedup();
                ("allow", &self.network.section, lines.join(", "))
            }
            Resource::Browser { .. } | Resource::AnyBrowser => {
                ("sessions", &self.sessions.section, format!("{:?}", self.sessions.list))
            }
        };
        Ok(format!("{list} = [{line}] in [{section}] of {}", self.policy))
    }

    /// These rules for one call that was approved: `entries` are allowed, too.
    #[must_use]
    pub fn with(&self, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut rules = self.clone();
        rules.grants.extend(entries.into_iter().map(Grant::exactly));
        rules
    }

    fn allowing(&self, access: Access) -> (&'static str, &Listed<Patterns>) {
        match access {
            Access::Read => ("read", &self.read),
            Access::Write => ("write", &self.write),
        }
    }

    /// These rules, without the files that the host itself trusts: from this access on, nobody gets at `path` or below it.
    #[must_use]
    pub fn reserve(mut self, path: CanonicalPath, from: Access, what: &'static str) -> Self {
        self.reserved.push((path, from, what));
        self
    }

    /// The first rule that speaks against using `path`; `None` if none does.
    fn reason(&self, path: &CanonicalPath, access: Access) -> Option<FileReason<'_>> {
        let mut reserved = self.reserved.iter();
        if let Some((_, _, what)) = reserved.find(|(own, from, _)| access >= *from && path.is_within(own)) {
            return Some(FileReason::Reserved(what));
        }
        let text = path.path();
        let granted = self
            .grants
            .iter()
            .filter_map(|grant| grant.reaches_path(path, access))
            .max();
        let mut found = self.refused(&self.deny, "deny", text, granted);
        if access == Access::Write {
            found = found.or_else(|| self.refused(&self.deny_write, "deny_write", text, granted));
        }
        if found.is_some() {
            return found;
        }
        // The lists of what is allowed are about the workspace; a mount is as a whole for reading or for writing.
        let (name, listed) = self.allowing(access);
        match granted.is_some() || !path.mount().is_empty() || listed.list.matches(text) {
            true => None,
            false => Some(FileReason::NotListed(name, &listed.section)),
        }
    }

    /// The first of these lists that refuses the path, if nothing excepts it.
    fn refused<'a>(
        &self,
        lists: &'a [Listed<Patterns>],
        name: &'static str,
        text: &str,
        granted: Option<usize>,
    ) -> Option<FileReason<'a>> {
        lists.iter().find_map(|listed| {
            let (end, pattern) = listed.list.deepest(text)?;
            let stands = self.excepted(text, listed.level, granted) < Some(end);
            stands.then(|| FileReason::Listed(name, &listed.section, pattern))
        })
    }

    /// How deep, in bytes of the path, an exception to a refusal at this level reaches. One frees what it names and what is
    /// below, but nothing that a list refuses further down; and none is louder than a list further in.
    fn excepted(&self, text: &str, level: u8, granted: Option<usize>) -> Option<usize> {
        let lists = self.except.iter().filter(|listed| listed.level >= level);
        let excepted = lists
            .filter_map(|listed| listed.list.deepest(text))
            .map(|(end, _)| end)
            .max();
        excepted.max(granted)
    }

    fn file_refusal(&self, path: &CanonicalPath, access: Access, reason: &FileReason<'_>) -> Refusal {
        let (list, section) = reason.list();
        let lists: &[Listed<Patterns>] = match list {
            "read" => std::slice::from_ref(&self.read),
            "write" => std::slice::from_ref(&self.write),
            _ => &self.except,
        };
        let has = lists.iter().filter(|listed| *listed.section == *section);
        let has = has.flat_map(|listed| listed.list.texts());
        reason.refusal(&self.policy, path, access, has)
    }

    fn judge_reach(&self, reach: &Reach) -> Option<Refusal> {
        let methods = reach.methods.iter();
        methods
            .map(|method| self.may_request(&reach.endpoint, method))
            .find_map(Result::err)
    }

    /// Whether a request with `method` may be made of `endpoint`, as far as can be said before its name is looked up.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn may_request(&self, endpoint: &Endpoint, method: &str) -> Result<(), Refusal> {
        if self.grants.iter().any(|grant| grant.allows_request(endpoint, method)) {
            return Ok(());
        }
        let found = self.network.list.find(endpoint, method);
        found
            .map(drop)
            .map_err(|reason| self.network_refusal(endpoint, &reason))
    }

    /// Whether a connection for a request with `method` may go to `address`.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn may_connect(&self, endpoint: &Endpoint, method: &str, address: IpAddr) -> Result<(), Refusal> {
        match self.network.list.reaches(endpoint, method, address)
            || self.grants.iter().any(|grant| grant.names(endpoint, method, address))
        {
            true => Ok(()),
            false => Err(self.network_refusal(endpoint, &NetworkReason::Address(address))),
        }
    }

    /// Whether `from` may send the tool on to `endpoint`, for a request with `method`.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn may_follow(&self, from: &Endpoint, endpoint: &Endpoint, method: &str) -> Result<(), Refusal> {
        self.may_request(endpoint, method)?;
        match self.network.list.may_follow(from, endpoint) {
            true => Ok(()),
            false => Err(Refusal {
                asked: format!("being sent on from {from} to {endpoint}"),
                rule: format!(
                    "[{}] of {}, where no line names plain http for it",
                    self.network.section, self.policy
                ),
                allow: format!("[{}] allow = [\"{endpoint}\"]", self.network.section),
            }),
        }
    }

    fn network_refusal(&self, endpoint: &Endpoint, reason: &NetworkReason) -> Refusal {
        let has = self.network.list.allow.iter().map(ToString::to_string);
        reason.refusal(&self.policy, &self.network.section, endpoint, has)
    }

    fn judge_session(&self, session: &str, wanted: Rights) -> Option<Refusal> {
        if self.grants.iter().any(|grant| grant.allows_session(session, wanted)) {
            return None;
        }
        let granted = self
            .grants
            .iter()
            .any(|grant| grant.allows_session(session, Rights::default()));
        if granted || self.sessions.list.iter().any(|rule| rule == "*" || rule == session) {
            return self.judge_rights(session, wanted);
        }
        let section = &self.sessions.section;
        let all: Vec<&str> = self.sessions.list.iter().map(String::as_str).chain([session]).collect();
        Some(Refusal {
            asked: format!("using the browser session {session:?}"),
            rule: format!("sessions in [{section}] of {}, which doesn't list it", self.policy),
            allow: format!("[{section}] sessions = {all:?}"),
        })
    }

    fn judge_rights(&self, session: &str, wanted: Rights) -> Option<Refusal> {
        let own = self.rights.list;
        if own.contain(wanted) {
            return None;
        }
        let missing: Vec<&str> = wanted
            .names()
            .into_iter()
            .filter(|name| !own.names().contains(name))
            .collect();
        let section = &self.rights.section;
        Some(Refusal {
            asked: format!("{} in the browser session {session:?}", missing.join(" and ")),
            rule: format!("rights in [{section}] of {}, which doesn't list it", self.policy),
            allow: format!("[{section}] rights = {:?}", own.and(wanted).names()),
        })
    }
}
