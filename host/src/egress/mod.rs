//! The way out: from the name of a host to addresses that may be connected to. A name is looked up once, every address is
//! judged, and only what was judged is handed on.
//! It must not decide what may be reached, nor know what will be sent there.

mod resolve;

pub use resolve::{Lookup, Resolve, System};

use crate::call::HostName;
use crate::walls::{self, Wall};
use std::net::IpAddr;

/// As many addresses of one name are tried.
const MOST_TRIED: usize = 4;

/// Why there is no address to connect to.
#[derive(Debug)]
pub(crate) enum Unreachable<E> {
    /// The name can't be looked up, or has no address; in words.
    Unknown(String),
    /// All that it has were refused, the first for this reason.
    Refused(E),
}

/// The addresses of `host` that `judge` says nothing against, in the order in which they are to be tried.
pub(crate) async fn addresses<E>(
    resolver: &dyn Resolve,
    host: &HostName,
    judge: impl Fn(IpAddr) -> Result<(), E>,
) -> Result<Vec<IpAddr>, Unreachable<E>> {
    let found = match host {
        HostName::Address(address) => vec![*address],
        HostName::Name(name) => match resolver.addresses(name).await {
            Ok(found) if found.is_empty() => return Err(Unreachable::Unknown(format!("{name} has no address"))),
            Ok(found) => found,
            Err(error) => return Err(Unreachable::Unknown(format!("{name}: {error}"))),
        },
    };
    let mut refused = None;
    let mut good = Vec::new();
    for address in found {
        match judge(address) {
            Err(error) if walls::stands(Wall::Addresses) => refused = refused.or(Some(error)),
            _ if good.len() < MOST_TRIED => good.push(address),
            _ => {}
        }
    }
    match refused {
        Some(error) if good.is_empty() => Err(Unreachable::Refused(error)),
        _ => Ok(good),
    }
}
