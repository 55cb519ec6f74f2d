//! Probes of the network: requests as they are spelled, within the call's grant or not, well formed or not.
//!
//! They must not stop at a refusal, and must not follow redirects: what the host makes of each request is what a test
//! wants to know.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use toolyard_sdk::prelude::*;
use toolyard_sdk::secrets::attached;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme, http_error_code,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

toolyard_sdk::url_type! {
    /// A URL that is granted, and no redirect.
    pub ProbeUrl, ["GET", "POST"]
}
toolyard_sdk::url_type! {
    /// A URL that is granted, with where it redirects to.
    pub ProbeRedirectUrl, ["GET", "POST"], redirects
}

/// One request to try. Nothing of it is a claim: it is sent as it is.
#[derive(Clone, Default, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct HttpOp {
    /// `scheme://authority/path?query`, split without looking at what is in it; each part may be set below instead.
    #[serde(default)]
    url: String,
    /// The scheme, as it is.
    scheme: Option<String>,
    /// The authority, as it is: `user@host:port`, or anything.
    authority: Option<String>,
    /// Path and query, as they are: `http://elsewhere/`, or anything.
    path: Option<String>,
    /// The method, as it is. Default: GET.
    method: Option<String>,
    /// Headers, each as `name: value`, as they are.
    #[serde(default)]
    headers: Vec<String>,
    /// So many headers more, `x-1: 1` and so on.
    #[serde(default)]
    more_headers: u32,
    /// The body.
    body: Option<String>,
    /// A body of so many bytes instead.
    upload: Option<u64>,
    /// Connect, first-byte and between-bytes timeout, in nanoseconds.
    timeout: Option<u64>,
    /// How many bytes of the answer's body to read. Default: 1000.
    read: Option<u64>,
    /// How many milliseconds to hold all answers before they are read.
    #[serde(default)]
    hold: u64,
    /// So many of these requests at one time. Default: 1.
    count: Option<u32>,
    /// Never give the answers' handles back.
    #[serde(default)]
    leak: bool,
}

/// How one request went; with several at one time, how the first did.
#[derive(Default, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Got {
    /// Whether there was an answer, and as much of its body as was to be read.
    ok: bool,
    /// The status code.
    status: Option<u16>,
    /// The answer's headers; values of one name are joined by a comma.
    headers: BTreeMap<String, String>,
    /// How many bytes of the body were read.
    bytes: u64,
    /// The first 200 characters of the body.
    body: String,
    /// The host's error code, as Rust names it, or the step that refused.
    error: Option<String>,
    /// How many went well.
    oks: u64,
    /// How often each error came.
    errors: BTreeMap<String, u64>,
}

/// Sends requests one after another and answers how each went: for what a network grant allows and refuses.
#[tool]
#[expect(unused_variables, reason = "the URLs are there for their claims")]
pub fn probe_http(
    /// URLs granted for GET and POST, without redirects.
    urls: Vec<ProbeUrl>,
    /// What to try.
    ops: Vec<HttpOp>,
) -> Result<Json<Vec<Got>>> {
    Ok(Json(ops.iter().map(tried).collect()))
}

/// The same, with URLs whose redirects are granted: a test asks for the redirect and then for where it leads.
#[tool]
#[expect(unused_variables, reason = "the URLs are there for their claims")]
pub fn probe_http_redirects(
    /// URLs granted for GET and POST, with redirects.
    urls: Vec<ProbeRedirectUrl>,
    /// What to try.
    ops: Vec<HttpOp>,
) -> Result<Json<Vec<Got>>> {
    Ok(Json(ops.iter().map(tried).collect()))
}

/// Answers, for the granted URL and then for each of the others, whether the operator has a secret for it: for what a
/// tool learns of secrets.
#[tool]
pub fn probe_secret(
    /// A URL that is granted.
    url: ProbeUrl,
    /// Texts that are not claimed.
    others: Option<Vec<String>>,
) -> Result<Json<Vec<bool>>> {
    let others = others.unwrap_or_default();
    let all = std::iter::once(url.as_str()).chain(others.iter().map(String::as_str));
    Ok(Json(all.map(attached).collect()))
}

/// An answer that is open. A handle is given back before the one it came from: the order of the fields.
struct Open {
    stream: InputStream,
    _body: IncomingBody,
    response: IncomingResponse,
}

/// A request on its way. Its body is open until there is an answer.
struct Sent {
    _upload: Option<(OutputStream, OutgoingBody)>,
    future: FutureIncomingResponse,
}

fn tried(op: &HttpOp) -> Got {
    let count = op.count.unwrap_or(1);
    let sent = (0..count).map(|_| send(op)).collect::<Vec<_>>();
    let open = sent.into_iter().map(|sent| answer(sent?)).collect::<Vec<_>>();
    sleep(Duration::from_millis(op.hold));
    let mut first = None;
    let (mut oks, mut errors) = (0, BTreeMap::new());
    for open in open {
        let got = read(open, op);
        match &got.error {
            None => oks += 1,
            Some(error) => *errors.entry(error.clone()).or_default() += 1,
        }
        first.get_or_insert(got);
    }
    Got {
        oks,
        errors,
        ..first.unwrap_or_default()
    }
}

fn send(op: &HttpOp) -> Result<Sent, String> {
    let request = OutgoingRequest::new(headers(op)?);
    let (scheme, rest) = op.url.split_once("://").unwrap_or(("http", &op.url));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let scheme = match op.scheme.as_deref().unwrap_or(scheme) {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let authority = op.authority.as_deref().unwrap_or(authority);
    let path = op.path.as_deref().unwrap_or(path);
    let refused = |step: &'static str| move |()| format!("{step} refused");
    request.set_method(&method(op)).map_err(refused("set_method"))?;
    request.set_scheme(Some(&scheme)).map_err(refused("set_scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(refused("set_authority"))?;
    request.set_path_with_query(Some(path)).map_err(refused("set_path"))?;
    let body = match (&op.body, op.upload) {
        (None, None) => None,
        _ => Some(request.body().map_err(refused("body"))?),
    };
    let stream = body
        .as_ref()
        .map(OutgoingBody::write)
        .transpose()
        .map_err(refused("write"))?;
    let future = outgoing_handler::handle(request, options(op)?).map_err(name)?;
    let upload = match stream.zip(body) {
        None => None,
        Some((stream, body)) => upload(op, stream, body),
    };
    Ok(Sent {
        _upload: upload,
        future,
    })
}

fn headers(op: &HttpOp) -> Result<Fields, String> {
    let fields = Fields::new();
    let more = (1..=op.more_headers).map(|number| format!("x-{number}: {number}"));
    for line in op.headers.iter().cloned().chain(more) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let added = fields.append(name, value.as_bytes());
        added.map_err(|problem| format!("header refused: {problem:?}"))?;
    }
    Ok(fields)
}

fn method(op: &HttpOp) -> Method {
    match op.method.as_deref().unwrap_or("GET") {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn options(op: &HttpOp) -> Result<Option<RequestOptions>, String> {
    let Some(timeout) = op.timeout else {
        return Ok(None);
    };
    let options = RequestOptions::new();
    options
        .set_connect_timeout(Some(timeout))
        .and_then(|()| options.set_first_byte_timeout(Some(timeout)))
        .and_then(|()| options.set_between_bytes_timeout(Some(timeout)))
        .map_err(|()| "timeout refused".to_owned())?;
    Ok(Some(options))
}

/// Writes the body; if that fails it is left open, and the answer tells why.
fn upload(op: &HttpOp, stream: OutputStream, body: OutgoingBody) -> Option<(OutputStream, OutgoingBody)> {
    let written = match (&op.body, op.upload) {
        (Some(text), _) => text
            .as_bytes()
            .chunks(4096)
            .try_for_each(|piece| stream.blocking_write_and_flush(piece)),
        (None, bytes) => endless(&stream, bytes.unwrap_or_default()),
    };
    if written.is_err() {
        return Some((stream, body));
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    None
}

fn endless(stream: &OutputStream, bytes: u64) -> Result<(), StreamError> {
    let piece = [b'x'; 4096];
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        stream.blocking_write_and_flush(&piece[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Waits until the answer begins.
fn answer(sent: Sent) -> Result<Open, String> {
    let response = loop {
        match sent.future.get() {
            None => sent.future.subscribe().block(),
            Some(Ok(answered)) => break answered.map_err(name)?,
            Some(Err(())) => return Err("answered twice".to_owned()),
        }
    };
    let body = response.consume().map_err(|()| "no body".to_owned())?;
    let stream = body.stream().map_err(|()| "no stream".to_owned())?;
    Ok(Open {
        stream,
        _body: body,
        response,
    })
}

fn read(open: Result<Open, String>, op: &HttpOp) -> Got {
    let mut got = Got::default();
    let open = match open {
        Ok(open) => open,
        Err(error) => {
            got.error = Some(error);
            return got;
        }
    };
    got.status = Some(open.response.status());
    for (name, value) in open.response.headers().entries() {
        let value = String::from_utf8_lossy(&value).into_owned();
        let known = got.headers.entry(name.to_ascii_lowercase());
        known
            .and_modify(|all| *all = format!("{all}, {value}"))
            .or_insert(value);
    }
    let most = op.read.unwrap_or(1000);
    let mut begin = Vec::new();
    while got.bytes < most {
        match open.stream.blocking_read((most - got.bytes).min(65_536)) {
            Ok(bytes) => {
                got.bytes += bytes.len() as u64;
                begin.extend(bytes.into_iter().take(1000_usize.saturating_sub(begin.len())));
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let code = http_error_code(&error).map(name);
                got.error = Some(code.unwrap_or_else(|| error.to_debug_string()));
                break;
            }
        }
    }
    got.body = String::from_utf8_lossy(&begin).chars().take(200).collect();
    got.ok = got.error.is_none();
    if op.leak {
        std::mem::forget(open);
    }
    got
}

fn name(code: ErrorCode) -> String {
    let name = format!("{code:?}");
    name.strip_prefix("ErrorCode::").unwrap_or(&name).to_owned()
}

/// Tries raw sockets of every kind and answers what each was told: no grant opens any.
#[tool]
pub fn probe_sockets(
    /// A port on this machine on which somebody listens.
    port: u16,
) -> Result<Json<BTreeMap<String, String>>> {
    use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
    let here = ("127.0.0.1", port);
    let tried = [
        ("connect", TcpStream::connect(here).map(drop)),
        ("connect by name", TcpStream::connect(("localhost", port)).map(drop)),
        ("listen", TcpListener::bind(("127.0.0.1", 0)).map(drop)),
        (
            "udp",
            UdpSocket::bind(("127.0.0.1", 0))
                .and_then(|socket| socket.send_to(b"x", here))
                .map(drop),
        ),
        ("look up", ("example.com", port).to_socket_addrs().map(drop)),
    ];
    let word =
        |result: std::io::Result<()>| result.map_or_else(|error| format!("{:?}", error.kind()), |()| "ok".to_owned());
    Ok(Json(
        tried
            .into_iter()
            .map(|(name, result)| (name.to_owned(), word(result)))
            .collect(),
    ))
}
