//! The tools `copy_path`, `move_path` and `delete_path`.
//!
//! They must not follow links: a link is moved or deleted as a link, and never copied.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use toolyard_sdk::prelude::*;

use crate::list::Kind;
use crate::text::count;

/// `ENOTCAPABLE` of WASI's C library: no one grant holds both names.
const NOT_CAPABLE: i32 = 76;

/// What was copied, moved or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Changed {
    /// How many files and links.
    files: u64,
    /// How many folders.
    folders: u64,
    /// How many links, pipes and devices were not copied.
    #[serde(default)]
    left_out: u64,
}

impl Changed {
    fn words(&self) -> String {
        let files = count(self.files, "file");
        if self.folders == 0 {
            return files;
        }
        format!("{files}, {}", count(self.folders, "folder"))
    }
}

/// Copies a file, or a folder with all that is in it; missing parent folders of the target are made. An existing
/// target fails with `already_exists`, unless `overwrite`: then a file is replaced, and a folder is copied into the
/// folder that is there, file over file, keeping what else it has. Links are left out, and counted in the answer.
#[tool(title = "Copy a file or folder")]
pub fn copy_path(
    /// The file or folder to copy.
    #[arg(keep_link)]
    from: ReadTree,
    /// The path of the copy itself, not of the folder to put it in.
    #[arg(keep_link)]
    to: WriteTree,
    /// Replace what is there.
    #[arg(default = false)]
    overwrite: bool,
) -> Result<Answer<Changed>> {
    check_ends(&from, &to)?;
    let source = fs::symlink_metadata(&from).at(&from)?;
    if !source.is_dir() && !source.is_file() {
        let message = format!(
            "{from} is a {}, and only files and folders are copied",
            Kind::of(source.file_type()).word()
        );
        return Err(Failure::new("not_a_file", message));
    }
    check_target(&source, &to, overwrite)?;
    let changed = copy(&from, &to)?;
    let text = format!("copied {from} to {to}: {}{}", changed.words(), left_out(changed));
    Ok(Answer::new(text, changed))
}

/// Moves or renames a file or folder; missing parent folders of the target are made. An existing target fails with
/// `already_exists`, unless `overwrite`: then a file or an empty folder is replaced, and a folder that isn't empty
/// fails with `not_empty`. A link is moved, not what it points to.
#[tool(title = "Move or rename a file or folder")]
pub fn move_path(
    /// The file or folder to move.
    #[arg(keep_link)]
    from: WriteTree,
    /// Its new path, not the folder to put it in.
    #[arg(keep_link)]
    to: WriteTree,
    /// Replace what is there.
    #[arg(default = false)]
    overwrite: bool,
) -> Result<String> {
    check_root(&from, "move")?;
    check_ends(&from, &to)?;
    let source = fs::symlink_metadata(&from).at(&from)?;
    check_target(&source, &to, overwrite)?;
    let error = match fs::rename(&from, &to) {
        Ok(()) => return Ok(format!("moved {from} to {to}")),
        Err(error) => error,
    };
    if !is_other_device(&error) {
        return Err(error).at(&to);
    }
    if source.is_dir() && fs::symlink_metadata(&to).is_ok() {
        // As a rename would: an empty folder gives way.
        fs::remove_dir(&to).at(&to)?;
    }
    if !source.is_dir() && !source.is_file() {
        return Err(error).at(&to);
    }
    let changed = copy(&from, &to)?;
    if changed.left_out > 0 {
        let message = format!("{to} is a copy{}; {from} is kept", left_out(changed));
        return Err(Failure::new("incomplete", message));
    }
    delete(&from).map_err(|failure| failure.hint(format!("{to} is a whole copy; {from} is deleted in part.")))?;
    Ok(format!("moved {from} to {to}, by copy: {}", changed.words()))
}

/// Deletes a file, a link (not what it points to) or a folder. A folder that is not empty fails with `not_empty`
/// unless `recursive`. It can't be undone. The workspace itself is never deleted.
#[tool(title = "Delete a file or folder")]
pub fn delete_path(
    /// What to delete.
    #[arg(keep_link)]
    path: WriteTree,
    /// Delete a folder with all that is in it.
    #[arg(default = false)]
    recursive: bool,
) -> Result<Answer<Changed>> {
    check_root(&path, "delete")?;
    let metadata = fs::symlink_metadata(&path).at(&path)?;
    if metadata.is_dir() && !recursive && fs::read_dir(&path).at(&path)?.next().is_some() {
        let message = format!("{path}: the folder is not empty");
        return Err(Failure::new("not_empty", message).hint("Set `recursive` to delete it with all that is in it."));
    }
    let changed = delete(&path)?;
    Ok(Answer::new(format!("deleted {path}: {}", changed.words()), changed))
}

/// Refuses the workspace and a mount themselves.
fn check_root(path: &Path, verb: &str) -> Result<()> {
    let names = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .count();
    if names == 0 || (path.is_absolute() && names == 1) {
        let message = format!(
            "{} is the workspace or a mount: this tool does not {verb} it",
            path.display()
        );
        return Err(Failure::invalid("is_root", message));
    }
    Ok(())
}

/// Refuses two names that are the same, or one within the other.
fn check_ends(from: &Path, to: &Path) -> Result<()> {
    let inside =
        |inner: &Path, outer: &Path| outer == Path::new(".") && inner.is_relative() || inner.starts_with(outer);
    let (one, other) = (from.display(), to.display());
    let message = if from == to {
        format!("{one}: `from` and `to` are the same")
    } else if inside(to, from) {
        format!("{other} is inside of {one}")
    } else if inside(from, to) {
        format!("{one} is inside of {other}, which it would replace")
    } else {
        return Ok(());
    };
    Err(Failure::invalid("into_itself", message))
}

/// Refuses a target that is there and may not be replaced, or is of another kind.
fn check_target(source: &Metadata, to: &Path, overwrite: bool) -> Result<()> {
    let Ok(target) = fs::symlink_metadata(to) else {
        return Ok(());
    };
    let path = to.display();
    if !overwrite {
        let failure = Failure::new("already_exists", format!("{path}: already exists"));
        let hint = if target.is_dir() {
            "`to` is the new path itself: to put it into this folder, add the name. Or set `overwrite`."
        } else {
            "Set `overwrite` to replace it."
        };
        return Err(failure.hint(hint));
    }
    match (source.is_dir(), target.is_dir()) {
        (true, false) => Err(Failure::new(
            "not_a_directory",
            format!("{path}: a folder can't replace a file"),
        )),
        (false, true) => Err(Failure::new(
            "is_a_directory",
            format!("{path}: a file can't replace a folder"),
        )),
        _ => Ok(()),
    }
}

fn is_other_device(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::CrossesDevices | ErrorKind::Unsupported)
        || error.raw_os_error() == Some(NOT_CAPABLE)
}

fn left_out(changed: Changed) -> String {
    match changed.left_out {
        0 => String::new(),
        some => format!("; {some} that are links, pipes or devices left out"),
    }
}

/// Copies all of it; folders that are there are used as they are.
fn copy(from: &Path, to: &Path) -> Result<Changed> {
    let mut changed = Changed::default();
    let mut waiting: Vec<(PathBuf, PathBuf)> = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        let kind = Kind::of(fs::symlink_metadata(&from).at(&from)?.file_type());
        let there = fs::symlink_metadata(&to).ok();
        match kind {
            Kind::Folder => {
                if !there.is_some_and(|there| there.is_dir()) {
                    fs::create_dir(&to)
                        .at(&to)
                        .map_err(|failure| partly(failure, changed))?;
                }
                changed.folders += 1;
                for entry in fs::read_dir(&from).at(&from)?.flatten() {
                    waiting.push((entry.path(), to.join(entry.file_name())));
                }
            }
            Kind::File => {
                if there.is_some_and(|there| there.is_symlink()) {
                    fs::remove_file(&to).at(&to)?;
                }
                fs::copy(&from, &to)
                    .at(&to)
                    .map_err(|failure| partly(failure, changed))?;
                changed.files += 1;
            }
            // The sandbox never makes a link: it could lead another call anywhere.
            Kind::Link | Kind::Other => changed.left_out += 1,
        }
    }
    Ok(changed)
}

fn partly(failure: Failure, changed: Changed) -> Failure {
    failure.hint(format!("{} were copied before.", changed.words()))
}

/// Deletes all of it, what is in a folder before the folder.
fn delete(path: &Path) -> Result<Changed> {
    let mut changed = Changed::default();
    let mut waiting = vec![(path.to_owned(), false)];
    while let Some((path, emptied)) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).at(&path)?;
        let result = if !metadata.is_dir() {
            changed.files += 1;
            fs::remove_file(&path)
        } else if emptied {
            changed.folders += 1;
            fs::remove_dir(&path)
        } else {
            let entries = fs::read_dir(&path).at(&path)?;
            waiting.push((path.clone(), true));
            waiting.extend(entries.flatten().map(|entry| (entry.path(), false)));
            Ok(())
        };
        result.at(&path).map_err(|failure| unfinished(failure, changed))?;
    }
    Ok(changed)
}

fn unfinished(failure: Failure, changed: Changed) -> Failure {
    let done = Changed {
        files: changed.files.saturating_sub(1),
        ..changed
    };
    if failure.code() == "not_empty" {
        return failure.hint("It holds names that this call may not see.");
    }
    failure.hint(format!("About {} were deleted before.", done.words()))
}
