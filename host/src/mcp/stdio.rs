//! The door on streams: one client, whose end of input is the end. It must not write anything else there.

use super::lines::Lines;
use super::{Desk, Server};
use crate::host::Host;
use rmcp::ServiceExt as _;
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

/// Standard input and output; where they are pipes, without a thread between.
#[must_use]
pub fn pipes() -> (
    impl AsyncRead + Send + Unpin + 'static,
    impl AsyncWrite + Send + Unpin + 'static,
) {
    rmcp::transport::stdio_pipes()
}

impl Server {
    /// Serves one client on standard input and output until it has closed its side; calls that run then are still answered,
    /// as long as somebody could read the answers.
    /// On a runtime of one thread, calls are taken in in the order in which they came; on several, in about that.
    ///
    /// # Errors
    /// If the client does not speak the protocol.
    pub async fn stdio(host: &Arc<Host>, desk: &Arc<Desk>) -> io::Result<()> {
        let gone = nobody_reads()?;
        tokio::select! {
            served = Self::new(host, desk).on(pipes()) => served,
            // With the server, its calls are taken back.
            Ok(()) = gone => Ok(()),
        }
    }

    /// The same on these streams. If this is dropped, calls that run are taken back. Ends, too, when the desk has been closed
    /// and no call runs any more.
    ///
    /// # Errors
    /// As there.
    pub async fn on<R, W>(self, streams: (R, W)) -> io::Result<()>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let desk = Arc::clone(self.desk());
        let _client = desk.welcome();
        let (lines, writing) = Lines::new(streams, self.most_open());
        let pace = lines.pace();
        let running = match self.at(pace).serve(lines).await {
            Ok(running) => running,
            Err(error) => {
                // What was said before is still told.
                writing.finish().await;
                return match error {
                    // Nobody has said anything.
                    rmcp::service::ServerInitializeError::ConnectionClosed(_) => Ok(()),
                    error => Err(io::Error::other(error)),
                };
            }
        };
        let enough = running.cancellation_token();
        let mut served = std::pin::pin!(running.waiting());
        let served = tokio::select! {
            served = &mut served => served,
            () = desk.over() => {
                enough.cancel();
                served.await
            }
        };
        writing.finish().await;
        served.map(drop).map_err(io::Error::other)
    }
}

/// Resolves when nobody can read standard output any more. The thread that waits for it ends with the process.
///
/// # Errors
/// If there is no thread for that.
pub fn nobody_reads() -> io::Result<oneshot::Receiver<()>> {
    let (tells, told) = oneshot::channel();
    let wait = move || {
        let out = io::stdout();
        // Nothing is asked for; that the other end is closed is told unasked.
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        loop {
            match poll(&mut watched, None) {
                Ok(_) => {
                    // The server may have ended by itself.
                    let _ended = tells.send(());
                    return;
                }
                Err(rustix::io::Errno::INTR) => {}
                // It can't be watched: the end of input has to do.
                Err(_) => return,
            }
        }
    };
    std::thread::Builder::new()
        .name("toolyard-client".to_owned())
        .spawn(wait)?;
    Ok(told)
}
