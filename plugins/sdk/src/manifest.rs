//! The parts of the manifest that the macros can't write as plain constants, and the checks at compile time.
//!
//! It must not do anything at run time.

use crate::json::Json;
use crate::schema::Type;

/// The members that come before the tools.
pub const fn manifest(package: &'static str, version: &'static str, description: &'static str) -> [Json; 3] {
    [
        Json::TextMember("name", plugin_name(package)),
        Json::TextMember("version", version),
        Json::TextMember("description", description),
    ]
}

/// The package's name, without the prefix `toolyard-` if it has it.
const fn plugin_name(package: &'static str) -> &'static str {
    const PREFIX: &[u8] = b"toolyard-";
    let bytes = package.as_bytes();
    if bytes.len() > PREFIX.len() && same(bytes.split_at(PREFIX.len()).0, PREFIX) {
        package.split_at(PREFIX.len()).1
    } else {
        package
    }
}

/// Stops the build if two tools of a plugin have one name.
pub const fn distinct(names: &[&str]) {
    let mut i = 0;
    while i < names.len() {
        let mut k = 0;
        while k < i {
            assert!(
                !same(names[i].as_bytes(), names[k].as_bytes()),
                "two tools of this plugin have the same name"
            );
            k += 1;
        }
        i += 1;
    }
}

/// Whether a literal of one type may be the default of an argument of another.
pub const fn fits(literal: Type, argument: Type) -> bool {
    matches!(
        (literal, argument),
        (_, Type::Any)
            | (Type::String, Type::String)
            | (Type::Boolean, Type::Boolean)
            | (Type::Integer, Type::Integer | Type::Number)
            | (Type::Number, Type::Number)
    )
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The digest of the sources, or nothing.
pub const fn source(digest: Option<&'static str>) -> &'static str {
    match digest {
        Some(digest) => digest,
        None => "",
    }
}

/// The bytes of a text whose length is `N`.
pub const fn copy<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(text.as_bytes());
    bytes
}
