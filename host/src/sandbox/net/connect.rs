//! From an endpoint to a connection: the name is looked up once, every address is judged, and the connection goes to the
//! one that was judged. It must not know what will be sent.

use super::Body;
use super::pool::Connection;
use crate::call::{Endpoint, HostName, Scheme};
use crate::egress::{self, Resolve, Unreachable};
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::io::TokioIo;

/// Bytes of one answer's head.
const HEAD_BYTES: usize = 128 << 10;

/// What a connection is made with.
pub(super) struct Connector {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) tls: TlsConnector,
}

impl Connector {
    /// A connection to `endpoint`, at an address that `judge` says nothing against.
    pub(super) async fn connect(
        &self,
        endpoint: &Endpoint,
        most_headers: usize,
        judge: impl Fn(IpAddr) -> Result<(), Error>,
    ) -> Result<Connection, Error> {
        let found = egress::addresses(&*self.resolver, &endpoint.host, judge).await;
        let addresses = found.map_err(|why| match why {
            Unreachable::Refused(error) => error,
            Unreachable::Unknown(why) => Error::DnsError {
                rcode: Some(why),
                info_code: None,
            },
        })?;
        let mut failed = Error::DestinationNotFound;
        for address in addresses {
            match self.open(endpoint, address, most_headers).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn open(&self, endpoint: &Endpoint, address: IpAddr, most_headers: usize) -> Result<Connection, Error> {
        let stream = TcpStream::connect(SocketAddr::new(address, endpoint.port)).await;
        let stream = stream.map_err(Error::Connect)?;
        // Small requests should not wait for more to come.
        stream.set_nodelay(true).map_err(Error::Connect)?;
        let sender = match endpoint.scheme {
            Scheme::Http => speak(stream, most_headers).await?,
            Scheme::Https => {
                let name = server_name(&endpoint.host)?;
                let stream = self.tls.connect(name, stream).await.map_err(Error::Tls)?;
                speak(stream, most_headers).await?
            }
        };
        Ok(Connection { sender, address })
    }
}

fn server_name(host: &HostName) -> Result<ServerName<'static>, Error> {
    match host {
        HostName::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        HostName::Name(name) => ServerName::try_from(name.to_string())
            .map_err(|error| Error::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))),
    }
}

async fn speak<S>(stream: S, most_headers: usize) -> Result<hyper::client::conn::http1::SendRequest<Body>, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(most_headers)
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    // It ends when its sender is gone and its last body is read or dropped.
    drop(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
    }));
    Ok(sender)
}
