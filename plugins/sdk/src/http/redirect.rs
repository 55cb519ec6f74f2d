//! Where an answer sends on to, and what may go along (RFC 9110, section 15.4).
//!
//! It must not send anything, nor decide whether the next host is allowed: the host of the sandbox does.

use super::request::{Method, Request, check};
use super::transport::Head;
use super::trouble;
use crate::failure::Result;

/// The request that an answer asks for next; `None` if it is an answer to give back. `hops` is how many redirects led
/// to the request.
///
/// # Errors
/// `too_many_redirects`, `insecure_redirect` (from `https` to `http`), and `bad_redirect` for what is no URL to send to.
pub fn next(request: &Request, hops: u32, head: &Head) -> Result<Option<Request>> {
    if !matches!(head.status, 301 | 302 | 303 | 307 | 308) || request.redirects == 0 {
        return Ok(None);
    }
    let Some(location) = head.headers.get("location") else {
        return Ok(None);
    };
    let url = request.url.join(location.trim()).ok().map(check);
    let Some(Ok(url)) = url else {
        return Err(trouble::bad_redirect(&request.url, &location));
    };
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(trouble::insecure_redirect(&request.url, &url));
    }
    if hops >= request.redirects {
        return Err(trouble::too_many_redirects(&request.url, &url));
    }
    let mut next = Request {
        method: method(request.method, head.status),
        ..request.clone()
    };
    if next.method != request.method {
        next.body.clear();
        next.headers
            .keep(|name| !name.to_ascii_lowercase().starts_with("content-"));
    }
    if url.origin() != request.url.origin() {
        next.headers.keep(|name| !private(name));
    }
    next.url = url;
    Ok(Some(next))
}

/// 303 makes everything a GET (a HEAD stays one); 301 and 302 a POST alone, as every client does.
fn method(method: Method, status: u16) -> Method {
    match (status, method) {
        (303, Method::Get | Method::Head) => method,
        (303, _) | (301 | 302, Method::Post) => Method::Get,
        _ => method,
    }
}

/// Whether a header is meant for one host alone.
fn private(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "cookie", "token", "secret", "api-key", "apikey"]
        .iter()
        .any(|word| name.contains(word))
}
