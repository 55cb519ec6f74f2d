//! The host's one HTTP client: a thread of its own for connections, what is attached to requests, what is trusted.
//! It must not read the environment: there are no proxies and no credentials but those that the policy declares.

use super::body::Incoming;
use super::connect::Connector;
use super::pool::{Connection, Idle, Pool};
use super::{Allowed, Body, Shared};
use crate::call::Endpoint;
use crate::egress::{Resolve, System};
use crate::policy::{Limits, ToolRules};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming as HyperIncoming;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

/// The most header lines of an answer, whatever the policy says: room for all is made ahead.
const MOST_HEADERS: u64 = 4096;

/// What the network needs beside the policy.
#[derive(Default)]
pub struct Trust {
    /// Looks up names; the operating system's resolver unless set.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// Certificates of authorities (PEM) that are trusted beside the web's own.
    pub certificates: Vec<Vec<u8>>,
    /// What is attached to requests, by the secret's name: the header, and its whole value.
    pub secrets: HashMap<String, (HeaderName, HeaderValue)>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values of secrets never show.
        f.debug_struct("Trust")
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

/// Sends requests.
pub(crate) struct Client {
    connector: Arc<Connector>,
    pool: Arc<Pool>,
    secrets: HashMap<String, (HeaderName, HeaderValue)>,
    /// Connections live on a thread of their own, so that a busy guest can't keep a server waiting. Started when needed.
    runtime: OnceLock<Option<Runtime>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A piece of work on the connections' thread that ends with its owner.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    /// A client that trusts the web's authorities and those given.
    ///
    /// # Errors
    /// If a certificate can't be read, or TLS can't be set up.
    pub(crate) fn new(trust: Trust) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        };
        for pem in &trust.certificates {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("a certificate: {error}"))?;
                roots
                    .add(certificate)
                    .map_err(|error| format!("a certificate: {error}"))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = Connector {
            resolver: trust.resolver.unwrap_or_else(|| Arc::new(System)),
            tls: TlsConnector::from(Arc::new(config)),
        };
        Ok(Self {
            connector: Arc::new(connector),
            pool: Arc::default(),
            secrets: trust.secrets,
            runtime: OnceLock::new(),
        })
    }

    /// The header that carries a secret, if the operator has set it.
    pub(super) fn secret(&self, name: &str) -> Option<(HeaderName, HeaderValue)> {
        self.secrets.get(name).cloned()
    }

    fn handle(&self) -> Option<&Handle> {
        let start = || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("toolyard-net")
                .enable_all()
                .build();
            runtime
                .inspect_err(|error| tracing::warn!(%error, "no thread for the network"))
                .ok()
        };
        self.runtime.get_or_init(start).as_ref().map(Runtime::handle)
    }

    /// Sends a request that may go out, and waits for the head of its answer.
    pub(super) async fn send(&self, shared: &Arc<Shared>, allowed: Allowed) -> Result<Response<Body>, Error> {
        let handle = self.handle().ok_or(Error::InternalError(None))?;
        let (pool, connector, shared) = (Arc::clone(&self.pool), Arc::clone(&self.connector), Arc::clone(shared));
        let mut work = Owned(handle.spawn(async move { exchange(&pool, &connector, shared, allowed).await }));
        match (&mut work.0).await {
            Ok(done) => done,
            Err(_) => Err(Error::InternalError(None)),
        }
    }

    /// Opens a connection ahead of the requests that will need it, without waiting for it.
    pub(crate) fn warm(&self, family: &str, endpoint: Endpoint, rules: Arc<ToolRules>) {
        let Some(handle) = self.handle() else { return };
        let (pool, connector, family) = (Arc::clone(&self.pool), Arc::clone(&self.connector), family.to_owned());
        drop(handle.spawn(async move {
            if let Err(refusal) = rules.may_request(&endpoint, "GET") {
                tracing::warn!(server = %endpoint, reason = refusal.reason(), "no connection ahead");
                return;
            }
            let judge = |address| {
                rules
                    .may_connect(&endpoint, "GET", address)
                    .map_err(|_| Error::DestinationIpProhibited)
            };
            let limits: &Limits = rules.limits();
            let connecting = connector.connect(&endpoint, headers(limits), judge);
            match timeout(limits.connect, connecting).await {
                Ok(Ok(connection)) => pool.lend((family, endpoint.clone()), connection).put_back(),
                Ok(Err(error)) => tracing::info!(server = %endpoint, %error, "no connection ahead"),
                Err(_) => tracing::info!(server = %endpoint, "no connection ahead: no answer"),
            }
        }));
    }
}

fn headers(limits: &Limits) -> usize {
    // As many as the parser has room for.
    usize::try_from(limits.response_headers.min(MOST_HEADERS)).unwrap_or(100)
}

/// One request and the head of its answer, on an idle connection or a new one.
async fn exchange(
    pool: &Arc<Pool>,
    connector: &Connector,
    shared: Arc<Shared>,
    allowed: Allowed,
) -> Result<Response<Body>, Error> {
    let Allowed {
        endpoint,
        request,
        options,
    } = allowed;
    let method = request.method().to_string();
    let judge = |address| {
        let judged = shared.rules.may_connect(&endpoint, &method, address);
        judged.map_err(|refusal| {
            shared.refuse(refusal);
            Error::DestinationIpProhibited
        })
    };
    let kept = pool.take(&shared.family, &endpoint, |address| {
        shared.rules.may_connect(&endpoint, &method, address).is_ok()
    });
    let mut request = Some(request);
    if let Some(idle) = kept
        && let Some(first) = request.take()
    {
        match ask(idle, first, options.first_byte).await {
            Ok((response, idle)) => return head(response, idle, shared, options.between),
            // The server had closed it in the meantime, and has seen nothing of this request.
            Err(Asked::Unsent(back)) => request = Some(*back),
            Err(Asked::Failed(error)) => return Err(error),
        }
    }
    let request = request.ok_or(Error::InternalError(None))?;
    let connecting = connector.connect(&endpoint, headers(&shared.limits), judge);
    let connection: Connection = timeout(options.connect, connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    let idle = pool.lend((shared.family.clone(), endpoint.clone()), connection);
    match ask(idle, request, options.first_byte).await {
        Ok((response, idle)) => head(response, idle, shared, options.between),
        Err(Asked::Unsent(_)) => Err(Error::ConnectionTerminated),
        Err(Asked::Failed(error)) => Err(error),
    }
}

enum Asked {
    /// Nothing of it went out.
    Unsent(Box<Request<Body>>),
    Failed(Error),
}

async fn ask(
    mut idle: Idle,
    request: Request<Body>,
    first_byte: std::time::Duration,
) -> Result<(Response<HyperIncoming>, Idle), Asked> {
    let sender = &mut idle.connection.sender;
    let asking = async {
        if sender.ready().await.is_err() {
            return Err(Asked::Unsent(Box::new(request)));
        }
        sender
            .try_send_request(request)
            .await
            .map_err(|mut error| match error.take_message() {
                Some(request) => Asked::Unsent(Box::new(request)),
                None => Asked::Failed(Error::Hyper(error.into_error())),
            })
    };
    match timeout(first_byte, asking).await {
        Ok(Ok(response)) => Ok((response, idle)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Asked::Failed(Error::HttpResponseTimeout)),
    }
}

fn head(
    response: Response<HyperIncoming>,
    idle: Idle,
    shared: Arc<Shared>,
    between: std::time::Duration,
) -> Result<Response<Body>, Error> {
    if response.headers().len() as u64 > shared.limits.response_headers {
        shared.over("response_headers");
        return Err(Error::HttpResponseHeaderSectionSize(None));
    }
    Ok(response.map(|body| UnsyncBoxBody::new(Incoming::new(body, shared, idle, between))))
}
