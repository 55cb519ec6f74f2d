//! Where hosts of one workspace find each other: a folder of the user's, named after the workspace's own folder as the kernel
//! knows it, with a lock that the kernel lets go of when its holder dies, and a socket beside it. It must not lie where
//! tools work, and must not trust what others could have put there.

use super::JoinError;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde_json::{Value, json};
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const LOCK: &str = "lock";
const SOCKET: &str = "socket";

/// The longest name of a socket (`sun_path` in unix(7)), in bytes.
const LONGEST: usize = 107;

/// As long as this an owner may take to begin or to end, with nobody at its socket.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often one looks meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// The folder for one workspace; it need not exist.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    base: PathBuf,
    name: String,
}

/// What came of trying to own a workspace.
#[derive(Debug)]
pub(crate) enum Owned {
    /// It is ours.
    Ours(Ownership, UnixListener),
    /// It is somebody else's, who listens.
    Theirs(Reached),
}

/// A way to the owner; nothing was said yet.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(super) stream: UnixStream,
    /// Who it is, for people.
    pub(crate) holder: String,
}

/// A workspace that is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Ownership {
    place: Place,
    base: OwnedFd,
    folder: OwnedFd,
    // Never read: it is what holds the lock.
    _lock: File,
}

impl Place {
    /// The place of the workspace at `workspace`, below `base`. By device and inode: every name of a folder is one.
    ///
    /// # Errors
    /// If there is no such folder.
    pub(crate) fn of(workspace: &Path, base: &Path) -> io::Result<Self> {
        let record = std::fs::metadata(workspace)?;
        Ok(Self {
            base: base.to_owned(),
            name: format!("{:x}-{:x}", record.dev(), record.ino()),
        })
    }

    fn path(&self) -> PathBuf {
        self.base.join(&self.name)
    }

    fn failed(&self, error: impl Into<io::Error>) -> JoinError {
        JoinError::Io(self.path(), error.into())
    }

    /// Owns the workspace, or reaches whoever does.
    ///
    /// # Errors
    /// If neither can be done.
    pub(crate) fn own(&self) -> Result<Owned, JoinError> {
        let begun = Instant::now();
        loop {
            if let Some(ours) = self.lock()? {
                let listener = ours.listen().map_err(|error| self.failed(error))?;
                return Ok(Owned::Ours(ours, listener));
            }
            if let Some(theirs) = self.connect()? {
                return Ok(Owned::Theirs(theirs));
            }
            self.wait(begun)?;
        }
    }

    /// The way to whoever owns the workspace; `None` if nobody does.
    ///
    /// # Errors
    /// If somebody does and can't be reached.
    pub(crate) fn reach(&self) -> Result<Option<Reached>, JoinError> {
        let begun = Instant::now();
        loop {
            if let Some(theirs) = self.connect()? {
                return Ok(Some(theirs));
            }
            if !self.is_held()? {
                return Ok(None);
            }
            self.wait(begun)?;
        }
    }

    /// Somebody holds the lock and nobody listens: who begins does so soon, and who ends lets go soon.
    fn wait(&self, begun: Instant) -> Result<(), JoinError> {
        if begun.elapsed() > PATIENCE {
            return Err(JoinError::Silent(self.holder()));
        }
        std::thread::sleep(LOOK);
        Ok(())
    }

    /// The folder, and the one that holds it; `None` if there is none.
    fn open(&self) -> Result<Option<(OwnedFd, OwnedFd)>, JoinError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let none = |error: Errno| match error {
            Errno::NOENT | Errno::NOTDIR => Ok(None),
            error => Err(self.failed(error)),
        };
        let base = match rustix::fs::open(&self.base, flags, Mode::empty()) {
            Ok(base) => base,
            Err(error) => return none(error),
        };
        private(&base, &self.base, 0o022)?;
        let folder = match rustix::fs::openat(&base, &self.name, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(folder) => folder,
            Err(error) => return none(error),
        };
        private(&folder, &self.path(), 0o077)?;
        Ok(Some((base, folder)))
    }

    /// Takes the lock, unless somebody has it.
    fn lock(&self) -> Result<Option<Ownership>, JoinError> {
        // Whoever owned it takes all of this away at the end, so it may go at any moment.
        for _ in 0..64 {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(self.path());
            match made {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.failed(error)),
                _ => {}
            }
            let Some((base, folder)) = self.open()? else { continue };
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = match rustix::fs::openat(&folder, LOCK, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => file,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(self.failed(error)),
            };
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(self.failed(error)),
            }
            let ours = rustix::fs::fstat(&file).map_err(|error| self.failed(error))?;
            let named = rustix::fs::statat(&folder, LOCK, AtFlags::SYMLINK_NOFOLLOW);
            if !named.is_ok_and(|named| (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)) {
                continue;
            }
            let mut lock = File::from(file);
            sign(&mut lock).map_err(|error| self.failed(error))?;
            return Ok(Some(Ownership {
                place: self.clone(),
                base,
                folder,
                _lock: lock,
            }));
        }
        Err(self.failed(io::Error::other("it comes and goes")))
    }

    /// Whether somebody has the lock.
    fn is_held(&self) -> Result<bool, JoinError> {
        let Some((_, folder)) = self.open()? else {
            return Ok(false);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, LOCK, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(self.failed(error)),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Whoever listens.
    fn connect(&self) -> Result<Option<Reached>, JoinError> {
        let Some((_, folder)) = self.open()? else {
            return Ok(None);
        };
        match UnixStream::connect(self.socket(&folder)) {
            Ok(stream) => Ok(Some(Reached {
                stream,
                holder: self.holder(),
            })),
            // Nobody any more, or not yet; or too many at once.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The socket's name; one that is too long goes by the folder's descriptor.
    fn socket(&self, folder: &OwnedFd) -> PathBuf {
        let path = self.path().join(SOCKET);
        match path.as_os_str().as_bytes().len() <= LONGEST {
            true => path,
            false => PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())),
        }
    }

    /// Who has the lock, as it stands in it: for people.
    fn holder(&self) -> String {
        let mut text = String::new();
        let read = File::open(self.path().join(LOCK)).and_then(|file| file.take(4096).read_to_string(&mut text));
        let said: Value = read
            .ok()
            .and_then(|_| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        match said.get("pid").and_then(Value::as_u64) {
            Some(pid) => format!("process {pid}"),
            None => "another process".to_owned(),
        }
    }
}

/// Writes down who has the lock: for people.
fn sign(lock: &mut File) -> io::Result<()> {
    let said = json!({
        "pid": std::process::id(),
        "since": humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{said}")
}

/// That a folder is ours, and that others have none of these rights in it.
fn private(folder: &OwnedFd, path: &Path, others: u32) -> Result<(), JoinError> {
    let record = rustix::fs::fstat(folder).map_err(|error| JoinError::Io(path.to_owned(), error.into()))?;
    let wrong = |why: String| Err(JoinError::Unsafe(path.to_owned(), why));
    let own = rustix::process::geteuid().as_raw();
    if record.st_uid != own {
        return wrong(format!(
            "the folder belongs to user {}, and not to {own}",
            record.st_uid
        ));
    }
    match record.st_mode & others {
        0 => Ok(()),
        _ => wrong(format!(
            "others have rights in the folder (mode {:o})",
            record.st_mode & 0o7777
        )),
    }
}

impl Ownership {
    /// Listens; whoever connects waits until somebody is let in.
    fn listen(&self) -> io::Result<UnixListener> {
        // Under the lock nobody else listens here: what is there is left of one who was killed.
        match rustix::fs::unlinkat(&self.folder, SOCKET, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        UnixListener::bind(self.place.socket(&self.folder))
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        // What can't be taken away costs nobody anything: the lock goes with its descriptor. It goes last, so that whoever
        // has it next finds a name that is his.
        _ = rustix::fs::unlinkat(&self.folder, SOCKET, AtFlags::empty());
        _ = rustix::fs::unlinkat(&self.folder, LOCK, AtFlags::empty());
        _ = rustix::fs::unlinkat(&self.base, &self.place.name, AtFlags::REMOVEDIR);
    }
}
