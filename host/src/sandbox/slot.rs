//! The core that a guest holds while it computes, and gives away while it waits for something outside.
//! It must not decide who is next; whoever lends slots does.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// As long as this a guest computes on a slot of its own; after that it shares its thread with whoever has one, in turns of
/// a tick, so that a busy guest can't keep all others from their start.
const SLICE: Duration = Duration::from_millis(50);

/// Lends a core to one call. A call begins with one.
pub trait Slot: Send + Sync + std::fmt::Debug {
    /// It is not needed now.
    fn give_back(&self);
    /// It is needed again: whether it is lent at once. If not, `waker` is woken when it is.
    fn want(&self, waker: &Waker) -> bool;
    /// Whether one that was wanted is lent by now.
    fn lent(&self) -> bool;
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
    /// None, and it could go on, since then.
    Wants(Instant),
}

/// How long a guest computed, and how long it could have and no slot was free.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) cpu: Duration,
    pub(super) stalled: Duration,
}

/// A guest's future that holds a slot whenever it is polled.
pub(super) struct OnSlot<F> {
    inner: Pin<Box<F>>,
    slot: Option<Arc<dyn Slot>>,
    has: Has,
    spent: Spent,
}

impl<F: Future> OnSlot<F> {
    pub(super) fn new(inner: F, slot: Option<Arc<dyn Slot>>) -> Self {
        Self {
            inner: Box::pin(inner),
            slot,
            has: Has::Slot(Instant::now()),
            spent: Spent::default(),
        }
    }

    pub(super) fn spent(&self) -> Spent {
        self.spent
    }

    /// Whether the guest may be polled.
    fn ready(&mut self, slot: &dyn Slot, waker: &Waker) -> bool {
        let now = Instant::now();
        match self.has {
            Has::Slot(_) | Has::Shares => return true,
            Has::Away if slot.want(waker) => {}
            Has::Away => {
                self.has = Has::Wants(now);
                return false;
            }
            Has::Wants(_) if !slot.lent() => return false,
            Has::Wants(since) => self.spent.stalled += now.saturating_duration_since(since),
        }
        self.has = Has::Slot(now);
        true
    }

    /// The guest was polled and is not done.
    fn stopped(&mut self, slot: &dyn Slot) {
        match (STEPPED_BACK.get(), self.has) {
            (true, Has::Slot(since)) if since.elapsed() > SLICE => {
                slot.give_back();
                self.has = Has::Shares;
            }
            (true, _) => {}
            (false, Has::Slot(_)) => {
                slot.give_back();
                self.has = Has::Away;
            }
            (false, Has::Shares | Has::Away | Has::Wants(_)) => self.has = Has::Away,
        }
    }
}

impl<F: Future> Future for OnSlot<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let slot = self.slot.clone();
        if let Some(slot) = &slot
            && !self.ready(&**slot, context.waker())
        {
            return Poll::Pending;
        }
        STEPPED_BACK.set(false);
        let begun = Instant::now();
        let polled = self.inner.as_mut().poll(context);
        self.spent.cpu += begun.elapsed();
        if let (Some(slot), Poll::Pending) = (&slot, &polled) {
            self.stopped(&**slot);
        }
        polled
    }
}
