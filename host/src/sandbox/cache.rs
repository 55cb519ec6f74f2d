//! Compiled code on disk: a private folder, one file for each component and engine configuration.
//! It must not be given a folder that anybody else can write to: what lies here is run as machine code.

use crate::walls::{self, Wall};
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// How many bytes at the end of a file are the hash of what stands before them.
const SEAL: usize = blake3::OUT_LEN;

/// A folder of compiled components.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache below `root` for engines with this key; `None` (and a log line) if the folder can't be had or isn't
    /// private. Everything works without, only slower at the next start.
    pub(super) fn open(root: &Path, key: u64) -> Option<Self> {
        let folder = root.join(format!("{}-{key:016x}", env!("CARGO_PKG_VERSION")));
        match private(&folder) {
            Ok(()) => Some(Self { folder }),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "compiled code is not kept");
                None
            }
        }
    }

    fn file(&self, digest: &blake3::Hash) -> PathBuf {
        self.folder.join(format!("{}.cwasm", digest.to_hex()))
    }

    /// The compiled form of the component with this digest, if it is here whole.
    pub(super) fn load(&self, engine: &Engine, digest: &blake3::Hash) -> Option<Component> {
        let file = self.file(digest);
        let bytes = fs::read(&file).ok()?;
        let (code, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
        if blake3::hash(code).as_bytes() != seal && walls::stands(Wall::CacheSeal) {
            tracing::warn!(file = %file.display(), "a damaged file of compiled code is made anew");
            return None;
        }
        match deserialize(engine, code) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::debug!(%error, "compiled code of another wasmtime");
                None
            }
        }
    }

    /// Keeps `code`; a failure only costs time later.
    pub(super) fn store(&self, digest: &blake3::Hash, code: &[u8]) {
        let target = self.file(digest);
        let own = self
            .folder
            .join(format!("{}.{}.tmp", digest.to_hex(), std::process::id()));
        let written = File::create(&own)
            .and_then(|mut file| {
                file.write_all(code)?;
                file.write_all(blake3::hash(code).as_bytes())
            })
            .and_then(|()| fs::rename(&own, &target));
        if let Err(error) = written {
            tracing::debug!(%error, "compiled code is not kept");
            drop(fs::remove_file(&own));
        }
    }
}

/// Makes `folder` with rights for its owner alone, and checks that this is what it has.
fn private(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let record = fs::metadata(folder)?;
    let owner = rustix::process::geteuid().as_raw();
    if record.uid() != owner || record.mode() & 0o022 != 0 {
        return Err(std::io::Error::other("others can write to it"));
    }
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "wasmtime runs these bytes as machine code; they come from our private folder and their seal was checked"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` was written by `store` on this machine from the same engine configuration: the folder is private
    // to this user and named by version and configuration, and the hash at the end of the file fits.
    unsafe { Component::deserialize(engine, code) }
}
