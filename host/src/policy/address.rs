//! Addresses: which of them the whole internet can reach, and ranges of them. It must not look up any name.

use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressRange {
    base: IpAddr,
    /// How many leading bits are fixed.
    bits: u8,
}

impl AddressRange {
    /// Whether `address` lies in it. An IPv4 address and the IPv6 form that maps to it are two addresses here.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for AddressRange {
    fn from(base: IpAddr) -> Self {
        let bits = if base.is_ipv4() { 32 } else { 128 };
        Self { base, bits }
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no range of addresses like \"10.0.0.0/8\" or \"::1\"");
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let whole = Self::from(base.parse::<IpAddr>().map_err(|_| wrong())?);
        let bits = match bits {
            None => whole.bits,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= whole.bits).ok_or_else(wrong)?,
        };
        Ok(Self { bits, ..whole })
    }
}

impl TryFrom<String> for AddressRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::from(self.base).bits == self.bits {
            true => write!(f, "{}", self.base),
            false => write!(f, "{}/{}", self.base, self.bits),
        }
    }
}

/// IPv4 blocks that are not for everyone: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates),
/// with multicast and the reserved class E.
const SPECIAL_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Blocks of 2000::/3 that are not for everyone: the IANA IPv6 Special-Purpose Address Registry. Outside of 2000::/3
/// nothing is global unicast (RFC 4291), translated and mapped addresses least of all: what they lead to is an IPv4
/// address that would not have been judged.
const SPECIAL_V6: [(Ipv6Addr, u8); 5] = [
    // IETF protocol assignments, with Teredo, benchmarking and ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4: an IPv4 address inside.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether the address is one that everybody on the internet means the same host by. Everything else (private, shared,
/// loopback, link-local, metadata, multicast, documentation, translated) is not.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    let within = |(base, bits): (IpAddr, u8)| AddressRange { base, bits }.contains(address);
    match address {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|(base, bits)| within(((*base).into(), *bits))),
        IpAddr::V6(_) => {
            within((GLOBAL_V6.0.into(), GLOBAL_V6.1))
                && !SPECIAL_V6.iter().any(|(base, bits)| within(((*base).into(), *bits)))
        }
    }
}
