//! When a browser that died may be started again, and how often a living one is asked whether it still answers: pure
//! decisions about instants. It must not start, ask or kill anything.

use super::fault::{Fault, FaultKind};
use std::time::{Duration, Instant};

/// How a browser came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The browser has closed the pipe.
    Gone,
    /// The browser doesn't answer.
    Hung,
    /// Nobody needs it any more.
    Unneeded,
}

impl End {
    /// What those are told who still wait for it.
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Gone => Fault::crashed(),
            Self::Hung => Fault::new(FaultKind::Crashed, "the browser did not answer any more and was ended"),
            Self::Unneeded => Fault::new(FaultKind::Crashed, "the browser session was ended"),
        }
    }
}

/// The wait after a first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// As long as this a browser must have lived for its end to count as a first failure again.
const HEALTHY: Duration = Duration::from_secs(60);

/// As many failures within this time open the circuit, for that long.
const MOST_FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(120);
const OPEN_FOR: Duration = Duration::from_secs(60);

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    /// Start.
    Start,
    /// Start after this wait.
    Wait(Duration),
    /// Not before this time has passed: it has failed too often.
    Refuse(Duration),
}

/// The failures of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    recent: Vec<Instant>,
    in_a_row: u32,
    not_before: Option<Instant>,
    open_until: Option<Instant>,
}

impl Failures {
    /// A browser that had lived for `lived` has died at `now`. `chance` (0 to 1) spreads the wait of several.
    pub(super) fn failed(&mut self, now: Instant, lived: Duration, chance: f64) {
        if lived >= HEALTHY {
            self.in_a_row = 0;
        }
        self.recent.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        self.recent.push(now);
        let whole = FIRST_WAIT.saturating_mul(1 << self.in_a_row.min(16)).min(LONGEST_WAIT);
        self.in_a_row = self.in_a_row.saturating_add(1);
        // Half of it for sure, the other half by chance.
        let wait = whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        self.not_before = now.checked_add(wait);
        if self.recent.len() >= MOST_FAILURES {
            self.open_until = now.checked_add(OPEN_FOR);
            self.recent.clear();
        }
    }

    /// Whether a browser may be started at `now`.
    pub(super) fn may_start(&self, now: Instant) -> May {
        let left = |until: Option<Instant>| until.and_then(|until| until.checked_duration_since(now));
        match (left(self.open_until), left(self.not_before)) {
            (Some(rest), _) if !rest.is_zero() => May::Refuse(rest),
            (_, Some(rest)) if !rest.is_zero() => May::Wait(rest),
            _ => May::Start,
        }
    }
}

/// When a browser is next asked whether it answers: often while somebody waits for it, ever less often while nobody does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    shortest: Duration,
    interval: Duration,
}

/// As seldom as this it is asked at least.
const LONGEST_PULSE: Duration = Duration::from_secs(30);

impl Pulse {
    pub(super) fn new(shortest: Duration) -> Self {
        Self {
            shortest,
            interval: shortest,
        }
    }

    /// The time to the next question, after an answer came.
    pub(super) fn after(&mut self, busy: bool) -> Duration {
        self.interval = match busy {
            true => self.shortest,
            false => self.interval.saturating_mul(2).min(LONGEST_PULSE).max(self.shortest),
        };
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_the_circuit_opens() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        assert_eq!(failures.may_start(start), May::Start);
        let mut now = start;
        for wait in [250, 500, 1000, 2000] {
            failures.failed(now, Duration::from_secs(1), 1.0);
            assert_eq!(failures.may_start(now), May::Wait(Duration::from_millis(wait)));
            now += Duration::from_millis(wait);
            assert_eq!(failures.may_start(now), May::Start);
        }
        failures.failed(now, Duration::from_secs(1), 0.0);
        assert_eq!(failures.may_start(now), May::Refuse(OPEN_FOR));
        assert_eq!(failures.may_start(now + OPEN_FOR), May::Start);
    }

    #[test]
    fn a_long_life_forgives() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        failures.failed(now, Duration::ZERO, 1.0);
        failures.failed(now, Duration::ZERO, 1.0);
        failures.failed(now, HEALTHY, 1.0);
        assert_eq!(failures.may_start(now), May::Wait(FIRST_WAIT));
        assert_eq!(failures.in_a_row, 1);
    }

    #[test]
    fn failures_far_apart_open_nothing() {
        let (mut failures, mut now) = (Failures::default(), Instant::now());
        for _ in 0..50 {
            failures.failed(now, HEALTHY, 0.5);
            now += WINDOW / 3;
            assert_eq!(failures.may_start(now), May::Start);
        }
    }

    #[test]
    fn the_pulse_slows_down_while_nobody_waits() {
        let mut pulse = Pulse::new(Duration::from_secs(1));
        assert_eq!(pulse.after(true), Duration::from_secs(1));
        let slow: Vec<u64> = (0..6).map(|_| pulse.after(false).as_secs()).collect();
        assert_eq!(slow, [2, 4, 8, 16, 30, 30]);
        assert_eq!(pulse.after(true), Duration::from_secs(1));
    }
}
