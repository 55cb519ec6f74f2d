//! Standard error, where people read and programs don't. Whoever reads there may have stopped or be gone: that ends nothing, and
//! where a server runs it holds up nothing either. It must not be waited for by anything that serves.

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// As many lines wait for their reader, and as long as this one may be, in bytes.
const LINES: usize = 1024;
const LONGEST: usize = 4096;

/// As long as this the last lines may take, at the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// The way to the thread that writes, once there is one.
static AWAY: OnceLock<SyncSender<Piece>> = OnceLock::new();

/// Lines that had no room.
static LOST: AtomicUsize = AtomicUsize::new(0);

enum Piece {
    Line(Vec<u8>),
    /// All before it has been written when this is answered.
    End(SyncSender<()>),
}

/// From here on nobody waits for who reads: a thread writes, and what has no room is left out, and counted.
///
/// # Errors
/// If there is no thread for that.
pub(super) fn never_wait() -> io::Result<()> {
    let (sender, pieces) = sync_channel(LINES);
    let write = move || {
        for piece in pieces {
            match piece {
                Piece::Line(line) => {
                    let lost = LOST.swap(0, Ordering::Relaxed);
                    let mut to = io::stderr().lock();
                    if lost > 0 {
                        drop(writeln!(
                            to,
                            "toolyard: {lost} lines are left out: they came faster than they were read"
                        ));
                    }
                    drop(to.write_all(&line));
                }
                Piece::End(tells) => drop(tells.send(())),
            }
        }
    };
    std::thread::Builder::new().name("errors".to_owned()).spawn(write)?;
    drop(AWAY.set(sender));
    Ok(())
}

/// Waits a moment for what was said to be written.
pub(super) fn settle() {
    if let Some(away) = AWAY.get() {
        let (tells, told) = sync_channel(1);
        if away.try_send(Piece::End(tells)).is_ok() {
            let _written = told.recv_timeout(PATIENCE);
        }
    }
}

/// Writes one line.
pub(super) fn line(words: fmt::Arguments<'_>) {
    drop(Errors.write_all(format!("{words}\n").as_bytes()));
}

/// Standard error as a place to write to, which never fails. A piece is a line.
pub(super) struct Errors;

impl Write for Errors {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let Some(away) = AWAY.get() else {
            drop(io::stderr().lock().write_all(piece));
            return Ok(piece.len());
        };
        let mut line = piece.get(..LONGEST).unwrap_or(piece).to_vec();
        if line.len() < piece.len() {
            line.extend_from_slice(" [...]\n".as_bytes());
        }
        if away.try_send(Piece::Line(line)).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
