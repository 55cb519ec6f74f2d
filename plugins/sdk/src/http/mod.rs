//! A small blocking HTTP client over `wasi:http`, for tools with a network claim.
//!
//! ```no_run
//! use std::io::Read;
//! use toolyard_sdk::http::{Client, Request};
//! use toolyard_sdk::prelude::*;
//!
//! /// Counts the bytes of a page.
//! #[tool]
//! fn page_size(
//!     /// The page.
//!     url: GetUrl,
//! ) -> Result<String> {
//!     let client = Client::host();
//!     let mut response = client.send(Request::get(url.as_str())?)?;
//!     let mut page = Vec::new();
//!     response.by_ref().take(1_000_000).read_to_end(&mut page)?;
//!     Ok(format!("{}: {} bytes", response.status, page.len()))
//! }
//! # fn main() {}
//! ```
//!
//! In reading order: [`request`] and [`headers`] (what is sent), [`redirect`] (where an answer sends on to), [`client`]
//! (one request, or many at once), [`transport`] (what carries them), `wasi` (the host does), [`scripted`] (a script
//! does, in an author's own tests), [`trouble`] (how it fails).
//!
//! The host judges every request against the call's grant, also those that follow a redirect. Nothing here guards
//! anything for it.

pub mod client;
pub mod headers;
pub mod redirect;
pub mod request;
#[cfg(not(target_family = "wasm"))]
pub mod scripted;
pub mod transport;
pub mod trouble;

mod flight;
mod wasi;

pub use client::{Batch, Client, Response, Whole};
pub use headers::Headers;
pub use request::{Method, Request, Timeouts, parse};
pub use transport::{Head, Step, Transport};
pub use url::Url;
pub use wasi::Host;
