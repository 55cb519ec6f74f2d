//! The core that a guest holds while it computes, and gives away while it waits for something outside.
//! It must not decide who is next; whoever lends slots does.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// As long as this a guest computes on a slot of its own; after that it shares its thread with whoever has one, in turns of
/// a tick, so that a busy guest can't keep all others from their start.
const SLICE: Duration = Duration::from_millis(50);

/// Lends a core to one call. A call begins with one.
pub trait Slot: Send + Sync + std::fmt::Debug {
    /// It is not needed now.
    fn give_back(&self);
    /// It is needed again, and taken, whether one is free or not.
    fn take(&self);
}

thread_local! {
    /// Set by the guest that runs on this thread when it only steps back for others and does not wait for anything.
    static STEPPED_BACK: Cell<bool> = const { Cell::new(false) };
}

/// The guest on this thread steps back at a tick.
pub(super) fn step_back() {
    STEPPED_BACK.set(true);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    /// A slot, since then.
    Slot(Instant),
    /// None any more: it has computed for long and shares.
    Shares,
    /// None: it waits for something outside.
    Away,
}

/// A guest's future that holds a slot whenever it is polled.
pub(crate) struct OnSlot<F> {
    inner: Pin<Box<F>>,
    slot: Option<Arc<dyn Slot>>,
    has: Has,
    spent: Duration,
    /// As long as this it may compute.
    most: Duration,
}

impl<F: Future> OnSlot<F> {
    pub(crate) fn new(inner: F, slot: Option<Arc<dyn Slot>>, most: Duration) -> Self {
        Self {
            inner: Box::pin(inner),
            slot,
            has: Has::Slot(Instant::now()),
            spent: Duration::ZERO,
            most,
        }
    }

    /// How long the guest was on a core.
    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    /// The guest was polled and is not done.
    fn stopped(&mut self, now: Instant) {
        let Some(slot) = &self.slot else { return };
        self.has = match (STEPPED_BACK.get(), self.has) {
            (true, Has::Slot(since)) if now.saturating_duration_since(since) > SLICE => {
                slot.give_back();
                Has::Shares
            }
            (true, has) => has,
            (false, Has::Slot(_)) => {
                slot.give_back();
                Has::Away
            }
            (false, Has::Shares | Has::Away) => Has::Away,
        };
    }
}

impl<F: Future> Future for OnSlot<F> {
    /// `None` if it has computed for longer than it may.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let begun = Instant::now();
        if let (Some(slot), Has::Away) = (&self.slot, self.has) {
            slot.take();
            self.has = Has::Slot(begun);
        }
        STEPPED_BACK.set(false);
        let polled = self.inner.as_mut().poll(context);
        let now = Instant::now();
        self.spent += now.saturating_duration_since(begun);
        match polled {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.spent > self.most => Poll::Ready(None),
            Poll::Pending => {
                self.stopped(now);
                Poll::Pending
            }
        }
    }
}
