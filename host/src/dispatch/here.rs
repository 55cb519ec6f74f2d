//! A call's turn that begins where its outcome is awaited, and not on the guests' threads: for one who asks for one thing after
//! the other, two changes of thread are half of what a small call takes. It must not keep anybody's thread for long: what is not
//! done at the first step goes on elsewhere.

use super::owner::{Effect, Owner};
use super::{Shared, worker};
use crate::call::{Access, Resource};
use crate::schedule::Ticket;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// As long as this, in microseconds, calls of a tool have taken that may begin here. One that turns out to take longer is made
/// to step back by the engine, after two milliseconds at most.
const LIGHT_US: u64 = 500;

/// Where a call's turn begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// On the guests' threads.
    There,
    /// Where its outcome is awaited, if it is a light one and nothing else is to be done.
    Here,
}

/// See the module. If it is dropped before it has begun, it begins there.
pub(super) struct Turn {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    shared: Arc<Shared>,
}

impl Turn {
    /// Takes the turn out of what is to be done, if that is all there is and it is a light one.
    pub(super) fn take(shared: &Arc<Shared>, owner: &Owner, effects: &mut Vec<Effect>) -> Option<Self> {
        match effects.as_slice() {
            [Effect::Spawn(ticket)] if is_light(owner, *ticket) => {
                let work = Box::pin(worker::turn(shared, *ticket));
                effects.clear();
                Some(Self {
                    work: Some(work),
                    shared: Arc::clone(shared),
                })
            }
            _ => None,
        }
    }

    /// Takes the first step here, and hands on what is not done then.
    pub(super) async fn begin(mut self) {
        let handle = self.shared.handle.clone();
        poll_fn(|context| {
            // Its clocks are those of the guests.
            let _inside = handle.enter();
            if let Some(work) = &mut self.work {
                let step = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
                // One that panicked says so itself when it is dropped, as it does there.
                if !matches!(step, Ok(Poll::Pending)) {
                    self.work = None;
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            drop(self.shared.handle.spawn(work));
        }
    }
}

/// Whether this call is the only one there is, only reads files, and is of a kind that is done soon.
fn is_light(owner: &Owner, ticket: Ticket) -> bool {
    let Some((call, usual)) = owner.alone(ticket) else {
        return false;
    };
    let entries = call.prepared.footprint.entries();
    let reads = entries
        .iter()
        .all(|entry| entry.access == Access::Read && matches!(entry.resource, Resource::Path { .. }));
    reads && usual < LIGHT_US && call.prepared.entry.plugin.closures().is_none()
}
