//! One request with all its redirects, as a machine that goes on step by step: blocking callers and those with many
//! requests share it.
//!
//! It must not wait.

use std::time::Duration;

use super::redirect;
use super::request::Request;
use super::transport::{Step, Transport};
use super::trouble;
use crate::failure::{Failure, Result};

pub(super) struct Flight<T: Transport> {
    /// The request of the latest hop.
    pub request: Request,
    /// How many redirects led to it.
    pub hops: u32,
    /// Nothing only while the next hop starts: the old one is given back before.
    exchange: Option<T::Exchange>,
    /// When it must be complete, on the transport's clock.
    pub until: Option<Duration>,
}

impl<T: Transport> Flight<T> {
    pub fn start(transport: &T, request: Request, latest: Option<Duration>) -> Result<Flight<T>> {
        let own = request
            .timeouts
            .total
            .map(|total| transport.now().saturating_add(total));
        let until = [own, latest].into_iter().flatten().min();
        let exchange = transport.start(&request)?;
        Ok(Flight {
            request,
            hops: 0,
            exchange: Some(exchange),
            until,
        })
    }

    /// The next thing to hand over, redirects followed.
    pub fn step(&mut self, transport: &T) -> Result<Step> {
        loop {
            let Some(exchange) = &mut self.exchange else {
                return Err(trouble::broken(&self.request.url, "it has failed already"));
            };
            let step = transport.step(exchange).map_err(|failure| self.told(failure))?;
            let Step::Head(head) = step else {
                return self.in_time(transport, step);
            };
            let next = redirect::next(&self.request, self.hops, &head).map_err(|failure| self.told(failure))?;
            let Some(next) = next else {
                return Ok(Step::Head(head));
            };
            self.exchange = None;
            let exchange = transport.start(&next);
            let from = std::mem::replace(&mut self.request, next);
            self.hops += 1;
            let at = |why: &str| format!("{why} (redirected from {})", from.url);
            self.exchange = Some(exchange.map_err(|failure| failure.say(at))?);
        }
    }

    /// What to wait for.
    pub fn exchange(&self) -> Option<&T::Exchange> {
        self.exchange.as_ref()
    }

    /// Waits until it can go on, or its time is over.
    pub fn wait(&self, transport: &T) {
        transport.wait(&self.exchange().into_iter().collect::<Vec<_>>(), self.left(transport));
    }

    /// How long a wait may be.
    pub fn left(&self, transport: &T) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(transport.now()))
    }

    /// A step that is not the last must be in time; also one with bytes, or a slow endless answer would never end.
    fn in_time(&self, transport: &T, step: Step) -> Result<Step> {
        match self.until {
            Some(until) if step != Step::End && transport.now() >= until => {
                let total = self.request.timeouts.total.unwrap_or_default();
                Err(self.told(trouble::late(&self.request.url, total)))
            }
            _ => Ok(step),
        }
    }

    /// The failure, with how the request came to this URL.
    fn told(&self, failure: Failure) -> Failure {
        match self.hops {
            0 => failure,
            1 => failure.say(|message| format!("{message}, after a redirect")),
            hops => failure.say(|message| format!("{message}, after {hops} redirects")),
        }
    }
}
