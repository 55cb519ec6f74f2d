//! The plugin `fs`: tools on files and folders, in reading order [`read`], [`write`], [`edit`], [`list`], [`tree`],
//! [`find`], [`search`], [`change`]; what they stand on is in [`text`], [`lines`], [`media`], [`near`], [`walk`],
//! [`glob`] and [`hits`].
//!
//! They must not reach for anything but the paths in their arguments and what lies below them, must not follow a link
//! that they find on the way, and must not panic on any input.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod change;
mod edit;
mod find;
mod glob;
mod hits;
mod lines;
mod list;
mod media;
mod near;
mod read;
mod search;
mod text;
mod tree;
mod walk;
mod write;

use toolyard_sdk::plugin;

plugin!(
    read::read_file,
    read::read_files,
    write::write_file,
    write::make_dir,
    edit::edit_file,
    list::list_dir,
    list::file_info,
    tree::directory_tree,
    find::find_files,
    search::grep,
    change::copy_path,
    change::move_path,
    change::delete_path,
);

#[cfg(test)]
mod tests;
