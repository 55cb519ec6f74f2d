//! The command line: arguments in, text or JSON out, an exit code. The only room with anyhow, the environment and stdout.
//! It must not do anything that an embedder couldn't: it uses `Host` like everyone else.

/// Writes a line to standard error.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::cli::errors::line(format_args!($($words)*))
    };
}

mod allow;
mod args;
mod ask;
mod batch;
mod browser;
mod doctor;
mod errors;
mod inspect;
mod joined;
mod outputs;
mod policy;
mod progress;
mod run;
mod serve;
mod values;

use crate::call::{Outcome, Status};
use crate::catalog::LoadError;
use crate::host::{Host, HostBuilder, HostError, Outline};
use crate::report::Style;
use crate::sandbox::SandboxError;
use anyhow::{Context as _, bail};
use args::{Cli, Command};
use clap::Parser as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit codes, in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All calls ended `ok`.
    Ok = 0,
    /// Some call did not.
    CallFailed = 1,
    /// Usage, or an input that makes no sense; nothing ran.
    BadInput = 2,
    /// The host itself failed.
    HostFailure = 3,
    /// Ctrl-C.
    Interrupted = 130,
}

/// An error that is the host's, not the caller's.
#[derive(Debug)]
struct HostFailed;

impl std::fmt::Display for HostFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the host failed")
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    init_log(cli.verbose);
    let exit = match run(&cli) {
        Ok(exit) => exit,
        Err(error) => {
            // A reader that has seen enough (`| head`) is no failure.
            if error.chain().any(is_broken_pipe) {
                return ExitCode::SUCCESS;
            }
            let failed = error.is::<HostFailed>();
            tell!("toolyard: {}", message(&error));
            if failed { Exit::HostFailure } else { Exit::BadInput }
        }
    };
    errors::settle();
    ExitCode::from(exit as u8)
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// The error and its causes in one line, without saying one thing twice.
fn message(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if cause != "the host failed" && !parts.last().is_some_and(|last| last.ends_with(&cause)) {
            parts.push(cause);
        }
    }
    parts.join(": ")
}

fn run(cli: &Cli) -> anyhow::Result<Exit> {
    match &cli.command {
        Command::List { json } => inspect::list(&host(cli, |b| b)?, *json),
        Command::Inspect { what, json } => inspect::inspect(cli, what, *json),
        Command::Call(args) => run::call(cli, args),
        Command::Run(args) => run::run(cli, args),
        Command::Policy(command) => policy::policy(cli, command),
        Command::Allow(args) => allow::allow(cli, args),
        Command::Approve(args) => allow::approve(cli, args),
        Command::Browser(command) => browser::browser(cli, command),
        Command::Doctor { json } => doctor::doctor(cli, *json),
        Command::Serve(args) => serve::serve(cli, args),
        Command::Plan { batch, json } => run::plan(cli, batch, *json),
    }
}

/// What the global options say.
fn builder(cli: &Cli) -> anyhow::Result<HostBuilder> {
    let mut builder = Host::builder();
    if let Some(folder) = &cli.workspace {
        builder = builder.workspace(folder);
    }
    if let Some(file) = &cli.policy {
        builder = builder.policy(file);
    }
    for folder in &cli.plugins {
        if !folder.is_dir() {
            bail!("--plugins {}: there is no such folder", folder.display());
        }
        builder = builder.plugins(folder);
    }
    if let Some(file) = &cli.audit {
        // From where the command was given, and not from the workspace.
        builder = builder.audit(std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    }
    Ok(builder)
}

/// The host that the global options describe. Plugins that can't be loaded are told, and the others work.
fn host(cli: &Cli, more: impl FnOnce(HostBuilder) -> HostBuilder) -> anyhow::Result<Host> {
    let host = more(builder(cli)?).build().map_err(no_host)?;
    left_out(host.problems());
    Ok(host)
}

/// What that host would be, for commands that need none of their own.
fn outline(cli: &Cli) -> anyhow::Result<Outline> {
    let outline = builder(cli)?.outline().map_err(no_host)?;
    left_out(&outline.problems);
    Ok(outline)
}

fn no_host(error: HostError) -> anyhow::Error {
    match error {
        HostError::Workspace(_)
        | HostError::Mount(_)
        | HostError::ReadPolicy(..)
        | HostError::ReadNamed(..)
        | HostError::OpenAudit(..)
        | HostError::Known(..)
        | HostError::Policy(_)
        | HostError::Sandbox(SandboxError::Trust(_)) => anyhow::Error::new(error),
        HostError::Sandbox(_) | HostError::Threads(_) => anyhow::Error::new(error).context(HostFailed),
    }
}

fn left_out(problems: &[LoadError]) {
    for problem in problems {
        tell!("toolyard: left out: {}", crate::report::visible(&problem.to_string()));
    }
}

/// The same for commands that run calls: what plugins claim is remembered, and at a terminal somebody can be asked.
fn host_for_calls(cli: &Cli, pause: &Pause, more: impl FnOnce(HostBuilder) -> HostBuilder) -> anyhow::Result<Host> {
    host(cli, |mut builder| {
        if let Some(file) = state_file() {
            builder = builder.remember_claims(file);
        }
        let terminal = match cli.no_ask {
            true => None,
            false => ask::Terminal::new(allow::policy_file(cli), pause.clone()),
        };
        if let Some(terminal) = terminal {
            builder = builder.approver(Arc::new(terminal));
        }
        more(builder)
    })
}

/// The same for commands that only ask what would happen.
fn host_to_ask(cli: &Cli) -> anyhow::Result<Host> {
    host(cli, |builder| match state_file() {
        Some(file) => builder.compare_claims(file),
        None => builder,
    })
}

/// Where it is remembered what plugins claim: `$XDG_STATE_HOME/toolyard`, else `~/.local/state/toolyard`.
fn state_file() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let root = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(root.join("toolyard/plugins.json"))
}

/// Whether the display of progress makes room for a question.
#[derive(Clone, Default)]
struct Pause(Arc<AtomicBool>);

impl Pause {
    fn set(&self, pause: bool) {
        self.0.store(pause, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Runs `work` to its end on a small runtime of its own; guests have theirs.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")
        .context(HostFailed)?;
    Ok(runtime.block_on(work))
}

/// The exit code of a run: the one place where outcomes become numbers.
fn exit_code(outcomes: &[Outcome]) -> Exit {
    let worst = outcomes.iter().map(|outcome| match outcome.status {
        Status::Ok => Exit::Ok,
        Status::Failed
        | Status::InvalidArguments
        | Status::NotFound
        | Status::Denied
        | Status::Timeout
        | Status::Limit
        | Status::Trapped
        | Status::Cancelled
        | Status::Skipped
        | Status::Overloaded => Exit::CallFailed,
        Status::HostFailure => Exit::HostFailure,
    });
    worst.max_by_key(|exit| *exit as u8).unwrap_or(Exit::Ok)
}

fn style(stream: &impl std::io::IsTerminal) -> Style {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match stream.is_terminal() && wanted {
        true => Style::Colour,
        false => Style::Plain,
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    match std::io::stdout().is_terminal() {
        true => print(&format!("{value:#}")),
        false => print(&value.to_string()),
    }
}

fn init_log(verbose: u8) {
    let level = match verbose {
        0 => crate::mcp::LOGGED,
        1 => "toolyard=info,warn",
        2 => "toolyard=debug,info",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOOLYARD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let layer = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| errors::Errors);
    layer.with_ansi(std::io::stderr().is_terminal()).compact().init();
}

/// Told to observers from other threads; kept here so that the type is named once.
type Observer = Arc<dyn Fn(&crate::call::Event) + Send + Sync>;
