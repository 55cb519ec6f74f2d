//! `serve`: the host as a server of the Model Context Protocol. It must not write to standard output: that is the protocol's.

use super::args::{Cli, ServeArgs};
use super::{Exit, HostFailed, host};
use crate::mcp::{Desk, Http, Server, keep_fresh};
use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// As long as this running calls may still take when the server is to end.
const DRAIN: Duration = Duration::from_secs(10);

/// The variable of the environment that may hold the token.
const TOKEN: &str = "TOOLYARD_TOKEN";

pub(super) fn serve(cli: &Cli, args: &ServeArgs) -> anyhow::Result<Exit> {
    let desk = Desk::new();
    let host = host(cli, |builder| {
        let builder = match super::state_file() {
            Some(file) => builder.remember_claims(file),
            None => builder,
        };
        let builder = builder.observer(desk.observer());
        match cli.no_ask {
            true => builder,
            false => builder.approver(desk.clone()),
        }
    })?;
    let host = Arc::new(host);
    // One thread: every request is a task of its own, and here they begin in the order in which they came. The host has its
    // own threads for the calls.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context(HostFailed)?;
    runtime.block_on(async {
        let served = async {
            match args.http {
                None => Server::stdio(&host, &desk).await.context("standard input and output"),
                Some(address) => http(args, address, &host, &desk).await,
            }
        };
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            done = served => done?,
            () = keep_fresh(&host, &desk) => {}
            _ = term.recv() => drain(&desk).await,
            _ = int.recv() => drain(&desk).await,
        }
        host.cancel_all();
        host.close_browsers().await;
        anyhow::Ok(())
    })?;
    // A read of standard input may be under way on a thread that can't be stopped.
    runtime.shutdown_background();
    Ok(Exit::Ok)
}

async fn drain(desk: &Desk) {
    desk.close();
    if tokio::time::timeout(DRAIN, desk.settled()).await.is_err() {
        eprintln!("toolyard: calls that still run are taken back");
    }
}

async fn http(
    args: &ServeArgs,
    address: SocketAddr,
    host: &Arc<crate::host::Host>,
    desk: &Arc<Desk>,
) -> anyhow::Result<()> {
    if !address.ip().is_loopback() && !args.remote {
        bail!(
            "--http {address}: that can be reached from other machines, and what is said isn't encrypted; say 127.0.0.1, or add \
             --remote if that is meant"
        );
    }
    let given = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    let (token, made) = match (args.no_token, given) {
        (true, _) => (None, false),
        (false, Some(token)) => (Some(token), false),
        (false, None) => (Some(random()?), true),
    };
    if token.is_none() && !address.ip().is_loopback() {
        bail!("--remote and --no-token together would let anybody in; set {TOKEN}, or leave --no-token out");
    }
    let door = Http {
        token: token.clone(),
        hosts: args.allow_host.clone(),
        origins: args.allow_origin.clone(),
    };
    let listening = door.listen(address, host, desk).await;
    let listening = listening.with_context(|| format!("--http {address}"))?;
    eprintln!(
        "toolyard: serving {} at {}",
        host.workspace().display(),
        listening.url()?
    );
    if let (Some(token), true) = (token, made) {
        eprintln!("toolyard: clients have to send this header: Authorization: Bearer {token}");
    }
    listening.serve().await;
    Ok(())
}

fn random() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("a token")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
