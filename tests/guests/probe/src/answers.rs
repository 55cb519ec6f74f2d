//! Probes of what a call gives back: answers, failures, log lines, progress.
//!
//! They must not touch files.

use std::io::Write;

use toolyard_sdk::prelude::*;

/// Answers with the text that it was given: the smallest good call.
#[tool]
pub fn probe_echo(
    /// What to answer with.
    text: String,
) -> Result<String> {
    Ok(text)
}

/// Fails with the code and message that it was given: for the way of a tool's own failure to the caller.
#[tool]
pub fn probe_fail(
    /// The failure's code.
    code: String,
    /// The failure's message.
    message: String,
    /// The failure's hint.
    hint: Option<String>,
) -> Result<()> {
    let failure = Failure::new(code, message);
    Err(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

/// Answers with that many bytes of text: for the limit on output.
#[tool]
pub fn probe_output(
    /// How many bytes.
    bytes: usize,
) -> Result<String> {
    Ok("x".repeat(bytes))
}

/// Answers with the data that it was given as its structured answer, and with a picture and a blob: for everything
/// that an answer can hold.
#[tool]
pub fn probe_structured(
    /// The structured answer.
    data: Value,
) -> Result<Output> {
    let output = Output::new()
        .text("text")
        .json(&data)
        .image("image/png", vec![1, 2, 3])
        .blob("application/x", vec![4]);
    output.structured(&data)
}

/// Writes that many bytes to standard error and as many to the log, in lines of 100: for the limit on log bytes.
#[tool]
pub fn probe_log(
    /// How many bytes, each way.
    bytes: usize,
) -> Result<String> {
    let mut refused = 0;
    let mut left = bytes;
    while left > 0 {
        let line = "x".repeat(left.min(100));
        left -= line.len();
        report::info(&line);
        if writeln!(std::io::stderr(), "{line}").is_err() {
            refused += 1;
        }
    }
    Ok(format!("{refused} lines of standard error refused"))
}

/// Reports that many steps of progress, shows a piece of output at each, logs a line of each level and prints to
/// standard output: for the events of a call.
#[tool]
pub fn probe_progress(
    /// How many steps.
    steps: u64,
) -> Result<()> {
    report::debug("a debug line");
    report::info("an info line");
    report::warn("a warning");
    report::error("an error");
    println!("to standard output");
    for step in 1..=steps {
        report::progress(step, steps, "working");
        report::output(format!("piece {step}"));
    }
    Ok(())
}
