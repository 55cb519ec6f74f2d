//! The harness: a workspace on disk made from data, a real host over it, and cases as files.
//! It must not know any tool.

mod case;
mod hit;
mod names;
pub mod pages;
mod socket;
pub mod web;
mod world;

pub use case::{call, check_case, without_times};
pub use world::{World, probe, repository, run, tree, warm};
