//! Pages in browsers that call the server (the Fetch standard's CORS): which may, and what a browser has to be told so that they
//! can. It must not judge by itself: the protocol's library does, once, by `Host` and `Origin`.

use super::{Answer, Service, plain};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderName, ORIGIN, VARY,
};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};

/// How the server is let know of other names and pages.
const HOW: &str = "\nBy default only this machine's own names may stand in `host` and `origin`: toolyard serve --allow-host NAME \
                   and --allow-origin https://PAGE let in others.\n";

/// What a page may read of an answer's head.
const SHOWN: HeaderValue = HeaderValue::from_static("mcp-session-id, mcp-protocol-version, www-authenticate");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
/// How long a browser may remember what it was told, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// Asked by browsers before a page of the public net reaches a machine near it.
const ASKS_NEAR: HeaderName = HeaderName::from_static("access-control-request-private-network");
const MAY_NEAR: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Whether a request with this head may come in at all, whoever sends it.
///
/// # Errors
/// The answer that it gets, if it may not.
pub(super) async fn judge(headers: &HeaderMap, service: &Service) -> Result<(), Answer> {
    // The library looks at these two first, and has no answer of its own to this method.
    let mut question = Request::new(Empty::<Bytes>::new());
    *question.method_mut() = Method::OPTIONS;
    for name in [HOST, ORIGIN] {
        if let Some(value) = headers.get(&name) {
            question.headers_mut().insert(name, value.clone());
        }
    }
    let answer = service.handle(question).await;
    match answer.status() {
        StatusCode::METHOD_NOT_ALLOWED => Ok(()),
        StatusCode::FORBIDDEN => {
            let (head, body) = answer.into_parts();
            let Ok(body) = body.collect().await;
            let text = [&body.to_bytes()[..], HOW.as_bytes()].concat();
            Err(Answer::from_parts(head, Full::new(Bytes::from(text)).boxed()))
        }
        _ => Err(answer),
    }
}

/// The answer to a browser that asks what a page may send. It asks without a token, and learns nothing that one would hide.
pub(super) fn before(headers: &HeaderMap) -> Option<Answer> {
    headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut answer = plain(StatusCode::NO_CONTENT, "");
    let told = answer.headers_mut();
    told.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    told.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    if let Some(names) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        told.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    if headers.contains_key(ASKS_NEAR) {
        told.insert(MAY_NEAR, HeaderValue::from_static("true"));
    }
    Some(answer)
}

/// Lets the page that asked read the answer.
pub(super) fn show(answer: &mut Answer, origin: Option<HeaderValue>) {
    let headers = answer.headers_mut();
    headers.append(VARY, HeaderValue::from_name(ORIGIN));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    }
}
