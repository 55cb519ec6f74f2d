//! One of several users of a host. It must not know what the others do.

use crate::call::{Call, Outcome};
#[cfg(feature = "mcp")]
use crate::dispatch::Memory;
use crate::dispatch::{Asks, Batch, BatchError, Begins, Dispatcher, Events, Voice, Whose};
use std::sync::Arc;

/// See [`Host::client`](super::Host::client). Clones are the same client.
#[derive(Clone, Debug)]
pub struct Client {
    dispatcher: Arc<Dispatcher>,
    number: u64,
    voice: Voice,
}

impl Client {
    pub(super) fn new(dispatcher: Arc<Dispatcher>) -> Self {
        let number = dispatcher.new_client();
        Self {
            dispatcher,
            number,
            voice: Voice::default(),
        }
    }

    /// As [`Host::batch`](super::Host::batch). Calls for which this client has no room are `overloaded`.
    ///
    /// # Errors
    /// As there.
    pub async fn batch(&self, calls: Vec<Call>) -> Result<Vec<Outcome>, BatchError> {
        Ok(self.submit(calls)?.outcomes().await)
    }

    /// As [`Host::submit`](super::Host::submit).
    ///
    /// # Errors
    /// As there.
    pub fn submit(&self, calls: Vec<Call>) -> Result<Batch, BatchError> {
        self.submit_as(self.new_batch(), calls)
    }

    /// As [`Host::watch`](super::Host::watch).
    ///
    /// # Errors
    /// As there.
    pub fn watch(&self, calls: Vec<Call>) -> Result<(Batch, Events), BatchError> {
        self.dispatcher.watch(Some((self.number, self.voice.clone())), calls)
    }

    /// The same client, about whose calls somebody may be asked, where the host has somebody, or nobody. A client that can't ask
    /// whoever it works for doesn't have to wait for questions to others.
    #[must_use]
    pub fn asking(self, asks: Asks) -> Self {
        let memory = self.voice.memory;
        Self {
            voice: Voice { asks, memory },
            ..self
        }
    }

    #[cfg(feature = "mcp")]
    /// The same client, for whom holds what was answered for good to others with this memory.
    #[must_use]
    pub(crate) fn remembering(self, memory: &Arc<Memory>) -> Self {
        let (asks, memory) = (self.voice.asks, Arc::clone(memory));
        Self {
            voice: Voice { asks, memory },
            ..self
        }
    }

    /// A number for a batch that is about to be submitted by `submit_as`: who watches knows it before the first event then.
    #[must_use]
    pub fn new_batch(&self) -> u64 {
        self.dispatcher.new_batch()
    }

    /// As `submit`, under a number from `new_batch` that is used once.
    ///
    /// # Errors
    /// As there.
    pub fn submit_as(&self, number: u64, calls: Vec<Call>) -> Result<Batch, BatchError> {
        let whose = (self.number, self.voice.clone());
        self.dispatcher.submit_as(number, whose, calls, Begins::There)
    }

    /// As `submit_as`, for a thread that may be kept for a moment: a single call that only reads files, is the only one on this
    /// host and whose kind is usually done within half a millisecond begins where its outcome is awaited. That saves it two
    /// changes of thread. What takes longer than 2 ms goes on where all calls run. It does not begin before: await its outcome before
    /// that of anything that may wait for it.
    ///
    /// # Errors
    /// As there.
    pub fn submit_here(&self, number: u64, calls: Vec<Call>) -> Result<Batch, BatchError> {
        let whose = (self.number, self.voice.clone());
        self.dispatcher.submit_as(number, whose, calls, Begins::Here)
    }

    /// Takes back every call of this client that has not ended.
    pub fn cancel_all(&self) {
        self.dispatcher.cancel(Whose::Client(self.number));
    }
}
