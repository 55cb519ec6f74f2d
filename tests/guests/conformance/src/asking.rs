//! Tools that want a file which the default policy refuses: whoever calls them is asked whether it may be.
//!
//! They must not ask anybody themselves: that is the host's.

use toolyard_sdk::prelude::*;

/// What the file holds, if it may be read.
fn answer() -> Result<String> {
    std::fs::read_to_string(".env").at(".env")
}

/// Reads a file that has to be asked for.
#[tool(claim(path = ".env", access = "read", scope = "file"))]
pub fn test_elicitation(
    /// What the suite would have a person asked; the host asks in its own words.
    message: Option<String>,
) -> Result<String> {
    drop(message);
    answer()
}

/// Reads a file that has to be asked for.
#[tool(claim(path = ".env", access = "read", scope = "file"))]
pub fn test_streaming_elicitation() -> Result<String> {
    answer()
}

/// Reads a file that has to be asked for.
#[tool(claim(path = ".env", access = "read", scope = "file"))]
pub fn test_input_required_result_elicitation() -> Result<String> {
    answer()
}

/// Reads a file that has to be asked for.
#[tool(claim(path = ".env", access = "read", scope = "file"))]
pub fn test_input_required_result_request_state() -> Result<String> {
    answer()
}

/// Reads a file that has to be asked for.
#[tool(claim(path = ".env", access = "read", scope = "file"))]
pub fn test_input_required_result_tampered_state() -> Result<String> {
    answer()
}
