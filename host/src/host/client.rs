//! One of several users of a host. It must not know what the others do.

use crate::call::{Call, Outcome};
use crate::dispatch::{Batch, BatchError, Dispatcher, Whose};
use std::sync::Arc;

/// See [`Host::client`](super::Host::client). Clones are the same client.
#[derive(Clone, Debug)]
pub struct Client {
    dispatcher: Arc<Dispatcher>,
    number: u64,
}

impl Client {
    pub(super) fn new(dispatcher: Arc<Dispatcher>) -> Self {
        let number = dispatcher.new_client();
        Self { dispatcher, number }
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
        self.dispatcher.submit(self.number, calls)
    }

    /// Takes back every call of this client that has not ended.
    pub fn cancel_all(&self) {
        self.dispatcher.cancel(Whose::Client(self.number));
    }
}
