//! The guest `probe`: tools that do one thing each, often a bad one, so that the host's tests can see what happens.
//!
//! Modules: [`answers`] (what comes back), [`browser`] (every function of it against every grant), [`faults`] (calls that
//! end badly), [`files`] (holding and changing one file), [`network`] (requests against every grant), [`operations`]
//! (every file operation against every grant), [`surroundings`] (what else a guest can see).
//!
//! It must not be of use to anybody else, and must not guard against its caller.

mod answers;
mod browser;
mod faults;
mod files;
mod network;
mod operations;
mod surroundings;

use toolyard_sdk::plugin;

plugin!(
    answers::probe_echo,
    answers::probe_fail,
    answers::probe_output,
    answers::probe_structured,
    answers::probe_log,
    answers::probe_progress,
    browser::probe_browser,
    browser::probe_browser_wide,
    browser::probe_browser_narrow,
    browser::probe_browser_look,
    faults::probe_trap,
    faults::probe_panic,
    faults::probe_exit,
    faults::probe_loop,
    faults::probe_recurse,
    faults::probe_memory,
    faults::probe_half_write,
    files::probe_sleep,
    files::probe_sleep_read,
    files::probe_append,
    files::probe_fds,
    files::probe_handles,
    network::probe_http,
    network::probe_http_redirects,
    network::probe_secret,
    network::probe_sockets,
    operations::probe_fs,
    surroundings::probe_env,
    surroundings::probe_clock,
    surroundings::probe_random,
);
