//! The client: one request and its answer as a stream, or many requests at once.
//!
//! It must not hold more of an answer than it was asked to.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::time::Duration;

use url::Url;

use super::flight::Flight;
use super::headers::Headers;
use super::request::Request;
use super::transport::{Head, Step, Transport};
use super::trouble;
use super::wasi::Host;
use crate::failure::Result;

/// Sends requests over a transport.
#[derive(Debug)]
pub struct Client<T> {
    transport: T,
}

impl Client<Host> {
    /// The client whose requests the host carries.
    pub fn host() -> Client<Host> {
        Client::over(Host)
    }
}

/// An answer that has begun; reading it reads its body.
pub struct Response<'c, T: Transport> {
    /// The status code: 200.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// Where it came from, after redirects.
    pub url: Url,
    /// How many redirects were followed.
    pub redirects: u32,
    transport: &'c T,
    flight: Flight<T>,
    /// A piece of the body, and how much of it has been read.
    piece: (Vec<u8>, usize),
    ended: bool,
}

/// An answer with its body, or the beginning of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The status code: 200.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// Where it came from, after redirects.
    pub url: Url,
    /// How many redirects were followed.
    pub redirects: u32,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it is all of it.
    pub complete: bool,
}

/// How many requests are sent at once.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// At most so many are on their way at one time.
    pub at_once: usize,
    /// At most so many bytes of each body are kept.
    pub most: usize,
    /// Those that have no complete answer after this time fail, also those not yet sent.
    pub within: Option<Duration>,
}

impl<T: Transport> Client<T> {
    /// The client whose requests this transport carries.
    pub fn over(transport: T) -> Client<T> {
        Client { transport }
    }

    /// What carries the requests.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Sends a request, follows redirects, and waits until the answer begins.
    ///
    /// # Errors
    /// Whatever ends the exchange before; a status such as 404 is no error here.
    pub fn send(&self, request: Request) -> Result<Response<'_, T>> {
        let mut flight = Flight::start(&self.transport, request, None)?;
        loop {
            match flight.step(&self.transport)? {
                Step::Head(Head { status, headers }) => {
                    return Ok(Response {
                        status,
                        headers,
                        url: flight.request.url.clone(),
                        redirects: flight.hops,
                        transport: &self.transport,
                        flight,
                        piece: (Vec::new(), 0),
                        ended: false,
                    });
                }
                Step::Waiting => flight.wait(&self.transport),
                Step::Bytes(_) | Step::End => {
                    return Err(trouble::broken(&flight.request.url, "the answer has no beginning"));
                }
            }
        }
    }

    /// Sends all of these, several at once, and answers in their order. `each` is told of every one that has ended,
    /// by its place.
    pub fn send_all(
        &self,
        requests: Vec<Result<Request>>,
        batch: Batch,
        mut each: impl FnMut(usize, &Result<Whole>),
    ) -> Vec<Result<Whole>> {
        let latest = batch.within.map(|within| self.transport.now().saturating_add(within));
        let mut results = requests.iter().map(|_| None).collect::<Vec<_>>();
        let mut todo = requests.into_iter().enumerate().collect::<VecDeque<_>>();
        let mut flying: Vec<Flying<T>> = Vec::new();
        let mut ends = |index: usize, result: Result<Whole>| {
            each(index, &result);
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(result);
            }
        };
        loop {
            while flying.len() < batch.at_once.max(1)
                && let Some((index, request)) = todo.pop_front()
            {
                match request.and_then(|request| self.starts(index, request, batch, latest)) {
                    Ok(started) => flying.push(started),
                    Err(failure) => ends(index, Err(failure)),
                }
            }
            if flying.is_empty() {
                break;
            }
            let before = flying.len();
            let mut moved = false;
            flying.retain_mut(|one| match one.step(&self.transport, batch.most) {
                Ok(Progress::Waits) => true,
                Ok(Progress::Moved) => {
                    moved = true;
                    true
                }
                Ok(Progress::Ended(whole)) => {
                    ends(one.index, Ok(whole));
                    false
                }
                Err(failure) => {
                    ends(one.index, Err(failure));
                    false
                }
            });
            if !moved && flying.len() == before {
                let left = flying.iter().filter_map(|one| one.flight.left(&self.transport)).min();
                let exchanges = flying
                    .iter()
                    .filter_map(|one| one.flight.exchange())
                    .collect::<Vec<_>>();
                self.transport.wait(&exchanges, left);
            }
        }
        results.into_iter().flatten().collect()
    }

    fn starts(&self, index: usize, mut request: Request, batch: Batch, latest: Option<Duration>) -> Result<Flying<T>> {
        if let (Some(latest), Some(within)) = (latest, batch.within) {
            if self.transport.now() >= latest {
                return Err(trouble::late(&request.url, within));
            }
            // So that the failure names the time that was given.
            request.timeouts.total.get_or_insert(within);
        }
        Ok(Flying {
            index,
            flight: Flight::start(&self.transport, request, latest)?,
            head: None,
            body: Vec::new(),
        })
    }
}

/// One of many on its way.
struct Flying<T: Transport> {
    index: usize,
    flight: Flight<T>,
    head: Option<Head>,
    body: Vec<u8>,
}

enum Progress {
    Waits,
    Moved,
    Ended(Whole),
}

impl<T: Transport> Flying<T> {
    fn step(&mut self, transport: &T, most: usize) -> Result<Progress> {
        match self.flight.step(transport)? {
            Step::Waiting => Ok(Progress::Waits),
            Step::Head(head) => {
                self.head = Some(head);
                Ok(Progress::Moved)
            }
            Step::Bytes(bytes) => {
                let room = most.saturating_sub(self.body.len());
                self.body.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
                if bytes.len() > room {
                    return self.ended(false);
                }
                Ok(Progress::Moved)
            }
            Step::End => self.ended(true),
        }
    }

    fn ended(&mut self, complete: bool) -> Result<Progress> {
        let url = self.flight.request.url.clone();
        let Some(Head { status, headers }) = self.head.take() else {
            return Err(trouble::broken(&url, "the answer has no beginning"));
        };
        Ok(Progress::Ended(Whole {
            status,
            headers,
            url,
            redirects: self.flight.hops,
            body: std::mem::take(&mut self.body),
            complete,
        }))
    }
}

impl<T: Transport> Response<'_, T> {
    /// Waits for the next piece of the body; says whether there is one.
    fn more(&mut self) -> Result<bool> {
        loop {
            match self.flight.step(self.transport)? {
                Step::Bytes(bytes) => {
                    self.piece = (bytes, 0);
                    return Ok(true);
                }
                Step::Waiting => self.flight.wait(self.transport),
                Step::Head(_) => {}
                Step::End => {
                    self.ended = true;
                    return Ok(false);
                }
            }
        }
    }
}

/// What ends an answer too early is an error that holds the failure; the operator `?` takes it out again.
impl<T: Transport> Read for Response<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (bytes, read) = &self.piece;
        if *read >= bytes.len() && (self.ended || buffer.is_empty() || !self.more().map_err(io::Error::other)?) {
            return Ok(0);
        }
        let (bytes, read) = &mut self.piece;
        let count = bytes.get(*read..).unwrap_or_default().read(buffer)?;
        *read += count;
        Ok(count)
    }
}
