//! Steps 2 to 4 of a call: the tool by name, its arguments against the schema, its claims to resources, the policy's word.
//! It must not schedule or run anything; the same steps serve `plan`, which runs nothing.

use super::chain::{Links, Results, fill, nests_deeper, weight};
use crate::call::{Access, Call, CallError, Entry as Need, Footprint, Resource, Scope, Status};
use crate::catalog::{Catalog, Entry};
use crate::manifest::{Claim, Symlink, Want, WantKind, replace};
use crate::policy::{Policy, Verdict};
use crate::walls::{self, Wall};
use crate::workspace::{Kind, Last, Place, ResolveError, Workspace};
use serde_json::Value;
use std::sync::Arc;

/// As deep as arguments may nest: what the JSON parser takes, too. Schemas, copies and texts of them are made by recursion.
const MAX_NESTING: usize = 128;

/// What decides about every call of a host.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) catalog: Catalog,
}

/// A call that may run: everything resolved and allowed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) entry: Entry,
    /// The arguments with every path in its canonical form.
    pub(crate) arguments: Arc<Value>,
    pub(crate) footprint: Arc<Footprint>,
    /// What the footprint still has to learn from results, one sentence a claim; until then it holds all that the claim
    /// could mean.
    pub(crate) unknown: Vec<String>,
}

/// A call that ends before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) status: Status,
    pub(crate) error: CallError,
}

impl Refused {
    pub(crate) fn new(status: Status, code: &str, message: impl Into<String>) -> Self {
        let error = CallError {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        };
        Self { status, error }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }
}

impl Rules {
    /// Steps 2 to 4 for one call, with the file tree as it is now. What depends on results is held as widely as it could
    /// turn out.
    pub(crate) fn prepare(&self, call: &Call, links: &Links) -> Result<Prepared, Refused> {
        let entry = self.catalog.tool(&call.tool).ok_or_else(|| self.unknown(&call.tool))?;
        self.check_size(&call.tool, &call.arguments)?;
        match (links.takes(), links.fills()) {
            (true, _) => self.guess(entry, call, links),
            (false, true) => {
                let filled = fill(&call.arguments, &Results::new(), u64::MAX);
                let filled =
                    filled.map_err(|message| Refused::new(Status::InvalidArguments, "no_such_result", message))?;
                self.complete(&call.tool, &filled)
            }
            (false, false) => {
                self.check_schema(entry, &call.arguments)?;
                self.resolve(entry, &call.arguments)
            }
        }
    }

    /// The same for arguments in which all results are filled in.
    pub(super) fn complete(&self, tool: &str, arguments: &Value) -> Result<Prepared, Refused> {
        let entry = self.catalog.tool(tool).ok_or_else(|| self.unknown(tool))?;
        self.check_size(tool, arguments)?;
        self.check_schema(entry, arguments)?;
        self.resolve(entry, arguments)
    }

    fn check_schema(&self, entry: &Entry, arguments: &Value) -> Result<(), Refused> {
        let tool = &entry.tool.name;
        entry.tool.check_arguments(arguments).map_err(|error| {
            let message = format!("{tool}: {error}");
            Refused::new(Status::InvalidArguments, "invalid_arguments", message)
                .hint(format!("toolyard inspect {tool} shows the schema"))
        })
    }

    /// Known claims as they are; for the others everything that they could mean.
    fn guess(&self, entry: &Entry, call: &Call, links: &Links) -> Result<Prepared, Refused> {
        let taken = |claim: &Claim| {
            let from = claim.property()?;
            let mut places = links.places.iter();
            places.find(|(property, _)| property.as_deref().is_none_or(|name| name == from))
        };
        let mut prepared = self.resolve_those(entry, &call.arguments, |claim| taken(claim).is_none())?;
        let mut needs = prepared.footprint.entries().to_vec();
        for (index, claim) in entry.tool.claims.iter().enumerate() {
            let Some((_, id)) = taken(claim) else { continue };
            prepared
                .unknown
                .push(format!("claim {} depends on the result of call {id}", index + 1));
            match claim {
                Claim::Path { access, .. } => needs.push(Need {
                    resource: Resource::Path {
                        path: self.workspace.root(),
                        scope: Scope::Tree,
                        object: None,
                    },
                    access: *access,
                }),
                Claim::Browser { access, .. } => needs.push(Need {
                    resource: Resource::AnyBrowser,
                    access: *access,
                }),
                // Endpoints never conflict.
                Claim::Network { .. } => {}
            }
        }
        prepared.footprint = Arc::new(Footprint::new(needs));
        Ok(prepared)
    }

    /// Steps 3 and 4: again from the start for a call whose turn has come.
    pub(crate) fn resolve(&self, entry: &Entry, arguments: &Value) -> Result<Prepared, Refused> {
        self.resolve_those(entry, arguments, |_| true)
    }

    fn resolve_those(
        &self,
        entry: &Entry,
        arguments: &Value,
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
        let mut arguments = arguments.clone();
        let mut needs = Vec::new();
        for want in wants {
            let optional = tool.claims.get(want.claim).is_some_and(Claim::is_optional);
            let before = needs.len();
            match self.add(entry, want, &mut arguments, &mut needs) {
                Ok(()) => {}
                // Left out of the footprint, so neither compared nor opened.
                Err(_) if optional => needs.truncate(before),
                Err(refused) => return Err(refused),
            }
        }
        Ok(Prepared {
            entry: entry.clone(),
            arguments: Arc::new(arguments),
            footprint: Arc::new(Footprint::new(needs)),
            unknown: Vec::new(),
        })
    }

    fn unknown(&self, name: &str) -> Refused {
        let known = self.catalog.tools().map(|entry| entry.tool.name.as_str());
        let near = known
            .filter(|known| distance(known, name) <= 3)
            .min_by_key(|known| distance(known, name));
        let refused = Refused::new(Status::NotFound, "unknown_tool", format!("there is no tool {name:?}"));
        match near {
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
    fn add(&self, entry: &Entry, want: Want, arguments: &mut Value, needs: &mut Vec<Need>) -> Result<(), Refused> {
        let tool = &entry.tool;
        let before = needs.len();
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
                needs.extend(path_needs(found, access, scope));
            }
            WantKind::Network { ref value, .. } => needs.push(Need {
                resource: network(value).ok_or_else(|| {
                    Refused::new(
                        Status::InvalidArguments,
                        "invalid_url",
                        format!("{}: {value:?} names no host", tool.name),
                    )
                })?,
                access: Access::Read,
            }),
            WantKind::Browser { ref session, access } => needs.push(Need {
                resource: Resource::Browser {
                    session: session.clone(),
                },
                access,
            }),
        }
        for need in needs.iter().skip(before) {
            if let Verdict::Refused(refusal) = self.policy.judge(need)
                && walls::stands(Wall::Refusal)
            {
                return Err(Refused::new(
                    Status::Denied,
                    "denied",
                    refusal.message(&tool.name, want.claim, &tool.claims),
                )
                .hint(refusal.hint()));
            }
        }
        Ok(())
    }

    fn find(&self, value: &str, symlink: Symlink) -> Result<Place, ResolveError> {
        let last = match symlink {
            Symlink::Follow => Last::Follow,
            Symlink::Keep => Last::Keep,
        };
        self.workspace.resolve(&self.workspace.root(), value, last)
    }
}

/// The entries of one resolved path: the place itself; what led there, read, because who changes that changes what the
/// name means; and, for a write into folders that aren't there, the first missing one, so that whoever lists
/// or makes it waits.
fn path_needs(place: Place, access: Access, scope: Scope) -> impl Iterator<Item = Need> {
    let object = place
        .found
        .filter(|found| found.kind == Kind::File && found.links > 1)
        .map(|found| found.object);
    let held = place
        .first_missing
        .filter(|_| access == Access::Write)
        .map(|path| Need {
            resource: Resource::Path {
                path,
                scope: Scope::File,
                object: None,
            },
            access: Access::Write,
        });
    let own = Need {
        resource: Resource::Path {
            path: place.path,
            scope,
            object,
        },
        access,
    };
    let via = place.via.into_iter().map(|path| Need {
        resource: Resource::Path {
            path,
            scope: Scope::File,
            object: None,
        },
        access: Access::Read,
    });
    std::iter::once(own).chain(held).chain(via)
}

fn path_refused(tool: &str, claim: usize, error: &ResolveError) -> Refused {
    let status = match error {
        ResolveError::Outside(_) | ResolveError::LinkOutside(..) => Status::Denied,
        ResolveError::Empty
        | ResolveError::Nul(_)
        | ResolveError::TooLong(..)
        | ResolveError::TooManyLinks(_)
        | ResolveError::NotAFolder(..)
        | ResolveError::Missing(..)
        | ResolveError::NotUtf8(_) => Status::InvalidArguments,
        ResolveError::Os(..) => Status::Failed,
    };
    let refused = Refused::new(status, error.code(), format!("{tool}: {error} (claim {})", claim + 1));
    match status {
        Status::Denied => refused.hint("tools reach only what is inside the workspace; --workspace DIR chooses it"),
        _ => refused,
    }
}

/// The host and port that a URL or `host:port` names; judged by the policy, opened by nobody yet.
fn network(value: &str) -> Option<Resource> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("https", value));
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, if scheme == "http" { 80 } else { 443 }),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(Resource::Network { host, port })
}

/// How many single-letter changes lie between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            *cell = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
            diagonal = above;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
