//! Rules about the network: which servers may be asked for what, and at which addresses they may be.
//! It must not look up any name; who has is told here whether the address will do.

use super::address::{AddressRange, is_global};
use crate::call::{Endpoint, HostName, Scheme};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;

/// Methods that no rule gives: a tunnel would carry what nobody has judged, and an echo would show attached secrets.
const NEVER: [&str; 2] = ["CONNECT", "TRACE"];

/// One line of `allow` or `deny`: `"example.com"`, `"*.example.com:8443"`, `"http://127.0.0.1:8080"`, or a table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub(super) struct NetworkRule {
    host: HostPattern,
    scheme: Option<Scheme>,
    port: Option<u16>,
    /// Any, where none is named.
    methods: Vec<String>,
    /// Addresses that the host may have although not everyone can reach them.
    addresses: Vec<AddressRange>,
}

#[derive(Clone, Debug, PartialEq)]
enum HostPattern {
    Any,
    /// Every name below this one, and not itself.
    Below(String),
    Exactly(HostName),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTable {
    host: String,
    scheme: Option<String>,
    port: Option<u16>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    addresses: Vec<AddressRange>,
}

/// A text or a table; each has errors of its own.
impl TryFrom<serde_json::Value> for NetworkRule {
    type Error = String;

    fn try_from(written: serde_json::Value) -> Result<Self, String> {
        if let Some(text) = written.as_str() {
            return Self::parse(text);
        }
        if !written.is_object() {
            return Err("expected a text like \"example.com\" or a table like { host = \"example.com\" }".to_owned());
        }
        let table: WrittenTable = serde_json::from_value(written).map_err(|error| error.to_string())?;
        let mut rule = Self::parse(&table.host)?;
        if let Some(name) = table.scheme {
            let scheme = Scheme::from_name(&name).ok_or_else(|| format!("{name:?} is not http or https"))?;
            rule.scheme = Some(scheme);
        }
        if table.port == Some(0) {
            return Err("nobody listens on port 0".to_owned());
        }
        rule.port = table.port.or(rule.port);
        let fine = |method: &String| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if let Some(method) = table.methods.iter().find(|method| !fine(method)) {
            return Err(format!("{method:?} is not an HTTP method in capital letters"));
        }
        rule.methods = table.methods;
        rule.addresses = table.addresses;
        Ok(rule)
    }
}

impl NetworkRule {
    /// `[scheme://]host[:port]`, where the host may be `*` or begin with `*.`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => {
                let scheme = Scheme::from_name(name).ok_or_else(|| format!("{text:?}: only http and https"))?;
                (Some(scheme), rest)
            }
            None => (None, text),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port != 0);
                (
                    host,
                    Some(port.ok_or_else(|| format!("{text:?}: no port from 1 to 65535"))?),
                )
            }
            _ => (rest, None),
        };
        let host = match (host, host.strip_prefix("*.")) {
            ("*", _) => HostPattern::Any,
            (_, Some(below)) => match HostName::parse(below).map_err(|error| error.to_string())? {
                HostName::Name(name) => HostPattern::Below(name.to_string()),
                HostName::Address(_) => return Err(format!("{text:?}: an address has nothing below it")),
            },
            (name, None) if name.contains(['/', '*', '@', '?', '#']) => {
                return Err(format!(
                    "{text:?} is no rule like \"example.com\" or \"*.example.com:8443\""
                ));
            }
            (name, None) => HostPattern::Exactly(HostName::parse(name).map_err(|error| error.to_string())?),
        };
        Ok(Self {
            host,
            scheme,
            port,
            methods: Vec::new(),
            addresses: Vec::new(),
        })
    }

    /// Whether it means every host.
    pub(super) fn is_for_all(&self) -> bool {
        self.host == HostPattern::Any
    }

    fn means_host(&self, endpoint: &Endpoint) -> bool {
        match (&self.host, &endpoint.host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Below(above), HostName::Name(name)) => name
                .strip_suffix(above.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
            (HostPattern::Below(_), HostName::Address(_)) => false,
            (HostPattern::Exactly(host), other) => host == other,
        }
    }

    fn means(&self, endpoint: &Endpoint) -> bool {
        let port = self.port.unwrap_or(endpoint.scheme.default_port());
        self.means_host(endpoint) && port == endpoint.port && self.scheme.is_none_or(|scheme| scheme == endpoint.scheme)
    }

    fn gives(&self, method: &str) -> bool {
        !NEVER.contains(&method) && (self.methods.is_empty() || self.methods.iter().any(|own| own == method))
    }

    /// Whether the rule says in so many words that the host may be at `address`.
    fn names(&self, address: IpAddr) -> bool {
        let itself = matches!(&self.host, HostPattern::Exactly(HostName::Address(own)) if *own == address);
        itself || self.addresses.iter().any(|range| range.contains(address))
    }

    /// Whether it alone allows this.
    pub(super) fn allows(&self, endpoint: &Endpoint, method: &str) -> bool {
        let reachable = match &endpoint.host {
            HostName::Address(address) => is_global(*address) || self.names(*address),
            HostName::Name(_) => true,
        };
        self.means(endpoint) && self.gives(method) && reachable
    }

    /// Whether it alone says that `endpoint` may be at `address`.
    pub(super) fn allows_at(&self, endpoint: &Endpoint, method: &str, address: IpAddr) -> bool {
        self.means(endpoint) && self.gives(method) && (is_global(address) || self.names(address))
    }

    /// Whether it says no more than which servers are meant.
    pub(super) fn is_plain(&self) -> bool {
        self.methods.is_empty() && self.addresses.is_empty()
    }

    /// In a list of what is refused, a host without a port means all of its ports.
    fn forbids_port(&self, endpoint: &Endpoint) -> bool {
        self.port.is_none_or(|port| port == endpoint.port) && self.scheme.is_none_or(|scheme| scheme == endpoint.scheme)
    }

    /// Whether it refuses requests with `method`, whatever address the server may have.
    fn forbids(&self, endpoint: &Endpoint, method: &str) -> bool {
        let method = self.methods.is_empty() || self.methods.iter().any(|own| own == method);
        self.addresses.is_empty() && method && self.means_host(endpoint) && self.forbids_port(endpoint)
    }

    /// Whether it refuses connections to `address`. An address in the place of a host is refused under every name.
    fn forbids_address(&self, endpoint: &Endpoint, address: IpAddr) -> bool {
        let host = match &self.host {
            HostPattern::Exactly(HostName::Address(own)) if self.addresses.is_empty() => *own == address,
            _ => self.means_host(endpoint) && self.addresses.iter().any(|range| range.contains(address)),
        };
        host && self.forbids_port(endpoint)
    }

    /// Whether it is about plain HTTP in so many words.
    fn names_http(&self) -> bool {
        self.scheme == Some(Scheme::Http) || self.port == Some(Scheme::Http.default_port())
    }
}

/// As it is written in a policy.
impl fmt::Display for NetworkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match &self.host {
            HostPattern::Any => "*".to_owned(),
            HostPattern::Below(name) => format!("*.{name}"),
            HostPattern::Exactly(host) => host.to_string(),
        };
        let scheme = self
            .scheme
            .map(|scheme| format!("{}://", scheme.name()))
            .unwrap_or_default();
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let short = format!("\"{scheme}{host}{port}\"");
        if self.methods.is_empty() && self.addresses.is_empty() {
            return f.write_str(&short);
        }
        write!(f, "{{ host = {short}")?;
        if !self.methods.is_empty() {
            write!(f, ", methods = {:?}", self.methods)?;
        }
        if !self.addresses.is_empty() {
            let ranges: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
            write!(f, ", addresses = {ranges:?}")?;
        }
        f.write_str(" }")
    }
}

/// Why a server may not be asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NetworkReason {
    /// This line refuses it.
    Denied(String),
    /// No line lists it.
    NotListed,
    /// A line lists it, but not for this method.
    Method(String),
    /// A line lists it, but it is at an address that is not for everyone, and no line names that.
    Address(IpAddr),
}

/// Everything that a policy says about the network to one tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NetworkRules {
    pub(super) allow: Vec<NetworkRule>,
    pub(super) deny: Vec<NetworkRule>,
}

impl NetworkRules {
    /// The line that allows requests with `method`.
    pub(super) fn find(&self, endpoint: &Endpoint, method: &str) -> Result<&NetworkRule, NetworkReason> {
        if let Some(rule) = self.deny.iter().find(|rule| rule.forbids(endpoint, method)) {
            return Err(NetworkReason::Denied(rule.to_string()));
        }
        let mut listed = self.allow.iter().filter(|rule| rule.means(endpoint)).peekable();
        if listed.peek().is_none() {
            return Err(NetworkReason::NotListed);
        }
        let rule = listed.find(|rule| rule.gives(method));
        let rule = rule.ok_or_else(|| NetworkReason::Method(method.to_owned()))?;
        match &endpoint.host {
            HostName::Address(address) if !self.reaches(endpoint, method, *address) => {
                Err(NetworkReason::Address(*address))
            }
            HostName::Address(_) | HostName::Name(_) => Ok(rule),
        }
    }

    /// Whether a connection for a request with `method` may go to `address`: one that is for everyone, or that a line which
    /// allows this very request names.
    pub(super) fn reaches(&self, endpoint: &Endpoint, method: &str, address: IpAddr) -> bool {
        let refused = |rule: &NetworkRule| rule.forbids_address(endpoint, address);
        let named = |rule: &NetworkRule| rule.means(endpoint) && rule.gives(method) && rule.names(address);
        !self.deny.iter().any(refused) && (is_global(address) || self.allow.iter().any(named))
    }

    /// Whether a server that was spoken to over TLS may send a tool on to `endpoint`: to plain HTTP only where a line says so.
    pub(super) fn may_follow(&self, from: &Endpoint, endpoint: &Endpoint) -> bool {
        let down = from.scheme == Scheme::Https && endpoint.scheme == Scheme::Http;
        !down || self.allow.iter().any(|rule| rule.means(endpoint) && rule.names_http())
    }
}

/// Whether `host` of a rule means `endpoint`: for what is attached to requests, where plain HTTP must be named.
pub(super) fn means_in_words(rule: &NetworkRule, endpoint: &Endpoint) -> bool {
    rule.means(endpoint) && (endpoint.scheme == Scheme::Https || rule.names_http())
}
