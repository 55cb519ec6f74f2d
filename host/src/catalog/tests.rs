//! What a component may import, and what a catalog refuses. It must not run a tool.

use super::*;

#[test]
fn imports() {
    use Covered::{Always, ByClaim, Never};
    for (import, expect) in [
        ("wasi:io/streams@0.2.6", Always),
        ("wasi:clocks/monotonic-clock@0.2.0", Always),
        ("wasi:cli/environment@0.2.6", Always),
        ("wasi:random/random@0.2.6", Always),
        ("toolyard:plugin/report@0.1.0", Always),
        ("toolyard:plugin/types@0.1.0", Always),
        ("wasi:filesystem/types@0.2.6", ByClaim(ImportKind::Path)),
        ("wasi:filesystem/preopens@0.2.6", ByClaim(ImportKind::Path)),
        ("wasi:http/outgoing-handler@0.2.6", ByClaim(ImportKind::Network)),
        ("toolyard:plugin/browser@0.1.0", ByClaim(ImportKind::Browser)),
        ("wasi:sockets/tcp@0.2.6", Always),
        ("toolyard:plugin/secrets@0.1.0", ByClaim(ImportKind::Network)),
        ("wasi:http/incoming-handler@0.2.6", Never),
        ("wasi:keyvalue/store@0.2.0", Never),
        ("toolyard:plugin/tools@0.1.0", Never),
        ("env", Never),
        ("", Never),
    ] {
        assert_eq!(import_rule(import), expect, "{import}");
    }
}

#[test]
fn imports_against_claims() {
    let (_, bytes) = STANDARD[0];
    let contents = read(bytes).expect("the standard plugin");
    let mut manifest = Manifest::parse(&contents.manifest).expect("its manifest");
    check_imports(&contents.imports, &manifest).expect("covered by its claims");
    for tool in &mut manifest.tools {
        tool.claims.clear();
    }
    let error = check_imports(&contents.imports, &manifest).expect_err("nothing covers the file system");
    assert!(
        error.to_string().contains("wasi:filesystem") && error.to_string().contains("path claim"),
        "{error}"
    );
    let server = vec!["wasi:http/incoming-handler@0.2.6".to_owned()];
    let error = check_imports(&server, &manifest).expect_err("nothing can cover a server");
    assert!(error.to_string().contains("gives to no plugin"), "{error}");
}

#[test]
fn not_plugins() {
    let (_, bytes) = STANDARD[1];
    for (bytes, expect) in [
        (&b""[..], "the file is empty"),
        (b"random bytes of no meaning", "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "a core WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "it exports nothing"),
        (&bytes[..1000], "not a WebAssembly component"),
    ] {
        let error = Plugin::from_bytes("x", bytes.to_vec()).expect_err(expect);
        assert!(error.to_string().contains(expect), "{error}");
    }
}

/// Cut off or bent anywhere, a component is refused or read; it never stops the host.
#[test]
fn bent_components() {
    let (_, bytes) = STANDARD[1];
    for at in (0..bytes.len()).step_by(bytes.len() / 200) {
        let cut = bytes.get(..at).unwrap_or_default().to_vec();
        assert!(Plugin::from_bytes("cut", cut).is_err(), "cut at {at}");
        let mut bent = bytes.to_vec();
        bent[at] ^= 0x55;
        drop(Plugin::from_bytes("bent", bent));
    }
}

#[test]
fn doubles_are_refused_as_a_whole() {
    let (_, bytes) = STANDARD[1];
    let plugin = |origin: &str| Plugin::from_bytes(origin, bytes.to_vec()).expect("a plugin");
    let mut catalog = Catalog::default();
    catalog.add(plugin("first")).expect("the first");
    let error = catalog.add(plugin("second")).expect_err("a double");
    assert_eq!(
        error.to_string(),
        "second: a plugin named text is already loaded from first"
    );
    let mut renamed = plugin("third");
    renamed.manifest.name = "other".to_owned();
    let error = catalog.add(renamed).expect_err("a double");
    assert!(error.to_string().contains("is already part of first"), "{error}");
    assert_eq!((catalog.plugins().len(), catalog.tools().count()), (1, 3));
}
