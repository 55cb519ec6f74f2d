//! Attacks by components: broken files, bombs that are declared, guests that misbehave while they run, poisoned caches.
//! It must not take more time than a hostile file should cost a host.

mod bent;
mod bombs;
mod cache;
pub mod declared;
mod faults;
mod handles;
mod limits;
pub mod made;

use crate::suite::Suite;

/// Each limit and the attack that meets it, when all attacks are known.
pub use limits::cases as limits;

pub const GROUP: &str = "components";

pub fn cases(suite: &mut Suite) {
    bent::cases(suite);
    declared::cases(suite);
    faults::cases(suite);
    handles::cases(suite);
    bombs::cases(suite);
    cache::cases(suite);
}
