//! What 1,000 navigations leave in this process, and what a session costs while nobody uses it. Looked up in `/proc`. It must
//! not count Playwright's processes.

use crate::Bench;
use serde_json::json;
use std::time::Duration;

/// What 1,000 navigations leave in this process, and what a session costs while nobody uses it.
pub fn measure(bench: &Bench) -> anyhow::Result<()> {
    println!("\n1,000 navigations in one session, a look and a click at each tenth");
    for number in 0..=1000 {
        let path = ["small", "big"][number % 2];
        bench.call("browser_navigate", json!({ "url": bench.site.url(path) }))?;
        if number % 10 == 0 {
            bench.call("browser_snapshot", json!({}))?;
            bench.call("browser_click", json!({ "target": "#go" }))?;
        }
        if number % 250 == 0 {
            let (memory, open) = resources();
            println!(
                "after {number:>5}: {:6.1} MB of this process resident, {open} descriptors",
                memory as f64 / 1e6
            );
        }
    }
    let wait = Duration::from_secs(10);
    let (own, theirs) = (processor(std::process::id()), children());
    let before: f64 = theirs.iter().map(|pid| processor(*pid)).sum();
    std::thread::sleep(wait);
    let after: f64 = theirs.iter().map(|pid| processor(*pid)).sum();
    println!(
        "idle for {wait:?}: {:.1} ms of processor time in this process, {:.1} ms in the browser's {} processes, which hold {:.0} MB",
        (processor(std::process::id()) - own) * 1e3,
        (after - before) * 1e3,
        theirs.len(),
        theirs.iter().map(|pid| proportional(*pid)).sum::<u64>() as f64 / 1e6
    );
    Ok(())
}

/// What this process has in memory, in bytes, and how many descriptors it has open.
fn resources() -> (u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |folder| folder.count());
    (kib(&status, "VmRSS:") * 1024, open)
}

fn kib(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Bytes of a process, shared ones in proportion.
fn proportional(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    kib(&text, "Pss:") * 1024
}

/// Seconds of processor time of a process.
fn processor(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

/// The browser's processes: of the group that our own child leads.
fn children() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let stat = |pid: u32, at: usize| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        text.rsplit(')').next()?.split_whitespace().nth(at)?.parse::<u32>().ok()
    };
    let all: Vec<u32> = pids.collect();
    let own = std::process::id();
    // A browser leads a group of its own; Node doesn't.
    let leads = |pid: &&u32| stat(**pid, 1) == Some(own) && stat(**pid, 2) == Some(**pid);
    let leaders: Vec<u32> = all.iter().filter(leads).copied().collect();
    let of = |pid: &&u32| stat(**pid, 2).is_some_and(|group| leaders.contains(&group));
    all.iter().filter(of).copied().collect()
}
