//! A transport that answers from a script, for an author's own tests: no network, and a clock that goes forward only
//! when somebody waits.
//!
//! It must not check what it is asked: a request that the script doesn't know is answered with 404.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::headers::Headers;
use super::request::Request;
use super::transport::{Head, Step, Transport};
use crate::failure::{Failure, Result};

/// An answer of the script.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    after: Duration,
    piece: usize,
    fails: Option<Failure>,
}

impl Answer {
    /// An answer with a status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            headers: Headers::new(),
            body: body.into(),
            after: Duration::ZERO,
            piece: 1000,
            fails: None,
        }
    }

    /// A good answer of that media type.
    pub fn of(media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer::new(200, body).header("content-type", media_type)
    }

    /// A redirect.
    pub fn redirect(status: u16, to: &str) -> Answer {
        Answer::new(status, "").header("location", to)
    }

    /// Nothing but a failure, after the body that it has.
    pub fn failing(failure: Failure) -> Answer {
        Answer {
            fails: Some(failure),
            ..Answer::new(0, "")
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.add(name, value);
        self
    }

    /// The answer begins, and each piece comes, so long after what was before.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Answer {
        self.after = after;
        self
    }

    /// The body comes in pieces of so many bytes.
    #[must_use]
    pub fn pieces(mut self, bytes: usize) -> Answer {
        self.piece = bytes.max(1);
        self
    }

    /// After the body comes a failure instead of the end.
    #[must_use]
    pub fn then(mut self, failure: Failure) -> Answer {
        self.fails = Some(failure);
        self
    }
}

/// The script: which URL is answered how.
#[derive(Debug, Default)]
pub struct Scripted {
    answers: Vec<(String, Answer)>,
    clock: Cell<Duration>,
    seen: RefCell<Vec<Request>>,
    flying: std::rc::Rc<Cell<usize>>,
    most: Cell<usize>,
}

/// A request to the script.
pub struct Asked {
    answer: Answer,
    begun: bool,
    given: usize,
    ready: Duration,
    flying: std::rc::Rc<Cell<usize>>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.flying.set(self.flying.get().saturating_sub(1));
    }
}

impl Scripted {
    /// A script without answers.
    pub fn new() -> Scripted {
        Scripted::default()
    }

    /// Answers requests for this URL so.
    #[must_use]
    pub fn on(mut self, url: &str, answer: Answer) -> Scripted {
        self.answers.push((url.to_owned(), answer));
        self
    }

    /// The requests that came, in their order.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.borrow().clone()
    }

    /// How many requests were on their way at one time, at most.
    pub fn at_once(&self) -> usize {
        self.most.get()
    }
}

impl Transport for Scripted {
    type Exchange = Asked;

    fn start(&self, request: &Request) -> Result<Asked> {
        self.seen.borrow_mut().push(request.clone());
        let known = self.answers.iter().find(|(url, _)| url == request.url.as_str());
        let answer = known.map_or_else(|| Answer::new(404, "no such page"), |(_, answer)| answer.clone());
        self.flying.set(self.flying.get() + 1);
        self.most.set(self.most.get().max(self.flying.get()));
        Ok(Asked {
            ready: self.clock.get() + answer.after,
            answer,
            begun: false,
            given: 0,
            flying: self.flying.clone(),
        })
    }

    fn step(&self, asked: &mut Asked) -> Result<Step> {
        if self.clock.get() < asked.ready {
            return Ok(Step::Waiting);
        }
        let answer = &asked.answer;
        if !asked.begun && answer.status != 0 {
            asked.begun = true;
            asked.ready = self.clock.get() + answer.after;
            return Ok(Step::Head(Head {
                status: answer.status,
                headers: answer.headers.clone(),
            }));
        }
        let rest = answer.body.get(asked.given..).unwrap_or_default();
        if rest.is_empty() {
            return answer.fails.clone().map_or(Ok(Step::End), Err);
        }
        let piece = rest.get(..answer.piece).unwrap_or(rest).to_vec();
        asked.given += piece.len();
        asked.ready = self.clock.get() + answer.after;
        Ok(Step::Bytes(piece))
    }

    fn wait(&self, exchanges: &[&Asked], at_most: Option<Duration>) {
        let ready = exchanges.iter().map(|asked| asked.ready).min();
        let limit = at_most.map(|at_most| self.clock.get() + at_most);
        if let Some(next) = [ready, limit].into_iter().flatten().min() {
            self.clock.set(self.clock.get().max(next));
        }
    }

    fn now(&self) -> Duration {
        self.clock.get()
    }
}
