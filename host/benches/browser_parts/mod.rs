//! The parts of the browser's benchmark: the pages and who drives the other side.
//! It must not hold code of its own.

pub mod playwright;
pub mod site;
