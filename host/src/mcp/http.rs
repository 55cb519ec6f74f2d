//! The door over HTTP: a service per session, on loopback unless the operator says otherwise. It must not answer anybody who
//! doesn't know the token, nor a page of a browser that came by another name.

mod pages;
mod posts;
mod sessions;
mod together;

use sessions::Sessions;
pub(super) use sessions::{Place, SESSION, Session};
pub(super) use together::Together;

use super::{Desk, Server};
use crate::host::Host;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::model::ProtocolVersion;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The header that says which revision of the protocol.
const REVISION: &str = "mcp-protocol-version";

/// How a token is said (RFC 6750).
const BEARER: &str = "Bearer ";

/// The one path that answers.
const PATH: &str = "/mcp";

/// As many connections are open at once.
const MOST_OPEN: usize = 256;

/// As long as this a client may be silent that waits for nothing.
const SILENCE: Duration = Duration::from_secs(300);

/// As many clients may have shaken hands, not said goodbye, and not been forgotten.
const MOST_SESSIONS: usize = 256;

const FULL: &str = "too many sessions are open: end one with DELETE, or wait until one is forgotten\n";

/// As long as this an answer is kept for a client whose connection broke before it had all of it.
const KEPT: Duration = Duration::from_secs(15);

/// A request may be so long, in bytes: a file that is written is part of one.
const MOST_BODY: usize = 16 << 20;

/// What was sent may stay unread for so long, in milliseconds.
const UNREAD: u32 = 120_000;

/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub struct Http {
    /// What a client has to say as its bearer token; nothing if anybody on this machine may come in.
    pub token: Option<String>,
    /// Names under which this server is reached, beside those of loopback: what `Host` may say.
    pub hosts: Vec<String>,
    /// Where pages may come from that call it, beside loopback: what `Origin` may say. `https://app.example`, with another port than
    /// the scheme's own after it, or `:*` for any.
    pub origins: Vec<String>,
    /// As long as this nothing may be said in a session before it is forgotten; five minutes unless set. Whoever waits for an answer
    /// is asked for a sign of life (`ping`) three times in it, so nobody is forgotten who waits.
    pub silence: Option<Duration>,
}

/// A server that is about to serve.
pub struct Listening {
    listener: TcpListener,
    inside: Arc<Inside>,
}

/// What every connection needs.
struct Inside {
    service: Service,
    sessions: Arc<LocalSessionManager>,
    clients: Sessions,
    room: Semaphore,
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
    /// If the address can't be had, the token can't stand in a header, or a name or an origin is none.
    pub async fn listen(&self, address: SocketAddr, host: &Arc<Host>, desk: &Arc<Desk>) -> io::Result<Listening> {
        let none = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let origins = self.origins.iter().map(|text| pages::origin(text));
        let origins = origins.collect::<Result<Vec<_>, _>>().map_err(none)?;
        let is_name = |name: &String| Authority::try_from(name.as_str()).is_ok_and(|name| !name.as_str().contains('@'));
        if let Some(name) = self.hosts.iter().find(|name| !is_name(name)) {
            return Err(none(format!(
                "{name:?} is no name of a host: one is app.example or app.example:8080"
            )));
        }
        let listener = TcpListener::bind(address).await?;
        let expect = match &self.token {
            Some(token) => Some(HeaderValue::try_from(format!("{BEARER}{token}")).map_err(io::Error::other)?),
            None => None,
        };
        let mut config = StreamableHttpServerConfig::default();
        config.max_request_body_bytes = MOST_BODY;
        config.allowed_hosts.extend(self.hosts.iter().cloned());
        config.allowed_origins = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]
            .map(str::to_owned)
            .into_iter()
            .chain(origins)
            .collect();
        let (host, desk) = (Arc::clone(host), Arc::clone(desk));
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.completed_cache_ttl = KEPT;
        let silence = self.silence.unwrap_or(SILENCE);
        sessions.session_config.keep_alive = Some(silence);
        let sessions = Arc::new(sessions);
        let clients = Sessions::default();
        let known = clients.clone();
        let places = Arc::new(Semaphore::new(MOST_SESSIONS + MOST_OPEN));
        let service = StreamableHttpService::new(
            // Whatever a request says of itself: there are no more servers than sessions and connections.
            move || match Arc::clone(&places).try_acquire_owned() {
                Ok(turn) => Ok(Server::new(&host, &desk).over_http(Place {
                    _turn: turn,
                    sessions: known.clone(),
                    silence,
                })),
                Err(_) => Err(io::Error::other(FULL)),
            },
            Arc::clone(&sessions),
            config.enforce_origin_validation(),
        );
        let inside = Arc::new(Inside {
            service,
            sessions,
            clients,
            room: posts::room(),
            expect,
        });
        Ok(Listening { listener, inside })
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
        loop {
            let Ok(turn) = Arc::clone(&open).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            drop(stream.set_nodelay(true));
            // Whoever reads nothing of what it is sent is gone, too.
            if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD) {
                tracing::debug!(%error, "a client that stops reading is noticed late");
            }
            let inside = Arc::clone(&self.inside);
            drop(tokio::spawn(async move {
                let answer = hyper::service::service_fn(|request| inside.answer(request));
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

impl Inside {
    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        if request.uri().path() != PATH {
            return Ok(plain(StatusCode::NOT_FOUND, "there is only /mcp\n"));
        }
        if let Err(refused) = pages::judge(request.headers(), &self.service).await {
            return Ok(refused);
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let asks = (request.method() == Method::OPTIONS).then(|| pages::before(request.headers()));
        let early = asks.flatten().or_else(|| self.unknown(request.headers()));
        let mut answer = match early {
            Some(answer) => answer,
            None => self.known(request).await,
        };
        pages::show(&mut answer, origin);
        Ok(answer)
    }

    /// What whoever doesn't know the token gets.
    fn unknown(&self, headers: &HeaderMap) -> Option<Answer> {
        let expect = self.expect.as_ref()?.as_bytes();
        let said = headers.get(AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        // Compared in full: a token has no place where a guess could begin.
        let (scheme, said) = said.split_at(said.len().min(BEARER.len()));
        let expect = expect.get(BEARER.len()..).unwrap_or_default();
        let differs = said.iter().zip(expect).fold(0, |differs, (a, b)| differs | (a ^ b));
        if scheme.eq_ignore_ascii_case(BEARER.as_bytes()) && said.len() == expect.len() && differs == 0 {
            return None;
        }
        let mut answer = plain(
            StatusCode::UNAUTHORIZED,
            "this server wants the header authorization: Bearer, with its token\n",
        );
        let ask = HeaderValue::from_static("Bearer realm=\"toolyard\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, ask);
        Some(answer)
    }

    /// Answers whoever was let in.
    async fn known(&self, request: Request<Incoming>) -> Answer {
        let header = |name: &str| request.headers().get(name).map_or(&[][..], HeaderValue::as_bytes);
        // Who names no session is about to shake hands, unless its revision has none.
        let alone = header(REVISION) == ProtocolVersion::V_2026_07_28.as_str().as_bytes();
        let posts = request.method() == Method::POST;
        let comes = posts && header(SESSION).is_empty() && !alone;
        if comes && self.sessions.sessions.read().await.len() >= MOST_SESSIONS {
            return plain(StatusCode::SERVICE_UNAVAILABLE, FULL);
        }
        if posts {
            // Only the revision before this header was there has several messages in one; some of its clients send it already.
            let several = match header(REVISION) {
                [] => !header(SESSION).is_empty(),
                revision => revision == ProtocolVersion::V_2025_03_26.as_str().as_bytes(),
            };
            return posts::answer(request, several, &self.room, &self.service).await;
        }
        if request.method() != Method::DELETE {
            return self.service.handle(request).await;
        }
        let id = header(SESSION).to_vec();
        let text = std::str::from_utf8(&id).unwrap_or_default();
        if !id.is_empty() && !self.sessions.sessions.read().await.contains_key(text) {
            return plain(StatusCode::NOT_FOUND, "there is no such session\n");
        }
        let client = self.clients.of(&id);
        let mut answer = self.service.handle(request).await;
        if answer.status() == StatusCode::ACCEPTED {
            // The library lets go of it in a while; what its calls hold is free now.
            if let Some(client) = client {
                client.cancel_all();
            }
            // The session is gone, not about to go; some clients take the difference for a failure.
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        answer
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *answer.status_mut() = status;
    answer
}
