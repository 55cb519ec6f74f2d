//! Probes of calls that end badly: each ends in one way that the host must survive, and must name.
//!
//! They must not end in any other way.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;

use toolyard_sdk::prelude::*;

/// Traps on an instruction that can't be reached: for outcome `trapped`.
#[tool]
pub fn probe_trap() -> Result<()> {
    trap()
}

/// Panics with a message: for outcome `trapped` with the message in the log.
#[tool]
#[expect(clippy::panic, reason = "this is what it is for")]
pub fn probe_panic() -> Result<()> {
    panic!("the probe panics")
}

/// Exits in the middle of the call: for a guest that leaves without an answer.
#[tool]
pub fn probe_exit(
    /// The exit code.
    #[arg(default = 1)]
    code: i32,
) -> Result<()> {
    std::process::exit(code)
}

/// Loops for ever without calling the host: for deadlines and cancellation that need no help of the guest.
#[tool]
pub fn probe_loop() -> Result<()> {
    spin()
}

/// Calls itself without end: for the limit on the stack.
#[tool]
pub fn probe_recurse(
    /// Whether the calls also take space on the guest's own stack in linear memory, which ends first.
    #[arg(default = false)]
    linear: bool,
) -> Result<String> {
    Ok(if linear {
        recurse_with_frames(0)
    } else {
        recurse(black_box(0))
    }
    .to_string())
}

/// Takes memory and touches every page of it, up to so many megabytes or until it dies: for the limit on memory.
#[tool]
pub fn probe_memory(
    /// Stop here and answer; without it, never.
    megabytes: Option<u64>,
) -> Result<String> {
    const MEGABYTE: usize = 1 << 20;
    let mut held = Vec::new();
    while megabytes.is_none_or(|most| (held.len() as u64) < most) {
        held.push(black_box(vec![0xA5_u8; MEGABYTE]));
    }
    Ok(format!("{} megabytes", black_box(held).len()))
}

/// How a probe ends in the middle of its work.
#[derive(Clone, Copy, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum How {
    Trap,
    Loop,
    Fail,
    Exit,
}

/// Writes a file in chunks (`chunk 1` and a newline, and so on) and ends badly after some of them: for writes that are
/// put in place whole or not at all. With `trap_after` greater than `chunks` it ends well.
#[tool]
pub fn probe_half_write(
    /// The file to write.
    path: WriteFile,
    /// How many chunks there would be.
    chunks: u32,
    /// After how many chunks it ends.
    trap_after: u32,
    /// Whether the file is emptied first; if not, the chunks go over what is there.
    #[arg(default = true)]
    truncate: bool,
    /// How it ends.
    #[arg(default = "trap")]
    how: How,
) -> Result<String> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(truncate)
        .open(&path)
        .at(&path)?;
    for chunk in 1..=chunks {
        if chunk > trap_after {
            break;
        }
        file.write_all(format!("chunk {chunk}\n").as_bytes()).at(&path)?;
        file.flush().at(&path)?;
    }
    if trap_after > chunks {
        return Ok(format!("{chunks} chunks"));
    }
    match how {
        How::Trap => trap(),
        How::Loop => spin(),
        How::Fail => Err(Failure::new(
            "half_written",
            format!("{path}: ended after {trap_after} chunks"),
        )),
        How::Exit => std::process::exit(0),
    }
}

fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Nothing here needs linear memory, and the result can't be gathered by a loop.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        0
    } else {
        recurse(depth + 1).rotate_left(3) ^ depth
    }
}

#[expect(unconditional_recursion, reason = "this is what it is for")]
#[inline(never)]
fn recurse_with_frames(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse_with_frames(depth + 1) + black_box(frame)[3]
}
