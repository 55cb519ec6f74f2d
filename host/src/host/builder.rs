//! Putting a host together from what an embedder sets.
//! It must not widen anything by default: what is not said is the default policy's word.

mod load;
mod outline;
mod trusted;

pub use outline::Outline;

use super::browsers::{self, Wanted};
use super::known::Memory;
use super::makings::{Changing, Makings, Seen};
use super::places::{open_audit, users_cache};
use super::roots::{Allowed, Roots};
use super::{Host, trust};
use crate::call::Access;
use crate::dispatch::{Approve, Dispatcher, Observer, Parallel, Setup};
use crate::egress::Resolve;
use crate::native::NativePlugin;
use crate::policy::{Limits, PolicyError};
use crate::sandbox::{MAX_INSTANCES, Sandbox, SandboxError};
use crate::workspace::{MountError, WorkspaceError};
#[cfg(feature = "browser")]
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Calls that run at once unless set: far more than cores, because a call that waits for time or network needs none.
const SLOTS: NonZeroUsize = match NonZeroUsize::new(64) {
    Some(slots) => slots,
    None => NonZeroUsize::MIN,
};

/// The policy file that is looked for in a workspace.
pub const POLICY_FILE: &str = "toolyard.toml";

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The workspace can't be used.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A folder can't be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The policy file can't be read.
    #[error("policy {0}: {1}")]
    ReadPolicy(PathBuf, std::io::Error),
    /// The policy is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The engine can't start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A file that the policy names can't be read.
    #[error("{0}, which the policy names: {1}")]
    ReadNamed(PathBuf, std::io::Error),
    /// The audit log can't be opened.
    #[error("the audit log {0}: {1}")]
    OpenAudit(PathBuf, std::io::Error),
    /// What plugins claimed before can't be read.
    #[error("{0}, where it is remembered what plugins claim: {1}; without the file all are new again")]
    Known(PathBuf, String),
    /// No threads.
    #[error("the threads for guests can't be started: {0}")]
    Threads(std::io::Error),
}

/// What an embedder makes of the policy's limits.
type Narrow = Box<dyn Fn(&mut Limits) + Send + Sync>;

/// See [`Host::builder`].
#[derive(Default)]
#[must_use]
pub struct HostBuilder {
    workspace: Option<PathBuf>,
    mounts: Vec<(String, PathBuf, Access)>,
    folders: Vec<PathBuf>,
    components: Vec<(String, Vec<u8>)>,
    natives: Vec<NativePlugin>,
    without_standard: bool,
    policy: Option<PathBuf>,
    policy_text: Option<String>,
    limits: Option<Narrow>,
    parallel: Option<Parallel>,
    cache: Cache,
    cores: Option<NonZeroUsize>,
    observers: Vec<Observer>,
    stepwise: bool,
    reuse: bool,
    resolver: Option<Arc<dyn Resolve>>,
    approver: Option<Arc<dyn Approve>>,
    audit: Option<PathBuf>,
    remember: Option<(PathBuf, Memory)>,
    certificates: Vec<Vec<u8>>,
    browser: Wanted,
}

#[derive(Default)]
enum Cache {
    #[default]
    Users,
    At(PathBuf),
    None,
}

impl std::fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuilder")
            .field("workspace", &self.workspace)
            .field("mounts", &self.mounts)
            .field("folders", &self.folders)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl HostBuilder {
    /// The folder that calls work in; the current directory unless set.
    pub fn workspace(mut self, folder: impl Into<PathBuf>) -> Self {
        self.workspace = Some(folder.into());
        self
    }

    /// Lets calls reach this folder, too, as `/name/…`; with [`Access::Read`] nothing in it can be changed. What the policy
    /// denies is denied in it as well; its lists of what may be read and written are about the workspace alone. A name is a
    /// small letter, then small letters, digits, `-` and `_`. A mount can't be, hold or lie inside the workspace or another
    /// mount: one place has one name.
    pub fn mount(mut self, name: impl Into<String>, folder: impl Into<PathBuf>, access: Access) -> Self {
        self.mounts.push((name.into(), folder.into(), access));
        self
    }

    /// Loads every `*.wasm` file of this folder, too. May be said several times.
    pub fn plugins(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Loads this component, too; `origin` is how messages call it.
    pub fn component(mut self, origin: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.components.push((origin.into(), bytes.into()));
        self
    }

    /// Loads these closures as tools, too.
    pub fn native(mut self, plugin: NativePlugin) -> Self {
        self.natives.push(plugin);
        self
    }

    /// Leaves out the standard plugins `fs`, `text`, `web` and `browser`.
    pub fn without_standard_plugins(mut self) -> Self {
        self.without_standard = true;
        self
    }

    /// The policy file; the workspace's `toolyard.toml`, else the default policy, unless set.
    pub fn policy(mut self, file: impl Into<PathBuf>) -> Self {
        self.policy = Some(file.into());
        self
    }

    /// The policy as text in the form of `toolyard.toml`; no file is looked for.
    pub fn policy_text(mut self, text: impl Into<String>) -> Self {
        self.policy_text = Some(text.into());
        self
    }

    /// Sets limits, beginning with the policy's: `.limits(|limits| limits.wall = Duration::from_secs(5))`. They only get
    /// narrower; what is set wider than the policy says stays as the policy says.
    pub fn limits(mut self, change: impl Fn(&mut Limits) + Send + Sync + 'static) -> Self {
        self.limits = Some(Box::new(change));
        self
    }

    /// How many calls may have started and not ended at once; 64 unless set, at most 256.
    pub fn max_parallel(mut self, slots: NonZeroUsize) -> Self {
        self.parallel = Some(Parallel::UpTo(slots));
        self
    }

    /// How many of the calls that have started compute at one moment; as many as this machine has cores unless set. A call
    /// that waits for time, network or a browser is not counted.
    pub fn cores(mut self, cores: NonZeroUsize) -> Self {
        self.cores = Some(cores);
        self
    }

    /// Runs all calls one after the other, in the order of submission.
    pub fn serial(mut self) -> Self {
        self.parallel = Some(Parallel::Serial);
        self
    }

    /// Where compiled code is kept: a folder that nobody else can write to. The user's cache folder unless set.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Cache::At(folder.into());
        self
    }

    /// Keeps no compiled code on disk.
    pub fn without_cache(mut self) -> Self {
        self.cache = Cache::None;
        self
    }

    /// Tells `observer` what happens to every call, on a thread of its own; several may be given. One that is too slow
    /// slows no call: progress is kept to the latest, and beyond 16,384 waiting events the rest is dropped and counted in
    /// [`Event::dropped`](crate::Event::dropped).
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observers.push(observer);
        self
    }

    /// Gives answers of calls that only read again while no file that they were granted has changed, whatever the policy's
    /// `[reuse]` says.
    pub fn reuse(mut self) -> Self {
        self.reuse = true;
        self
    }

    /// Asks somebody about what the policy refuses; without it a refusal stays one. A call that waits for an answer holds
    /// nothing: calls that came later and conflict with it may run before it.
    pub fn approver(mut self, approver: Arc<dyn Approve>) -> Self {
        self.approver = Some(approver);
        self
    }

    /// Adds a line to this file for every decision and for every end of a call, whatever the policy's `[audit]` says. A call
    /// whose decision can't be written is refused.
    pub fn audit(mut self, file: impl Into<PathBuf>) -> Self {
        self.audit = Some(file.into());
        self
    }

    /// Remembers in this file what plugins claim when they are first used. The tools of one that claims more since are
    /// refused until [`approve_claims`](crate::host::approve_claims); standard plugins are not meant.
    pub fn remember_claims(mut self, file: impl Into<PathBuf>) -> Self {
        self.remember = Some((file.into(), Memory::Kept));
        self
    }

    /// The same without remembering anything new: for those who only ask what would happen.
    pub fn compare_claims(mut self, file: impl Into<PathBuf>) -> Self {
        self.remember = Some((file.into(), Memory::Asked));
        self
    }

    /// Looks host names up in its own way, for requests of tools. Addresses are judged all the same.
    pub fn resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Trusts these certificates (PEM) for TLS, beside the web's own authorities. May be said several times.
    pub fn trust_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Opens no browser, whatever the policy says.
    pub fn without_browser(mut self) -> Self {
        self.browser = Wanted::Never;
        self
    }

    #[cfg(feature = "browser")]
    /// Shows browsers in windows, with these variables of the environment (`DISPLAY`, `WAYLAND_DISPLAY` and their like).
    pub fn browser_windows(mut self, variables: Vec<(String, OsString)>) -> Self {
        self.browser = Wanted::Shown(variables);
        self
    }

    /// Looks paths up one component at a time, as it is done where the kernel has no `openat2` or a filter blocks it.
    pub fn without_openat2(mut self) -> Self {
        self.stepwise = true;
        self
    }

    /// The host. Plugins that can't be loaded are left out and listed in [`Host::problems`].
    ///
    /// # Errors
    /// If the workspace, a mount or the policy can't be used, or this machine can't run guests.
    pub fn build(mut self) -> Result<Host, HostError> {
        let (workspace, policy) = self.ground()?;
        let mut problems = Vec::new();
        let seen = Seen::now(&self.folders);
        let (fixed, catalog) = self.load(policy.limits().component, &mut problems);
        let cache = match &self.cache {
            Cache::Users => users_cache(),
            Cache::At(folder) => Some(folder.clone()),
            Cache::None => None,
        };
        let trusted = self.trusted(&workspace, &policy, cache.as_deref());
        let resolver = self.resolver.clone();
        let trust = trust::gather(&policy, &catalog, self.resolver, self.certificates)?;
        let sandbox = Sandbox::with(cache.as_deref(), policy.limits(), trust)?;
        let audit = match self.audit.as_deref().or(policy.audit()) {
            Some(file) => Some(open_audit(&workspace, file)?),
            None => None,
        };
        let (audit, audits_folder) = audit.unzip();
        let allowed = Allowed::gather(&policy, workspace.path());
        let policy_reuse = policy.reuse().to_vec();
        let browsers = browsers::gather(&policy, workspace.path(), self.browser, resolver);
        let makings = Makings {
            workspace: Arc::new(workspace),
            policy: Arc::new(policy),
            folders: self.folders,
            trusted,
            audit: audits_folder,
            allowed,
            remember: self.remember,
            shows_tabs: browsers.as_ref().is_some_and(|browsers| browsers.shows_tabs()),
            fixed,
            changing: Mutex::new(Changing {
                seen,
                roots: Roots::default(),
            }),
        };
        let rules = Arc::new(makings.rules(catalog, &makings.workspace)?);
        let parallel = match self.parallel.unwrap_or(Parallel::UpTo(SLOTS)) {
            Parallel::UpTo(slots) => Parallel::UpTo(slots.min(most_slots())),
            Parallel::Serial => Parallel::Serial,
        };
        let cores = self.cores.unwrap_or_else(most_cores);
        let reuse = match self.reuse {
            true => vec!["*".to_owned()],
            false => policy_reuse,
        };
        trust::warm(&sandbox, &rules);
        let setup = Setup {
            rules,
            sandbox: Arc::new(sandbox),
            browsers,
            parallel,
            cores,
            observers: self.observers,
            reuse,
            approver: self.approver,
            audit,
        };
        Ok(Host {
            dispatcher: Arc::new(Dispatcher::new(setup).map_err(HostError::Threads)?),
            problems,
            makings: Arc::new(makings),
            cores: match parallel {
                Parallel::UpTo(most) => cores.min(most),
                Parallel::Serial => NonZeroUsize::MIN,
            },
        })
    }
}

fn most_cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn most_slots() -> NonZeroUsize {
    usize::try_from(MAX_INSTANCES)
        .ok()
        .and_then(NonZeroUsize::new)
        .unwrap_or(SLOTS)
}
