//! The one way out of a session: a forward proxy on loopback that lets through what the session's tabs were granted, at
//! addresses that were judged. WebSockets, workers and whatever else a browser does unseen come through here, too.
//! It must not let anyone through who doesn't know the session's password, nor look into what it carries.

use super::judge::{Allowed, Grants, shown};
use crate::call::{Endpoint, HostName, Scheme};
use crate::egress::{self, Resolve, Unreachable};
use crate::walls::{self, Wall};
use base64::Engine as _;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// The header that tells a refusal of ours from a server's answer; its value is a name under which is kept why.
pub(super) const WHY: &str = "x-toolyard-refused";

/// As many connections of one session are open at once.
const MOST_OPEN: usize = 512;

/// Time to a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A session's proxy; it ends with this value.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    pub(super) password: String,
    accepting: AbortHandle,
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
}

impl Shared {
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
        let shared = Arc::new(Shared {
            grants,
            resolver,
            expect: HeaderValue::from_str(&format!("Basic {basic}")).map_err(io::Error::other)?,
            open: Arc::new(Semaphore::new(MOST_OPEN)),
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
                    serve(stream, shared).await;
                    drop(turn);
                }));
            }
        });
        Ok(Self {
            address,
            password,
            accepting: accepting.abort_handle(),
        })
    }
}

fn password() -> io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = hyper::service::service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(request, &shared).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of a browser broke");
    }
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Response<Body> {
    if request.headers().get(PROXY_AUTHORIZATION) != Some(&shared.expect) {
        let mut response = plain(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "");
        let ask = HeaderValue::from_static("Basic realm=\"toolyard\"");
        response.headers_mut().insert(PROXY_AUTHENTICATE, ask);
        return response;
    }
    let done = match *request.method() == Method::CONNECT {
        true => tunnel(request, shared).await,
        false => forward(request, shared).await,
    };
    done.unwrap_or_else(|(status, why)| {
        tracing::debug!(%why, "a browser was not let through");
        // Without a name nobody learns why; it is refused all the same.
        let name = password().unwrap_or_default();
        shared
            .grants()
            .explain(name.clone(), status == StatusCode::FORBIDDEN, &why);
        plain(status, &name)
    })
}

type Refused = (StatusCode, String);

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

async fn tunnel(mut request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, Refused> {
    let wrong = || (StatusCode::BAD_REQUEST, "that is no tunnel".to_owned());
    let authority = request.uri().authority().ok_or_else(wrong)?;
    let host = HostName::parse(authority.host()).map_err(|_| wrong())?;
    let port = authority.port_u16().filter(|port| *port != 0).ok_or_else(wrong)?;
    let may = shared.grants().may_tunnel(&host, port);
    let opened = match may {
        Ok(allowed) => open(&allowed, shared).await,
        Err(why) => Err((StatusCode::FORBIDDEN, why)),
    };
    let mut server = opened.inspect_err(|(status, why)| {
        shared.grants().fail(&host, port, *status == StatusCode::FORBIDDEN, why);
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    drop(tokio::spawn(async move {
        if let Ok(client) = upgrade.await {
            drop(tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut server).await);
        }
    }));
    Ok(plain(StatusCode::OK, ""))
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

async fn forward(mut request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, Refused> {
    let uri = request.uri().to_string();
    let endpoint = Endpoint::parse(&uri).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    if endpoint.scheme != Scheme::Http {
        return Err((StatusCode::BAD_REQUEST, format!("{}: plain HTTP only", shown(&uri))));
    }
    // What a page only asks to be fetched ahead is never told by the interception, and not needed.
    let ahead = request
        .headers()
        .get("sec-purpose")
        .and_then(|purpose| purpose.to_str().ok());
    if ahead.is_some_and(|purpose| purpose.starts_with("prefetch")) && walls::stands(Wall::Interception) {
        return Err((StatusCode::FORBIDDEN, format!("{endpoint}: nothing is fetched ahead")));
    }
    let may = shared.grants().may(None, &endpoint, Some(request.method().as_str()));
    let allowed = may.map_err(|why| (StatusCode::FORBIDDEN, why))?;
    let stream = open(&allowed, shared).await?;
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
    let broken = |error: hyper::Error| (StatusCode::BAD_GATEWAY, format!("{endpoint}: {error}"));
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .preserve_header_case(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    drop(tokio::spawn(connection));
    let mut response = sender.send_request(request).await.map_err(broken)?;
    for name in HOP {
        response.headers_mut().remove(name);
    }
    response.headers_mut().remove(WHY);
    Ok(response.map(BodyExt::boxed))
}

#[cfg(test)]
mod tests;
