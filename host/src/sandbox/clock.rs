//! Time for guests: alarms that ring on time. The runtime's own timers count in whole milliseconds and round up, which a
//! tool that sleeps 20 ms notices, and everyone who waits for it. It must not know who waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::clocks::WasiClocksCtxView;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

/// One thread that sleeps until the next alarm.
#[derive(Debug)]
pub(super) struct Clock {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    // Who sets an alarm and the thread that rings them share it; held for one look at the table.
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    /// By time, then by number.
    alarms: BTreeMap<(Instant, u64), Waker>,
    next: u64,
    stop: bool,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("toolyard-clock".into())
            .spawn(move || ring(&ours))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// A handle for one call.
    pub(super) fn handle(&self) -> Alarms {
        Alarms(Arc::clone(&self.shared))
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.table().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn ring(shared: &Shared) {
    let mut table = shared.table();
    while !table.stop {
        let now = Instant::now();
        let later = table.alarms.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut table.alarms, later);
        if !due.is_empty() {
            drop(table);
            due.into_values().for_each(Waker::wake);
            table = shared.table();
            continue;
        }
        let first = table
            .alarms
            .keys()
            .next()
            .map(|(at, _)| at.saturating_duration_since(now));
        table = match first {
            None => shared.changed.wait(table).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                let waited = shared.changed.wait_timeout(table, time);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

/// Sets alarms.
#[derive(Clone, Debug)]
pub(super) struct Alarms(Arc<Shared>);

impl Alarms {
    fn at(&self, at: Instant) -> Alarm {
        Alarm {
            shared: Arc::clone(&self.0),
            at,
            number: None,
        }
    }
}

/// Is over when its time has come.
#[derive(Debug)]
struct Alarm {
    shared: Arc<Shared>,
    at: Instant,
    number: Option<u64>,
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let shared = Arc::clone(&self.shared);
        let mut table = shared.table();
        let number = *self.number.get_or_insert_with(|| {
            table.next += 1;
            table.next
        });
        let key = (self.at, number);
        let first = table.alarms.keys().next().is_none_or(|first| key < *first);
        table.alarms.insert(key, context.waker().clone());
        drop(table);
        if first {
            shared.changed.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.table().alarms.remove(&(self.at, number));
        }
    }
}

/// A pollable that is ready when an alarm rings.
enum Sleep {
    /// At once, but not before others had a turn.
    Over {
        yielded: bool,
    },
    Until(Alarm),
    /// Further away than time can be counted.
    Never,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        match self {
            Self::Over { yielded: true } => {}
            Self::Over { yielded } => {
                *yielded = true;
                tokio::task::yield_now().await;
            }
            Self::Until(alarm) => alarm.await,
            Self::Never => std::future::pending().await,
        }
    }
}

/// Marks the monotonic clock as ours.
pub(super) struct Clocks;

impl HasData for Clocks {
    type Data<'a> = ClockView<'a>;
}

/// One call's view of the clock.
pub(super) struct ClockView<'a> {
    inner: WasiClocksCtxView<'a>,
    alarms: Alarms,
}

impl<'a> ClockView<'a> {
    pub(super) fn new(inner: WasiClocksCtxView<'a>, alarms: Alarms) -> Self {
        Self { inner, alarms }
    }

    fn sleep(&mut self, time: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let table: &mut ResourceTable = self.inner.table;
        let sleep = match Instant::now().checked_add(time) {
            _ if time.is_zero() => Sleep::Over { yielded: false },
            Some(at) => Sleep::Until(self.alarms.at(at)),
            None => Sleep::Never,
        };
        let sleep = table.push(sleep)?;
        subscribe(table, sleep)
    }
}

impl monotonic_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<monotonic_clock::Instant> {
        monotonic_clock::Host::now(&mut self.inner)
    }

    fn resolution(&mut self) -> wasmtime::Result<monotonic_clock::Instant> {
        monotonic_clock::Host::resolution(&mut self.inner)
    }

    fn subscribe_instant(&mut self, when: monotonic_clock::Instant) -> wasmtime::Result<Resource<DynPollable>> {
        let now = monotonic_clock::Host::now(&mut self.inner)?;
        self.sleep(Duration::from_nanos(when.saturating_sub(now)))
    }

    fn subscribe_duration(&mut self, time: monotonic_clock::Duration) -> wasmtime::Result<Resource<DynPollable>> {
        self.sleep(Duration::from_nanos(time))
    }
}

impl wall_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        wall_clock::Host::now(&mut self.inner)
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        wall_clock::Host::resolution(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_ring_in_order_and_not_before_their_time() {
        let clock = Clock::start().expect("a thread");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let begun = Instant::now();
        let alarm = |ms| clock.handle().at(begun + Duration::from_millis(ms));
        runtime.block_on(async {
            let (late, early, dropped) = (alarm(12), alarm(4), alarm(1));
            drop(dropped);
            early.await;
            assert!(begun.elapsed() >= Duration::from_millis(4));
            late.await;
            assert!(begun.elapsed() >= Duration::from_millis(12));
            alarm(1).await;
        });
        assert!(clock.shared.table().alarms.is_empty());
    }
}
