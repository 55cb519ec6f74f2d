//! What the benchmark of the server is made of.

pub mod client;
pub mod servers;
