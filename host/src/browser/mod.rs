//! Browsers: real ones, each behind one serialised channel. The only room that knows the DevTools protocol.
//!
//! In reading order: `find` (which program), `process` and `profile` (what a session is made of), `wire`, `actor` and
//! `state` (the connection and its one owner), `judge`, `intercept` and `proxy` (what pages may reach), `session` and
//! `supervisor` (start, end and start again), `visit` (what one call may do), and what calls do: `act`, `look`,
//! `keep` and `fetch`.
//!
//! It must not decide which sessions a tool may use, nor do anything that the call's footprint doesn't hold.

mod act;
mod actor;
mod carry;
mod events;
mod fault;
mod fetch;
mod find;
mod frames;
mod input;
mod intercept;
mod judge;
mod keep;
mod keys;
mod line;
mod log;
mod look;
mod navigate;
mod page;
mod probe;
mod process;
mod profile;
mod proxy;
mod refs;
mod script;
mod session;
mod state;
mod status;
mod stored;
mod supervisor;
mod tabs;
mod transfers;
mod visit;
mod wait;
mod wire;
mod worlds;

pub use act::{Acted, Button, Click, Typing};
pub use fault::{Fault, FaultKind};
pub use find::{INSTALL, Kind, Program, find};
pub use frames::SnapshotOptions;
pub use keep::Area;
pub use keys::Modifiers;
pub use log::{ConsoleLine, RequestLine};
pub use look::{Frame, Picture, Print, ReadOptions, Reading, TabInfo};
pub use navigate::{Landed, Until};
pub use page::{Page, Target};
pub use probe::Probe;
pub use state::{Dialog, Download};
pub use status::{SessionStatus, TabStatus, elsewhere, stop_elsewhere};
pub use stored::Cookie;
pub use visit::Visit;
pub use wait::Condition;

use crate::call::SessionName;
use crate::egress::Resolve;
use crate::policy::Limits;
use session::{Lease, Session, Setting};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};

/// What browsers are started with.
#[derive(Debug, Default)]
pub struct Settings {
    /// The program; looked for where it usually is unless named.
    pub program: Option<PathBuf>,
    /// Where profiles are that go with their sessions: a folder that nobody else can write to.
    pub base: PathBuf,
    /// Where sessions keep their profiles; they keep none otherwise.
    pub kept: Option<PathBuf>,
    /// Whether the browser's own sandbox must be on, or off; where the machine can otherwise.
    pub sandbox: Option<bool>,
    /// Shows windows; with the variables of the environment that say where.
    pub window: Option<Vec<(String, OsString)>>,
    /// Looks up names; the operating system's resolver unless set.
    pub resolver: Option<Arc<dyn Resolve>>,
}

/// All sessions of a host.
pub struct Browsers {
    setting: Arc<Setting>,
    // Held for one look or insertion.
    sessions: Mutex<HashMap<SessionName, Arc<Session>>>,
    most: usize,
    /// Browsers are served on a thread of their own. Started when needed.
    threads: OnceLock<Option<Runtime>>,
}

impl std::fmt::Debug for Browsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browsers")
            .field("setting", &self.setting)
            .finish_non_exhaustive()
    }
}

/// As often as this it is looked whether a session is idle.
const TIDY: Duration = Duration::from_secs(1);

/// As long as this the end of a host may take for its browsers to end in order.
const LAST: Duration = Duration::from_secs(2);

impl Browsers {
    /// Sessions with these settings and limits; none is started. Removes what killed hosts have left.
    #[must_use]
    pub fn new(settings: Settings, limits: &Limits) -> Arc<Self> {
        session::sweep(&settings.base);
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).clamp(1, 100_000);
        let setting = Setting {
            program: find(settings.program.as_deref(), settings.window.is_some()),
            base: settings.base,
            kept: settings.kept,
            sandbox: settings.sandbox,
            bare: AtomicBool::new(false),
            window: settings.window,
            resolver: settings.resolver.unwrap_or_else(|| Arc::new(crate::egress::System)),
            queue: whole(limits.browser_queue),
            tabs: whole(limits.browser_tabs),
            patience: limits.browser_hang,
            start: limits.browser_start,
            idle: limits.browser_idle,
        };
        Arc::new(Self {
            setting: Arc::new(setting),
            sessions: Mutex::default(),
            most: whole(limits.browser_sessions),
            threads: OnceLock::new(),
        })
    }

    /// Whether a tab must be brought to the front to be looked at.
    #[must_use]
    pub fn shows_tabs(&self) -> bool {
        self.setting
            .program
            .as_ref()
            .is_ok_and(|program| program.kind.shows_tabs())
    }

    /// The program that is used.
    ///
    /// # Errors
    /// Why there is none.
    pub fn program(&self) -> Result<&Program, &str> {
        self.setting.program.as_ref().map_err(String::as_str)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionName, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn threads(self: &Arc<Self>) -> Result<&Handle, Fault> {
        let start = || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("toolyard-browser")
                .enable_all()
                .build();
            let runtime = runtime
                .inspect_err(|error| tracing::warn!(%error, "no thread for browsers"))
                .ok()?;
            drop(runtime.spawn(tidy(Arc::downgrade(self))));
            Some(runtime)
        };
        let runtime = self.threads.get_or_init(start).as_ref().map(Runtime::handle);
        runtime.ok_or_else(|| Fault::new(FaultKind::Unavailable, "there is no thread for browsers"))
    }

    /// The session of this name, as it is.
    fn known(&self, name: &SessionName) -> Option<(Arc<Session>, Lease)> {
        let sessions = self.sessions();
        sessions.get(name).map(leased)
    }

    /// Nobody finds the session of this name any more.
    fn forget(&self, name: &SessionName) -> Option<Arc<Session>> {
        self.sessions().remove(name)
    }

    /// The session of this name. One that has no browser makes room for it, if there are too many.
    fn session(&self, name: &SessionName) -> Result<(Arc<Session>, Lease), Fault> {
        let mut sessions = self.sessions();
        if let Some(session) = sessions.get(name) {
            return Ok(leased(session));
        }
        if sessions.len() >= self.most {
            let idle = sessions.values().find(|session| session.is_unused());
            match idle.map(|session| session.name.clone()) {
                Some(idle) => drop(sessions.remove(&idle)),
                None => {
                    let most = self.most;
                    return Err(Fault::new(
                        FaultKind::Overloaded,
                        format!("{most} browser sessions are open, and no more may be"),
                    )
                    .hint("close one, or raise browser_sessions in [limits] of the policy"));
                }
            }
        }
        let session = Session::new(name.clone(), Arc::clone(&self.setting));
        sessions.insert(name.clone(), Arc::clone(&session));
        Ok(leased(&session))
    }

    /// Starts a session ahead of its first use, without waiting for it.
    pub fn warm(self: &Arc<Self>, plugin: &str, name: &str) {
        let Ok(threads) = self.threads() else { return };
        let (browsers, name, own) = (Arc::clone(self), SessionName::of(plugin, name), threads.clone());
        drop(threads.spawn(async move {
            let session = browsers.session(&name);
            let started = match session {
                Ok((session, _lease)) => session.browser(&own).await.map(drop),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = started {
                tracing::warn!(session = %name, why = %fault, "a browser session could not be started ahead");
            }
        }));
    }

    /// Ends all sessions and waits until nothing is left of them.
    pub async fn close(&self) {
        let all: Vec<Arc<Session>> = self.sessions().drain().map(|(_, session)| session).collect();
        for running in all.iter().filter_map(|session| session.take()) {
            running.end().await;
        }
    }

    /// The same for who can't wait as others do, because this may be inside of an async function. What hasn't ended soon is
    /// ended the hard way.
    pub fn end(&self) {
        let sessions: Vec<Arc<Session>> = self.sessions().drain().map(|(_, session)| session).collect();
        let mut left: Vec<_> = sessions.iter().filter_map(|session| session.take()).collect();
        for running in &left {
            running.stop();
        }
        // On the browsers' own thread this is in vain.
        let begun = Instant::now();
        while !left.is_empty() && begun.elapsed() < LAST {
            std::thread::sleep(Duration::from_millis(2));
            left.retain(|running| !running.is_gone());
        }
        for running in &left {
            process::kill_group(running.pid);
        }
        for running in left {
            process::reap(running.pid);
        }
    }
}

/// A session that doesn't end as long as the lease lasts: taken while nobody else can take it for idle or unused.
fn leased(session: &Arc<Session>) -> (Arc<Session>, Lease) {
    session.touch();
    (Arc::clone(session), session.lease())
}

/// Ends sessions that nobody has needed for long, and writes down what is known of the others.
async fn tidy(browsers: Weak<Browsers>) {
    loop {
        tokio::time::sleep(TIDY).await;
        let Some(browsers) = browsers.upgrade() else { return };
        let idle: Vec<_> = browsers.sessions().extract_if(|_, session| session.is_idle()).collect();
        for (_, session) in idle {
            if let Some(running) = session.take() {
                running.end().await;
            }
        }
        browsers.write_down();
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        self.end();
        if let Some(Some(runtime)) = self.threads.take() {
            runtime.shutdown_background();
        }
    }
}
