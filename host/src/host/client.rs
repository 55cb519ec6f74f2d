//! One of several users of a host. It must not know what the others do.

use crate::call::{Call, Outcome};
use crate::dispatch::{Asks, Batch, BatchError, Dispatcher, Whose};
use std::sync::Arc;

/// See [`Host::client`](super::Host::client). Clones are the same client.
#[derive(Clone, Debug)]
pub struct Client {
    dispatcher: Arc<Dispatcher>,
    number: u64,
    asks: Asks,
}

impl Client {
    pub(super) fn new(dispatcher: Arc<Dispatcher>) -> Self {
        let number = dispatcher.new_client();
        Self {
            dispatcher,
            number,
            asks: Asks::Somebody,
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

    /// The same client, about whose calls somebody may be asked, where the host has somebody, or nobody. A client that can't ask
    /// whoever it works for doesn't have to wait for questions to others.
    #[must_use]
    pub fn asking(self, asks: Asks) -> Self {
        Self { asks, ..self }
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
        self.dispatcher.submit_as(number, (self.number, self.asks), calls)
    }

    /// Takes back every call of this client that has not ended.
    pub fn cancel_all(&self) {
        self.dispatcher.cancel(Whose::Client(self.number));
    }
}
