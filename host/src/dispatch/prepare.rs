//! Steps 2 to 4 of a call: the tool by name, its arguments against the schema, its claims to resources, the policy's word.
//! It must not schedule or run anything; the same steps serve `plan`, which runs nothing.

use super::chain::{Links, Results, fill, nests_deeper, weight};
use super::needs::{path_needs, path_refused, session_name};
use super::refused::Refused;
use crate::call::{Access, Call, Endpoint, Entry as Need, Footprint, Reach, Resource, Scope, SessionName, Status};
use crate::catalog::{Catalog, Entry};
use crate::manifest::{Claim, Symlink, Want, WantKind, replace};
use crate::policy::{Policy, ToolRules, Verdict};
use crate::walls::{self, Wall};
use crate::workspace::{Last, Place, ResolveError, Workspace};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// As deep as arguments may nest: what the JSON parser takes, too. Schemas, copies and texts of them are made by recursion.
const MAX_NESTING: usize = 128;

/// What decides about every call of a host. When plugins change it is replaced as one value, and each call keeps the one that
/// it came in under.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) catalog: Arc<Catalog>,
    /// What the policy says to each tool of the catalog.
    pub(crate) tools: HashMap<String, Arc<ToolRules>>,
    /// Whether the browser in use shows one tab at a time, so that who looks at one changes what is shown.
    pub(crate) shows_tabs: bool,
    /// Tools that are held back, and why: their plugins claim more than when they were first used.
    pub(crate) held: HashMap<String, String>,
}

/// A call that may run: everything resolved and allowed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// What decided about it, and goes on to.
    pub(crate) by: Arc<Rules>,
    pub(crate) entry: Entry,
    /// What the policy says to its tool.
    pub(crate) rules: Arc<ToolRules>,
    /// The arguments with every path in its canonical form.
    pub(crate) arguments: Arc<Value>,
    pub(crate) footprint: Arc<Footprint>,
    /// What the footprint still has to learn from results, one sentence a claim; until then it holds all that the claim
    /// could mean.
    pub(crate) unknown: Vec<String>,
}

impl Rules {
    /// Steps 2 to 4 for one call, with the file tree as it is now. What depends on results is held as widely as it could
    /// turn out.
    pub(crate) fn prepare(
        self: &Arc<Self>,
        call: &Call,
        links: &Links,
        approved: &[Need],
    ) -> Result<Prepared, Refused> {
        let entry = self.catalog.tool(&call.tool).ok_or_else(|| self.unknown(&call.tool))?;
        self.check_size(&call.tool, &call.arguments)?;
        match (links.takes(), links.fills()) {
            (true, _) => self.guess(entry, call, links, approved),
            (false, true) => {
                let filled = fill(&call.arguments, &Results::new(), u64::MAX);
                let filled =
                    filled.map_err(|message| Refused::new(Status::InvalidArguments, "no_such_result", message))?;
                self.complete(&call.tool, &filled, approved)
            }
            (false, false) => {
                let arguments = self.with_defaults(entry, &call.arguments)?;
                self.check_schema(entry, &arguments)?;
                self.resolve_those(entry, &arguments, approved, |_| true)
            }
        }
    }

    /// The same for arguments in which all results are filled in.
    pub(super) fn complete(
        self: &Arc<Self>,
        tool: &str,
        arguments: &Value,
        approved: &[Need],
    ) -> Result<Prepared, Refused> {
        let entry = self.catalog.tool(tool).ok_or_else(|| self.unknown(tool))?;
        self.check_size(tool, arguments)?;
        let arguments = self.with_defaults(entry, arguments)?;
        self.check_schema(entry, &arguments)?;
        self.resolve_those(entry, &arguments, approved, |_| true)
    }

    /// A call that is let in before it may run: it holds nothing until somebody has said yes.
    pub(super) fn pending(self: &Arc<Self>, tool: &str, why: &Refused) -> Result<Prepared, Refused> {
        let entry = self.catalog.tool(tool).ok_or_else(|| self.unknown(tool))?;
        Ok(Prepared {
            by: Arc::clone(self),
            entry: entry.clone(),
            rules: Arc::clone(self.of(entry)?),
            arguments: Arc::default(),
            footprint: Arc::default(),
            unknown: vec![format!("it waits for an approval: {}", why.error.message)],
        })
    }

    /// What the policy says to a tool.
    ///
    /// # Errors
    /// If the host was put together without asking it about this tool.
    pub(crate) fn of(&self, entry: &Entry) -> Result<&Arc<ToolRules>, Refused> {
        if let Some(why) = self.held.get(&entry.tool.name) {
            let message = format!("{}: {why}", entry.tool.name);
            let name = &entry.plugin.manifest.name;
            return Err(Refused::new(Status::Denied, "claims_grew", message).hint(format!(
                "toolyard approve {name} shows what it claims now, and accepts it"
            )));
        }
        let rules = self.tools.get(&entry.tool.name);
        rules.ok_or_else(|| {
            Refused::new(
                Status::HostFailure,
                "no_rules",
                format!("{}: no policy", entry.tool.name),
            )
        })
    }

    /// The arguments with what the operator gives where the caller gives nothing.
    fn with_defaults<'a>(&self, entry: &Entry, arguments: &'a Value) -> Result<Cow<'a, Value>, Refused> {
        let defaults = self.of(entry)?.defaults();
        let mut arguments = Cow::Borrowed(arguments);
        if !defaults.is_empty()
            && let Some(fields) = arguments.to_mut().as_object_mut()
        {
            for (name, value) in defaults {
                if fields.get(name).is_none_or(Value::is_null) {
                    fields.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(arguments)
    }

    fn check_schema(&self, entry: &Entry, arguments: &Value) -> Result<(), Refused> {
        let tool = &entry.tool.name;
        entry.tool.check_arguments(arguments).map_err(|error| {
            let message = format!("{tool}: {error}");
            Refused::new(Status::InvalidArguments, "invalid_arguments", message).hint(entry.tool.takes())
        })
    }

    /// Known claims as they are; for the others everything that they could mean.
    fn guess(
        self: &Arc<Self>,
        entry: &Entry,
        call: &Call,
        links: &Links,
        approved: &[Need],
    ) -> Result<Prepared, Refused> {
        let taken = |claim: &Claim| {
            let from = claim.property()?;
            let mut places = links.places.iter();
            places.find(|(property, _)| property.as_deref().is_none_or(|name| name == from))
        };
        let arguments = self.with_defaults(entry, &call.arguments)?;
        let mut prepared = self.resolve_those(entry, &arguments, approved, |claim| taken(claim).is_none())?;
        let mut needs = prepared.footprint.entries().to_vec();
        for (index, claim) in entry.tool.claims.iter().enumerate() {
            let Some((_, id)) = taken(claim) else { continue };
            prepared
                .unknown
                .push(format!("claim {} depends on the result of call {id}", index + 1));
            match claim {
                Claim::Path { access, .. } => needs.extend(self.workspace.places().map(|path| Need {
                    access: (*access).min(self.workspace.mount_access(&path)),
                    resource: Resource::Path {
                        path,
                        scope: Scope::Tree,
                        object: None,
                    },
                })),
                Claim::Browser { access, .. } => needs.push(Need {
                    resource: Resource::AnyBrowser,
                    access: access.access(self.shows_tabs),
                }),
                // Endpoints never conflict.
                Claim::Network { .. } => {}
            }
        }
        prepared.footprint = Arc::new(Footprint::new(needs));
        Ok(prepared)
    }

    /// Steps 3 and 4: again from the start for a call whose turn has come.
    pub(crate) fn resolve(
        self: &Arc<Self>,
        entry: &Entry,
        arguments: &Value,
        approved: &[Need],
    ) -> Result<Prepared, Refused> {
        let arguments = self.with_defaults(entry, arguments)?;
        self.resolve_those(entry, &arguments, approved, |_| true)
    }

    fn resolve_those(
        self: &Arc<Self>,
        entry: &Entry,
        arguments: &Value,
        approved: &[Need],
        known: impl Fn(&Claim) -> bool,
    ) -> Result<Prepared, Refused> {
        let tool = &entry.tool;
        let wants = tool.wants_of(arguments, known).map_err(|error| {
            Refused::new(
                Status::InvalidArguments,
                "invalid_arguments",
                format!("{}: {error}", tool.name),
            )
        })?;
        let rules = self.of(entry)?;
        let rules = match approved.is_empty() {
            true => Arc::clone(rules),
            false => Arc::new(rules.with(approved.iter().cloned())),
        };
        let mut arguments = arguments.clone();
        let mut needs = Vec::new();
        for want in wants {
            let optional = tool.claims.get(want.claim).is_some_and(Claim::is_optional);
            let before = needs.len();
            match self.add(entry, &rules, want, &mut arguments, &mut needs) {
                Ok(()) => {}
                // Left out of the footprint, so neither compared nor opened.
                Err(_) if optional => needs.truncate(before),
                Err(refused) => return Err(refused),
            }
        }
        Ok(Prepared {
            by: Arc::clone(self),
            entry: entry.clone(),
            rules,
            arguments: Arc::new(arguments),
            footprint: Arc::new(Footprint::new(needs)),
            unknown: Vec::new(),
        })
    }

    fn unknown(&self, name: &str) -> Refused {
        let refused = Refused::new(Status::NotFound, "unknown_tool", format!("there is no tool {name:?}"));
        match self.catalog.nearest(name) {
            Some(near) => refused.hint(format!("did you mean {near}? toolyard list shows all")),
            None => refused.hint("toolyard list shows all"),
        }
    }

    fn check_size(&self, tool: &str, arguments: &Value) -> Result<(), Refused> {
        if nests_deeper(arguments, MAX_NESTING) {
            let message = format!("{tool}: its arguments nest more than {MAX_NESTING} deep");
            return Err(Refused::new(Status::InvalidArguments, "invalid_arguments", message));
        }
        let limit = self.policy.limits().arguments;
        // Serialising is only worth it for arguments that could be over: text dominates anything large.
        let bytes = weight(arguments);
        if bytes <= limit || !walls::stands(Wall::Arguments) {
            return Ok(());
        }
        let message = format!("{tool}: about {bytes} bytes of arguments, more than the {limit} allowed");
        Err(Refused::new(Status::Limit, "arguments", message).hint("raise argument_bytes in the policy"))
    }

    /// Resolves one want, judges it, and puts its canonical name into the arguments.
    fn add(
        &self,
        entry: &Entry,
        rules: &ToolRules,
        want: Want,
        arguments: &mut Value,
        needs: &mut Vec<Need>,
    ) -> Result<(), Refused> {
        let tool = &entry.tool;
        let before = needs.len();
        let mut held = None;
        match want.kind {
            WantKind::Path {
                ref value,
                access,
                scope,
                symlink,
                ref place,
            } => {
                let found = self
                    .find(value, symlink)
                    .map_err(|error| path_refused(tool.name.as_str(), want.claim, &error))?;
                replace(arguments, place, found.path.to_string());
                let (asked, on_the_way) = path_needs(found, access, scope);
                needs.extend(asked);
                held = on_the_way;
            }
            WantKind::Network {
                ref value,
                ref methods,
                redirects,
            } => {
                let endpoint = Endpoint::parse(value).map_err(|error| {
                    Refused::new(
                        Status::InvalidArguments,
                        "invalid_url",
                        format!("{}: {error}", tool.name),
                    )
                })?;
                let methods = methods.as_slice().into();
                needs.push(Need {
                    resource: Resource::Network(Reach {
                        endpoint,
                        methods,
                        redirects,
                    }),
                    access: Access::Read,
                });
            }
            WantKind::Browser {
                ref session,
                access,
                rights,
            } => {
                session_name(session).map_err(|problem| {
                    let message = format!("{}: the session {session:?}: {problem}", tool.name);
                    Refused::new(Status::InvalidArguments, "invalid_session", message)
                })?;
                needs.push(Need {
                    resource: Resource::Browser {
                        session: SessionName::of(&entry.plugin.manifest.name, session),
                        rights,
                    },
                    access: access.access(self.shows_tabs),
                });
            }
        }
        for need in needs.iter().skip(before) {
            self.check_mount(entry, want.claim, need)?;
            if let Verdict::Refused(refusal) = rules.judge(need)
                && walls::stands(Wall::Refusal)
            {
                let message = refusal.message(&tool.name, want.claim, &tool.claims);
                let mut refused = Refused::new(Status::Denied, "denied", message).hint(refusal.hint());
                // Only about what a yes would open is anybody asked.
                if rules.with([need.clone()]).judge(need) == Verdict::Allowed {
                    refused.about = Some(Box::new((need.clone(), refusal)));
                }
                return Err(refused);
            }
        }
        needs.extend(held);
        Ok(())
    }

    /// Refuses what changes a mount that may only be read.
    fn check_mount(&self, entry: &Entry, claim: usize, need: &Need) -> Result<(), Refused> {
        let Resource::Path { path, .. } = &need.resource else {
            return Ok(());
        };
        if need.access <= self.workspace.mount_access(path) || !walls::stands(Wall::Mounts) {
            return Ok(());
        }
        let (tool, mount) = (&entry.tool.name, path.mount());
        let message = format!(
            "{tool}: write of {path} (claim {}): the mount {mount} is read-only",
            claim + 1
        );
        let hint = format!("only who starts the host can mount {mount} for writing");
        Err(Refused::new(Status::Denied, "read_only_mount", message).hint(hint))
    }

    fn find(&self, value: &str, symlink: Symlink) -> Result<Place, ResolveError> {
        let last = match symlink {
            Symlink::Follow => Last::Follow,
            Symlink::Keep => Last::Keep,
        };
        self.workspace.resolve(&self.workspace.root(), value, last)
    }
}
