//! The names in a folder, read from the kernel a piece at a time as the guest asks for them: a folder of a million names
//! costs no more memory than one of ten. It must not show a name that the gate doesn't.

use super::Gate;
use super::codes::os;
use crate::call::CanonicalPath;
use crate::workspace::{Found, Kind, look_in};
use rustix::fs::{FileType, Mode, OFlags};
use std::collections::VecDeque;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};

/// As much as is read from the kernel at once, in bytes: some hundred names.
const PIECE: usize = 16 << 10;

/// As many names are passed over in one go before the guest steps back for others.
const MOST_HIDDEN: usize = 1000;

/// One listing that a guest is reading.
#[derive(Debug)]
pub(super) struct Listing {
    /// Where the folder is.
    folder: CanonicalPath,
    names: Names,
    /// Read and not given yet.
    ready: VecDeque<(String, FileType)>,
}

/// Where the next names come from.
#[derive(Debug)]
enum Names {
    /// The folder, read from where the last piece ended.
    Folder(OwnedFd),
    /// The few names that may be shown at all, in a folder that is only passed through: looked for one by one, however many
    /// others stand beside them.
    Known(OwnedFd, Vec<String>),
}

/// What one step of a listing gave.
#[derive(Debug)]
pub(super) enum Next {
    Entry(DirectoryEntry),
    /// Many names that are not shown; there may be more.
    Hidden,
    End,
}

impl Listing {
    /// How many names are read and not given yet.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.ready.len()
    }

    /// The next name that `gate` shows.
    pub(super) fn next(&mut self, gate: &Gate) -> Result<Next, ErrorCode> {
        for _ in 0..MOST_HIDDEN {
            let Some((name, kind)) = self.ready.pop_front() else {
                match self.read()? {
                    true => continue,
                    false => return Ok(Next::End),
                }
            };
            if gate.lists(&self.folder, &name)
                && let Some(type_) = self.type_of(&name, kind)
            {
                return Ok(Next::Entry(DirectoryEntry { type_, name }));
            }
        }
        Ok(Next::Hidden)
    }

    /// Reads the next piece; whether there was one.
    fn read(&mut self) -> Result<bool, ErrorCode> {
        match &mut self.names {
            Names::Folder(fd) => read_piece(fd, &mut self.ready),
            Names::Known(_, names) => {
                self.ready.extend(names.drain(..).map(|name| (name, FileType::Unknown)));
                Ok(!self.ready.is_empty())
            }
        }
    }

    /// The kernel's word for a kind; where it has not said which, the name is looked at. `None` for what vanished.
    fn type_of(&self, name: &str, kind: FileType) -> Option<DescriptorType> {
        let (Names::Folder(fd) | Names::Known(fd, _)) = &self.names;
        Some(match kind {
            FileType::RegularFile => DescriptorType::RegularFile,
            FileType::Directory => DescriptorType::Directory,
            FileType::Symlink => DescriptorType::SymbolicLink,
            FileType::BlockDevice => DescriptorType::BlockDevice,
            FileType::CharacterDevice => DescriptorType::CharacterDevice,
            FileType::Fifo | FileType::Socket => DescriptorType::Unknown,
            FileType::Unknown => match look_in(fd, name).ok()?? {
                Found { kind: Kind::File, .. } => DescriptorType::RegularFile,
                Found { kind: Kind::Folder, .. } => DescriptorType::Directory,
                Found { kind: Kind::Link, .. } => DescriptorType::SymbolicLink,
                Found { kind: Kind::Other, .. } => DescriptorType::Unknown,
            },
        })
    }
}

/// What the kernel gives at once. Names that are not UTF-8 can't be told to a guest and are left out.
fn read_piece(fd: &mut OwnedFd, ready: &mut VecDeque<(String, FileType)>) -> Result<bool, ErrorCode> {
    let mut piece = [MaybeUninit::uninit(); PIECE];
    let mut entries = rustix::fs::RawDir::new(fd.as_fd(), &mut piece);
    let mut any = false;
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            // The folder was removed meanwhile: nothing is in it.
            Err(rustix::io::Errno::NOENT) => return Ok(any),
            Err(error) => return Err(os(error)),
        };
        any = true;
        if let Ok(name) = entry.file_name().to_str()
            && name != "."
            && name != ".."
        {
            ready.push_back((name.to_owned(), entry.file_type()));
        }
        if entries.is_buffer_empty() {
            break;
        }
    }
    Ok(any)
}

impl Gate {
    /// Begins a listing of the folder that `file` is.
    pub(super) fn list(&mut self, folder: &CanonicalPath, file: &File) -> Result<Listing, ErrorCode> {
        self.one_more_open()?;
        // Opened once more, so that two listings of one folder don't share how far they have read.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(file, ".", flags, Mode::empty()).map_err(os)?;
        let names = match self.rights.names_in(folder) {
            None => Names::Folder(fd),
            Some(names) => Names::Known(fd, names),
        };
        self.open += 1;
        Ok(Listing {
            folder: folder.clone(),
            names,
            ready: VecDeque::new(),
        })
    }
}
