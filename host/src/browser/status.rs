//! What is known of sessions, for people: this host's, and those that other hosts on this machine have written down.
//! It must not start anything.

use super::Browsers;
use super::profile::written_down;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Its whole name: `plugin/session`.
    pub session: String,
    /// The host's process.
    pub host: u32,
    /// The browser's process.
    pub pid: u32,
    /// The browser's program.
    pub program: String,
    /// Whether the browser's own sandbox is on.
    pub sandbox: bool,
    /// When it was started, in seconds since 1970.
    pub since: u64,
    /// Messages that wait or are being answered.
    pub waiting: usize,
    /// Calls that are about it.
    pub calls: usize,
    /// How often its browser was started again.
    pub restarts: u64,
    /// Its tabs.
    pub tabs: Vec<TabStatus>,
}

/// A tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabStatus {
    /// Its id.
    pub tab: String,
    /// Where it is: server and path, without what may be secret behind them.
    pub url: String,
    /// `ready`, `loading`, `crashed` or `dialog`.
    pub state: String,
}

impl Browsers {
    /// The sessions that run, by their names.
    #[must_use]
    pub fn status(&self) -> Vec<SessionStatus> {
        let mut all: Vec<SessionStatus> = self
            .sessions()
            .values()
            .filter_map(|session| {
                let running = session.running()?;
                let state = running.state.borrow();
                let tabs = state.tabs.iter().map(|tab| TabStatus {
                    tab: tab.id.clone(),
                    url: tab.url.split(['?', '#']).next().unwrap_or_default().to_owned(),
                    state: match (tab.crashed, &tab.dialog, tab.loading) {
                        (true, ..) => "crashed",
                        (_, Some(_), _) => "dialog",
                        (_, _, true) => "loading",
                        _ => "ready",
                    }
                    .to_owned(),
                });
                Some(SessionStatus {
                    session: session.name.to_string(),
                    host: std::process::id(),
                    pid: running.pid,
                    program: running.program.path.display().to_string(),
                    sandbox: running.sandbox,
                    since: since(running.started.elapsed()),
                    waiting: running.line.waiting(),
                    calls: session.users.load(Ordering::Relaxed),
                    restarts: session.restarts(),
                    tabs: tabs.collect(),
                })
            })
            .collect();
        all.sort_by(|a, b| a.session.cmp(&b.session));
        all
    }

    /// Writes down what is known, where other hosts find it.
    pub(super) fn write_down(&self) {
        for status in self.status() {
            let session = self.sessions().values().find_map(|session| {
                let running = session.running()?;
                (running.pid == status.pid).then_some(running)
            });
            let profile = session.and_then(|running| running.profile().ok());
            let (Some(profile), Ok(text)) = (profile, serde_json::to_vec(&status)) else {
                continue;
            };
            if std::fs::read(profile.status_file()).is_ok_and(|written| written == text) {
                continue;
            }
            // Whole or not at all: whoever reads it may come in between.
            let file = profile.status_file();
            let begun = file.with_extension("json.new");
            if write(&begun, &text).is_ok() {
                drop(std::fs::rename(begun, file));
            }
        }
    }
}

/// Writes what its owner alone may read.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(text)
}

/// The moment that is so long ago, in seconds since 1970.
fn since(ago: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(ago).as_secs()
}

/// The sessions that hosts on this machine have written down below `base`.
#[must_use]
pub fn elsewhere(base: &Path) -> Vec<SessionStatus> {
    let written = written_down(base);
    let mut all: Vec<SessionStatus> = written
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    all.sort_by(|a, b| (&a.session, a.pid).cmp(&(&b.session, b.pid)));
    all
}

/// Ends the browser of a session that another host runs; whether it still was its browser. The host notices, and starts
/// another when it needs one.
#[must_use]
pub fn stop_elsewhere(status: &SessionStatus, base: &Path) -> bool {
    // A number may be somebody else's by now: the process says itself which folder it works in.
    let own = std::fs::read_link(format!("/proc/{}/cwd", status.pid));
    let ours = own.is_ok_and(|folder| folder.starts_with(base));
    if ours {
        super::process::kill_group(status.pid);
    }
    ours
}
