//! How sessions end by themselves, and what is kept of them. It must not count on an end coming soon, only on its coming.

use super::{Site, policy, text};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};
use toolyard::{Call, Host, Outcome, Status};
use toolyard_tests::pages::Pages;
use toolyard_tests::{World, run};

#[test]
fn an_idle_session_ends() {
    let site = Site::with("[limits]\nbrowser_idle_ms = 300\n");
    site.open("/a", "<title>a</title><p>Text");
    let pid = site.host.browser_sessions().remove(0).pid;
    // As long as a call is about it, it isn't idle.
    site.ok("browser_wait_for", json!({ "until": "load" }));
    let waited = site.fails("browser_wait_for", json!({ "text": "never", "timeout_ms": 2500 }));
    assert!(waited.starts_with("timed_out: "), "{waited}");
    let begun = Instant::now();
    while !site.host.browser_sessions().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    site.ok("browser_navigate", json!({ "url": site.pages.url("/a") }));
    assert_ne!(site.host.browser_sessions().remove(0).pid, pid);
}

fn call(host: &Host, tool: &str, arguments: serde_json::Value) -> Outcome {
    run(host, vec![Call::new(tool, arguments)]).remove(0)
}

#[test]
fn a_kept_profile_has_one_host_and_keeps_logins() {
    let (world, pages) = (World::new(), Pages::start());
    // A browser may be another user, who has to get there.
    fs::set_permissions(world.around(), fs::Permissions::from_mode(0o711)).expect("a mode");
    let kept = world.outside().join("profiles");
    let text_of = policy(&pages, &format!("profiles = {:?}\n", kept.display().to_string()));
    let host = || world.builder().policy_text(text_of.clone()).build().expect("a host");
    pages.put(
        "/keep",
        "<title>keep</title><script>document.title = document.cookie || 'none'; document.cookie = 'kept=yes; max-age=1000'; \
         document.cookie = 'short=yes';</script>",
    );
    let go = |host: &Host| call(host, "browser_navigate", json!({ "url": pages.url("/keep") }));
    let title = |outcome: &Outcome| outcome.structured.as_ref().map(|data| data["title"].clone());
    let first = host();
    assert_eq!(title(&go(&first)), Some(json!("none")));
    let second = host();
    let refused = go(&second);
    assert_eq!(refused.status, Status::Failed, "{refused:#?}");
    assert!(super::why(&refused).starts_with("profile_in_use: "), "{refused:#?}");
    // Another session has a profile of its own.
    let other = call(
        &second,
        "browser_navigate",
        json!({ "url": pages.url("/keep"), "session": "other" }),
    );
    assert_eq!(title(&other), Some(json!("none")), "{other:#?}");
    let folder = kept.join("browser-main");
    assert!(folder.is_dir());
    call(&first, "browser_close", json!({}));
    // What lasts as long as a session doesn't outlive it.
    let again = go(&second);
    assert_eq!(title(&again), Some(json!("kept=yes")), "{}", text(&again));
    // Also without being closed in order.
    drop(second);
    let again = go(&first);
    assert_eq!(title(&again), Some(json!("kept=yes")), "{}", text(&again));
    drop(first);
    assert!(folder.is_dir());
}

#[test]
fn a_session_is_started_ahead() {
    let site = Site::with("warm = [\"browser/main\"]\n");
    let begun = Instant::now();
    while site.host.browser_sessions().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never started");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = site.host.browser_sessions().remove(0).pid;
    site.open("/a", "<title>a</title>");
    assert_eq!(site.host.browser_sessions().remove(0).pid, pid);
}

#[test]
fn a_host_without_a_browser_says_so() {
    let (world, pages) = (World::new(), Pages::start());
    let go = json!({ "url": pages.url("/a") });
    let builder = world
        .builder()
        .policy_text(policy(&pages, "program = \"/nowhere/chromium\"\n"));
    let host = builder.build().expect("a host");
    let outcome = call(&host, "browser_navigate", go.clone());
    assert!(super::why(&outcome).starts_with("unavailable: "), "{outcome:#?}");
    let builder = world.builder().policy_text(policy(&pages, "program = \"/bin/true\"\n"));
    let host = builder.build().expect("a host");
    let outcome = call(&host, "browser_navigate", go.clone());
    assert!(super::why(&outcome).starts_with("unavailable: "), "{outcome:#?}");
    let builder = world.builder().policy_text(policy(&pages, "")).without_browser();
    let outcome = call(&builder.build().expect("a host"), "browser_navigate", go);
    assert_ne!(outcome.status, Status::Ok, "{outcome:#?}");
    assert_eq!(pages.hits().len(), 0);
}
