//! Integration tests: everything through a real host, real components and a real file system. It must not fake a part.

mod cases;
mod cli;
mod guests;
mod parallel;
mod probes;
mod readme;
mod tidy;
mod walls;
