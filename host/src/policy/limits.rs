//! All limits, in one table: the attack that each answers, its unit, its default, and what happens beyond it.
//! It must not enforce any of them; the rooms that meet the attack do.

use std::time::Duration;

/// What one call, or the host as a whole, may use.
///
/// | limit | answers | beyond it |
/// |---|---|---|
/// | `wall` | an endless loop, a sleep for ever | the call ends `timeout` |
/// | `memory` | a memory bomb, at run time or declared; tables count, too | the guest's request fails; the call ends `limit` |
/// | `output` | an answer of gigabytes | the call ends `limit` |
/// | `log` | a guest that talks without end | what is over is dropped and counted |
/// | `arguments` | a call that fills the host's memory | the call is refused, `limit` |
/// | `open_files` | a guest that opens without closing | opening fails; a call that fails for it ends `limit` |
/// | `in_place` | a private copy that fills the disk | the file is updated in place, and the outcome says so |
/// | `waiting` | more calls than can be kept | the call is refused, `overloaded` |
/// | `client_waiting` | one client that fills the queue for all | its call is refused, `overloaded` |
/// | `component` | a component that takes minutes to compile | the plugin is left out |
/// | `reuse` | kept answers that fill the memory | the one that was longest not used is dropped |
/// | `write_bytes` | a call that fills the disk, or makes a file seem huge | writing fails, `quota`; a call that fails for it ends `limit` |
/// | `made_files` | a call that uses up the disk's inodes | making fails, `quota`; a call that fails for it ends `limit` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of a call while it runs.
    pub wall: Duration,
    /// Bytes of all linear memories and tables of an instance together.
    pub memory: u64,
    /// Bytes of an answer, all its pieces together.
    pub output: u64,
    /// Bytes of log lines, standard output and standard error together.
    pub log: u64,
    /// Bytes of a call's arguments, about as JSON text.
    pub arguments: u64,
    /// Files, folders and listings that a guest holds open at once; and files that it replaces as a whole, which the host
    /// holds open until the call ends.
    pub open_files: u32,
    /// Bytes of a file above which it is updated in place.
    pub in_place: u64,
    /// Calls that have not ended.
    pub waiting: usize,
    /// Calls of one client that have not ended.
    pub client_waiting: usize,
    /// Bytes of a component.
    pub component: u64,
    /// Bytes of answers that are kept to be given again.
    pub reuse: u64,
    /// Bytes that a call writes: to files in place and to private copies, the old content that a copy begins with, and what
    /// files grow by without being written. Nothing is given back for what is deleted again.
    pub write_bytes: u64,
    /// Files and folders that a call makes, those on the way to a granted name too.
    pub made_files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(30),
            memory: 256 << 20,
            output: 1 << 20,
            log: 64 << 10,
            arguments: 1 << 20,
            open_files: 256,
            in_place: 256 << 20,
            waiting: 10_000,
            client_waiting: 2_000,
            component: 64 << 20,
            reuse: 64 << 20,
            write_bytes: 1 << 30,
            made_files: 10_000,
        }
    }
}

impl Limits {
    /// These limits, but nowhere wider than `ceiling`.
    #[must_use]
    pub fn within(&self, ceiling: &Self) -> Self {
        Self {
            wall: self.wall.min(ceiling.wall),
            memory: self.memory.min(ceiling.memory),
            output: self.output.min(ceiling.output),
            log: self.log.min(ceiling.log),
            arguments: self.arguments.min(ceiling.arguments),
            open_files: self.open_files.min(ceiling.open_files),
            in_place: self.in_place.min(ceiling.in_place),
            waiting: ceiling.waiting,
            client_waiting: ceiling.client_waiting,
            component: ceiling.component,
            reuse: ceiling.reuse,
            write_bytes: self.write_bytes.min(ceiling.write_bytes),
            made_files: self.made_files.min(ceiling.made_files),
        }
    }
}
