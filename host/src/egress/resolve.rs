//! Names to addresses. It must not judge any.

use std::fmt::Debug;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// The answer of a resolver, when it is there.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks up host names: the operating system does, unless an embedder has its own.
pub trait Resolve: Send + Sync + Debug {
    /// All addresses of `name`, which is lower-case ASCII without a final dot.
    fn addresses<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// The operating system's resolver.
#[derive(Debug)]
pub struct System;

impl Resolve for System {
    fn addresses<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            // The final dot keeps search domains of this machine out of it; a name without any dot is a local one.
            let absolute = match name.contains('.') {
                true => format!("{name}."),
                false => name.to_owned(),
            };
            let found = tokio::net::lookup_host((absolute, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
