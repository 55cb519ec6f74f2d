//! Browsers that don't start: told in words that help, and nobody waits for long. It must not need a real browser.

use super::Site;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

/// A site whose browser is this script.
fn site(script: &str, more: &str) -> Site {
    let world = toolyard_tests::World::new();
    let program = world.around().join("browser.sh");
    std::fs::write(&program, script).expect("a script");
    // A host that is root starts it as somebody else.
    for open in [world.around(), &program] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let more = format!("program = {:?}\n{more}", program.display().to_string());
    Site::over(world, toolyard_tests::pages::Pages::start(), &more)
}

#[test]
fn a_browser_that_never_comes_up() {
    let site = site("#!/bin/sh\nexec sleep 600\n", "[limits]\nbrowser_start_ms = 300");
    let url = site.pages.url("/");
    let why = site.fails("browser_navigate", json!({ "url": url }));
    assert!(
        why.starts_with("unavailable: ") && why.contains("did not start within 300 ms"),
        "{why}"
    );
    assert!(site.host.browser_sessions().is_empty());
}

#[test]
fn a_browser_that_ends_at_once() {
    let site = site("#!/bin/sh\necho no such display >&2\nexit 1\n", "");
    let url = site.pages.url("/");
    let why = site.fails("browser_navigate", json!({ "url": url }));
    assert!(
        why.starts_with("unavailable: ") && why.contains("no such display"),
        "{why}"
    );
    // After five ends in a row it is not tried any more for a while.
    for _ in 0..4 {
        site.fails("browser_navigate", json!({ "url": url }));
    }
    let why = site.fails("browser_navigate", json!({ "url": url }));
    assert!(why.contains("has failed too often"), "{why}");
}
