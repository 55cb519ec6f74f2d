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
use url::Url;

/// How the server is let know of other names and pages.
const HOW: &str = "\nBy default only this machine's own names may stand in `host` and `origin`: toolyard serve --allow-host NAME \
                   and --allow-origin https://NAME let in others.\n";

/// What a page may read of an answer's head.
const SHOWN: HeaderValue = HeaderValue::from_static("mcp-session-id, mcp-protocol-version, www-authenticate");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
/// How long a browser may remember what it was told, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// Asked by browsers before a page of the public net reaches a machine near it.
const ASKS_NEAR: HeaderName = HeaderName::from_static("access-control-request-private-network");
const MAY_NEAR: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// An origin as the library compares it: with a port, which is that of the scheme if none is said; `*` is any.
///
/// # Errors
/// What is wrong with it.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let (base, any) = match text.strip_suffix(":*") {
        Some(base) => (base, true),
        None => (text, false),
    };
    let wrong =
        |why: &str| format!("{text:?} is no origin: {why}; one is https://app.example or http://app.example:8080");
    let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
    let bare = url.path().trim_start_matches('/').is_empty() && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it has more than a scheme, a name and a port"));
    }
    let host = url.host_str().filter(|host| !host.is_empty() && !host.contains('*'));
    let host = host.ok_or_else(|| wrong("it has no name, or not one alone"))?;
    match (any, url.port_or_known_default()) {
        (true, _) if has_port(base) => Err(wrong("it has two ports")),
        (true, _) => Ok(format!("{}://{host}:*", url.scheme())),
        (false, Some(port)) => Ok(format!("{}://{host}:{port}", url.scheme())),
        (false, None) => Ok(format!("{}://{host}:*", url.scheme())),
    }
}

/// Whether a port is said, also the one that goes without saying.
fn has_port(base: &str) -> bool {
    let last = base.rsplit(':').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

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

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn origins_have_a_scheme_a_name_and_a_port() {
        for (said, meant) in [
            ("https://app.example", Some("https://app.example:443")),
            ("http://App.Example/", Some("http://app.example:80")),
            ("https://app.example:8443", Some("https://app.example:8443")),
            ("https://app.example:*", Some("https://app.example:*")),
            ("http://[::1]:5173", Some("http://[::1]:5173")),
            ("chrome-extension://abcdef", Some("chrome-extension://abcdef:*")),
            ("*", None),
            ("null", None),
            ("app.example", None),
            ("app.example:443", None),
            ("https://a.b:99999", None),
            ("https://app.example:443:*", None),
            ("https://*.example", None),
            ("https://app.example/page", None),
            ("https://me@app.example", None),
            ("https://", None),
        ] {
            assert_eq!(origin(said).ok().as_deref(), meant, "{said}");
        }
    }
}
