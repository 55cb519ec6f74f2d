//! What a client is told while a call runs: how far it is, and what it logs. It must not say more than the client asked for.

#![expect(
    deprecated,
    reason = "logging has left the newest revision; clients of those with a handshake have no other way to see it"
)]

use super::asking::alone;
use super::desk::Note;
use crate::call::{Level, Outcome};
use crate::host::Canceller;
use rmcp::model::{
    LoggingLevel, LoggingMessageNotificationParam, PingRequest, ProgressNotificationParam, ProgressToken, ServerRequest,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestContext, RoleServer};
use serde_json::Value;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::time::{Instant, Interval, interval_at};

/// The least important lines that the client of a session wants to see.
#[derive(Debug)]
pub(super) struct Wish(AtomicU8);

impl Default for Wish {
    fn default() -> Self {
        Self(AtomicU8::new(weight(LoggingLevel::Warning)))
    }
}

impl Wish {
    pub(super) fn set(&self, level: LoggingLevel) {
        self.0.store(weight(level), Ordering::Relaxed);
    }
}

/// As long as this an answer to a ping is waited for.
const SIGN: Duration = Duration::from_secs(60);

/// A call under way; dropped, it is taken back.
pub(super) struct Guard(Option<Canceller>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.take_back();
    }
}

impl Guard {
    pub(super) fn of(call: Canceller) -> Self {
        Self(Some(call))
    }

    /// Whether the call was neither taken back nor left to itself.
    pub(super) fn stands(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn take_back(&mut self) {
        if let Some(call) = self.0.take() {
            call.cancel();
        }
    }

    /// The call has ended, or nobody takes it back any more.
    pub(super) fn leave(&mut self) {
        self.0 = None;
    }

    /// Tells something to the end. A client that takes its call back, or is gone, is heard meanwhile: it may be reading nothing.
    pub(super) async fn unless(&mut self, context: &RequestContext<RoleServer>, telling: impl Future<Output = ()>) {
        let mut telling = std::pin::pin!(telling);
        tokio::select! {
            biased;
            () = &mut telling => return,
            () = context.ct.cancelled(), if self.stands() => self.take_back(),
        }
        telling.await;
    }
}

/// The moments in which a client that waits is asked for a sign of life.
pub(super) struct Signs(Option<Interval>);

impl Signs {
    /// One each time that this is over, or none at all. Whatever an embedder has set is a time that a clock can tell.
    pub(super) fn every(time: Option<Duration>) -> Self {
        let clock = |time: Duration| time.clamp(Duration::from_millis(10), Duration::from_secs(3600));
        Self(time.map(clock).map(|time| interval_at(Instant::now() + time, time)))
    }

    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(signs) => drop(signs.tick().await),
            None => std::future::pending().await,
        }
    }
}

/// What one client is told of one call.
pub(super) struct Told<'a> {
    peer: &'a Peer<RoleServer>,
    token: Option<ProgressToken>,
    /// The weight of the least important lines that it wants; none if it wants none.
    least: Option<u8>,
    done: Option<u64>,
}

impl<'a> Told<'a> {
    pub(super) fn new(context: &'a RequestContext<RoleServer>, wish: &Wish) -> Self {
        // A request that stands for itself says in itself which lines it wants.
        let least = match alone(context) {
            true => context.meta.log_level().map(weight),
            false => Some(wish.0.load(Ordering::Relaxed)),
        };
        Self {
            peer: &context.peer,
            token: context.meta.get_progress_token(),
            least,
            done: None,
        }
    }

    /// Whether something that this client wants to know may still be under way when its call has ended.
    pub(super) fn waits(&self, outcome: &Outcome) -> bool {
        self.token.is_some() || (self.least.is_some() && !outcome.log.is_empty())
    }

    /// Asks the client for a sign of life, which is one itself: a session in which nothing is said is forgotten.
    pub(super) async fn ask_for_life(&self) {
        let ping = ServerRequest::PingRequest(PingRequest::default());
        let options = PeerRequestOptions::with_timeout(SIGN);
        if let Ok(asked) = self.peer.send_request_with_option(ping, options).await {
            // Nothing hangs on the answer.
            drop(tokio::spawn(asked.await_response()));
        }
    }

    pub(super) async fn tell(&mut self, note: Note) {
        match (note, &self.token) {
            // It has to grow with each.
            (Note::Progress { done, total, message }, Some(token)) if self.done.is_none_or(|before| done > before) => {
                self.done = Some(done);
                let mut progress = ProgressNotificationParam::new(token.clone(), number(done));
                progress.total = total.map(number);
                progress.message = (!message.is_empty()).then_some(message);
                drop(self.peer.notify_progress(progress).await);
            }
            (Note::Log { level, text }, _) => {
                let level = logged(level);
                if self.least.is_some_and(|least| weight(level) >= least) {
                    let line = LoggingMessageNotificationParam::new(level, Value::String(text));
                    drop(self.peer.notify_logging_message(line).await);
                }
            }
            (Note::Progress { .. }, _) => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of steps for people")]
fn number(count: u64) -> f64 {
    count as f64
}

fn logged(level: Level) -> LoggingLevel {
    match level {
        Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Warn => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
    }
}

/// How important, as a number (RFC 5424 the other way round).
fn weight(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn any_time_can_be_set() {
        for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            assert!(Signs::every(Some(time)).0.is_some());
        }
        Signs::every(Some(Duration::ZERO)).next().await;
    }
}
