//! Lends the scheduler's slots to running guests. It must not decide whose turn it is; it asks the owner.

use super::Shared;
use super::worker::carry_out;
use crate::sandbox::Slot;
use crate::schedule::Ticket;
use std::sync::Arc;

/// The slot of one running call.
pub(super) struct CallSlot {
    pub(super) shared: Arc<Shared>,
    pub(super) ticket: Ticket,
}

impl std::fmt::Debug for CallSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallSlot({:?})", self.ticket)
    }
}

impl Slot for CallSlot {
    fn give_back(&self) {
        let effects = self.shared.owner().pause(self.ticket);
        carry_out(&self.shared, effects);
    }

    fn take(&self) {
        self.shared.owner().resume(self.ticket);
    }
}
