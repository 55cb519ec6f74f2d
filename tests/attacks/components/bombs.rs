//! x
use crate::suite::Suite;
pub fn cases(_: &mut Suite) {}
