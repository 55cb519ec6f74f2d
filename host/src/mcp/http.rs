//! The door over HTTP: a service per session, on loopback unless the operator says otherwise. It must not answer anybody who
//! doesn't know the token, nor a page of a browser that came by another name.

use super::{Desk, Server};
use crate::host::Host;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The one path that answers.
const PATH: &str = "/mcp";

/// As many connections are open at once.
const MOST_OPEN: usize = 256;

/// A request may be so long, in bytes: a file that is written is part of one.
const MOST_BODY: usize = 16 << 20;

/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub struct Http {
    /// What a client has to say as its bearer token; nothing if anybody on this machine may come in.
    pub token: Option<String>,
    /// Names under which this server is reached, beside those of loopback: what `Host` may say.
    pub hosts: Vec<String>,
    /// Where pages may come from that call it, beside loopback: what `Origin` may say.
    pub origins: Vec<String>,
}

/// A server that is about to serve.
pub struct Listening {
    listener: TcpListener,
    service: Service,
    expect: Option<HeaderValue>,
}

type Service = StreamableHttpService<Server, LocalSessionManager>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Http {
    /// Listens; whoever connects waits until it serves.
    ///
    /// # Errors
    /// If the address can't be had, or the token can't stand in a header.
    pub async fn listen(&self, address: SocketAddr, host: &Arc<Host>, desk: &Arc<Desk>) -> io::Result<Listening> {
        let listener = TcpListener::bind(address).await?;
        let expect = match &self.token {
            Some(token) => Some(HeaderValue::try_from(format!("Bearer {token}")).map_err(io::Error::other)?),
            None => None,
        };
        let mut config = StreamableHttpServerConfig::default();
        config.max_request_body_bytes = MOST_BODY;
        config.allowed_hosts.extend(self.hosts.iter().cloned());
        config.allowed_origins = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]
            .map(str::to_owned)
            .into_iter()
            .chain(self.origins.iter().cloned())
            .collect();
        let (host, desk) = (Arc::clone(host), Arc::clone(desk));
        let service = StreamableHttpService::new(
            move || Ok(Server::new(&host, &desk)),
            Arc::<LocalSessionManager>::default(),
            config.enforce_origin_validation(),
        );
        Ok(Listening {
            listener,
            service,
            expect,
        })
    }
}

impl Listening {
    /// Where clients reach it.
    ///
    /// # Errors
    /// If the system can't say.
    pub fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}{PATH}", self.listener.local_addr()?))
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let open = Arc::new(Semaphore::new(MOST_OPEN));
        let (service, expect) = (self.service, self.expect.map(Arc::new));
        loop {
            let Ok(turn) = Arc::clone(&open).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            drop(stream.set_nodelay(true));
            let (service, expect) = (service.clone(), expect.clone());
            drop(tokio::spawn(async move {
                let answer = hyper::service::service_fn(|request| answer(request, &service, expect.as_deref()));
                let served = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .serve_connection(TokioIo::new(stream), answer);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a client's connection broke");
                }
                drop(turn);
            }));
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    service: &Service,
    expect: Option<&HeaderValue>,
) -> Result<Answer, Infallible> {
    if request.uri().path() != PATH {
        return Ok(plain(StatusCode::NOT_FOUND, "there is only /mcp\n"));
    }
    // Compared in full: a token has no place where a guess could begin.
    let knows = |expect: &HeaderValue| {
        let said = request
            .headers()
            .get(AUTHORIZATION)
            .map_or(&[][..], HeaderValue::as_bytes);
        let expect = expect.as_bytes();
        let differs = said.iter().zip(expect).fold(0, |differs, (a, b)| differs | (a ^ b));
        said.len() == expect.len() && differs == 0
    };
    if expect.is_some_and(|expect| !knows(expect)) {
        let mut answer = plain(StatusCode::UNAUTHORIZED, "this server wants its bearer token\n");
        let ask = HeaderValue::from_static("Bearer realm=\"toolyard\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, ask);
        return Ok(answer);
    }
    let ends = request.method() == Method::DELETE;
    let mut answer = service.handle(request).await;
    if ends && answer.status() == StatusCode::ACCEPTED {
        // The session is gone, not about to go; some clients take the difference for a failure.
        *answer.status_mut() = StatusCode::NO_CONTENT;
    }
    Ok(answer)
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *answer.status_mut() = status;
    answer
}
