//! Claims and one call's arguments to what is wanted. It must not look at the file tree: a path is still only a spelling.

use super::check::first_property;
use super::{Claim, Look, Source, Symlink, Tool};
use crate::call::{Access, Rights, Scope};
use serde_json::Value;

/// One resource that a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The claim, by its position in the tool's list.
    pub claim: usize,
    /// What is asked for.
    pub kind: WantKind,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantKind {
    /// A place in the file tree, as it was spelled.
    Path {
        /// The spelling.
        value: String,
        /// What is done there.
        access: Access,
        /// How much below it.
        scope: Scope,
        /// Whether a link there is followed.
        symlink: Symlink,
        /// Where the canonical name goes.
        place: Place,
    },
    /// A network endpoint, as it was spelled: a URL or `host:port`.
    Network {
        /// The spelling.
        value: String,
        /// HTTP methods, upper case.
        methods: Vec<String>,
        /// Whether it extends to where the answers send the tool.
        redirects: bool,
    },
    /// A browser session.
    Browser {
        /// Its name.
        session: String,
        /// What is done there.
        access: Look,
        /// What needs a word of its own.
        rights: Rights,
    },
}

/// Where in the arguments a value stood, so that its canonical form can take its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the claim has a fixed value.
    Fixed,
    /// At this JSON Pointer (RFC 6901).
    At(String),
    /// Nowhere yet: it was a default, and belongs under this property.
    Insert(String),
}

/// How a claim's value can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{place} must be a text: claim {number} takes its value from there", number = claim + 1)]
pub struct WantError {
    /// The claim, by its position.
    pub claim: usize,
    /// The place of the value, as a normalized JSONPath.
    pub place: String,
}

impl Tool {
    /// What this call asks for, in the order of the claims.
    ///
    /// # Errors
    /// If a claim's path leads to something that is not a text.
    pub fn wants(&self, arguments: &Value) -> Result<Vec<Want>, WantError> {
        self.wants_of(arguments, |_| true)
    }

    /// What this call asks for by those claims alone that `known` says yes to.
    ///
    /// # Errors
    /// As `wants`.
    pub fn wants_of(&self, arguments: &Value, known: impl Fn(&Claim) -> bool) -> Result<Vec<Want>, WantError> {
        let mut wants = Vec::with_capacity(self.claims.len());
        for (index, claim) in self.claims.iter().enumerate().filter(|(_, claim)| known(claim)) {
            for (value, place) in values(index, claim.source(), arguments)? {
                let kind = want(claim, value, place, arguments);
                wants.push(Want { claim: index, kind });
            }
        }
        Ok(wants)
    }
}

impl Claim {
    /// The property of the arguments that the value comes from; `None` for a fixed value.
    #[must_use]
    pub fn property(&self) -> Option<&str> {
        match self.source() {
            Source::Fixed(_) => None,
            Source::From { text, .. } => first_property(text),
        }
    }
}

fn want(claim: &Claim, value: String, place: Place, arguments: &Value) -> WantKind {
    match claim {
        Claim::Path {
            access, scope, symlink, ..
        } => WantKind::Path {
            value,
            access: *access,
            scope: *scope,
            symlink: *symlink,
            place,
        },
        Claim::Network {
            methods,
            redirects,
            method,
            ..
        } => WantKind::Network {
            value,
            methods: used(methods, method.as_deref(), arguments),
            redirects: *redirects,
        },
        Claim::Browser { access, rights, .. } => WantKind::Browser {
            session: value,
            access: *access,
            rights: *rights,
        },
    }
}

/// The methods that a call uses: the one that an argument names, if the claim says that one does.
fn used(methods: &[String], from: Option<&str>, arguments: &Value) -> Vec<String> {
    let Some(property) = from.and_then(first_property) else {
        return methods.to_vec();
    };
    let one = match arguments.get(property) {
        None | Some(Value::Null) => methods.first(),
        Some(value) => methods.iter().find(|method| value.as_str() == Some(method)),
    };
    // What the argument says is none of them, or not known yet: then all are meant.
    one.map_or_else(|| methods.to_vec(), |one| vec![one.clone()])
}

fn values(claim: usize, source: &Source, arguments: &Value) -> Result<Vec<(String, Place)>, WantError> {
    let (path, text, default) = match source {
        Source::Fixed(value) => return Ok(vec![(value.clone(), Place::Fixed)]),
        Source::From { path, text, default } => (path, text, default),
    };
    let mut found = Vec::new();
    for node in path.query_located(arguments).iter() {
        match node.node() {
            Value::String(value) => found.push((value.clone(), Place::At(node.location().to_json_pointer()))),
            // An optional argument that was left out in so many words.
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let place = node.location().to_string();
                return Err(WantError { claim, place });
            }
        }
    }
    if let (true, Some(default)) = (found.is_empty(), default) {
        let property = first_property(text).unwrap_or_default().to_owned();
        found.push((default.clone(), Place::Insert(property)));
    }
    Ok(found)
}

/// Puts a canonical name where the caller's spelling stood.
pub fn replace(arguments: &mut Value, place: &Place, name: String) {
    match place {
        Place::Fixed => {}
        Place::At(pointer) => {
            if let Some(value) = arguments.pointer_mut(pointer) {
                *value = Value::String(name);
            }
        }
        Place::Insert(property) => {
            if let Some(fields) = arguments.as_object_mut()
                && fields.get(property).is_none_or(Value::is_null)
            {
                fields.insert(property.clone(), Value::String(name));
            }
        }
    }
}
