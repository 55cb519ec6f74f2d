//! The plugin `text`: tools on text that comes with the call, in reading order [`query`], [`diff`], [`hash`].
//!
//! They must not claim anything: everything they need is in their arguments.

mod diff;
mod hash;
mod query;

use toolyard_sdk::plugin;

plugin!(query::json_query, diff::diff, hash::hash);

#[cfg(test)]
mod tests;
