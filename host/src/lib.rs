//! Toolyard runs an agent's tools as sandboxed WebAssembly components, many at once, without two of them ever colliding.
//!
//! A tool declares in a manifest what it touches. For each call the host works out the exact resources, lets the call
//! start when no earlier unfinished one needs them in a conflicting way, and opens for the sandbox exactly those.
//! **A claim is the grant and the lock.**
//!
//! [`Host`] is the door for embedders: see there for an example. Rooms in reading order: [`call`] (what is asked and how
//! it ended), [`manifest`] (what a plugin declares), [`policy`] (what the operator allows), [`schedule`] (who may run),
//! [`workspace`] (paths), [`sandbox`] (guests), [`catalog`] (plugins by name), [`report`] (outcomes as text
//! and JSON), [`formats`] (how model APIs speak of tools), `audit` (what was decided), `dispatch` (who runs), [`host`], `join` (who
//! owns a workspace), [`mcp`] (the door for agents), [`cli`]. `ARCHITECTURE.md` tells the whole.

#![deny(missing_docs)]
// No input may stop the host: what can fail says so by type. Tests may be blunt.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::todo,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

mod audit;
#[cfg(feature = "browser")]
pub mod browser;
#[cfg(not(feature = "browser"))]
#[path = "browser/none.rs"]
pub mod browser;
pub mod call;
pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
mod dispatch;
pub mod egress;
pub mod formats;
pub mod host;
#[cfg(feature = "cli")]
mod join;
pub mod manifest;
#[cfg(feature = "mcp")]
pub mod mcp;
mod native;
pub mod policy;
pub mod report;
pub mod sandbox;
pub mod schedule;
#[doc(hidden)]
pub mod walls;
pub mod workspace;

pub use call::{Access, Call, CallError, CallId, Content, Event, Level, Outcome, Status, Timing, Wait, What, When};
pub use dispatch::{
    Answer, Answering, Approve, Asks, Batch, BatchError, Canceller, Events, LiveCall, Observer, Parallel, Question,
};
pub use egress::{Lookup, Resolve};
pub use host::{Client, Host, HostBuilder, HostError, Plan, Reloaded};
pub use native::{NativeAnswer, NativeCall, NativePlugin};
pub use policy::{Limits, Policy};
