//! The plugin `web`: tools on the network, in reading order [`fetch`], [`many`], [`search`]; what they stand on is in
//! [`ask`] (what is sent, and which answers are good), [`coding`] and [`charset`] (bytes to text), [`kind`] (what it
//! is), [`page`], [`render`] and [`scan`] (what is shown of it), [`endpoint`] and [`merge`] (hits of search engines).
//!
//! They must not hold more of an answer than they show, must not trust anything that an answer says about itself, and
//! must not panic on any input.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod ask;
mod charset;
mod coding;
mod endpoint;
mod fetch;
mod kind;
mod many;
mod merge;
mod page;
mod render;
mod scan;
mod search;

use toolyard_sdk::plugin;

plugin!(fetch::fetch, many::fetch_many, search::search);

#[cfg(test)]
mod tests;
