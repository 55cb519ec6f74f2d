//! The door on streams: one client, whose end of input is the end. It must not write anything else there.

use super::Server;
use rmcp::ServiceExt as _;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// Standard input and output; where they are pipes, without a thread between.
#[must_use]
pub fn pipes() -> (
    impl AsyncRead + Send + Unpin + 'static,
    impl AsyncWrite + Send + Unpin + 'static,
) {
    rmcp::transport::stdio_pipes()
}

impl Server {
    /// Serves its client on these streams until it has closed its side; calls that run then are still answered. If this is
    /// dropped, they are taken back. On a runtime of one thread, calls are taken in in the order in which they came; on
    /// several, in about that.
    ///
    /// # Errors
    /// If the client does not speak the protocol.
    pub async fn on<R, W>(self, streams: (R, W)) -> io::Result<()>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let running = match self.serve(streams).await {
            Ok(running) => running,
            // Nobody has said anything.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        };
        running.waiting().await.map(drop).map_err(io::Error::other)
    }
}
