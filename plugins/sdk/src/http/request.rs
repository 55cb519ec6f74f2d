//! A request, and the URL it goes to.
//!
//! It must not send anything.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::headers::Headers;
use super::trouble;
use crate::failure::Result;

/// What is asked of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Its content.
    Get,
    /// What a GET would answer, without the content.
    Head,
    /// To take the body and do with it what it does.
    Post,
    /// To be replaced by the body.
    Put,
    /// To be changed as the body says.
    Patch,
    /// To be removed.
    Delete,
    /// Which methods it knows.
    Options,
}

impl Method {
    /// The method as it is sent: `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How long parts of a request may take; `None` leaves it to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Option<Duration>,
    /// Until the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// Between two pieces of the answer.
    pub between_bytes: Option<Duration>,
    /// From the beginning to the answer's last byte, redirects included.
    pub total: Option<Duration>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Of which URL; its scheme is `http` or `https`, and it has a host.
    pub url: Url,
    /// With which headers.
    pub headers: Headers,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// How many redirects are followed; beyond that it fails. With 0 an answer that redirects is an answer like others.
    pub redirects: u32,
}

impl Request {
    /// A request with that method.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn new(method: Method, url: &str) -> Result<Request> {
        Ok(Request {
            method,
            url: parse(url)?,
            headers: Headers::new(),
            body: Vec::new(),
            timeouts: Timeouts::default(),
            redirects: 10,
        })
    }

    /// A request for the content.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn get(url: &str) -> Result<Request> {
        Request::new(Method::Get, url)
    }

    /// Sets a header, in place of those of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Request {
        self.headers.set(name, value);
        self
    }

    /// Sets the body and its media type.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Request {
        self.headers.set("content-type", media_type);
        self.body = body.into();
        self
    }

    /// Sets how long it may take as a whole.
    #[must_use]
    pub fn timeout(mut self, total: Duration) -> Request {
        self.timeouts.total = Some(total);
        self
    }

    /// Sets how many redirects are followed.
    #[must_use]
    pub fn follow(mut self, redirects: u32) -> Request {
        self.redirects = redirects;
        self
    }
}

/// Reads a URL as browsers do. `host:port` means `https`, or `http` if the port is 80, as in a network claim.
///
/// # Errors
/// `bad_url`, if it is none, has another scheme than `http` and `https`, or a user name or password.
pub fn parse(text: &str) -> Result<Url> {
    let text = text.trim();
    let url = match scheme_of(text) {
        Some(scheme) => Url::parse(&format!("{scheme}://{text}")),
        None => Url::parse(text),
    };
    let url = url.map_err(|problem| trouble::bad_url(text, &problem.to_string()))?;
    check(url)
}

/// The scheme that is meant by `host:port`; `None` for anything else.
fn scheme_of(text: &str) -> Option<&'static str> {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (host, port) = text.get(..end)?.rsplit_once(':')?;
    let plain = !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| if port == "80" { "http" } else { "https" })
}

/// Refuses what can't be sent, or should not be.
pub(super) fn check(url: Url) -> Result<Url> {
    let shown = url.scheme().to_owned();
    if !matches!(url.scheme(), "http" | "https") {
        let problem = format!("its scheme is {shown}; only http and https are sent");
        return Err(trouble::bad_url(url.as_str(), &problem));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let host = url.host_str().unwrap_or_default();
        let problem = "it has a user name in it; put credentials in the header `authorization`";
        return Err(trouble::bad_url(&format!("{shown}://…@{host}"), problem));
    }
    Ok(url)
}
