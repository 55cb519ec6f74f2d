//! One resolved path as entries of a footprint, and why a name can't be used. It must not resolve or judge anything.

use super::refused::Refused;
use crate::call::{Access, Entry as Need, Resource, Scope, Status};
use crate::workspace::{Kind, Place, ResolveError};

/// The entries of one resolved path: the place itself; what led there, read, because who changes that changes what the
/// name means. Apart from these, for a write into folders that aren't there, the first missing one: held so that whoever
/// lists or makes it waits, and not asked of the policy, because the host makes it on the way to what was.
pub(super) fn path_needs(place: Place, access: Access, scope: Scope) -> (impl Iterator<Item = Need>, Option<Need>) {
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
    (std::iter::once(own).chain(via), held)
}

pub(super) fn path_refused(tool: &str, claim: usize, error: &ResolveError) -> Refused {
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

/// Checks the name of a browser session: it becomes part of a folder's name.
pub(super) fn session_name(name: &str) -> Result<(), &'static str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match (1..=64).contains(&name.len()) && name.chars().all(fine) {
        true => Ok(()),
        false => Err("a name of 1 to 64 letters, digits, _ and - is needed"),
    }
}
