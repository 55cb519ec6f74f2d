//! The tools `list_dir` and `file_info`.
//!
//! They must not follow links, nor open any file but the one that `file_info` is asked about.

use std::fs::{self, File, Metadata};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use toolyard_sdk::prelude::*;

use crate::text::{count, rfc3339, seconds};
use crate::{lines, media};

/// Lines are counted in text files up to this size: 16 MiB.
const COUNTED: u64 = 16 * 1024 * 1024;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "lowercase")]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with bytes.
    File,
    /// A symbolic link, whatever it points to.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

impl Kind {
    /// What a type of the file system is.
    pub fn of(kind: fs::FileType) -> Kind {
        if kind.is_dir() {
            Kind::Folder
        } else if kind.is_file() {
            Kind::File
        } else if kind.is_symlink() {
            Kind::Link
        } else {
            Kind::Other
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Folder => "folder",
            Kind::File => "file",
            Kind::Link => "link",
            Kind::Other => "other",
        }
    }
}

/// One name in a folder.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Listed {
    /// The name.
    name: String,
    /// What it stands for.
    kind: Kind,
    /// Of a file: how many bytes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Of a link: what it points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// What is in a folder.
#[derive(Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Listing {
    /// The names that are shown.
    entries: Vec<Listed>,
    /// How many names the folder has in all.
    total: u64,
}

/// Lists a folder, not what is below its folders: folders first and marked with `/`, then files with their size in
/// bytes, links as `name -> target`, each sorted by name. Shows 1000 names at once; a note says how to go on.
#[tool(title = "List a folder")]
pub fn list_dir(
    /// The folder to list.
    #[arg(default = ".")]
    path: ReadDirectory,
    /// Show names that begin with a dot.
    #[arg(default = true)]
    hidden: bool,
    /// How many names to pass over.
    #[arg(default = 0)]
    offset: usize,
    /// How many names to show at most.
    #[arg(default = 1000, minimum = 1, maximum = 5000)]
    limit: usize,
) -> Result<Answer<Listing>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).at(&path)? {
        // A name that went away while the folder was read is not there.
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if hidden || !name.starts_with('.') {
            names.push((Kind::of(kind) != Kind::Folder, name, Kind::of(kind)));
        }
    }
    names.sort();
    let total = names.len();
    let shown = names.into_iter().skip(offset).take(limit);
    let entries: Vec<Listed> = shown.map(|(_, name, kind)| listed(&path, name, kind)).collect();
    let mut text: String = entries.iter().map(Listed::line).collect();
    let next = offset.saturating_add(entries.len());
    if total == 0 {
        text = format!("[{path} is empty]");
    } else if next < total {
        let left = count((total - next) as u64, "entry");
        text.push_str(&format!("[{left} left of {total}; continue with offset {next}]"));
    } else if entries.is_empty() {
        text = format!("[{path} has {}]", count(total as u64, "entry"));
    }
    let total = total as u64;
    Ok(Answer::new(text, Listing { entries, total }))
}

fn listed(folder: &Path, name: String, kind: Kind) -> Listed {
    let path = folder.join(&name);
    let bytes = match kind {
        Kind::File => fs::symlink_metadata(&path).ok().as_ref().map(Metadata::len),
        _ => None,
    };
    let target = match kind {
        Kind::Link => link_target(&path),
        _ => None,
    };
    Listed {
        name,
        kind,
        bytes,
        target,
    }
}

/// What a link points to, if that may be seen.
fn link_target(path: &Path) -> Option<String> {
    Some(fs::read_link(path).ok()?.to_string_lossy().into_owned())
}

impl Listed {
    fn line(&self) -> String {
        let name = &self.name;
        match (self.kind, self.bytes, &self.target) {
            (Kind::Folder, _, _) => format!("{name}/\n"),
            (Kind::File, Some(bytes), _) => format!("{name}  {bytes}\n"),
            (Kind::Link, _, Some(target)) => format!("{name} -> {target}\n"),
            (Kind::Link, _, None) => format!("{name} -> ?\n"),
            (Kind::File, None, _) => format!("{name}\n"),
            (Kind::Other, _, _) => format!("{name}  (not a file)\n"),
        }
    }
}

/// What is known of a path.
#[derive(Default, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Info {
    /// `file`, `folder`, `link` or `other`.
    kind: String,
    /// How many bytes it has.
    bytes: u64,
    /// When it was last changed, in UTC (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    /// The same, in seconds since 1970-01-01T00:00:00Z.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_seconds: Option<i64>,
    /// Of a link: what it points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Of a text file of up to 16 MiB: how many lines it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    /// Of a file that is not text: its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
}

/// Tells what a path is without reading it as a whole: file, folder or link; size in bytes; when it was changed; the
/// number of lines of a text file of up to 16 MiB, or the media type of another file. A link is not followed: what it
/// points to is told. Fails with `not_found` if there is nothing of that name.
#[tool(title = "Describe a file")]
pub fn file_info(
    /// The file, folder or link.
    #[arg(keep_link)]
    path: ReadFile,
) -> Result<Answer<Info>> {
    let metadata = fs::symlink_metadata(&path).at(&path)?;
    let kind = Kind::of(metadata.file_type());
    let changed = metadata.modified().ok().map(seconds);
    let mut info = Info {
        kind: kind.word().to_owned(),
        bytes: metadata.len(),
        modified: changed.map(rfc3339),
        modified_seconds: changed,
        ..Info::default()
    };
    match kind {
        Kind::File => look_into(&path, &mut info),
        Kind::Link => info.target = link_target(&path),
        Kind::Folder | Kind::Other => {}
    }
    let mut text = format!("{path}: {}", info.kind);
    if kind == Kind::File {
        text.push_str(&format!(", {}", count(info.bytes, "byte")));
    }
    let parts = [
        info.target.as_ref().map(|target| format!(" to {target}")),
        info.lines.map(|lines| format!(", {}", count(lines, "line"))),
        info.media_type.as_ref().map(|media| format!(", {media}")),
        info.modified.as_ref().map(|time| format!(", modified {time}")),
    ];
    text.extend(parts.into_iter().flatten());
    Ok(Answer::new(text, info))
}

/// Counts lines, or finds the media type; a file that can't be read has neither.
fn look_into(path: &Path, info: &mut Info) {
    let Ok(mut file) = File::open(path) else { return };
    let mut head = Vec::new();
    if file.by_ref().take(media::HEAD as u64).read_to_end(&mut head).is_err() {
        return;
    }
    info.media_type = media::binary(&head).map(str::to_owned);
    if info.media_type.is_none() && info.bytes <= COUNTED && file.seek(SeekFrom::Start(0)).is_ok() {
        let rest = lines::count_rest(&mut BufReader::with_capacity(64 * 1024, file));
        info.lines = rest.ok().map(|rest| rest.lines);
    }
}
