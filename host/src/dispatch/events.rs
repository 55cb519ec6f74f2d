//! Events on their way to observers: a bounded queue and one thread, so that who watches slowly slows nobody.
//! It must not lose anything in silence: what had no room is counted, and the next event says how many.

use crate::call::{CallId, Content, Event, What};
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who is told what happens, on a thread of the events' own: it may take its time, and then loses the middle.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Events that wait to be told, and bytes of what guests say in them.
pub(super) const MOST: usize = 16_384;
pub(super) const MOST_BYTES: usize = 64 << 20;
/// Events come in bursts, and waking a thread for each costs a small call a tenth of its time: after a burst the thread looks
/// again by itself once.
const NAP: Duration = Duration::from_millis(1);
/// More than a message beside a progress count has.
pub(super) const LONGEST_PROGRESS: usize = 4096;

/// See the module.
pub(super) struct Hub {
    shared: Arc<Shared>,
    zero: Instant,
}

#[derive(Default)]
struct Shared {
    // Every call that tells something and the one thread that hands it on share it; held for one push or one swap.
    queue: Mutex<Queue>,
    /// There is something for the thread.
    work: Condvar,
    /// All has been handed on.
    done: Condvar,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Where the latest progress of a call stands that was not handed on yet.
    progress: HashMap<(u64, CallId), usize>,
    /// How many steps and lines of a batch are not handed on yet, those that are on the way included.
    words: HashMap<u64, usize>,
    dropped: u64,
    bytes: usize,
    state: State,
    /// How many wait until all has been handed on.
    hurry: usize,
    closed: bool,
}

/// What the thread does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Hands events on.
    #[default]
    Busy,
    /// Looks again by itself soon.
    Naps,
    /// Waits to be woken.
    Sleeps,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    pub(super) fn start(observers: Vec<Observer>, zero: Instant) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("toolyard-events".into())
            .spawn(move || hand_on(&ours, &observers))?;
        Ok(Self { shared, zero })
    }

    pub(super) fn tell(&self, batch: u64, id: &CallId, what: What) {
        let mut queue = self.shared.queue();
        // A place of progress is always taken, so repeated progress is kept to one event a call.
        if let What::Progress { .. } = what {
            let key = (batch, id.clone());
            if let Some(place) = queue.progress.get(&key).copied() {
                if let Some(event) = queue.events.get_mut(place) {
                    event.what = what;
                }
                return;
            }
            let place = queue.events.len();
            if place < MOST && queue.bytes < MOST_BYTES - LONGEST_PROGRESS {
                queue.progress.insert(key, place);
            }
        }
        let bytes = weight(&what);
        if queue.events.len() >= MOST || queue.bytes.saturating_add(bytes) > MOST_BYTES {
            queue.dropped += 1;
            return;
        }
        queue.bytes += bytes;
        if is_word(&what) {
            *queue.words.entry(batch).or_default() += 1;
        }
        let dropped = std::mem::take(&mut queue.dropped);
        queue.events.push_back(Event {
            at_us: u64::try_from(self.zero.elapsed().as_micros()).unwrap_or(u64::MAX),
            batch,
            id: id.clone(),
            what,
            dropped,
        });
        let sleeps = queue.state == State::Sleeps;
        if sleeps {
            // Woken once is enough.
            queue.state = State::Naps;
        }
        drop(queue);
        if sleeps {
            self.shared.work.notify_one();
        }
    }

    /// Whether steps or lines of that batch are not handed on yet.
    pub(super) fn has_words(&self, batch: u64) -> bool {
        self.shared.queue().words.contains_key(&batch)
    }

    /// Waits until all that was told has been handed on, at most for that long; whether it has.
    pub(super) fn settle(&self, at_most: Duration) -> bool {
        let mut queue = self.shared.queue();
        let waits = |queue: &mut Queue| queue.state == State::Busy || !queue.events.is_empty();
        if !waits(&mut queue) {
            return true;
        }
        queue.hurry += 1;
        self.shared.work.notify_one();
        let waited = self.shared.done.wait_timeout_while(queue, at_most, waits);
        let (mut queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.hurry -= 1;
        !waited.timed_out()
    }
}

/// Whether a guest has said it while it ran.
fn is_word(what: &What) -> bool {
    matches!(what, What::Progress { .. } | What::Log { .. })
}

/// About how many bytes a guest's words take. Reasons to wait are few, and shared with the call that has them.
pub(super) fn weight(what: &What) -> usize {
    match what {
        What::Output(Content::Text(text)) | What::Log { text, .. } | What::Progress { message: text, .. } => text.len(),
        What::Output(Content::Json(value)) => value.to_string().len(),
        What::Output(Content::Image { data, .. } | Content::Blob { data, .. }) => data.len(),
        What::Queued { .. } | What::Planned { .. } | What::Asking { .. } | What::Started | What::Finished { .. } => 0,
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // The thread ends by itself when it has handed on what is there; an observer that hangs keeps nobody.
        self.shared.queue().closed = true;
        self.shared.work.notify_one();
    }
}

fn hand_on(shared: &Shared, observers: &[Observer]) {
    let mut queue = shared.queue();
    let mut naps = false;
    loop {
        let events = std::mem::take(&mut queue.events);
        queue.progress.clear();
        queue.bytes = 0;
        if events.is_empty() {
            if queue.hurry > 0 {
                shared.done.notify_all();
            }
            if queue.closed {
                return;
            }
            if naps {
                queue.state = State::Naps;
                let waited = shared.work.wait_timeout(queue, NAP);
                queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                queue.state = State::Sleeps;
                queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            naps = false;
            continue;
        }
        queue.state = State::Busy;
        naps = true;
        drop(queue);
        for event in &events {
            for observer in observers {
                if catch_unwind(AssertUnwindSafe(|| observer(event))).is_err() {
                    tracing::error!(call = %event.id, "an observer panicked at an event");
                }
            }
        }
        queue = shared.queue();
        for event in events.iter().filter(|event| is_word(&event.what)) {
            if let Entry::Occupied(mut words) = queue.words.entry(event.batch) {
                match words.get() {
                    0 | 1 => _ = words.remove(),
                    more => _ = words.insert(more - 1),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Status;
    use std::sync::mpsc::channel;

    /// An observer that stands still loses the middle, is told how much, and holds up nobody.
    #[test]
    fn slow_observers_lose_the_middle() {
        let (go, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let observer: Observer = Arc::new(move |event| {
            if kept.lock().expect("a list").is_empty() {
                wait.lock().expect("a channel").recv().expect("a signal");
            }
            kept.lock().expect("a list").push(event.clone());
        });
        let hub = Hub::start(vec![observer], Instant::now()).expect("a thread");
        hub.tell(1, &"first".into(), What::Started);
        while !hub.shared.queue().events.is_empty() {
            std::thread::yield_now();
        }
        let progress = |done| What::Progress {
            done,
            total: None,
            message: String::new(),
        };
        for done in 0..100 {
            hub.tell(1, &"first".into(), progress(done));
        }
        for _ in 0..MOST {
            hub.tell(1, &"other".into(), What::Started);
        }
        assert!(hub.has_words(1) && !hub.has_words(2));
        go.send(()).expect("it listens");
        assert!(hub.settle(Duration::from_secs(60)));
        hub.tell(1, &"first".into(), What::Finished { status: Status::Ok });
        assert!(hub.settle(Duration::from_secs(60)));
        assert!(!hub.has_words(1));
        let seen = seen.lock().expect("a list");
        assert_eq!(seen[1].what, progress(99), "only the latest progress is kept");
        assert_eq!(seen.len(), MOST + 2);
        assert_eq!(seen[MOST + 1].dropped, 1);
    }
}
