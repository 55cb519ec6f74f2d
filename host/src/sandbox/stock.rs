//! Wasmtime's own file system in place of the gate, so that the gate's cost can be measured beside it with all else the
//! same. Compiled for that alone. It must not be reachable from a host.

use super::{Job, Sandbox, SandboxError};
use std::path::Path;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::filesystem::{FsPerms, WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem;

impl Sandbox {
    /// As `new`, but guests see the whole workspace through one plain preopened folder, whatever their footprint says.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_stock_files(cache: Option<&Path>) -> Result<Self, SandboxError> {
        let fail = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let mut sandbox = Self::new(cache)?;
        sandbox.stock = true;
        let linker = &mut sandbox.linker;
        linker.allow_shadowing(true);
        filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, WasiFilesystemView::filesystem).map_err(fail)?;
        filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, WasiFilesystemView::filesystem)
            .map_err(fail)?;
        Ok(sandbox)
    }
}

/// Opens the workspace where the sandbox is one for measuring.
pub(super) fn folder(sandbox: &Sandbox, job: &Job) -> impl FnOnce(&mut WasiCtxBuilder) + use<> {
    let folder = sandbox.stock.then(|| job.workspace.path().to_owned());
    move |wasi| {
        if let Some(folder) = folder
            && let Err(error) = wasi.preopened_dir(folder, ".", FsPerms::ReadOnly)
        {
            tracing::error!(%error, "the folder can't be opened");
        }
    }
}
