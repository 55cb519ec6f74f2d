//! The committed components are built from the sources beside them. It must not build anything.

use std::process::Command;
use toolyard_tests::repository;

/// The custom section `toolyard:source` of a component, wherever it is nested.
fn source_digest(bytes: &[u8]) -> Option<String> {
    let name = b"toolyard:source";
    let at = bytes.windows(name.len()).position(|window| window == name)?;
    let digest = bytes.get(at + name.len()..)?.get(..64)?;
    String::from_utf8(digest.to_vec()).ok()
}

#[test]
fn prebuilt_components_are_fresh() {
    let files = [
        ("fs", "plugins/prebuilt/fs.wasm"),
        ("text", "plugins/prebuilt/text.wasm"),
        ("web", "plugins/prebuilt/web.wasm"),
        ("browser", "plugins/prebuilt/browser.wasm"),
        ("conformance", "tests/guests/prebuilt/conformance.wasm"),
        ("probe", "tests/guests/prebuilt/probe.wasm"),
    ];
    for (name, file) in files {
        let bytes = std::fs::read(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let script = repository().join("plugins/build.sh");
        let output = Command::new("bash")
            .arg(script)
            .args(["--digest", name])
            .output()
            .expect("the script");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let digest = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!(
            source_digest(&bytes).as_deref(),
            Some(digest.as_str()),
            "{file} is stale: its sources have changed since it was built; bash plugins/build.sh {name}"
        );
    }
}
