//! Attacks by paths: what a caller spells, what a guest tries below its grants, odd things on disk, and races.
//! It must not use a guest that behaves: the probe tries what an honest tool wouldn't.

mod disk;
mod grants;
mod names;
mod places;
mod races;
mod reach;
mod roots;
mod spellings;

use crate::suite::Suite;

pub const GROUP: &str = "paths";

pub fn cases(suite: &mut Suite) {
    spellings::cases(suite);
    reach::cases(suite);
    grants::cases(suite);
    names::cases(suite);
    disk::cases(suite);
    places::cases(suite);
    roots::cases(suite);
    races::cases(suite);
}
