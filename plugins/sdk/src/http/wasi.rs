//! The transport of a component: `wasi:http`, whose host judges, resolves, connects and encrypts.
//!
//! It must not retry, follow or cache anything. Outside of a component nothing is sent.

use std::time::{Duration, Instant};

use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, Method as WasiMethod,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::poll::{self, Pollable};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use super::headers::Headers;
use super::request::{Method, Request, Timeouts};
use super::transport::{Head, Step, Transport};
use super::trouble;
use crate::failure::{Failure, Result};

/// How much of a body is taken at once, in bytes.
const PIECE: u64 = 64 * 1024;

/// The host of the component.
#[derive(Clone, Copy, Debug)]
pub struct Host;

/// A request on its way. A resource of the host is given back before the one it came from: the order of the fields.
pub struct Sent {
    url: url::Url,
    upload: Option<Upload>,
    download: Option<Download>,
    waiting: Option<FutureIncomingResponse>,
}

struct Upload {
    stream: OutputStream,
    body: OutgoingBody,
    bytes: Vec<u8>,
    written: usize,
    flushed: bool,
}

struct Download {
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
}

impl Transport for Host {
    type Exchange = Sent;

    fn start(&self, request: &Request) -> Result<Sent> {
        if !cfg!(target_family = "wasm") {
            let why = "there is no network outside of a component";
            return Err(trouble::unreachable(&request.url, why));
        }
        let outgoing = outgoing(request)?;
        let upload = match request.body.is_empty() {
            true => None,
            false => Some(Upload::of(&outgoing, request)?),
        };
        let sent = outgoing_handler::handle(outgoing, options(&request.timeouts));
        let waiting = sent.map_err(|code| failure(request.method.as_str(), &request.url, code))?;
        Ok(Sent {
            url: request.url.clone(),
            upload,
            download: None,
            waiting: Some(waiting),
        })
    }

    fn step(&self, sent: &mut Sent) -> Result<Step> {
        if sent.upload.as_mut().is_some_and(Upload::push) {
            let done = sent.upload.take();
            done.into_iter().for_each(Upload::finish);
        }
        if let Some(download) = &sent.download {
            return download.read(&sent.url);
        }
        let Some(answered) = sent.waiting.as_ref().and_then(FutureIncomingResponse::get) else {
            return Ok(Step::Waiting);
        };
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(code)) => return Err(failure("the request to", &sent.url, code)),
            Err(()) => return Err(trouble::broken(&sent.url, "the answer was taken already")),
        };
        sent.waiting = None;
        let (download, head) = Download::of(response, &sent.url)?;
        sent.download = Some(download);
        Ok(Step::Head(head))
    }

    fn wait(&self, exchanges: &[&Sent], at_most: Option<Duration>) {
        let mut pollables = exchanges.iter().flat_map(|sent| sent.pollables()).collect::<Vec<_>>();
        if let Some(at_most) = at_most {
            let nanoseconds = u64::try_from(at_most.as_nanos()).unwrap_or(u64::MAX);
            pollables.push(monotonic_clock::subscribe_duration(nanoseconds));
        }
        // To poll nothing is a trap.
        if !pollables.is_empty() {
            poll::poll(&pollables.iter().collect::<Vec<_>>());
        }
    }

    fn now(&self) -> Duration {
        thread_local!(static START: Instant = Instant::now());
        START.with(Instant::elapsed)
    }
}

impl Sent {
    fn pollables(&self) -> Vec<Pollable> {
        let upload = self.upload.as_ref().map(|upload| upload.stream.subscribe());
        let waiting = self.waiting.as_ref().map(FutureIncomingResponse::subscribe);
        let download = self.download.as_ref().map(|download| download.stream.subscribe());
        [upload, waiting, download].into_iter().flatten().collect()
    }
}

impl Upload {
    fn of(outgoing: &OutgoingRequest, request: &Request) -> Result<Upload> {
        let none = || trouble::bad_request(&request.url, "it takes no body");
        let body = outgoing.body().map_err(|()| none())?;
        Ok(Upload {
            stream: body.write().map_err(|()| none())?,
            body,
            bytes: request.body.clone(),
            written: 0,
            flushed: false,
        })
    }

    /// Writes what the stream takes now; says whether there is nothing more to do. A stream that fails is done too:
    /// the answer, or its failure, says more than the stream can.
    fn push(&mut self) -> bool {
        loop {
            let room = match self.stream.check_write() {
                Ok(0) => return false,
                Ok(room) => usize::try_from(room).unwrap_or(usize::MAX),
                Err(_) => return true,
            };
            let rest = self.bytes.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                if self.flushed {
                    return true;
                }
                self.flushed = true;
                if self.stream.flush().is_err() {
                    return true;
                }
                continue;
            }
            let piece = rest.get(..room).unwrap_or(rest);
            if self.stream.write(piece).is_err() {
                return true;
            }
            self.written += piece.len();
        }
    }

    fn finish(self) {
        let Upload { stream, body, .. } = self;
        drop(stream);
        // What the host says to a body that is shorter than promised, it says to the answer too.
        let _ = OutgoingBody::finish(body, None);
    }
}

impl Download {
    fn of(response: IncomingResponse, url: &url::Url) -> Result<(Download, Head)> {
        let headers = response.headers();
        let head = Head {
            status: response.status(),
            headers: headers.entries().into_iter().collect::<Headers>(),
        };
        drop(headers);
        let none = || trouble::broken(url, "the answer has no body to read");
        let body = response.consume().map_err(|()| none())?;
        let download = Download {
            stream: body.stream().map_err(|()| none())?,
            _body: body,
            _response: response,
        };
        Ok((download, head))
    }

    fn read(&self, url: &url::Url) -> Result<Step> {
        match self.stream.read(PIECE) {
            Ok(bytes) if bytes.is_empty() => Ok(Step::Waiting),
            Ok(bytes) => Ok(Step::Bytes(bytes)),
            Err(StreamError::Closed) => Ok(Step::End),
            Err(StreamError::LastOperationFailed(error)) => Err(match http_error_code(&error) {
                Some(code) => failure("the answer of", url, code),
                None => trouble::broken(url, &error.to_debug_string()),
            }),
        }
    }
}

fn outgoing(request: &Request) -> Result<OutgoingRequest> {
    let url = &request.url;
    let headers = Fields::new();
    for (name, value) in request.headers.iter() {
        let added = headers.append(name, value);
        added.map_err(|problem| trouble::bad_request(url, &format!("the header {name:?} {}", why(&problem))))?;
    }
    if !request.body.is_empty() && !request.headers.has("content-length") {
        let length = request.body.len().to_string();
        let added = headers.append("content-length", length.as_bytes());
        // A host that sets it itself refuses it here, which is as well.
        let _ = added;
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if url.scheme() == "http" {
        Scheme::Http
    } else {
        Scheme::Https
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    outgoing
        .set_method(&method(request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(&authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)))
        .map_err(|()| trouble::bad_request(url, "the host takes no such method, host name or path"))?;
    Ok(outgoing)
}

/// Why a header can't be set.
fn why(problem: &HeaderError) -> &'static str {
    match problem {
        HeaderError::InvalidSyntax => "has a name or value that HTTP doesn't allow",
        HeaderError::Forbidden => "is set by the host alone; leave it out",
        HeaderError::Immutable => "can't be changed any more",
    }
}

fn method(method: Method) -> WasiMethod {
    match method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
        Method::Options => WasiMethod::Options,
    }
}

/// What the host doesn't let a request set, it sets itself.
fn options(timeouts: &Timeouts) -> Option<RequestOptions> {
    if *timeouts == Timeouts::default() {
        return None;
    }
    let options = RequestOptions::new();
    let nanoseconds = |time: Option<Duration>| {
        let time = time.or(timeouts.total)?;
        Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    };
    let _ = options.set_connect_timeout(nanoseconds(timeouts.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(timeouts.first_byte));
    let _ = options.set_between_bytes_timeout(nanoseconds(timeouts.between_bytes));
    Some(options)
}

/// The host's word as a failure.
fn failure(what: &str, url: &url::Url, code: ErrorCode) -> Failure {
    match code {
        ErrorCode::HttpRequestDenied => trouble::denied(what, url),
        ErrorCode::DestinationIpProhibited => trouble::address_denied(url),
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => trouble::unknown_host(url),
        ErrorCode::ConnectionRefused => trouble::unreachable(url, "the connection was refused"),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            trouble::unreachable(url, "there is no way to it")
        }
        ErrorCode::ConnectionTerminated => trouble::unreachable(url, "the connection was closed before the answer"),
        ErrorCode::TlsProtocolError => trouble::insecure(url, "it speaks no TLS that is understood here"),
        ErrorCode::TlsCertificateError => trouble::insecure(url, "its certificate is not valid"),
        ErrorCode::TlsAlertReceived(alert) => {
            let why = alert.alert_message.unwrap_or_default();
            trouble::insecure(url, &format!("it refused the TLS handshake {}", trouble::clipped(&why)))
        }
        ErrorCode::DnsTimeout => trouble::timeout(url, "its name was not resolved in time"),
        ErrorCode::ConnectionTimeout => trouble::timeout(url, "no connection in time"),
        ErrorCode::ConnectionReadTimeout => trouble::timeout(url, "the answer stopped coming"),
        ErrorCode::ConnectionWriteTimeout => trouble::timeout(url, "the request was not taken in time"),
        ErrorCode::HttpResponseTimeout => trouble::timeout(url, "no answer in time"),
        ErrorCode::ConnectionLimitReached => trouble::too_many(url),
        ErrorCode::HttpRequestBodySize(size) => trouble::too_large(url, "the body of the request", size),
        ErrorCode::HttpResponseBodySize(size) => trouble::too_large(url, "the answer", size),
        ErrorCode::HttpResponseHeaderSectionSize(size) => {
            trouble::too_large(url, "the header of the answer", size.map(u64::from))
        }
        ErrorCode::HttpResponseIncomplete => trouble::broken(url, "the answer broke off"),
        ErrorCode::InternalError(why) => trouble::broken(url, &why.unwrap_or_default()),
        ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_) => trouble::bad_request(url, &words(&code)),
        other => trouble::broken(url, &words(&other)),
    }
}

/// The name of a code, for those that need no words of their own.
fn words(code: &ErrorCode) -> String {
    let name = format!("{code:?}");
    name.strip_prefix("ErrorCode::").unwrap_or(&name).to_owned()
}
