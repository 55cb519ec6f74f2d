//! Attacks on the scheduler, and what becomes of everything when the host or the machine gives way. It must not fake an end
//! of a process: a host that is killed is killed.

mod process;
mod schedule;
mod space;

use crate::suite::Suite;

pub const GROUP: &str = "crashes";

pub fn cases(suite: &mut Suite) {
    schedule::cases(suite);
    process::cases(suite);
    space::cases(suite);
}
