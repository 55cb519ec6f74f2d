//! The parts of the scheduler's benchmark, in reading order.
//! It must not hold code of its own.

pub mod random;
pub mod table;

pub mod cost;

pub mod batches;
pub mod conflicts;
pub mod makespan;
pub mod policies;
