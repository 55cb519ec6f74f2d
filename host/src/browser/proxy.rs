//! The one way out of a session: a forward proxy on loopback that lets through what the session's tabs were granted, at
//! addresses that were judged. WebSockets, workers and whatever else a browser does unseen come through here, too.
//! It must not let anyone through who doesn't know the session's password, nor look into what it carries.

use super::carry::carry;
use super::judge::{Allowed, Grants, shown};
use crate::call::{Endpoint, HostName, Scheme};
use crate::egress::{self, Resolve, Unreachable};
use crate::walls::{self, Wall};
use base64::Engine as _;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, PROXY_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use known::{Known, password, says};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// The header that tells a refusal of ours from a server's answer; its value is a name under which is kept why.
pub(super) const WHY: &str = "x-toolyard-refused";

/// As many connections of one session are open at once.
const MOST_OPEN: usize = 512;

/// As much of an answer is passed on at once: a page that comes in many small pieces is parsed, and drawn, in pieces.
const PIECE: usize = 64 << 10;

/// Time to a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A session's proxy; it ends with this value.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    pub(super) password: String,
    accepting: AbortHandle,
    /// With it all connections end.
    _alive: watch::Sender<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What all connections of one proxy share.
struct Shared {
    grants: Arc<Mutex<Grants>>,
    resolver: Arc<dyn Resolve>,
    expect: HeaderValue,
    open: Arc<Semaphore>,
    /// Closed when the proxy has ended.
    alive: watch::Receiver<()>,
}

impl Shared {
    /// When the proxy has ended.
    async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Body = BoxBody<Bytes, hyper::Error>;

/// The user name that goes with the password; it says nothing.
pub(super) const USER: &str = "toolyard";

impl Proxy {
    /// Listens on loopback.
    pub(super) async fn start(grants: Arc<Mutex<Grants>>, resolver: Arc<dyn Resolve>) -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let password = password()?;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"));
        let (ends, alive) = watch::channel(());
        let shared = Arc::new(Shared {
            grants,
            resolver,
            expect: HeaderValue::from_str(&format!("Basic {basic}")).map_err(io::Error::other)?,
            open: Arc::new(Semaphore::new(MOST_OPEN)),
            alive,
        });
        let accepting = tokio::spawn(async move {
            loop {
                let Ok(turn) = Arc::clone(&shared.open).acquire_owned().await else {
                    return;
                };
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                drop(stream.set_nodelay(true));
                let shared = Arc::clone(&shared);
                drop(tokio::spawn(async move {
                    tokio::select! {
                        () = serve(stream, Arc::clone(&shared), Arc::new(turn)) => {}
                        () = shared.ended() => {}
                    }
                }));
            }
        });
        Ok(Self {
            address,
            password,
            accepting: accepting.abort_handle(),
            _alive: ends,
        })
    }
}

/// One place among those that may be open; it is held as long as a connection or a tunnel out of it lives.
type Turn = Arc<OwnedSemaphorePermit>;

async fn serve(stream: TcpStream, shared: Arc<Shared>, turn: Turn) {
    let onward = Arc::new(Onward::default());
    let known = Known::default();
    let service = hyper::service::service_fn(|request| {
        let (shared, onward, turn) = (Arc::clone(&shared), Arc::clone(&onward), Arc::clone(&turn));
        if says(&request, &shared.expect) {
            known.is();
        }
        async move { answer(request, &shared, &onward, turn).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Some(Err(error)) = known.or_gone(connection).await {
        tracing::debug!(%error, "a connection of a browser broke");
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
    onward: &Onward,
    turn: Turn,
) -> Result<Response<Body>, hyper::Error> {
    if !says(&request, &shared.expect) {
        let mut response = plain(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "");
        let ask = HeaderValue::from_static("Basic realm=\"toolyard\"");
        response.headers_mut().insert(PROXY_AUTHENTICATE, ask);
        return Ok(response);
    }
    let done = match *request.method() == Method::CONNECT {
        true => tunnel(request, shared, turn).await.map_err(Fail::Refused),
        false => forward(request, shared, onward).await,
    };
    match done {
        Ok(response) => Ok(response),
        Err(Fail::Broken(error)) => Err(error),
        Err(Fail::Refused((status, why))) => {
            tracing::debug!(%why, "a browser was not let through");
            // Without a name nobody learns why; it is refused all the same.
            let name = password().unwrap_or_default();
            shared
                .grants()
                .explain(name.clone(), status == StatusCode::FORBIDDEN, &why);
            Ok(plain(status, &name))
        }
    }
}

type Refused = (StatusCode, String);

/// Why a request was not answered.
enum Fail {
    /// This is said instead.
    Refused(Refused),
    /// A kept connection broke under it. The browser sees its own break, and does what it does when a server's does.
    Broken(hyper::Error),
}

impl From<Refused> for Fail {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The connection to a server behind one connection of a browser, kept for its next request.
#[derive(Default)]
struct Onward(Mutex<Option<Kept>>); // Held for one exchange.

struct Kept {
    endpoint: Endpoint,
    address: IpAddr,
    sender: SendRequest<Incoming>,
}

impl Onward {
    /// The connection, if it leads where the request may go. Its address is judged again: for this request.
    async fn take(&self, allowed: &Allowed) -> Option<Kept> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut kept = kept.filter(|kept| kept.endpoint == allowed.endpoint)?;
        let may = allowed.rules.may_connect(&kept.endpoint, &allowed.method, kept.address);
        (may.is_ok() && kept.sender.ready().await.is_ok()).then_some(kept)
    }

    fn keep(&self, kept: Kept) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

/// An answer of our own, under the name that stands for why; without one, it is a good one.
fn plain(status: StatusCode, name: &str) -> Response<Body> {
    let told = if name.is_empty() { "" } else { "not let through\n" };
    let body = Full::new(Bytes::from_static(told.as_bytes()))
        .map_err(|never: Infallible| match never {})
        .boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let (Ok(value), false) = (HeaderValue::from_str(name), name.is_empty()) {
        response.headers_mut().insert(HeaderName::from_static(WHY), value);
    }
    response
}

/// A connection to where a request may go, at an address that may be connected to.
async fn open(allowed: &Allowed, shared: &Shared) -> Result<TcpStream, Refused> {
    let Allowed {
        rules,
        endpoint,
        method,
    } = allowed;
    let judge = |address| rules.may_connect(endpoint, method, address);
    let connecting = async {
        let found = egress::addresses(&*shared.resolver, &endpoint.host, judge).await;
        let addresses = found.map_err(|why| match why {
            Unreachable::Refused(refusal) => {
                let why = format!("{}; {}", refusal.reason(), refusal.hint());
                (StatusCode::FORBIDDEN, why)
            }
            Unreachable::Unknown(why) => (StatusCode::BAD_GATEWAY, why),
        })?;
        let mut failed = format!("{endpoint} has no address");
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(address, endpoint.port)).await {
                Ok(stream) => {
                    drop(stream.set_nodelay(true));
                    return Ok(stream);
                }
                Err(error) => failed = format!("{endpoint}: {error}"),
            }
        }
        Err((StatusCode::BAD_GATEWAY, failed))
    };
    timeout(CONNECT, connecting).await.unwrap_or_else(|_| {
        Err((
            StatusCode::GATEWAY_TIMEOUT,
            format!("{endpoint} did not answer in time"),
        ))
    })
}

async fn tunnel(mut request: Request<Incoming>, shared: &Arc<Shared>, turn: Turn) -> Result<Response<Body>, Refused> {
    let wrong = || (StatusCode::BAD_REQUEST, "that is no tunnel".to_owned());
    let authority = request.uri().authority().ok_or_else(wrong)?;
    let host = HostName::parse(authority.host()).map_err(|_| wrong())?;
    let port = authority.port_u16().filter(|port| *port != 0).ok_or_else(wrong)?;
    let may = shared.grants().may_tunnel(&host, port);
    let opened = match may {
        Ok(allowed) => open(&allowed, shared).await,
        Err(why) => Err((StatusCode::FORBIDDEN, why)),
    };
    let server = opened.inspect_err(|(status, why)| {
        shared.grants().fail(&host, port, *status == StatusCode::FORBIDDEN, why);
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    let shared = Arc::clone(shared);
    drop(tokio::spawn(async move {
        let carried = async {
            if let Ok(client) = upgrade.await {
                carry(TokioIo::new(client), server).await;
            }
        };
        tokio::select! {
            () = carried => {}
            () = shared.ended() => {}
        }
        drop(turn);
    }));
    Ok(plain(StatusCode::OK, ""))
}

fn broken(endpoint: &Endpoint, error: &hyper::Error) -> Refused {
    (StatusCode::BAD_GATEWAY, format!("{endpoint}: {error}"))
}

/// Headers that are about one connection (RFC 9110, 7.6.1), and not for the server.
const HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A new connection to where a request may go.
async fn connected(allowed: &Allowed, shared: &Shared) -> Result<Kept, Refused> {
    let endpoint = &allowed.endpoint;
    let broken = |error: String| (StatusCode::BAD_GATEWAY, format!("{endpoint}: {error}"));
    let stream = open(allowed, shared).await?;
    let address = stream.peer_addr().map_err(|error| broken(error.to_string()))?.ip();
    let (sender, connection) = hyper::client::conn::http1::Builder::new()
        .preserve_header_case(true)
        .read_buf_exact_size(Some(PIECE))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    drop(tokio::spawn(connection));
    Ok(Kept {
        endpoint: endpoint.clone(),
        address,
        sender,
    })
}

async fn forward(mut request: Request<Incoming>, shared: &Shared, onward: &Onward) -> Result<Response<Body>, Fail> {
    let uri = request.uri().to_string();
    let endpoint = Endpoint::parse(&uri).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    if endpoint.scheme != Scheme::Http {
        return Err((StatusCode::BAD_REQUEST, format!("{}: plain HTTP only", shown(&uri))).into());
    }
    // What a page only asks to be fetched ahead is never told by the interception, and not needed.
    let ahead = request
        .headers()
        .get("sec-purpose")
        .and_then(|purpose| purpose.to_str().ok());
    if ahead.is_some_and(|purpose| purpose.starts_with("prefetch")) && walls::stands(Wall::Interception) {
        return Err((StatusCode::FORBIDDEN, format!("{endpoint}: nothing is fetched ahead")).into());
    }
    let may = shared.grants().may(None, &endpoint, Some(request.method().as_str()));
    let allowed = may.map_err(|why| (StatusCode::FORBIDDEN, why))?;
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    *request.uri_mut() = path
        .parse()
        .map_err(|_| (StatusCode::BAD_REQUEST, "that is no path".to_owned()))?;
    for name in HOP {
        request.headers_mut().remove(name);
    }
    if let Ok(host) = HeaderValue::from_str(&endpoint.authority()) {
        request.headers_mut().insert(http::header::HOST, host);
    }
    let (mut kept, first) = match onward.take(&allowed).await {
        Some(kept) => (kept, false),
        None => (connected(&allowed, shared).await?, true),
    };
    let mut response = match kept.sender.try_send_request(request).await {
        Ok(response) => response,
        Err(mut failed) => match failed.take_message() {
            // The server closed it in this very moment, and has seen nothing.
            Some(request) if !first => {
                kept = connected(&allowed, shared).await?;
                let sent = kept.sender.send_request(request).await;
                sent.map_err(|error| broken(&endpoint, &error))?
            }
            _ if !first => return Err(Fail::Broken(failed.into_error())),
            _ => return Err(broken(&endpoint, failed.error()).into()),
        },
    };
    onward.keep(kept);
    for name in HOP {
        response.headers_mut().remove(name);
    }
    response.headers_mut().remove(WHY);
    Ok(response.map(BodyExt::boxed))
}

mod known;

#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod tests;
