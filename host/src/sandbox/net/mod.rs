//! The network as one call has it: every request is checked against the call's footprint, every connection against the
//! policy, and everything is counted. It must not follow redirects (the guest does) nor decide what is granted.
//!
//! A request goes out if its scheme, host, port and method are in the footprint, or if an answer to such a request has sent
//! the tool there, the claim says `redirects`, and the policy allows it. Its name is looked up once; an address is judged
//! before it is connected to, and the connection goes to that address. What a guest wrote beside that (the header `Host`,
//! an absolute path) is not believed.

mod body;
mod client;
mod connect;
mod pool;

pub(super) use client::Client;
pub use client::Trust;

pub use http::{HeaderName, HeaderValue};

use crate::call::{Endpoint, Footprint, Reach, Resource};
use crate::policy::{Limits, Refusal, Secret, ToolRules};
use crate::walls::{self, Wall};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use url::Url;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpCtx, WasiHttpHooks};

type Body = UnsyncBoxBody<Bytes, Error>;

/// The network of one call.
pub(super) struct Net {
    pub(super) context: WasiHttpCtx,
    pub(super) requests: Requests,
}

/// What wasmtime asks about requests.
pub(super) struct Requests {
    client: Arc<Client>,
    shared: Arc<Shared>,
}

/// What all requests of one call share.
pub(super) struct Shared {
    pub(super) family: String,
    pub(super) rules: Arc<ToolRules>,
    pub(super) limits: Limits,
    granted: Vec<Reach>,
    at_once: Semaphore,
    made: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
    // What answers and refusals leave for later requests and for the end of the call; held for one look or insertion.
    learned: Mutex<Learned>,
}

#[derive(Default)]
struct Learned {
    /// Where answers have sent the tool, and from where.
    targets: Vec<(Endpoint, Reach)>,
    /// Servers beyond the footprint that were reached that way.
    beyond: Vec<Endpoint>,
    over: Option<&'static str>,
    refused: Option<Refusal>,
}

/// What the network leaves for the judgement of the call's end.
#[derive(Debug, Default)]
pub(super) struct NetEnd {
    /// The limit that refused something.
    pub(super) over: Option<&'static str>,
    /// What was refused last.
    pub(super) refused: Option<Refusal>,
    /// Servers beyond the footprint that answers led to.
    pub(super) beyond: Vec<Endpoint>,
}

/// As many targets of redirects are remembered of one call.
const MOST_TARGETS: usize = 256;

impl Net {
    pub(super) fn new(
        client: Arc<Client>,
        family: &str,
        rules: Arc<ToolRules>,
        limits: &Limits,
        footprint: &Footprint,
    ) -> Self {
        let granted = footprint.entries().iter().filter_map(|entry| match &entry.resource {
            Resource::Network(reach) => Some(reach.clone()),
            Resource::Path { .. } | Resource::Browser { .. } | Resource::AnyBrowser => None,
        });
        // None at all would be a wait without end.
        let at_once = usize::try_from(limits.requests_at_once.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
        let shared = Shared {
            family: family.to_owned(),
            rules,
            limits: limits.clone(),
            granted: granted.collect(),
            at_once: Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)),
            made: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            learned: Mutex::default(),
        };
        Self {
            context: WasiHttpCtx::new(),
            requests: Requests {
                client,
                shared: Arc::new(shared),
            },
        }
    }

    /// What is left of it when the call has ended.
    pub(super) fn end(&self) -> NetEnd {
        let learned = self.requests.shared.learned();
        NetEnd {
            over: learned.over,
            refused: learned.refused.clone(),
            beyond: learned.beyond.clone(),
        }
    }

    /// Whether the operator has a secret that is attached to requests for this URL, which the call was granted.
    pub(super) fn has_secret(&self, url: &str) -> bool {
        let shared = &self.requests.shared;
        let Ok(endpoint) = Endpoint::parse(url) else {
            return false;
        };
        if !shared.granted.iter().any(|reach| reach.endpoint == endpoint) {
            return false;
        }
        let mut secrets = shared.rules.secrets().iter().filter(|secret| secret.is_for(&endpoint));
        secrets.any(|secret| self.requests.client.secret(&secret.name).is_some())
    }
}

impl Shared {
    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A limit refused something.
    pub(super) fn over(&self, limit: &'static str) {
        self.learned().over.get_or_insert(limit);
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> Error {
        self.learned().refused = Some(refusal);
        Error::HttpRequestDenied
    }

    /// Adds to a count that has a limit; whether it is still within it.
    pub(super) fn count(&self, counter: &AtomicU64, by: u64, most: u64, limit: &'static str) -> bool {
        let before = counter.fetch_add(by, Ordering::Relaxed);
        let fits = before.saturating_add(by) <= most || !walls::stands(Wall::Traffic);
        if !fits {
            self.over(limit);
        }
        fits
    }

    /// The grant that a request stands on: the footprint's, or that of the answer which sent the tool there.
    fn grant(&self, endpoint: &Endpoint, method: &str) -> Result<Reach, Error> {
        let fits = |reach: &&Reach| reach.methods.iter().any(|own| own == method);
        let here = |reach: &&Reach| reach.endpoint == *endpoint;
        if let Some(reach) = self.granted.iter().filter(here).find(fits) {
            return Ok(reach.clone());
        }
        let sent_on = {
            let learned = self.learned();
            let mut targets = learned.targets.iter().filter(|(target, _)| target == endpoint);
            targets.find(|(_, from)| fits(&from)).cloned()
        };
        let Some((_, from)) = sent_on else {
            if !walls::stands(Wall::Claims) {
                return self.granted.first().cloned().ok_or(Error::HttpRequestDenied);
            }
            return Err(self.refuse(self.not_claimed(endpoint, method)));
        };
        let judged = self.rules.may_follow(&from.endpoint, endpoint, method);
        judged.map_err(|refusal| self.refuse(refusal))?;
        let mut learned = self.learned();
        if !learned.beyond.contains(endpoint) {
            learned.beyond.push(endpoint.clone());
        }
        Ok(Reach {
            endpoint: endpoint.clone(),
            ..from
        })
    }

    fn not_claimed(&self, endpoint: &Endpoint, method: &str) -> Refusal {
        Refusal::beyond_claims(format!("{method} to {endpoint}"))
    }

    /// Where an answer sends the tool is remembered, if the grant extends to that.
    fn learn(&self, from: &Reach, path: &str, response: &Response<Body>) {
        let location = response
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        let (true, Some(location)) = (from.redirects && response.status().is_redirection(), location) else {
            return;
        };
        let base = Url::parse(&format!("{}{path}", from.endpoint)).ok();
        let target = base.and_then(|base| base.join(location).ok());
        let Some(target) = target.and_then(|url| Endpoint::of(&url).ok()) else {
            return;
        };
        let mut from = from.clone();
        // These turn a request into a GET (RFC 9110, 15.4); the policy is asked about that, too.
        if matches!(response.status().as_u16(), 301..=303) && !from.methods.iter().any(|method| method == "GET") {
            from.methods = from.methods.iter().cloned().chain(["GET".to_owned()]).collect();
        }
        let mut learned = self.learned();
        if learned.targets.len() < MOST_TARGETS {
            learned.targets.push((target, from));
        }
    }
}

/// A request that may go out, as it goes out.
pub(super) struct Allowed {
    pub(super) endpoint: Endpoint,
    pub(super) request: Request<Body>,
    pub(super) options: Options,
}

/// Times that this request may take: what the guest asked for, within the limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) connect: std::time::Duration,
    pub(super) first_byte: std::time::Duration,
    pub(super) between: std::time::Duration,
}

impl Requests {
    /// Checks a request and makes it what goes out.
    fn allow(&self, request: Request<Body>, options: Option<RequestOptions>) -> Result<(Allowed, Reach), Error> {
        let (mut parts, body) = request.into_parts();
        let scheme = parts.uri.scheme_str().ok_or(Error::HttpRequestUriInvalid)?;
        let authority = parts.uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        let endpoint = Endpoint::parse(&format!("{scheme}://{authority}")).map_err(|_| Error::HttpRequestUriInvalid)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        // `*` and whole URLs in the place of a path are for proxies.
        if !path.starts_with('/') || path.contains("://") && path.starts_with("//") {
            return Err(Error::HttpRequestUriInvalid);
        }
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let shared = &self.shared;
        let grant = shared.grant(&endpoint, parts.method.as_str())?;
        if !shared.count(&shared.made, 1, shared.limits.requests, "requests") {
            return Err(Error::ConnectionLimitReached);
        }
        let host = HeaderValue::from_str(&endpoint.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
        parts.headers.insert(header::HOST, host);
        let goes = |secret: &&Secret| secret.is_for(&endpoint) || !walls::stands(Wall::Secrets);
        for secret in shared.rules.secrets().iter().filter(goes) {
            if let Some((name, value)) = self.client.secret(&secret.name) {
                parts.headers.insert(name, value);
            }
        }
        parts.uri = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
        let asked = options.unwrap_or_default();
        let within = |asked: Option<std::time::Duration>, most| asked.map_or(most, |asked| asked.min(most));
        let options = Options {
            connect: within(asked.connect_timeout, shared.limits.connect),
            first_byte: within(asked.first_byte_timeout, shared.limits.first_byte),
            between: within(asked.between_bytes_timeout, shared.limits.first_byte),
        };
        let body = body::Outgoing::new(body, Arc::clone(shared));
        let request = Request::from_parts(parts, UnsyncBoxBody::new(body));
        let allowed = Allowed {
            endpoint,
            request,
            options,
        };
        Ok((allowed, grant))
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(Response<Body>, Io), Error>> + Send>;

impl WasiHttpHooks for Requests {
    fn send_request(&mut self, request: Request<Body>, options: Option<RequestOptions>, _done: Io) -> Sending {
        let allowed = self.allow(request, options);
        let (client, shared) = (Arc::clone(&self.client), Arc::clone(&self.shared));
        Box::new(async move {
            let (allowed, grant) = allowed?;
            // Until the answer's head is there: a tool may gather answers before it reads any.
            let _turn = shared
                .at_once
                .acquire()
                .await
                .map_err(|_| Error::ConnectionLimitReached)?;
            let path = allowed.request.uri().to_string();
            let response = client.send(&shared, allowed).await?;
            shared.learn(&grant, &path, &response);
            Ok((response, Box::new(async { Ok(()) }) as Io))
        })
    }

    // What goes wrong on the way is the guest's to tell; the host has nothing to log.
    fn p2_error_from_hyper(&mut self, error: &hyper::Error) -> ErrorCode {
        use std::error::Error as _;
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            return ErrorCode::HttpResponseIncomplete;
        }
        if error.is_parse_too_large() || cause.contains("too large") {
            return ErrorCode::HttpResponseHeaderSectionSize(None);
        }
        ErrorCode::HttpProtocolError
    }

    fn p2_error_from_connect(&mut self, error: &std::io::Error) -> ErrorCode {
        match error.kind() {
            std::io::ErrorKind::TimedOut => ErrorCode::ConnectionTimeout,
            std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => {
                ErrorCode::DestinationUnavailable
            }
            _ => ErrorCode::ConnectionRefused,
        }
    }

    fn p2_error_from_tls(&mut self, error: &std::io::Error) -> ErrorCode {
        match error.to_string().contains("ertificate") {
            true => ErrorCode::TlsCertificateError,
            false => ErrorCode::TlsProtocolError,
        }
    }
}
