//! How requests fail, in words: each failure names the host or URL that it is about and what would help.
//!
//! It must not decide when.

use std::time::Duration;

use url::Url;

use crate::failure::Failure;

/// At most so much of a text that came from outside is shown, in bytes.
const SHOWN: usize = 300;

/// The first bytes of a text, as one line without control characters.
pub fn clipped(text: &str) -> String {
    let cut = text.get(..text.floor_char_boundary(SHOWN)).unwrap_or_default();
    let line = cut
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>();
    if cut.len() < text.len() {
        format!("{line}…")
    } else {
        line
    }
}

/// Scheme, host and port: what a grant is about.
pub fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// It is no URL that can be sent to.
pub fn bad_url(text: &str, problem: &str) -> Failure {
    Failure::invalid("bad_url", format!("{}: {problem}", clipped(text))).hint("A URL begins with https:// or http://.")
}

/// The request is not covered by the grant, or the policy forbids it.
pub fn denied(method: &str, url: &Url) -> Failure {
    let place = place(url);
    let message = format!("{method} {place} is not granted to this call");
    let allow = format!("The operator's policy must allow it: `allow = [\"{place}\"]` under [network].");
    Failure::denied("network_denied", message).hint(allow)
}

/// The host's name leads to an address that nothing is sent to.
pub fn address_denied(url: &Url) -> Failure {
    let message = format!(
        "{} has an address that is private or reserved, which the policy doesn't allow",
        place(url)
    );
    Failure::denied("address_denied", message)
}

/// There is no such host.
pub fn unknown_host(url: &Url) -> Failure {
    let host = url.host_str().unwrap_or_default();
    Failure::new("unknown_host", format!("no address was found for {host}")).hint("Check how the name is spelled.")
}

/// Nobody answers there.
pub fn unreachable(url: &Url, why: &str) -> Failure {
    Failure::new("unreachable", format!("{}: {why}", place(url)))
}

/// The connection can't be made secure.
pub fn insecure(url: &Url, why: &str) -> Failure {
    Failure::new("tls", format!("{}: {why}", place(url)))
}

/// It took too long, by the host's clock or by the request's own.
pub fn timeout(url: &Url, what: &str) -> Failure {
    Failure::new("timeout", format!("{url}: {what}")).hint("Try again, or allow more time.")
}

/// What [`timeout`] says when the request's own time is over.
pub fn late(url: &Url, after: Duration) -> Failure {
    timeout(url, &format!("no complete answer within {} s", after.as_secs_f64()))
}

/// More than may be sent or received.
pub fn too_large(url: &Url, what: &str, size: Option<u64>) -> Failure {
    let size = size.map_or_else(String::new, |size| format!(" ({size} bytes)"));
    Failure::new(
        "too_large",
        format!("{url}: {what}{size} is larger than this call may have"),
    )
}

/// The answer broke off, or is not HTTP.
pub fn broken(url: &Url, why: &str) -> Failure {
    Failure::new("broken_answer", format!("{url}: {}", clipped(why)))
}

/// The request itself can't be sent so.
pub fn bad_request(url: &Url, why: &str) -> Failure {
    Failure::invalid("bad_request", format!("{url}: {}", clipped(why)))
}

/// Too many requests at once, or in one call.
pub fn too_many(url: &Url) -> Failure {
    Failure::new(
        "too_many_requests",
        format!("{url}: this call has as many requests as it may have"),
    )
    .hint("Ask for fewer at once.")
}

/// More redirects than are followed.
pub fn too_many_redirects(from: &Url, to: &Url) -> Failure {
    Failure::new(
        "too_many_redirects",
        format!("{from} redirects to {to}, and no more redirects are followed"),
    )
}

/// A redirect from `https` to `http`.
pub fn insecure_redirect(from: &Url, to: &Url) -> Failure {
    Failure::new(
        "insecure_redirect",
        format!("{from} redirects to {to}, which is not encrypted"),
    )
    .hint("Ask for that URL itself if it can be trusted.")
}

/// A redirect to what is no URL to send to.
pub fn bad_redirect(from: &Url, location: &str) -> Failure {
    let message = format!("{from} redirects to {:?}, which can't be followed", clipped(location));
    Failure::new("bad_redirect", message)
}
