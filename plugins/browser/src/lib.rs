//! The plugin `browser`: a real browser as tools, in reading order [`go`], [`tabs`], [`look`], [`picture`], [`log`] (what
//! is there), [`act`], [`fill`], [`script`] (what is done), [`cookies`], [`storage`], [`download`]; what they stand on is
//! in [`arguments`], [`told`] (how answers are worded) and [`names`] (how downloads are called).
//!
//! Names and shapes are those that agents know from other browser tools, with two differences. Every tool names its tab
//! and session, because there is no selected tab that two callers could take from each other. And what others fold into
//! one tool with an `action` is several tools here where one only looks and the other changes something: a claim holds for
//! a whole tool, and listing the tabs must not wait as closing one has to.
//!
//! They must not put a snapshot into the answer of another tool, must not trust anything that a page says, and must not
//! panic on any input.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod act;
mod arguments;
mod cookies;
mod download;
mod fill;
mod go;
mod log;
mod look;
mod names;
mod picture;
mod script;
mod storage;
mod tabs;
mod told;

use toolyard_sdk::plugin;

plugin!(
    go::browser_navigate,
    go::browser_navigate_back,
    go::browser_navigate_forward,
    go::browser_reload,
    go::browser_stop,
    tabs::browser_tabs,
    tabs::browser_new_tab,
    tabs::browser_close_tab,
    tabs::browser_activate_tab,
    tabs::browser_resize,
    tabs::browser_close,
    look::browser_snapshot,
    look::browser_read_page,
    look::browser_wait_for,
    picture::browser_screenshot,
    picture::browser_pdf,
    log::browser_console,
    log::browser_network,
    act::browser_click,
    act::browser_hover,
    act::browser_drag,
    act::browser_press_key,
    act::browser_scroll,
    act::browser_handle_dialog,
    fill::browser_type,
    fill::browser_fill_form,
    fill::browser_select_option,
    fill::browser_upload,
    script::browser_evaluate,
    cookies::browser_cookies,
    cookies::browser_set_cookies,
    cookies::browser_clear_cookies,
    storage::browser_storage,
    storage::browser_set_storage,
    storage::browser_export_state,
    storage::browser_import_state,
    download::browser_download,
);

#[cfg(test)]
mod tests;
