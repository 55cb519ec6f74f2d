//! Bodies that are counted and timed as they pass. They must not hold more than the piece at hand.

use super::pool::Idle;
use super::{Body, Shared};
use bytes::{Buf as _, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming as HyperIncoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

/// What a guest sends.
pub(super) struct Outgoing {
    inner: Body,
    shared: Arc<Shared>,
}

impl Outgoing {
    pub(super) fn new(inner: Body, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.remaining()) as u64;
            let shared = &self.shared;
            if !shared.count(&shared.sent, bytes, shared.limits.request_bytes, "request_bytes") {
                return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(shared.limits.request_bytes)))));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a server answers. When it has been read to its end, the connection goes back to the others.
pub(super) struct Incoming {
    inner: HyperIncoming,
    shared: Arc<Shared>,
    connection: Option<Idle>,
    between: Duration,
    alarm: Pin<Box<Sleep>>,
    /// The request counts as under way until its answer is read or dropped.
    permit: Option<OwnedSemaphorePermit>,
}

impl Incoming {
    pub(super) fn new(
        inner: HyperIncoming,
        shared: Arc<Shared>,
        connection: Idle,
        between: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let mut body = Self {
            alarm: Box::pin(tokio::time::sleep(between)),
            inner,
            shared,
            connection: Some(connection),
            between,
            permit: Some(permit),
        };
        if body.inner.is_end_stream() {
            body.done();
        }
        body
    }

    fn done(&mut self) {
        self.permit = None;
        if let Some(connection) = self.connection.take() {
            connection.put_back();
        }
    }

    fn broken(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // What the server still sends is nobody's: the connection is closed.
        (self.connection, self.permit) = (None, None);
        Poll::Ready(Some(Err(error)))
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Pending => {
                ready!(self.alarm.as_mut().poll(context));
                self.broken(Error::ConnectionReadTimeout)
            }
            Poll::Ready(None) => {
                self.done();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => self.broken(Error::Hyper(error)),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.remaining()) as u64;
                let shared = Arc::clone(&self.shared);
                let most = shared.limits.response_bytes;
                if !shared.count(&shared.received, bytes, most, "response_bytes") {
                    return self.broken(Error::HttpResponseBodySize(Some(most)));
                }
                let next = Instant::now() + self.between;
                self.alarm.as_mut().reset(next);
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
