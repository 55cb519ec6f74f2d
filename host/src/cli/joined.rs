//! `call` and `run` on a workspace that another process serves: the calls go there, and what comes back is shown as if it had
//! happened here. It must not need a host of its own.

use super::args::{Cli, RunArgs};
use super::{Exit, HostFailed, Observer, block_on, outline};
use crate::call::{Call, Outcome, Status};
use crate::host::{Outline, owners_folder};
use crate::join::{Hello, JoinError, Joined, Place, Said, Wants};
use anyhow::{Context as _, bail};
use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// As often one tries to join an owner that ends just then.
const TRIES: usize = 50;

/// As long as this an owner may take to see that plugins have changed.
const BEHIND: Duration = Duration::from_secs(2);

/// How a run ended, wherever it was.
pub(super) struct Ended {
    pub(super) outcomes: Vec<Outcome>,
    /// Whether it was interrupted.
    pub(super) interrupted: bool,
    /// How many calls computed at one moment.
    pub(super) cores: NonZeroUsize,
}

/// The owner of the workspace, who has let us in, and what this command would have been without it.
pub(super) struct Owner {
    joined: Joined,
    pub(super) outline: Outline,
}

/// An error of joining, with whose it is.
pub(super) fn failed(error: JoinError) -> anyhow::Error {
    match error {
        JoinError::Lost(_) | JoinError::Garbled(..) => anyhow::Error::new(error).context(HostFailed),
        JoinError::Unsafe(..) | JoinError::Io(..) | JoinError::Silent(_) | JoinError::Refused { .. } => {
            anyhow::Error::new(error)
        }
    }
}

/// Waits a moment if an owner may let us in then: it sees within a second that a plugin is another one.
pub(super) fn later(error: JoinError, begun: Instant) -> anyhow::Result<()> {
    match error {
        JoinError::Refused { soon: true, .. } if begun.elapsed() < BEHIND => {
            std::thread::sleep(Duration::from_millis(100));
            Ok(())
        }
        error => Err(failed(error)),
    }
}

/// Where hosts of this workspace find each other; `None` where they can't, and where there is no such workspace: whoever
/// needs it says so.
pub(super) fn place(cli: &Cli) -> Option<Place> {
    let folder = cli.workspace.as_deref().unwrap_or(Path::new("."));
    Place::of(folder, &owners_folder()?).ok()
}

/// What is said to an owner.
pub(super) fn hello(cli: &Cli, outline: &Outline, wants: Wants) -> Hello {
    let audit = cli.audit.as_ref();
    let audit = audit.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    Hello::new(outline.makeup.clone(), audit, wants, !cli.no_ask)
}

/// Whoever serves this workspace; `None` if nobody does.
pub(super) fn find(cli: &Cli) -> anyhow::Result<Option<Owner>> {
    let Some(place) = place(cli) else { return Ok(None) };
    let (mut ours, begun) = (None, Instant::now());
    for _ in 0..TRIES {
        let reached = match place.reach() {
            Ok(Some(reached)) => reached,
            Ok(None) => return Ok(None),
            Err(JoinError::Io(path, error)) => {
                tell!(
                    "toolyard: whether another process serves this workspace can't be seen: {}: {error}",
                    path.display()
                );
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        let Some(outline) = ours.take() else {
            // Reading plugins may take longer than an owner waits for a hello.
            drop(reached);
            ours = Some(outline(cli)?);
            continue;
        };
        match reached.join(&hello(cli, &outline, Wants::Batch)) {
            Ok(Some(joined)) => return Ok(Some(Owner { joined, outline })),
            Ok(None) => ours = Some(outline),
            Err(error) => later(error, begun)?,
        }
    }
    bail!("whoever serves this workspace lets nobody in")
}

impl Owner {
    /// What a run can't have here.
    pub(super) fn check(&self, args: &RunArgs) -> anyhow::Result<()> {
        let options = [
            ("--serial", args.serial),
            ("--max-parallel", args.max_parallel.is_some()),
            ("--reuse", args.reuse),
        ];
        let Some((option, _)) = options.into_iter().find(|(_, given)| *given) else {
            return Ok(());
        };
        let pid = self.joined.pid;
        bail!(
            "{option}: process {pid} serves this workspace and runs these calls among others, by its own settings; leave {option} \
             out, or end that process"
        );
    }

    /// Runs the calls there; an interrupt takes back what has not ended, and a second one leaves at once.
    pub(super) fn run(self, cli: &Cli, calls: Vec<Call>, observers: &[Observer]) -> anyhow::Result<Ended> {
        let pid = self.joined.pid;
        let ended = block_on(to_the_end(self.joined, calls, observers))??;
        let denied = ended.outcomes.iter().any(|outcome| outcome.status == Status::Denied);
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if denied && terminal && !cli.no_ask {
            tell!(
                "toolyard: nobody was asked about what the policy refuses: the calls ran in process {pid}, which can't ask here; \
                 `toolyard allow` changes the policy, for the next start of that process"
            );
        }
        Ok(ended)
    }
}

async fn to_the_end(joined: Joined, calls: Vec<Call>, observers: &[Observer]) -> anyhow::Result<Ended> {
    let mut sent = joined.send(calls, !observers.is_empty()).await.map_err(failed)?;
    let (mut outcomes, mut cores, mut interrupted) = (Vec::new(), None, false);
    // One for all turns: between two of them no signal is lost.
    let mut interrupts = signal(SignalKind::interrupt())?;
    loop {
        let said = tokio::select! {
            said = sent.next() => said.map_err(failed)?,
            _ = interrupts.recv() => {
                if interrupted || cores.is_none() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                interrupted = true;
                sent.cancel().await;
                continue;
            }
        };
        match said {
            Said::Compiling => {
                tell!("toolyard: compiling plugins to machine code; the result is kept, so this happens once");
            }
            Said::Refused(why) => bail!(why),
            Said::Taken { cores: here } => cores = Some(here),
            Said::Event(event) => observers.iter().for_each(|observer| observer(&event)),
            Said::Outcome(outcome) => outcomes.push(*outcome),
            Said::Done => break,
        }
    }
    Ok(Ended {
        outcomes,
        interrupted,
        cores: cores
            .context("the owner of the workspace has said nothing")
            .context(HostFailed)?,
    })
}
