//! Write a tool for Toolyard as a plain Rust function: the door of the guest side.
//!
//! A tool's name, description, argument schema and claims come from the function's signature and doc comments, at
//! compile time. A path argument says by its type what the tool does with the file, and that is all the tool gets:
//!
//! ```
//! use toolyard_sdk::prelude::*;
//!
//! /// Counts the lines of a text file.
//! #[tool]
//! fn count_lines(
//!     /// The file to count.
//!     path: ReadFile,
//! ) -> Result<String> {
//!     let text = std::fs::read_to_string(&path).at(&path)?;
//!     Ok(format!("{} lines", text.lines().count()))
//! }
//!
//! plugin!(count_lines);
//! # fn main() {}
//! ```
//!
//! The crate is built as a `cdylib` for `wasm32-wasip2`; the result is a component that the host loads as it is.
//!
//! Modules, in reading order: [`paths`] and [`urls`] (claims as argument types), [`answer`] (what a tool returns),
//! [`failure`] (how it says no), [`report`] (what it says meanwhile), `http` (a client, with the feature of that name),
//! [`secrets`] (whether a request gets one), [`browser`] (a real browser, driven through the host), [`schema`] (types to JSON Schema), [`claims`] and [`json`] (the manifest as
//! a constant), [`mod@tool`] (what the macros implement).
//!
//! This file must not hold code of its own.

pub mod answer;
pub mod browser;
pub mod claims;
pub mod failure;
#[cfg(feature = "http")]
pub mod http;
pub mod json;
pub mod paths;
pub mod report;
pub mod schema;
pub mod secrets;
pub mod tool;
pub mod urls;

mod arguments;
#[doc(hidden)]
pub mod bindings;
mod manifest;

// The macros name this crate by its name, also where they are used in it.
extern crate self as toolyard_sdk;

pub use serde;
pub use serde_json;
pub use toolyard_sdk_macros::{Schema, tool};

/// What a plugin's source needs, in one `use`.
pub mod prelude {
    pub use crate::answer::{Answer, Json, Output};
    pub use crate::failure::{At, Failure, Result};
    pub use crate::paths::{ReadDirectory, ReadFile, ReadTree, WriteDirectory, WriteFile, WriteTree};
    pub use crate::schema::Schema;
    pub use crate::urls::{AnyUrl, GetUrl, PostUrl};
    pub use crate::{plugin, report, tool};
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
    pub use toolyard_sdk_macros::Schema;
}

/// What the macros expand to. No part of the interface: it may change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::answer::{IntoOutput, Output};
    pub use crate::arguments::Arguments;
    pub use crate::bindings;
    pub use crate::claims::Claims;
    pub use crate::failure::Failure;
    pub use crate::json::{Json, length, render};
    pub use crate::manifest::{copy, distinct, fits, manifest, source};
    pub use crate::schema::{Schema, Type, full};
    pub use crate::tool::{Tool, dispatch, export};
}
