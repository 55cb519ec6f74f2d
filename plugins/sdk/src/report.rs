//! What a tool says while it runs. Outside of a component, in an author's own tests, it goes to standard error.
//!
//! Nothing said here is part of the answer, and nothing here may fail.

#[cfg(target_family = "wasm")]
use crate::bindings::toolyard::plugin::{report as host, types::Content};

/// Says how far the work is: `done` of `total` steps, if the total is known, with a few words.
pub fn progress(done: u64, total: impl Into<Option<u64>>, message: &str) {
    let total = total.into();
    #[cfg(target_family = "wasm")]
    host::progress(done, total, message);
    #[cfg(not(target_family = "wasm"))]
    eprintln!("progress: {done} of {total:?}: {message}");
}

/// Shows a piece of the answer before it is complete.
pub fn output(text: impl Into<String>) {
    let text = text.into();
    #[cfg(target_family = "wasm")]
    host::output(&Content::Text(text));
    #[cfg(not(target_family = "wasm"))]
    eprintln!("output: {text}");
}

macro_rules! levels {
    ($($(#[doc = $doc:literal])+ $function:ident, $level:ident;)+) => {$(
        $(#[doc = $doc])+
        pub fn $function(message: &str) {
            #[cfg(target_family = "wasm")]
            host::log(host::Level::$level, message);
            #[cfg(not(target_family = "wasm"))]
            eprintln!(concat!(stringify!($function), ": {}"), message);
        }
    )+};
}

levels! {
    /// A log line for whoever debugs the plugin.
    debug, Debug;
    /// A log line for whoever follows a run.
    info, Info;
    /// A log line on something to look at.
    warn, Warn;
    /// A log line on something that went wrong, while the tool went on.
    error, Error;
}
