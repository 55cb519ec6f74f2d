//! Browsers that die or hang, and hosts that do: what was asked of them ends, and nothing is left of them. It must not end a
//! process that wasn't started here.

use super::{Site, signal, why};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use toolyard::{Batch, Call, Host, Status};
use toolyard_tests::pages::Pages;
use toolyard_tests::{World, repository};

/// A process, as the kernel tells of it.
struct Known {
    pid: i32,
    parent: i32,
    group: i32,
    line: String,
}

/// Those that run; not those that have ended and that nobody has looked after.
fn processes() -> Vec<Known> {
    let known = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name in brackets: the state, the parent, the group.
        let mut words = stat.rsplit(')').next()?.split_whitespace();
        let ended = words.next()? == "Z";
        let (parent, group) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        (!ended).then_some(Known {
            pid,
            parent,
            group,
            line,
        })
    };
    let all = fs::read_dir("/proc").expect("a list of processes").flatten();
    all.filter_map(known).collect()
}

fn group(leader: i32) -> Vec<Known> {
    processes()
        .into_iter()
        .filter(|process| process.group == leader)
        .collect()
}

/// Waits until it is so.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what}: not so after a minute"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The browser of the session `main`, and the folder that it works in.
fn browser(host: &Host) -> (i32, PathBuf) {
    let pid = host.browser_sessions().remove(0).pid as i32;
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).expect("its folder");
    assert!(folder.is_dir() && group(pid).len() > 1);
    (pid, folder)
}

fn submit(site: &Site, calls: &[(&str, Value)]) -> Batch {
    let calls: Vec<Call> = calls
        .iter()
        .map(|(tool, arguments)| Call::new(*tool, arguments.clone()))
        .collect();
    let many = calls.len();
    let batch = site.host.submit(calls).expect("a batch");
    until("the calls have started", || {
        site.host.status().iter().filter(|call| call.started).count() == many
    });
    batch
}

/// How the calls end, and how long that takes from now.
fn ends(batch: Batch) -> (Vec<String>, Duration) {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcomes = runtime.expect("a runtime").block_on(batch.outcomes());
    for outcome in &outcomes {
        assert_eq!(outcome.status, Status::Failed, "{outcome:#?}");
    }
    (outcomes.iter().map(why).collect(), begun.elapsed())
}

fn waits() -> [(&'static str, Value); 2] {
    [
        ("browser_wait_for", json!({ "text": "never", "timeout_ms": 60_000 })),
        ("browser_wait_for", json!({ "url": "never", "timeout_ms": 60_000 })),
    ]
}

#[test]
fn a_browser_that_is_killed() {
    let site = Site::new();
    site.open("/a", "<title>a</title><p>Text");
    let (pid, folder) = browser(&site.host);
    let batch = submit(&site, &waits());
    std::thread::sleep(Duration::from_millis(100));
    signal(pid, Signal::KILL);
    let (ended, took) = ends(batch);
    for why in &ended {
        assert!(why.starts_with("crashed: the browser has died"), "{why}");
    }
    // Nobody waited for a limit of the calls'.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let said = site.fails("browser_snapshot", json!({}));
    assert!(said.starts_with("no_such: "), "{said}");
    let landed = site.data("browser_navigate", json!({ "url": site.pages.url("/a") }));
    assert_eq!(landed["title"], json!("a"));
    let (second, now) = browser(&site.host);
    assert_ne!(pid, second);
    assert_eq!(site.host.browser_sessions()[0].restarts, 1);
    until("nothing is left of the first", || {
        group(pid).is_empty() && (folder == now || !folder.exists())
    });
    // In the middle of an action of several steps.
    let form = "<form>".to_owned() + &"<input>".repeat(300);
    site.open("/form", &form);
    let fields: Vec<Value> = (0..300)
        .map(|at| json!({ "target": format!("input:nth-of-type({})", at + 1), "value": "x" }))
        .collect();
    let batch = submit(&site, &[("browser_fill_form", json!({ "fields": fields }))]);
    std::thread::sleep(Duration::from_millis(100));
    signal(browser(&site.host).0, Signal::KILL);
    let (ended, _) = ends(batch);
    assert!(ended[0].starts_with("crashed: "), "{ended:?}");
    site.ok("browser_navigate", json!({ "url": site.pages.url("/a") }));
    let (third, folder) = browser(&site.host);
    drop(site.host);
    assert!(!folder.exists(), "{}", folder.display());
    until("nothing is left of the others", || {
        group(second).is_empty() && group(third).is_empty()
    });
}

#[test]
fn a_browser_that_hangs() {
    let site = Site::with("[limits]\nbrowser_hang_ms = 2000\n");
    site.open("/a", "<title>a</title><p>Text");
    let (pid, folder) = browser(&site.host);
    let batch = submit(&site, &waits());
    std::thread::sleep(Duration::from_millis(100));
    signal(pid, Signal::STOP);
    let (ended, took) = ends(batch);
    for why in &ended {
        assert!(why.starts_with("crashed: the browser did not answer any more"), "{why}");
    }
    assert!(took < Duration::from_secs(30), "{took:?}");
    let landed = site.data("browser_navigate", json!({ "url": site.pages.url("/a") }));
    assert_eq!(landed["title"], json!("a"));
    let (second, now) = browser(&site.host);
    assert_ne!(pid, second);
    until("nothing is left of the first", || {
        group(pid).is_empty() && (folder == now || !folder.exists())
    });
    // One that hangs while nobody needs it is noticed by whoever needs it next.
    signal(second, Signal::STOP);
    let said = site.fails("browser_snapshot", json!({}));
    assert!(said.starts_with("crashed: "), "{said}");
    site.ok("browser_navigate", json!({ "url": site.pages.url("/a") }));
    let (third, folder) = browser(&site.host);
    signal(third, Signal::STOP);
    drop(site.host);
    assert!(
        group(third).is_empty() && !folder.exists(),
        "a host waits for no browser that hangs"
    );
}

/// `toolyard run` of the built command with this batch.
fn command(world: &World, pages: &Pages, batch: &Value) -> Child {
    world.add(&json!({ "policy.toml": super::policy(pages, ""), "batch.json": batch.to_string() }));
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolyard-under-test"));
    command
        .current_dir(world.path())
        .args(["run", "batch.json", "--policy", "policy.toml"]);
    command.env("XDG_CACHE_HOME", repository().join("target/test-cache"));
    command.env("XDG_STATE_HOME", world.outside());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the command")
}

#[test]
fn a_host_that_is_killed() {
    let (world, pages) = (World::new(), Pages::start());
    pages.put("/a", "<title>a</title><script>fetch('/here')</script>");
    let batch = json!([
        { "tool": "browser_navigate", "arguments": { "url": pages.url("/a") } },
        { "tool": "browser_wait_for", "arguments": { "text": "never", "timeout_ms": 60_000 } },
    ]);
    let mut child = command(&world, &pages, &batch);
    let _ = pages.wait_for("/here");
    let own = child.id() as i32;
    let started: Vec<Known> = processes()
        .into_iter()
        .filter(|process| process.parent == own && process.line.contains("--remote-debugging-pipe"))
        .collect();
    assert_eq!(started.len(), 1);
    let pid = started[0].pid;
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).expect("its folder");
    signal(own, Signal::KILL);
    drop(child.wait());
    let begun = Instant::now();
    until("the browser has ended by itself", || group(pid).is_empty());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    // The next host on this machine tidies up.
    let host = world
        .builder()
        .policy_text(super::policy(&pages, ""))
        .build()
        .expect("a host");
    assert!(!folder.exists(), "{}", folder.display());
    drop(host);
}
