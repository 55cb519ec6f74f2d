//! What carries a request: the seam between the client and the host, or a script in an author's own tests.
//!
//! It must not follow redirects or know of limits: the client does.

use std::time::Duration;

use super::headers::Headers;
use super::request::Request;
use crate::failure::Result;

/// How an answer begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code: 200.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
}

/// How far an exchange has come since it was last looked at.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// No further; wait before looking again.
    Waiting,
    /// The answer begins.
    Head(Head),
    /// A piece of the answer's body, not empty.
    Bytes(Vec<u8>),
    /// The answer is complete.
    End,
}

/// Carries requests and their answers, as many at once as are asked for.
pub trait Transport {
    /// One request on its way and its answer.
    type Exchange;

    /// Sends a request, as far as that needs no waiting. Redirects are not followed.
    ///
    /// # Errors
    /// What can be refused at once: headers that can't be set, a host that is not granted.
    fn start(&self, request: &Request) -> Result<Self::Exchange>;

    /// Goes on as far as that needs no waiting, or up to the next thing to hand over.
    ///
    /// # Errors
    /// Whatever ends an exchange before its answer is complete.
    fn step(&self, exchange: &mut Self::Exchange) -> Result<Step>;

    /// Waits until one of them can go on, but not for longer than that.
    fn wait(&self, exchanges: &[&Self::Exchange], at_most: Option<Duration>);

    /// The time on a clock that only goes forward.
    fn now(&self) -> Duration;
}
