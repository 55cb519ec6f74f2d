//! Folders that browsers keep their profiles in: made for a session, locked while it lives, gone afterwards. What a killed
//! host has left is removed by the next one. It must not look into a profile.

use super::fault::{Fault, FaultKind};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// The user that browsers run as when the host is root: nobody's, so that the browser's own sandbox can be on, and a broken
/// browser is not root.
pub(super) const UNPRIVILEGED: u32 = 2_147_400_000;

/// A session's folder, held as long as this value lives.
#[derive(Debug)]
pub(super) struct Profile {
    folder: PathBuf,
    /// Files between pages and calls: beside what the browser owns, so that it can't put links in our way.
    files: PathBuf,
    /// Locked. Its name is the folder's with `.lock` behind it.
    lock: File,
    /// Of one that is kept: a folder that goes with the session, for everything that isn't.
    desk: Option<Box<Self>>,
}

impl Profile {
    /// A new folder below `base` that goes with the session.
    pub(super) fn temporary(base: &Path) -> io::Result<Self> {
        own_folder(base)?;
        for attempt in 0..1000_u32 {
            let name = format!("{}-{attempt}", std::process::id());
            let folder = base.join(&name);
            let path = base.join(format!("{name}.lock"));
            let lock = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Whoever tidies up may have been quicker.
            if lock.try_lock().is_err() {
                continue;
            }
            make(&folder)?;
            return Ok(Self {
                files: beside(&folder)?,
                folder,
                lock,
                desk: None,
            });
        }
        Err(io::Error::other("no name is free"))
    }

    /// The folder of this name below `base`, which stays; what is not to stay is below `passing`.
    pub(super) fn kept(base: &Path, name: &str, passing: &Path) -> Result<Self, Fault> {
        let failed = |error: io::Error| {
            let message = format!("the profile {name} in {}: {error}", base.display());
            Fault::new(FaultKind::Unavailable, message)
        };
        own_folder(base).map_err(failed)?;
        let (folder, path) = (base.join(name), base.join(format!("{name}.lock")));
        let mut open = OpenOptions::new();
        let lock = open
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        if lock.try_lock().is_err() {
            let message = format!("the profile of the browser session {name} is used by another host");
            return Err(Fault::new(FaultKind::ProfileInUse, message).hint("end that one, or use another session"));
        }
        if !folder.is_dir() {
            make(&folder).map_err(failed)?;
        }
        let desk = Self::temporary(passing).map_err(failed)?;
        Ok(Self {
            files: desk.files.clone(),
            folder,
            lock,
            desk: Some(Box::new(desk)),
        })
    }

    pub(super) fn is_kept(&self) -> bool {
        self.desk.is_some()
    }

    /// The folder that goes with the session in any case.
    pub(super) fn desk(&self) -> &Path {
        self.desk.as_deref().map_or(&self.folder, Self::folder)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new folder for files of this name, which the browser can pass through.
    pub(super) fn inner(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.files.join(name);
        passage(&folder)?;
        Ok(folder)
    }

    /// Where what is known of the session is written down for others to read.
    pub(super) fn status_file(&self) -> PathBuf {
        self.desk().with_extension("json")
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        if !self.is_kept() {
            drop(fs::remove_file(self.status_file()));
            remove(&self.files);
            if remove(&self.folder) {
                drop(fs::remove_file(self.folder.with_extension("lock")));
            }
        }
        // To close it would not do: what this process is about to start has it open, too, until it has begun.
        drop(self.lock.unlock());
    }
}

/// The folder for files that belongs to a profile, new: what a killed host has left in it is gone.
fn beside(folder: &Path) -> io::Result<PathBuf> {
    let files = folder.with_extension("files");
    remove(&files);
    passage(&files)?;
    Ok(files)
}

/// Makes a folder that others may pass through, and not look into.
pub(super) fn passage(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o711).create(folder)
}

/// The folder's name for a session: `plugin-session`, with all else spelled out, so that no two sessions have one folder.
pub(super) fn folder_name(name: &str) -> String {
    let (plugin, session) = name.split_once('/').unwrap_or((name, ""));
    let spelled = |text: &str, fine: &dyn Fn(u8) -> bool| -> String {
        let one = |byte: u8| match byte.is_ascii_alphanumeric() || fine(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02x}"),
        };
        text.bytes().map(one).collect()
    };
    let plugin = spelled(plugin, &|byte| byte == b'_');
    let session = spelled(session, &|byte| matches!(byte, b'_' | b'-'));
    format!("{plugin}-{session}")
}

/// A folder, or a file in one, that the browser may use.
pub(super) fn hand_over(path: &Path) -> io::Result<()> {
    match rustix::process::geteuid().is_root() {
        true => std::os::unix::fs::chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)),
        false => Ok(()),
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)?;
    hand_over(folder)
}

/// A folder that is ours and that nobody else can write to; browsers may pass through it.
fn own_folder(base: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(base)?;
    let meta = fs::symlink_metadata(base)?;
    let ours = meta.uid() == rustix::process::geteuid().as_raw();
    match meta.is_dir() && ours && meta.permissions().mode() & 0o022 == 0 {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "{} belongs to someone else, or others can write to it",
            base.display()
        ))),
    }
}

/// Removes a folder that a dying browser may still write to; whether it is gone.
fn remove(folder: &Path) -> bool {
    for _ in 0..20 {
        match fs::remove_dir_all(folder) {
            Ok(()) => return true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            Err(_) => sleep(Duration::from_millis(25)),
        }
    }
    false
}

/// Removes what hosts have left that are gone; how many profiles there were.
pub(super) fn sweep(base: &Path) -> usize {
    let Ok(entries) = fs::read_dir(base) else { return 0 };
    let mut count = 0;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let Ok(lock) = OpenOptions::new().write(true).open(&path) else {
            continue;
        };
        if lock.try_lock().is_ok() && remove(&path.with_extension("files")) && remove(&path.with_extension("")) {
            drop(fs::remove_file(path.with_extension("json")));
            drop(fs::remove_file(&path));
            count += 1;
        }
    }
    count
}

/// What living hosts have written down of their sessions.
pub(super) fn written_down(base: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(base) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let alive = files.filter(|path| {
        let lock = OpenOptions::new().write(true).open(path.with_extension("lock"));
        lock.is_ok_and(|lock| lock.try_lock().is_err())
    });
    alive.filter_map(|path| fs::read_to_string(path).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_goes_with_its_session_and_a_left_one_with_the_next_host() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().join("own");
        let first = Profile::temporary(&base).unwrap();
        let second = Profile::temporary(&base).unwrap();
        fs::write(second.folder().join("x"), "x").unwrap();
        fs::write(second.inner("uploads-1").unwrap().join("x"), "x").unwrap();
        assert_ne!(first.folder(), second.folder());
        assert_eq!(sweep(&base), 0);
        drop(first);
        // A killed host unlocks and removes nothing.
        let left = second.folder().to_owned();
        second.lock.unlock().unwrap();
        std::mem::forget(second);
        assert_eq!(sweep(&base), 1);
        assert!(!left.exists());
        assert_eq!(fs::read_dir(&base).unwrap().count(), 0);
    }

    #[test]
    fn a_kept_profile_has_one_host() {
        let base = tempfile::tempdir().unwrap();
        let (passing, base) = (base.path().join("passing"), base.path().join("own"));
        let first = Profile::kept(&base, "main", &passing).unwrap();
        let folder = first.folder().to_owned();
        let second = Profile::kept(&base, "main", &passing);
        assert_eq!(second.unwrap_err().kind, FaultKind::ProfileInUse);
        drop(first);
        assert_eq!(fs::read_dir(&passing).unwrap().count(), 0);
        assert!(folder.is_dir());
        Profile::kept(&base, "main", &passing).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Profile::temporary(base.path()).is_err());
    }

    #[test]
    fn every_session_has_a_folder_of_its_own() {
        for (name, folder) in [
            ("browser/main", "browser-main"),
            ("browser/a-b", "browser-a-b"),
            ("browser-a/b", "browser%2da-b"),
            ("browser/../x", "browser-%2e%2e%2fx"),
            ("browser/a.lock", "browser-a%2elock"),
            ("browser/", "browser-"),
            ("browser/%2e", "browser-%252e"),
        ] {
            assert_eq!(folder_name(name), folder);
        }
    }
}
