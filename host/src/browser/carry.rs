//! What a tunnel carries, both ways, until nobody needs it. It must not look at any of it.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// As long as this one side of a tunnel may go on when the other has ended.
const LINGER: Duration = Duration::from_secs(10);

/// Carries bytes both ways until both sides have ended, or one has and the other takes too long to.
pub(super) async fn carry(client: impl AsyncRead + AsyncWrite, server: TcpStream) {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        drop(tokio::io::copy(&mut from_client, &mut to_server).await);
        drop(to_server.shutdown().await);
    };
    let down = async {
        drop(tokio::io::copy(&mut from_server, &mut to_client).await);
        drop(to_client.shutdown().await);
    };
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    tokio::select! {
        () = &mut up => drop(timeout(LINGER, down).await),
        () = &mut down => drop(timeout(LINGER, up).await),
    }
}
