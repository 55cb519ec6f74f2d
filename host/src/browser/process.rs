//! A browser's process: how it is started, and how it and everything that it started is ended. It must not speak to it.

use super::find::{Kind, Program};
use super::profile::UNPRIVILEGED;
use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How a browser is started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) program: Program,
    pub(super) profile: PathBuf,
    /// Where it works.
    pub(super) desk: PathBuf,
    pub(super) proxy: SocketAddr,
    /// Whether the browser's own sandbox is on.
    pub(super) sandbox: bool,
    /// Whether it shows itself, with the variables of the environment that say where.
    pub(super) window: Option<Vec<(String, OsString)>>,
}

/// A running browser.
pub(super) struct Process {
    child: Child,
    pid: u32,
    said: Arc<Mutex<VecDeque<String>>>,
    /// Until it says nothing more.
    listening: Option<JoinHandle<()>>,
}

/// As many lines are kept of what it said last.
const LINES: usize = 20;

/// As long as this the last of it is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What no page needs and what would ask somebody's server unasked.
const QUIET: [&str; 20] = [
    "--no-first-run",
    "--no-default-browser-check",
    // A page that was left is gone, as far as anybody who drives it can tell: keeping it costs memory, and every way a while.
    "--disable-back-forward-cache",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    // What asks somebody's server; what turns `http:` into `https:`, where nobody was granted that; and what breaks
    // redirects of requests that are looked at.
    "--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication,InterestFeedContentSuggestions,\
Prerender2,Prerender2FallbackPrefetchSpecRules,WebRtcHideLocalIpsWithMdns,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,AvoidCorsURLLoaderRestartOnRedirect",
    "--metrics-recording-only",
    "--no-pings",
    "--password-store=basic",
    "--use-mock-keychain",
    // Everything goes through the proxy: no address of this machine or of a name is ever looked for beside it.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
];

impl Process {
    /// Starts a browser that speaks over a pair of pipes, as the leader of a process group.
    pub(super) fn start(start: &Start) -> io::Result<(Self, pipe::Sender, pipe::Receiver)> {
        let (commands, our_commands) = io::pipe()?;
        let (our_answers, answers) = io::pipe()?;
        let mut command = std::process::Command::new(&start.program.path);
        command
            .args(QUIET)
            .arg("--remote-debugging-pipe")
            .arg("--proxy-bypass-list=<-loopback>")
            .arg("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
            .arg(format!("--proxy-server=http://{}", start.proxy))
            .arg(flag("--user-data-dir=", &start.profile));
        if start.window.is_none() {
            // Pages show themselves as on a desktop, and not as on a narrow screen.
            command.args([
                "--headless",
                "--hide-scrollbars",
                "--mute-audio",
                "--window-size=1280,720",
            ]);
        }
        if start.program.kind == Kind::Full {
            command.arg("--no-startup-window");
        }
        if !start.sandbox {
            command.arg("--no-sandbox");
        }
        command
            .env_clear()
            .env("HOME", &start.profile)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .envs(start.window.iter().flatten().map(|(name, value)| (name, value)))
            .current_dir(&start.desk)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        if rustix::process::geteuid().is_root() {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let mappings = vec![
            FdMapping {
                parent_fd: OwnedFd::from(commands),
                child_fd: 3,
            },
            FdMapping {
                parent_fd: OwnedFd::from(answers),
                child_fd: 4,
            },
        ];
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        let mut command = Command::from(command);
        let mut child = command.kill_on_drop(true).spawn()?;
        // Our copies of its ends must go, or the pipe would never end.
        drop(command);
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        let said = Arc::<Mutex<VecDeque<String>>>::default();
        let listening = child.stderr.take().map(|errors| {
            let said = Arc::clone(&said);
            tokio::spawn(async move {
                let mut lines = BufReader::new(errors).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    if said.len() == LINES {
                        said.pop_front();
                    }
                    said.push_back(line.chars().take(500).collect());
                }
            })
        });
        let process = Self {
            child,
            pid,
            said,
            listening,
        };
        let sender = pipe::Sender::from_owned_fd(OwnedFd::from(our_commands))?;
        let receiver = pipe::Receiver::from_owned_fd(OwnedFd::from(our_answers))?;
        Ok((process, sender, receiver))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it and what it started, and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        kill_group(self.pid);
        drop(self.child.wait().await);
    }

    /// The last lines that it said, when it has ended.
    pub(super) async fn last_words(&mut self) -> String {
        if let Some(listening) = self.listening.take() {
            // Somebody that it started may have got away with its end of the pipe.
            drop(timeout(LAST_WORDS, listening).await);
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

fn flag(name: &str, value: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(value);
    flag
}

/// Ends every process of the group that a browser leads.
pub(super) fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already.
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
}

/// Waits for a killed child whose owner is gone; whether it is.
pub(super) fn reap(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return true;
    };
    for _ in 0..200 {
        match rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG) {
            Ok(None) => std::thread::sleep(std::time::Duration::from_millis(5)),
            Ok(Some(_)) | Err(_) => return true,
        }
    }
    false
}
