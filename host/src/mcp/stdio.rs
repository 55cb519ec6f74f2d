//! The door on standard input and output: one client, whose end of input is the end. It must not write anything else there.

use super::{Desk, Server};
use crate::host::Host;
use rmcp::ServiceExt as _;
use std::io;
use std::sync::Arc;

impl Server {
    /// Serves one client on standard input and output until it has closed its side; calls that run then are still answered.
    /// On a runtime of one thread, calls are taken in in the order in which they came; on several, in about that.
    ///
    /// # Errors
    /// If the client does not speak the protocol.
    pub async fn stdio(host: &Arc<Host>, desk: &Arc<Desk>) -> io::Result<()> {
        let server = Self::new(host, desk);
        let running = match server.serve(rmcp::transport::stdio_pipes()).await {
            Ok(running) => running,
            // Nobody has said anything.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        };
        running.waiting().await.map(drop).map_err(io::Error::other)
    }
}
