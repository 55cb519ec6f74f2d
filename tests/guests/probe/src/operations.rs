//! The probe `probe_fs`: every file operation, on any path, under the grants that the call asks for.
//!
//! It must not stop at a refusal: what is refused is what a test wants to know.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime};

use toolyard_sdk::prelude::*;

/// What to try.
#[derive(Clone, Copy, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Kind {
    Read,
    Write,
    CreateNew,
    Append,
    Truncate,
    Mkdir,
    Rmdir,
    Unlink,
    Rename,
    Copy,
    HardLink,
    Symlink,
    Readlink,
    Stat,
    Lstat,
    SetTimes,
    List,
    OpenDir,
    Exists,
}

/// One operation to try. Its paths are no claims: they are used as they are.
#[derive(Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct Op {
    /// What to try.
    op: Kind,
    /// What to try it on.
    path: String,
    /// The other path of `rename`, `copy` and `hard_link`; for `symlink`, the link to make, which points to `path`.
    to: Option<String>,
    /// What to write.
    text: Option<String>,
}

/// How one operation went.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Tried {
    /// What was tried.
    op: Kind,
    /// On what.
    path: String,
    /// Whether it went well.
    ok: bool,
    /// The kind of the error, as Rust names it, or its message if it has no kind.
    error: Option<String>,
    /// What it gave: the text read, the names listed, `file 12`, `dir`, `symlink`, a link's target.
    value: Option<String>,
}

/// Tries operations one after another and answers how each went: for what every grant allows and refuses. The claims
/// are the arguments before `ops`.
#[tool]
#[expect(unused_variables, reason = "the first four are there for their claims")]
pub fn probe_fs(
    /// A file granted for reading.
    path: Option<ReadFile>,
    /// A file granted for writing.
    write: Option<WriteFile>,
    /// A folder whose tree is granted for reading.
    tree: Option<ReadTree>,
    /// A folder whose tree is granted for writing.
    write_tree: Option<WriteTree>,
    /// A folder granted for reading, with its direct children.
    directory: Option<ReadDirectory>,
    /// A folder granted for writing, with its direct children.
    write_directory: Option<WriteDirectory>,
    /// What to try.
    ops: Vec<Op>,
) -> Result<Json<Vec<Tried>>> {
    Ok(Json(ops.into_iter().map(tried).collect()))
}

fn tried(op: Op) -> Tried {
    let (error, value) = match attempt(&op) {
        Ok(value) => (None, value),
        Err(error) => (Some(name(&error)), None),
    };
    Tried {
        op: op.op,
        path: op.path,
        ok: error.is_none(),
        error,
        value,
    }
}

fn name(error: &io::Error) -> String {
    match format!("{:?}", error.kind()) {
        kind if kind == "Uncategorized" || kind == "Other" => error.to_string(),
        kind => kind,
    }
}

fn attempt(op: &Op) -> io::Result<Option<String>> {
    let path = op.path.as_str();
    let to = op.to.as_deref().unwrap_or_default();
    let text = op.text.as_deref().unwrap_or("text").as_bytes();
    match op.op {
        Kind::Read => {
            let mut content = String::new();
            File::open(path)?.read_to_string(&mut content)?;
            return Ok(Some(content));
        }
        Kind::Write => fs::write(path, text)?,
        Kind::CreateNew => OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)?
            .write_all(text)?,
        Kind::Append => OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?
            .write_all(text)?,
        Kind::Truncate => OpenOptions::new().write(true).open(path)?.set_len(0)?,
        Kind::Mkdir => fs::create_dir(path)?,
        Kind::Rmdir => fs::remove_dir(path)?,
        Kind::Unlink => fs::remove_file(path)?,
        Kind::Rename => fs::rename(path, to)?,
        Kind::Copy => return Ok(Some(fs::copy(path, to)?.to_string())),
        Kind::HardLink => fs::hard_link(path, to)?,
        Kind::Symlink => symlink(path, to)?,
        Kind::Readlink => return Ok(Some(fs::read_link(path)?.display().to_string())),
        Kind::Stat => return Ok(Some(describe(&fs::metadata(path)?))),
        Kind::Lstat => return Ok(Some(describe(&fs::symlink_metadata(path)?))),
        Kind::SetTimes => {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
            OpenOptions::new().write(true).open(path)?.set_modified(time)?;
        }
        Kind::List => return list(path).map(Some),
        Kind::OpenDir => return Ok(Some(describe(&File::open(path)?.metadata()?))),
        Kind::Exists => return Ok(Some(fs::exists(path)?.to_string())),
    }
    Ok(None)
}

/// Names of a folder, sorted, one a line.
fn list(path: &str) -> io::Result<String> {
    let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names.join("\n"))
}

fn describe(metadata: &fs::Metadata) -> String {
    if metadata.is_symlink() {
        "symlink".to_owned()
    } else if metadata.is_dir() {
        "dir".to_owned()
    } else {
        format!("file {}", metadata.len())
    }
}

#[expect(
    deprecated,
    reason = "the one stable way to make a symbolic link on every system that this is built for"
)]
fn symlink(target: &str, link: &str) -> io::Result<()> {
    fs::soft_link(target, link)
}
