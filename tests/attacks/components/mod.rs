//! Attacks by components: broken files, bombs that are declared, guests that misbehave while they run, poisoned caches.
//! It must not take more time than a hostile file should cost a host.

mod bent;
mod bombs;
mod cache;
pub mod declared;
mod faults;
mod handles;
pub mod made;

use crate::suite::Suite;

pub const GROUP: &str = "components";

pub fn cases(suite: &mut Suite) {
    bent::cases(suite);
    declared::cases(suite);
    faults::cases(suite);
    handles::cases(suite);
    bombs::cases(suite);
    cache::cases(suite);
}
