//! All limits, in one table: the attack that each answers, its unit, its default, and what happens beyond it.
//! It must not enforce any of them; the rooms that meet the attack do.

use std::time::Duration;

/// One row of the table, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// Its name in `toolyard.toml`.
    pub key: &'static str,
    /// Its default: milliseconds, bytes or a count, as the name says.
    pub default: u64,
    /// Whether it is the host's as a whole, and not of each call.
    pub of_host: bool,
    /// The attack that it answers.
    pub attack: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
}

/// How a limit is written: as a whole number.
trait Written: Copy + Ord {
    fn read(number: u64) -> Self;
}

impl Written for u64 {
    fn read(number: u64) -> Self {
        number
    }
}

impl Written for Duration {
    fn read(number: u64) -> Self {
        Self::from_millis(number)
    }
}

macro_rules! limits {
    ($($(#[$doc:meta])* $field:ident: $type:ty, $key:ident = $default:expr, $reach:ident, $attack:literal => $beyond:literal;)*) => {
        /// What one call, or the host as a whole, may use. [`Limits::TABLE`] has what each answers.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $field: $type,)*
        }

        /// Limits as they are written in a policy.
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct WrittenLimits {
            $($key: Option<u64>,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: Written::read($default),)* }
            }
        }

        impl Limits {
            /// All limits, in the order of the documentation.
            pub const TABLE: &[LimitRow] = &[
                $(LimitRow {
                    key: stringify!($key),
                    default: $default,
                    of_host: limits!(@host $reach),
                    attack: $attack,
                    beyond: $beyond,
                },)*
            ];

            /// These limits, but nowhere wider than `ceiling`; those of the host as a whole are the ceiling's own.
            #[must_use]
            pub fn within(&self, ceiling: &Self) -> Self {
                Self { $($field: limits!(@within $reach self.$field, ceiling.$field),)* }
            }
        }

        impl Limits {
            /// The narrower of both, limits of the host as a whole included.
            pub(super) fn narrower(&self, other: &Self) -> Self {
                Self { $($field: Ord::min(self.$field, other.$field),)* }
            }
        }

        impl WrittenLimits {
            /// What is written, and `base` for the rest.
            pub(super) fn over(&self, base: &Limits) -> Limits {
                Limits { $($field: self.$key.map_or(base.$field, Written::read),)* }
            }

            /// A limit of the host as a whole that is written where it can't be: for one plugin or tool.
            pub(super) fn misplaced(&self) -> Option<&'static str> {
                $(if limits!(@host $reach) && self.$key.is_some() {
                    return Some(stringify!($key));
                })*
                None
            }
        }
    };
    (@host call) => { false };
    (@host host) => { true };
    (@within call $own:expr, $ceiling:expr) => { Ord::min($own, $ceiling) };
    (@within host $own:expr, $ceiling:expr) => { $ceiling };
}

limits! {
    /// Wall time of a call while it runs.
    wall: Duration, wall_ms = 30_000, call,
        "an endless loop, a sleep for ever" => "the call ends timeout";
    /// Time that a call computes.
    cpu: Duration, cpu_ms = 30_000, call,
        "a guest that burns a core for as long as it may live" => "the call ends limit";
    /// Bytes of all linear memories and tables of an instance together.
    memory: u64, memory_bytes = 256 << 20, call,
        "a memory bomb, at run time or declared; tables count, too" => "the guest's request fails; the call ends limit";
    /// Core instances of a component.
    instances: u64, instances = 64, call,
        "an instance bomb" => "the call ends limit";
    /// Tables of all instances together.
    tables: u64, tables = 64, call,
        "a bomb of many small tables" => "the call ends limit";
    /// Linear memories of all instances together.
    memories: u64, memories = 4, call,
        "a bomb of many memories" => "the call ends limit";
    /// Bytes of an answer, all its pieces together.
    output: u64, output_bytes = 1 << 20, call,
        "an answer of gigabytes" => "the call ends limit";
    /// Bytes of log lines, standard output and standard error together.
    log: u64, log_bytes = 64 << 10, call,
        "a guest that talks without end" => "what is over is dropped and counted";
    /// Bytes of a call's arguments, about as JSON text.
    arguments: u64, argument_bytes = 1 << 20, call,
        "a call that fills the host's memory" => "the call is refused, limit";
    /// Bytes that one call into the host may make it keep.
    host_call: u64, host_call_bytes = 16 << 20, call,
        "a string of gigabytes handed to the host" => "the call ends limit";
    /// Handles of every kind that a guest holds at once: files, streams, requests, timers.
    handles: u64, handles = 4096, call,
        "a million handles that are never dropped" => "the call ends limit";
    /// Files, folders and listings that a guest holds open at once; and files that it replaces as a whole, which the host
    /// holds open until the call ends.
    open_files: u64, open_files = 256, call,
        "a guest that opens without closing" => "opening fails; a call that fails for it ends limit";
    /// Bytes of a file above which it is updated in place.
    in_place: u64, in_place_bytes = 256 << 20, call,
        "a private copy that fills the disk" => "the file is updated in place, and the outcome says so";
    /// Bytes that a call writes: to files in place and to private copies, the old content that a copy begins with, and what
    /// files grow by without being written. Nothing is given back for what is deleted again.
    write_bytes: u64, write_bytes = 1 << 30, call,
        "a call that fills the disk, or makes a file seem huge" => "writing fails, quota; a call that fails for it ends limit";
    /// Files and folders that a call makes, those on the way to a granted name too.
    made_files: u64, made_files = 10_000, call,
        "a call that uses up the disk's inodes" => "making fails, quota; a call that fails for it ends limit";
    /// Requests over the network in one call.
    requests: u64, requests = 256, call,
        "a guest that floods someone else's server" => "the request fails; a call that fails for it ends limit";
    /// Requests of one call that wait for their answers at once.
    requests_at_once: u64, requests_at_once = 16, call,
        "a guest that holds a thousand connections" => "the request waits for another to end";
    /// Bytes of the bodies of all requests of a call.
    request_bytes: u64, request_bytes = 16 << 20, call,
        "an upload without end" => "the request fails; a call that fails for it ends limit";
    /// Bytes of the bodies of all answers to a call's requests.
    response_bytes: u64, response_bytes = 64 << 20, call,
        "a body without end, or of 10 GiB" => "the body fails; a call that fails for it ends limit";
    /// Header lines of one answer.
    response_headers: u64, response_headers = 128, call,
        "an answer of 32,769 headers" => "the request fails";
    /// Time to a connection, with looking up the name and the TLS handshake.
    connect: Duration, connect_ms = 10_000, call,
        "a server that never answers the door" => "the request fails";
    /// Time from a request to the head of its answer, and between two pieces of its body.
    first_byte: Duration, first_byte_ms = 20_000, call,
        "a server that answers a byte a minute" => "the request fails";
    /// Calls that have not ended.
    waiting: u64, waiting_calls = 10_000, host,
        "more calls than can be kept" => "the call is refused, overloaded";
    /// Calls of one client that have not ended.
    client_waiting: u64, client_calls = 2_000, host,
        "one client that fills the queue for all" => "its call is refused, overloaded";
    /// Bytes of a component.
    component: u64, component_bytes = 64 << 20, host,
        "a component that takes minutes to compile" => "the plugin is left out";
    /// Time that a component may take to compile.
    compile: Duration, compile_ms = 120_000, host,
        "a small component that takes minutes to compile" => "its calls end limit, and it is not tried again";
    /// Components that are compiled at once.
    compile_jobs: u64, compile_jobs = 2, host,
        "many components at once that take all cores" => "the compilation waits for another to end";
    /// Bytes of a guest's stack of WebAssembly frames, at most 4 MiB.
    stack: u64, stack_bytes = 512 << 10, host,
        "a recursion without end" => "the call ends limit";
    /// Browser sessions that are open at once.
    browser_sessions: u64, browser_sessions = 8, host,
        "a tool that opens a browser after the other" => "the operation fails, overloaded";
    /// Tabs of one browser session.
    browser_tabs: u64, browser_tabs = 32, host,
        "a page that opens windows without end" => "the tab is closed at once";
    /// Messages to one browser that are not answered yet; a quarter is kept for those who drive.
    browser_queue: u64, browser_queue = 256, host,
        "more work than a browser can do" => "the operation fails, overloaded";
    /// Time that a browser may take to start.
    browser_start: Duration, browser_start_ms = 30_000, host,
        "a browser that never comes up" => "the operation fails, unavailable";
    /// Time that a browser may leave a question unanswered while somebody waits for it.
    browser_hang: Duration, browser_hang_ms = 5_000, host,
        "a browser that hangs" => "it is ended; what was asked of it fails, crashed";
    /// Time that a session may be idle before its browser is ended.
    browser_idle: Duration, browser_idle_ms = 300_000, host,
        "browsers that nobody needs any more" => "the session ends; the next use starts a new one";
    /// Bytes of all downloads of a call, and of all files that it hands to pages.
    transfer: u64, browser_transfer_bytes = 256 << 20, call,
        "a download that fills the disk" => "the download is broken off; the operation fails";
    /// Bytes of answers that are kept to be given again.
    reuse: u64, reuse_bytes = 64 << 20, host,
        "kept answers that fill the memory" => "the one that was longest not used is dropped";
}
