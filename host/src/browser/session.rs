//! One named session: a browser that is started when it is first needed, started again after it died, and ended when nobody
//! has needed it for long. It must not know what is done in it.

use super::actor::{Actor, Parts};
use super::fault::{Fault, FaultKind};
use super::find::Program;
use super::input::Down;
use super::judge::Grants;
use super::line::{Line, Rank};
use super::process::{Process, Start};
use super::profile::{Profile, folder_name};
use super::proxy::Proxy;
use super::refs::Refs;
use super::state::State;
use super::stored::OfOrigin;
use super::supervisor::{End, Failures, May};
use super::worlds::Worlds;
use crate::call::SessionName;
use crate::egress::Resolve;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// What all sessions of a host are started with.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) program: Result<Program, String>,
    /// Where profiles are that go with their sessions.
    pub(super) base: PathBuf,
    /// Where profiles are kept, if they are.
    pub(super) kept: Option<PathBuf>,
    pub(super) sandbox: Option<bool>,
    /// Whether it was seen that this machine gives browsers no sandbox of their own.
    pub(super) bare: AtomicBool,
    pub(super) window: Option<Vec<(String, OsString)>>,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) queue: usize,
    pub(super) tabs: usize,
    pub(super) patience: Duration,
    pub(super) start: Duration,
    pub(super) idle: Duration,
}

/// A named session.
pub(super) struct Session {
    pub(super) name: SessionName,
    setting: Arc<Setting>,
    /// Held while a browser is started, so that one is.
    starting: tokio::sync::Mutex<Failures>,
    // Held for one look or exchange.
    now: Mutex<Option<Arc<Running>>>,
    /// Calls that are about it right now.
    pub(super) users: AtomicUsize,
    restarts: AtomicU64,
    last_used: Mutex<Instant>,
}

/// A browser that runs, as those who use it see it.
pub(super) struct Running {
    pub(super) line: Line,
    pub(super) state: watch::Receiver<State>,
    pub(super) grants: Arc<Mutex<Grants>>,
    pub(super) refs: Refs,
    pub(super) worlds: Worlds,
    pub(super) down: Down,
    pub(super) pid: u32,
    pub(super) program: Program,
    /// Whether the browser's own sandbox is on.
    pub(super) sandbox: bool,
    pub(super) started: Instant,
    /// Gone with the browser.
    profile: Weak<Profile>,
    /// What origins had stored, to be stored again when they are opened. Held for one look or exchange.
    imports: Mutex<Vec<OfOrigin>>,
    /// Scripts that wait in tabs to store it, by the tabs' targets. Held for one look or exchange.
    scripts: Mutex<Vec<(Arc<str>, String)>>,
    /// Ends it: dropped or sent to.
    stop: Mutex<Option<oneshot::Sender<()>>>,
    /// Gone as soon as its process and its folder are.
    gone: watch::Receiver<bool>,
}

/// A call that is about a session; it doesn't end as long as there is one.
pub(super) struct Lease(Arc<Session>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.touch();
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Running {
    pub(super) fn is_alive(&self) -> bool {
        self.state.borrow().ended.is_none()
    }

    /// Waits until this is so; `false` if nobody writes any more. Nothing stays borrowed: whoever still has what it waited for and
    /// looks once more stands in its own way for ever, if the actor wants to write in between.
    pub(super) async fn wait(&self, so: impl FnMut(&State) -> bool) -> bool {
        let mut state = self.state.clone();
        state.wait_for(so).await.is_ok()
    }

    /// Its folder, as long as it has one.
    pub(super) fn profile(&self) -> Result<Arc<Profile>, Fault> {
        self.profile.upgrade().ok_or_else(Fault::crashed)
    }

    pub(super) fn imports(&self) -> MutexGuard<'_, Vec<OfOrigin>> {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn scripts(&self) -> MutexGuard<'_, Vec<(Arc<str>, String)>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is left of it.
    pub(super) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// Ends it, without waiting for that.
    pub(super) fn stop(&self) {
        drop(self.stop.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Ends it, and waits until nothing is left of it.
    pub(super) async fn end(&self) {
        self.stop();
        let mut gone = self.gone.clone();
        drop(gone.wait_for(|gone| *gone).await);
    }
}

impl Session {
    pub(super) fn new(name: SessionName, setting: Arc<Setting>) -> Arc<Self> {
        Arc::new(Self {
            name,
            setting,
            starting: tokio::sync::Mutex::default(),
            now: Mutex::default(),
            users: AtomicUsize::new(0),
            restarts: AtomicU64::new(0),
            last_used: Mutex::new(Instant::now()),
        })
    }

    fn now(&self) -> MutexGuard<'_, Option<Arc<Running>>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn lease(self: &Arc<Self>) -> Lease {
        self.users.fetch_add(1, Ordering::AcqRel);
        Lease(Arc::clone(self))
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Whether nobody has needed it for as long as it may be idle.
    pub(super) fn is_idle(&self) -> bool {
        let last = *self.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        self.users.load(Ordering::Acquire) == 0 && last.elapsed() >= self.setting.idle
    }

    /// Whether it has no browser and nobody is about to need one.
    pub(super) fn is_unused(&self) -> bool {
        self.users.load(Ordering::Acquire) == 0 && self.running().is_none()
    }

    /// The browser, if one runs.
    pub(super) fn running(&self) -> Option<Arc<Running>> {
        self.now().clone().filter(|running| running.is_alive())
    }

    /// Takes the browser away from whoever comes next.
    pub(super) fn take(&self) -> Option<Arc<Running>> {
        self.now().take()
    }

    /// The browser; started on the browsers' own threads if none runs.
    pub(super) async fn browser(self: &Arc<Self>, threads: &Handle) -> Result<Arc<Running>, Fault> {
        if let Some(running) = self.running() {
            return Ok(running);
        }
        let session = Arc::clone(self);
        let starting = threads.spawn(async move { session.start().await });
        match starting.await {
            Ok(done) => done,
            Err(_) => Err(Fault::new(FaultKind::Unavailable, "the browser could not be started")),
        }
    }

    async fn start(self: &Arc<Self>) -> Result<Arc<Running>, Fault> {
        let mut failures = self.starting.lock().await;
        // Somebody else may have been waiting for the same.
        if let Some(running) = self.running() {
            return Ok(running);
        }
        if let Some(dead) = self.take() {
            // Its folder is free when it is gone, and not before.
            dead.end().await;
            failures.failed(Instant::now(), dead.started.elapsed(), chance());
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        match failures.may_start(Instant::now()) {
            May::Start => {}
            May::Wait(wait) => tokio::time::sleep(wait).await,
            May::Refuse(rest) => {
                let often = format!("the browser session {} has failed too often", self.name);
                let hint = format!(
                    "it is tried again in {} s; toolyard doctor says what is wrong",
                    rest.as_secs() + 1
                );
                return Err(Fault::new(FaultKind::Unavailable, often).hint(hint));
            }
        }
        match launch(self).await {
            Ok(running) => {
                *self.now() = Some(Arc::clone(&running));
                self.touch();
                Ok(running)
            }
            Err(fault) => {
                if fault.kind != FaultKind::ProfileInUse {
                    failures.failed(Instant::now(), Duration::ZERO, chance());
                }
                Err(fault)
            }
        }
    }
}

/// Something between 0 and 1.
fn chance() -> f64 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    f64::from(nanos.map_or(0, |since| since.subsec_nanos()) % 1000) / 1000.0
}

/// What the browser says when its own sandbox can't be had on this machine.
const NO_SANDBOX: [&str; 3] = ["No usable sandbox", "Failed to move to new namespace", "setuid sandbox"];

/// As long as this a browser that ends may take for it, before it is killed.
const CLOSING: Duration = Duration::from_millis(500);

/// How a browser ends if another one has its profile.
const PROFILE_IN_USE: i32 = 21;

async fn launch(session: &Arc<Session>) -> Result<Arc<Running>, Fault> {
    let setting = &session.setting;
    let unavailable = |why: String| Fault::new(FaultKind::Unavailable, why);
    let program = setting.program.clone().map_err(unavailable)?;
    let profile = match &setting.kept {
        Some(base) => Profile::kept(base, &folder_name(session.name.as_str()), &setting.base)?,
        None => Profile::temporary(&setting.base)
            .map_err(|error| unavailable(format!("a folder for a browser in {}: {error}", setting.base.display())))?,
    };
    let profile = Arc::new(profile);
    // It is tried once: a browser that can't have it takes as long to say so as another one to start.
    let sandbox = setting.sandbox.unwrap_or_else(|| !setting.bare.load(Ordering::Relaxed));
    match attempt(session, &program, &profile, sandbox).await {
        Err((_, Some(said))) if setting.sandbox.is_none() && NO_SANDBOX.iter().any(|words| said.contains(words)) => {
            tracing::warn!("this machine gives the browser no sandbox of its own; it runs without");
            setting.bare.store(true, Ordering::Relaxed);
            attempt(session, &program, &profile, false)
                .await
                .map_err(|(fault, _)| fault)
        }
        Err((fault, Some(said))) if NO_SANDBOX.iter().any(|words| said.contains(words)) => Err(fault.hint(
            "allow user namespaces on this machine (sysctl kernel.unprivileged_userns_clone=1), or say sandbox = false \
             in [browser] of the policy",
        )),
        other => other.map_err(|(fault, _)| fault),
    }
}

/// One attempt to start a browser; the fault, and what the browser said if it ended by itself.
async fn attempt(
    session: &Arc<Session>,
    program: &Program,
    profile: &Arc<Profile>,
    sandbox: bool,
) -> Result<Arc<Running>, (Fault, Option<String>)> {
    let setting = &session.setting;
    let fail = |why: String| (Fault::new(FaultKind::Unavailable, why), None);
    let grants = Arc::<Mutex<Grants>>::default();
    let proxy = Proxy::start(Arc::clone(&grants), Arc::clone(&setting.resolver)).await;
    let proxy = proxy.map_err(|error| fail(format!("the proxy for a browser: {error}")))?;
    let start = Start {
        program: program.clone(),
        profile: profile.folder().to_owned(),
        desk: profile.desk().to_owned(),
        proxy: proxy.address,
        sandbox,
        window: setting.window.clone(),
    };
    let started = Process::start(&start);
    let (mut process, writer, reader) =
        started.map_err(|error| fail(format!("{} can't be started: {error}", program.path.display())))?;
    let parts = Parts {
        writer,
        reader,
        grants: Arc::clone(&grants),
        password: proxy.password.clone(),
        queue: setting.queue,
        tabs: setting.tabs,
        patience: setting.patience,
    };
    let (mut actor, line, state) = Actor::new(parts);
    let (stop, stopped) = oneshot::channel();
    let (is_gone, gone) = watch::channel(false);
    let pid = process.pid();
    let running = Arc::new(Running {
        line,
        state,
        grants,
        refs: Refs::default(),
        worlds: Worlds::default(),
        down: Down::default(),
        pid,
        program: program.clone(),
        sandbox,
        started: Instant::now(),
        profile: Arc::downgrade(profile),
        imports: Mutex::default(),
        scripts: Mutex::default(),
        stop: Mutex::new(Some(stop)),
        gone,
    });
    let held = Arc::clone(profile);
    let (said, words) = oneshot::channel();
    drop(tokio::spawn(async move {
        let (end, mut status) = tokio::select! {
            end = actor.serve() => (end, None),
            // Dropped or sent to: both mean the same.
            _ = stopped => (End::Unneeded, None),
            status = process.wait() => (End::Gone, status.ok()),
        };
        actor.finish(end);
        match end {
            // One that is closed in order writes its profile down.
            End::Unneeded if held.is_kept() => {
                actor.close();
                drop(timeout(CLOSING, process.wait()).await);
            }
            // It has closed the pipe because it ends.
            End::Gone if status.is_none() => {
                status = timeout(CLOSING, process.wait()).await.ok().and_then(Result::ok);
            }
            End::Gone | End::Hung | End::Unneeded => {}
        }
        process.kill().await;
        drop((actor, proxy));
        // A large folder takes its time, and other sessions' browsers are spoken to on this thread.
        drop(tokio::task::spawn_blocking(move || drop(held)).await);
        is_gone.send_replace(true);
        drop(said.send((process.last_words().await, status)));
    }));
    // It runs as soon as it answers.
    let deadline = tokio::time::Instant::now() + setting.start;
    let version = running
        .line
        .ask(Rank::Drive, None, "Browser.getVersion", json!({}), deadline);
    match version.await {
        Ok(_) => Ok(running),
        Err(fault) if fault.kind == FaultKind::Crashed => {
            let (said, status) = words.await.unwrap_or_default();
            if status.and_then(|status| status.code()) == Some(PROFILE_IN_USE) {
                let why = "another browser uses the session's profile";
                return Err((Fault::new(FaultKind::ProfileInUse, why), None));
            }
            let last = said.lines().last().unwrap_or("it said nothing").to_owned();
            let how = status.map_or_else(String::new, |status| format!(" ({status})"));
            let why = format!("{} ended while it started{how}: {last}", program.path.display());
            Err((Fault::new(FaultKind::Unavailable, why), Some(said)))
        }
        Err(_) => {
            running.end().await;
            let ms = setting.start.as_millis();
            Err(fail(format!("{} did not start within {ms} ms", program.path.display())))
        }
    }
}

/// The profiles' own folder, for those who tidy up.
pub(super) fn sweep(base: &Path) -> usize {
    super::profile::sweep(base)
}
