//! The one name of a web server: scheme, host and port, as claims, policy and requests are compared by.
//! It must not look a name up or reach anything.

use super::plain;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use url::{Host, Url};

/// The longest URL that is looked at, in bytes.
const MAX_URL_BYTES: usize = 64 << 10;

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// Its name in a URL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is meant where none is written.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme of that name, in either case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }
}

/// A host: a name that has to be looked up, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostName {
    /// A name in lower-case ASCII (punycode), without a final dot.
    Name(#[serde(serialize_with = "plain::share", deserialize_with = "plain::own::<String, _, _>")] Arc<str>),
    /// An address, however it was spelled.
    Address(IpAddr),
}

impl HostName {
    /// The host that `text` means, with every spelling that a browser takes: `127.1`, `0x7f.1` and `2130706433` are one.
    ///
    /// # Errors
    /// If it is no host.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let wrong = |problem: &str| EndpointError::new(text, problem);
        match Host::parse(text).map_err(|error| wrong(&error.to_string()))? {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                match name.is_empty() || name.len() > 253 || name.split('.').any(|label| label.is_empty()) {
                    true => Err(wrong("that is no host name")),
                    false => Ok(Self::Name(name.to_ascii_lowercase().into())),
                }
            }
            Host::Ipv4(address) => Ok(Self::Address(address.into())),
            Host::Ipv6(address) => Ok(Self::Address(address.into())),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{}]", plain(*address)),
        }
    }
}

/// The address in hexadecimal groups alone: what it maps to must not read like an IPv4 host.
fn plain(address: Ipv6Addr) -> String {
    address.to_string()
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// How.
    pub scheme: Scheme,
    /// To whom.
    pub host: HostName,
    /// The port, never 0.
    pub port: u16,
}

/// Why a text names no endpoint.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{shown:?} is no address of a web server: {problem}")]
pub struct EndpointError {
    shown: String,
    problem: String,
}

impl EndpointError {
    fn new(value: &str, problem: impl Into<String>) -> Self {
        Self {
            shown: value.chars().take(200).collect(),
            problem: problem.into(),
        }
    }
}

impl Endpoint {
    /// The endpoint of a URL, or of `host` and `host:port`, which mean HTTPS (HTTP on port 80).
    ///
    /// What two programs could read in two ways is no URL here: backslashes, control characters and blanks, a user name.
    ///
    /// # Errors
    /// If it is not an absolute `http` or `https` URL with a host, or names a user or port 0.
    pub fn parse(value: &str) -> Result<Self, EndpointError> {
        let wrong = |problem: &str| EndpointError::new(value, problem);
        if value.len() > MAX_URL_BYTES {
            return Err(wrong("it is too long"));
        }
        if value.is_empty() || value.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace()) {
            return Err(wrong(
                "blanks, backslashes and control characters must be percent-encoded",
            ));
        }
        let text = match value.contains("://") {
            true => value.to_owned(),
            false if value.ends_with(":80") => format!("http://{value}"),
            false => format!("https://{value}"),
        };
        let url = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        let authority = text.split("://").nth(1).unwrap_or_default();
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(wrong("it names no host"));
        }
        if authority.contains('@') {
            return Err(wrong("a user name or password in it is refused"));
        }
        Self::of(&url)
    }

    /// The endpoint of a URL that is parsed already.
    ///
    /// # Errors
    /// As `parse`.
    pub fn of(url: &Url) -> Result<Self, EndpointError> {
        let wrong = |problem: &str| EndpointError::new(url.as_str(), problem);
        let scheme = Scheme::from_name(url.scheme()).ok_or_else(|| wrong("only http and https can be reached"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("a user name or password in it is refused"));
        }
        let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let port = url.port().unwrap_or(scheme.default_port());
        if port == 0 {
            return Err(wrong("nobody listens on port 0"));
        }
        Ok(Self {
            scheme,
            host: HostName::parse(host)?,
            port,
        })
    }

    /// Host and port as the header `Host` has them: without the port where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port == self.scheme.default_port() {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// As a URL without a path: `https://example.com`, `http://localhost:8080`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        Endpoint::parse(value).map_or_else(|error| format!("error: {error}"), |endpoint| endpoint.to_string())
    }

    #[test]
    fn one_name_for_every_spelling() {
        for (value, expect) in [
            ("https://example.com/a?b#c", "https://example.com"),
            ("HTTPS://EXAMPLE.com.:443/", "https://example.com"),
            ("example.com", "https://example.com"),
            ("example.com:8443", "https://example.com:8443"),
            ("example.com:80", "http://example.com"),
            ("http://2130706433/", "http://127.0.0.1"),
            ("http://0x7f.1/", "http://127.0.0.1"),
            ("http://0177.0.0.1/", "http://127.0.0.1"),
            ("http://127.1/", "http://127.0.0.1"),
            ("http://0/", "http://0.0.0.0"),
            ("http://[::]:81/", "http://[::]:81"),
            ("http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]"),
            ("http://evil.com#@allowed.com", "http://evil.com"),
            ("http://b\u{fc}cher.example", "http://xn--bcher-kva.example"),
        ] {
            assert_eq!(shown(value), expect, "{value}");
        }
    }

    #[test]
    fn what_is_no_endpoint() {
        for value in [
            "",
            " ",
            "http://",
            "http:///etc",
            "https://allowed.com@evil.com/",
            "https://@evil.com/",
            "https://user:secret@evil.com/",
            "https://allowed.com\\@evil.com/",
            "https://a.com\r\nHost: b.com",
            "https://a\t.com",
            "http://a.com:0/",
            "http://a.com:65536/",
            "file:///etc/passwd",
            "ftp://a.com/",
            "data:text/plain,x",
            "ws://a.com/",
            "javascript://a.com/",
            "http://a..com/",
            "http://./",
        ] {
            assert!(shown(value).starts_with("error: "), "{value}: {}", shown(value));
        }
    }
}
