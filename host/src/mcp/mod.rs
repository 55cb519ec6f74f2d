//! The agents' door: the host's tools over the Model Context Protocol, on standard input and output or over HTTP. It must not
//! know how calls are resolved, scheduled or run: it uses `Host` like every embedder.

mod answer;
mod asking;
mod desk;
mod fresh;
mod http;
mod lines;
mod many;
mod resources;
mod roots;
mod server;
mod stdio;
mod steps;
mod tools;
mod unread;

/// What is worth a line in a server's log: not that an answer was an error, which its client has heard.
#[cfg(feature = "cli")]
pub(crate) const LOGGED: &str = "warn,rmcp::service=error";

pub use desk::Desk;
pub use fresh::keep_fresh;
pub use http::{Http, Listening};
pub use server::Server;
pub use stdio::{nobody_reads, pipes};
