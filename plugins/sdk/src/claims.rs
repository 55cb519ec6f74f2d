//! What an argument's type claims, and how that becomes the `claims` of the manifest.
//!
//! It must not know of any particular type, nor write anything but claims of paths and of the network: fixed values
//! and the other kinds are written by the attribute `tool`, as the manifest spells them.

use crate::json::{Json, Writer};

/// What values of a type claim: nothing, the value itself, or something inside of it.
#[derive(Clone, Copy, Debug)]
pub enum Claims {
    /// Nothing.
    None,
    /// The value is a path that the tool may use.
    Path {
        /// `read` or `write`.
        access: &'static str,
        /// `file`, `directory` or `tree`.
        scope: &'static str,
    },
    /// The value is a URL (or `host:port`) that the tool may send requests to.
    Network {
        /// HTTP methods, upper case.
        methods: &'static [&'static str],
        /// Whether the tool may go where such a request is redirected to, as far as the policy allows it.
        redirects: bool,
        /// The argument that says which one of the methods a call uses; the first of them where it says nothing. Without
        /// it a call claims all of them.
        method: Option<&'static str>,
    },
    /// Every element of the array claims this.
    Each(&'static Claims),
    /// The object's members of these names claim this.
    Members(&'static [(&'static str, &'static Claims)]),
}

impl Claims {
    /// Whether values of the type claim nothing at all.
    pub const fn is_none(&self) -> bool {
        match self {
            Claims::None => true,
            Claims::Path { .. } | Claims::Network { .. } => false,
            Claims::Each(inner) => inner.is_none(),
            Claims::Members(members) => {
                let mut i = 0;
                while i < members.len() {
                    if !members[i].1.is_none() {
                        return false;
                    }
                    i += 1;
                }
                true
            }
        }
    }

    /// Whether values of the type claim a path.
    pub const fn has_path(&self) -> bool {
        match self {
            Claims::None | Claims::Network { .. } => false,
            Claims::Path { .. } => true,
            Claims::Each(inner) => inner.has_path(),
            Claims::Members(members) => {
                let mut i = 0;
                while i < members.len() {
                    if members[i].1.has_path() {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }
}

/// Where in the arguments a claim's value stands, from the inside out.
enum Step<'a> {
    Argument(&'a str),
    Each(&'a Step<'a>),
    Member(&'a Step<'a>, &'a str),
}

/// Writes the claims of one argument, with a comma between them.
pub(crate) const fn write<const N: usize>(
    writer: &mut Writer<N>,
    argument: &str,
    claims: &Claims,
    default: &Json,
    keep_link: bool,
) {
    below(writer, &Step::Argument(argument), claims, default, keep_link, true);
}

/// Writes the claims below one place; says whether the next claim is still the first one.
const fn below<const N: usize>(
    writer: &mut Writer<N>,
    place: &Step<'_>,
    claims: &Claims,
    default: &Json,
    keep_link: bool,
    first: bool,
) -> bool {
    match claims {
        Claims::None => first,
        Claims::Path { access, scope } => {
            writer.entry(first);
            source(writer, "path", place, default);
            writer.raw(",\"access\":");
            writer.text(access);
            writer.raw(",\"scope\":");
            writer.text(scope);
            writer.raw(if keep_link { ",\"symlink\":\"keep\"}" } else { "}" });
            false
        }
        Claims::Network {
            methods,
            redirects,
            method,
        } => {
            writer.entry(first);
            source(writer, "network", place, default);
            writer.raw(",\"methods\":[");
            let mut i = 0;
            while i < methods.len() {
                writer.entry(i == 0);
                writer.text(methods[i]);
                i += 1;
            }
            writer.raw(if *redirects { "],\"redirects\":true" } else { "]" });
            if let Some(argument) = method {
                writer.raw(",\"method\":\"$");
                member(writer, argument);
                writer.raw("\"");
            }
            writer.raw("}");
            false
        }
        Claims::Each(inner) => below(writer, &Step::Each(place), inner, default, keep_link, first),
        Claims::Members(members) => {
            let mut first = first;
            let mut i = 0;
            while i < members.len() {
                let (name, inner) = members[i];
                first = below(writer, &Step::Member(place, name), inner, default, keep_link, first);
                i += 1;
            }
            first
        }
    }
}

/// Opens a claim and writes where its value comes from.
const fn source<const N: usize>(writer: &mut Writer<N>, kind: &str, place: &Step<'_>, default: &Json) {
    writer.raw("{");
    writer.text(kind);
    writer.raw(":{\"from\":\"");
    json_path(writer, place);
    writer.raw("\"");
    if !default.is_empty() {
        writer.raw(",\"default\":");
        writer.piece(default);
    }
    writer.raw("}");
}

/// Writes a place as a JSONPath (RFC 9535), inside of a JSON string. Names that aren't plain are put in brackets.
const fn json_path<const N: usize>(writer: &mut Writer<N>, place: &Step<'_>) {
    match place {
        Step::Argument(name) => {
            writer.raw("$");
            member(writer, name);
        }
        Step::Each(outer) => {
            json_path(writer, outer);
            writer.raw("[*]");
        }
        Step::Member(outer, name) => {
            json_path(writer, outer);
            member(writer, name);
        }
    }
}

const fn member<const N: usize>(writer: &mut Writer<N>, name: &str) {
    let bytes = name.as_bytes();
    let mut plain = !bytes.is_empty() && !bytes[0].is_ascii_digit();
    let mut i = 0;
    while i < bytes.len() {
        plain = plain && (bytes[i].is_ascii_alphanumeric() || bytes[i] == b'_');
        i += 1;
    }
    writer.raw(if plain { "." } else { "['" });
    writer.escaped(name);
    writer.raw(if plain { "" } else { "']" });
}
