//! What a call says while it runs.
//!
//! They must not be quick: the suite wants to see that the steps come before the answer.

use std::thread::sleep;
use std::time::Duration;

use toolyard_sdk::prelude::*;

const PAUSE: Duration = Duration::from_millis(50);

fn log_lines() {
    report::info("Tool execution started");
    sleep(PAUSE);
    report::info("Tool processing data");
    sleep(PAUSE);
    report::info("Tool execution completed");
}

/// Logs three lines.
#[tool]
pub fn test_tool_with_logging() -> Result<String> {
    log_lines();
    Ok("Three lines were logged.".to_owned())
}

/// Logs three lines, and a warning.
#[tool]
pub fn test_logging_tool() -> Result<String> {
    log_lines();
    report::warn("Tool execution is over");
    Ok("Four lines were logged.".to_owned())
}

/// Tells three times how far it is.
#[tool]
pub fn test_tool_with_progress() -> Result<String> {
    report::progress(0, 100, "begun");
    sleep(PAUSE);
    report::progress(50, 100, "half of it");
    sleep(PAUSE);
    report::progress(100, 100, "all of it");
    Ok("Three steps were told.".to_owned())
}

/// Takes a moment, in which a connection may break.
#[tool]
pub fn test_reconnection() -> Result<String> {
    sleep(PAUSE);
    Ok("Here is the answer.".to_owned())
}
