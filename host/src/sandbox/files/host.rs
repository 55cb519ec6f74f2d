//! `wasi:filesystem` as a guest sees it: every path goes through the gate, bytes go through
//! wasmtime's own code, and through a stream of ours where they are written.
//! It must not open, check or resolve anything itself.

use super::super::slot::step_back;
use super::GateView;
use super::budget::Budget;
use super::codes::{code, os};
use super::listing::{Listing, Next};
use super::ops::Open;
use super::writer::Writer;
use crate::call::CanonicalPath;
use crate::workspace::Last;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use types::{DescriptorFlags, ErrorCode, HostDescriptor, HostDirectoryEntryStream, NewTimestamp, OpenFlags, PathFlags};
use wasmtime::component::Resource;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::{
    Descriptor, File as WasiFile, FsPerms, OpenMode, WasiFilesystemCtxView, WasiFilesystemView,
};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

type Fd = Resource<Descriptor>;

/// wasmtime's own view, made for one delegated operation.
struct Inner<'a> {
    table: &'a mut ResourceTable,
    wasi: &'a mut WasiCtx,
}

impl WasiView for Inner<'_> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self.wasi,
            table: self.table,
        }
    }
}

/// Runs one method of wasmtime's implementation.
macro_rules! inner {
    ($self:ident, $view:ident => $body:expr) => {{
        let mut inner = Inner {
            table: $self.table,
            wasi: $self.wasi,
        };
        let mut $view: WasiFilesystemCtxView<'_> = inner.filesystem();
        $body
    }};
}

impl GateView<'_> {
    /// Where the folder `fd` is.
    fn folder(&self, fd: &Fd) -> Result<CanonicalPath, FsError> {
        // A handle that was never given out is a fault of the guest's, not an error to be told.
        match self.table.get(fd)? {
            Descriptor::Dir(_) => {}
            Descriptor::File(_) => return Err(ErrorCode::NotDirectory.into()),
        }
        let path = self.gate.folders.get(&fd.rep()).cloned();
        path.ok_or_else(|| ErrorCode::BadDescriptor.into())
    }

    /// The file of a descriptor that may be written to.
    fn writable(&self, fd: &Fd) -> Result<Arc<File>, FsError> {
        match self.table.get(fd)? {
            Descriptor::File(file) if matches!(file.perms, FsPerms::ReadWrite) => Ok(Arc::clone(&file.file)),
            Descriptor::File(_) => Err(ErrorCode::NotPermitted.into()),
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    fn budget(&self) -> Arc<Budget> {
        Arc::clone(&self.gate.budget)
    }

    fn keep(&mut self, descriptor: Descriptor, folder: Option<CanonicalPath>) -> Result<Fd, FsError> {
        let fd = self.table.push(descriptor)?;
        if let Some(path) = folder {
            self.gate.folders.insert(fd.rep(), path);
        }
        Ok(fd)
    }

    /// Lets wasmtime read the record of what `file` is, without leaving a handle behind.
    async fn with_record<T>(
        &mut self,
        file: File,
        look: impl AsyncFnOnce(&mut WasiFilesystemCtxView<'_>, Fd) -> FsResult<T>,
    ) -> FsResult<T> {
        let file = WasiFile::new(file, FsPerms::ReadOnly, OpenMode::READ, true);
        let fd = self.table.push(Descriptor::File(file))?;
        let own = Resource::new_own(fd.rep());
        let answer = inner!(self, view => look(&mut view, own).await);
        self.table.delete(fd)?;
        answer
    }
}

fn last(flags: PathFlags) -> Last {
    match flags.contains(PathFlags::SYMLINK_FOLLOW) {
        true => Last::Follow,
        false => Last::Keep,
    }
}

fn timespec(time: NewTimestamp) -> Result<Timespec, ErrorCode> {
    let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    Ok(match time {
        NewTimestamp::NoChange => special(UTIME_OMIT),
        NewTimestamp::Now => special(UTIME_NOW),
        NewTimestamp::Timestamp(at) => Timespec {
            tv_sec: at.seconds.try_into().map_err(|_| ErrorCode::Overflow)?,
            tv_nsec: match at.nanoseconds {
                nanos @ 0..1_000_000_000 => nanos.into(),
                _ => return Err(ErrorCode::Invalid),
            },
        },
    })
}

impl preopens::Host for GateView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let mut folders = Vec::new();
        for (descriptor, path) in self.gate.preopens() {
            let (fd, name) = (self.table.push(descriptor)?, path.to_string());
            self.gate.folders.insert(fd.rep(), path);
            folders.push((fd, name));
        }
        Ok(folders)
    }
}

impl types::Host for GateView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?.downcast_ref::<std::io::Error>();
        Ok(error.map(code))
    }
}

/// Methods that name no path: the descriptor was opened through the gate, so its own rights are enough.
macro_rules! delegate {
    ($($(#[$meta:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(async fn $name(&mut self, fd: Fd, $($arg: $type),*) -> $out {
            inner!(self, view => view.$name(fd, $($arg),*).await)
        })*
    };
}

impl HostDescriptor for GateView<'_> {
    delegate! {
        advise(offset: u64, len: u64, advice: types::Advice) -> FsResult<()>;
        sync_data() -> FsResult<()>;
        get_flags() -> FsResult<DescriptorFlags>;
        get_type() -> FsResult<types::DescriptorType>;
        set_times(atim: NewTimestamp, mtim: NewTimestamp) -> FsResult<()>;
        read(len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)>;
        sync() -> FsResult<()>;
        stat() -> FsResult<types::DescriptorStat>;
        is_same_object(other: Fd) -> wasmtime::Result<bool>;
        metadata_hash() -> FsResult<types::MetadataHashValue>;
    }

    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        inner!(self, view => view.read_via_stream(fd, offset))
    }

    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        let file = self.writable(&fd)?;
        self.gate.budget.growth(&file, size).map_err(os)?;
        Ok(file.set_len(size).map_err(os)?)
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let file = self.writable(&fd)?;
        self.gate.budget.write(&file, offset, bytes.len()).map_err(os)?;
        Ok(file.write_at(&bytes, offset).map_err(os)? as u64)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(&fd)?;
        let writer: DynOutputStream = Box::new(Writer::at(file, offset, self.budget()));
        Ok(self.table.push(writer)?)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(&fd)?;
        let writer: DynOutputStream = Box::new(Writer::at_the_end(file, self.budget()));
        Ok(self.table.push(writer)?)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let path = self.folder(&fd)?;
        let Descriptor::Dir(folder) = self.table.get(&fd)? else {
            return Err(ErrorCode::NotDirectory.into());
        };
        let listing = self.gate.list(&path, &folder.dir)?;
        let listing = self.table.push(listing)?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let folder = self.folder(&fd)?;
        Ok(self.gate.create_folder(&folder, &path)?)
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<types::DescriptorStat> {
        let folder = self.folder(&fd)?;
        let file = self.gate.look_at(&folder, &path, last(flags))?;
        self.with_record(file, async |view, fd| view.stat(fd).await).await
    }

    async fn metadata_hash_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<types::MetadataHashValue> {
        let folder = self.folder(&fd)?;
        let file = self.gate.look_at(&folder, &path, last(flags))?;
        self.with_record(file, async |view, fd| view.metadata_hash(fd).await)
            .await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        atim: NewTimestamp,
        mtim: NewTimestamp,
    ) -> FsResult<()> {
        let folder = self.folder(&fd)?;
        let times = Timestamps {
            last_access: timespec(atim)?,
            last_modification: timespec(mtim)?,
        };
        Ok(self.gate.set_times(&folder, &path, last(flags), &times)?)
    }

    /// Never: a second name for a file would be a resource that no footprint holds.
    async fn link_at(&mut self, _: Fd, _: PathFlags, _: String, _: Fd, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    /// Only where the policy says so, and only to what the link's own grant holds: see `links`.
    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        let folder = self.folder(&fd)?;
        Ok(self.gate.make_link(&target, &folder, &path)?)
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let folder = self.folder(&fd)?;
        let how = Open {
            read: flags.contains(DescriptorFlags::READ),
            write: flags.contains(DescriptorFlags::WRITE),
            create: open.contains(OpenFlags::CREATE),
            exclusive: open.contains(OpenFlags::EXCLUSIVE),
            truncate: open.contains(OpenFlags::TRUNCATE),
            folder: open.contains(OpenFlags::DIRECTORY),
        };
        if let Descriptor::Dir(dir) = self.table.get(&fd)?
            && let Some(file) = self.gate.open_at_once(&folder, &dir.dir, &path, how)?
        {
            return self.keep(file, None);
        }
        let (descriptor, folder) = self.gate.open(&folder, &path, last(path_flags), how)?;
        self.keep(descriptor, folder)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        let rep = fd.rep();
        self.table.delete(fd)?;
        self.gate.folders.remove(&rep);
        self.gate.open = self.gate.open.saturating_sub(1);
        Ok(())
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let folder = self.folder(&fd)?;
        Ok(self.gate.read_link(&folder, &path)?)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let folder = self.folder(&fd)?;
        Ok(self.gate.remove(&folder, &path, AtFlags::REMOVEDIR)?)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let folder = self.folder(&fd)?;
        Ok(self.gate.remove(&folder, &path, AtFlags::empty())?)
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let (from, to) = (self.folder(&fd)?, self.folder(&new_fd)?);
        Ok(self.gate.rename((&from, &old), (&to, &new)).await?)
    }
}

/// A stream's handle is that of one of our listings: none other is ever given out.
fn listing(stream: &Resource<types::DirectoryEntryStream>) -> Resource<Listing> {
    match stream.owned() {
        true => Resource::new_own(stream.rep()),
        false => Resource::new_borrow(stream.rep()),
    }
}

impl HostDirectoryEntryStream for GateView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let stream = listing(&stream);
        loop {
            match self.table.get_mut(&stream)?.next(self.gate)? {
                Next::Entry(entry) => return Ok(Some(entry)),
                Next::End => return Ok(None),
                // However many names are passed over, others get their turn, and a cancel is seen.
                Next::Hidden => {
                    step_back();
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(listing(&stream))?;
        self.gate.open = self.gate.open.saturating_sub(1);
        Ok(())
    }
}
