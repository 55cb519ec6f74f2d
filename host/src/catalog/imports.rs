//! Which imports a component may have, given what its tools claim.
//! It must not link anything: the sandbox's linker is the wall, this is the clear word before it.

/// What stands behind an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// Every language's runtime brings it along, and by itself it reaches nothing: clocks, random numbers, streams,
    /// an empty environment.
    Always,
    /// Reaches what a claim of this kind names.
    ByClaim(Kind),
    /// Not there for anyone.
    Never,
}

/// Kinds of claims that open an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A path claim.
    Path,
    /// A network claim.
    Network,
    /// A browser claim.
    Browser,
}

/// The rule for one import name. Versions of one interface are alike here; the linker looks at them.
#[must_use]
pub fn rule(import: &str) -> Covered {
    let interface = import.split('@').next().unwrap_or(import);
    let (package, name) = interface.split_once('/').unwrap_or((interface, ""));
    match (package, name) {
        ("toolyard:plugin", "browser") => Covered::ByClaim(Kind::Browser),
        ("toolyard:plugin", "secrets") => Covered::ByClaim(Kind::Network),
        ("toolyard:plugin", "report" | "types") => Covered::Always,
        // Sockets are linked as stubs that refuse everything: some runtimes import them unasked.
        ("wasi:io" | "wasi:clocks" | "wasi:random" | "wasi:cli" | "wasi:sockets", _) => Covered::Always,
        ("wasi:filesystem", _) => Covered::ByClaim(Kind::Path),
        ("wasi:http", "types" | "outgoing-handler") => Covered::ByClaim(Kind::Network),
        _ => Covered::Never,
    }
}
