//! Integration tests: everything through a real host, real components and a real file system. It must not fake a part.

mod approvals;
mod browser;
mod cases;
mod chains;
mod cli;
mod control;
mod examples;
mod files;
mod formats;
mod guests;
mod join;
mod native;
mod network;
mod parallel;
mod policy;
mod probes;
mod random;
mod readme;
mod reload;
mod reuse;
mod serve;
mod stateless;
mod tidy;
mod trusted;
mod vanish;
mod web;
