//! Random numbers for guests, and that they were asked for. It must not make any itself.

use wasmtime::component::HasData;
use wasmtime_wasi::p2::bindings::random::{insecure, random};
use wasmtime_wasi::random::WasiRandomCtx;

/// Marks the random interfaces as ours.
pub(super) struct Chances;

impl HasData for Chances {
    type Data<'a> = ChanceView<'a>;
}

/// One call's view of chance.
pub(super) struct ChanceView<'a> {
    inner: &'a mut WasiRandomCtx,
}

impl<'a> ChanceView<'a> {
    pub(super) fn new(inner: &'a mut WasiRandomCtx) -> Self {
        Self { inner }
    }
}

impl random::Host for ChanceView<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        random::Host::get_random_bytes(self.inner, len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        random::Host::get_random_u64(self.inner)
    }
}

impl insecure::Host for ChanceView<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        insecure::Host::get_insecure_random_bytes(self.inner, len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        insecure::Host::get_insecure_random_u64(self.inner)
    }
}
