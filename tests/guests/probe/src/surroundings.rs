//! Probes of what a guest can see besides its grants: environment, input, clocks, randomness.
//!
//! They must not change anything.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::time::{Instant, SystemTime};

use toolyard_sdk::prelude::*;

/// What surrounds the guest.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Surroundings {
    /// Its arguments.
    args: Vec<String>,
    /// Its environment variables.
    vars: BTreeMap<String, String>,
    /// Its current directory, or why there is none.
    current_dir: String,
    /// How many bytes standard input gave, or why none.
    stdin: String,
}

/// Answers with arguments, environment, current directory and what standard input gives: for what must not leak.
#[tool]
pub fn probe_env() -> Result<Json<Surroundings>> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let mut input = Vec::new();
    let stdin = match std::io::stdin().take(1 << 20).read_to_end(&mut input) {
        Ok(count) => format!("{count} bytes"),
        Err(error) => error.to_string(),
    };
    Ok(Json(Surroundings {
        args: std::env::args_os().map(lossy).collect(),
        vars: std::env::vars_os()
            .map(|(name, value)| (lossy(name), lossy(value)))
            .collect(),
        current_dir: std::env::current_dir().map_or_else(|error| error.to_string(), |path| path.display().to_string()),
        stdin,
    }))
}

/// What the clocks say.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Clocks {
    /// Whether the monotonic clock went forward, or stood.
    monotonic: bool,
    /// Seconds since 1970 by the wall clock; 0 if it stands before that.
    wall_seconds: u64,
}

/// Answers with what the clocks say: both are there for every guest.
#[tool]
pub fn probe_clock() -> Result<Json<Clocks>> {
    let start = Instant::now();
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Ok(Json(Clocks {
        monotonic: Instant::now() >= start,
        wall_seconds: wall.map_or(0, |since| since.as_secs()),
    }))
}

/// Answers with a random number: two calls must not get the same, because no state survives a call.
#[tool]
pub fn probe_random() -> Result<String> {
    Ok(RandomState::new().hash_one(0).to_string())
}
