//! Paths as argument types: the type says what the tool does with the path, and becomes the claim.
//!
//! The host replaces the caller's spelling by the canonical path that was granted before a tool sees it, so plain
//! `std::fs` on a value of these types hits the grant. These types must not check or change a path.

use std::ffi::OsStr;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::claims::Claims;
use crate::json::Json;
use crate::schema::{Schema, Type};

macro_rules! path_type {
    ($(#[doc = $doc:literal])+ $name:ident, $access:literal, $scope:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl Schema for $name {
            const TYPE: Type = Type::String;
            const MEMBERS: Json = Json::TextMember("type", "string");
            const CLAIMS: Claims = Claims::Path { access: $access, scope: $scope };
        }

        impl $name {
            /// The path as text, as the host gave it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The path as a [`Path`].
            pub fn as_path(&self) -> &Path {
                Path::new(&self.0)
            }
        }

        impl Deref for $name {
            type Target = Path;

            fn deref(&self) -> &Path {
                self.as_path()
            }
        }

        impl AsRef<Path> for $name {
            fn as_ref(&self) -> &Path {
                self.as_path()
            }
        }

        impl AsRef<OsStr> for $name {
            fn as_ref(&self) -> &OsStr {
                self.as_path().as_os_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(path: &str) -> Self {
                $name(path.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(path: String) -> Self {
                $name(path)
            }
        }

        impl From<$name> for PathBuf {
            fn from(path: $name) -> Self {
                PathBuf::from(path.0)
            }
        }
    };
}

path_type! {
    /// A file that the tool reads: exactly this name.
    ReadFile, "read", "file"
}
path_type! {
    /// A file that the tool makes, writes or removes: exactly this name. What is written is put in place when the
    /// call has ended well; any other end leaves the old file.
    WriteFile, "write", "file"
}
path_type! {
    /// A folder whose names the tool lists: the folder and its direct children.
    ReadDirectory, "read", "directory"
}
path_type! {
    /// A folder in which the tool makes, writes or removes: the folder and its direct children.
    WriteDirectory, "write", "directory"
}
path_type! {
    /// A folder (or file) of which the tool reads everything below.
    ReadTree, "read", "tree"
}
path_type! {
    /// A folder (or file) below which the tool makes, writes or removes anything. Writes go in place.
    WriteTree, "write", "tree"
}
