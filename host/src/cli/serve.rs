//! `serve`: the host as a server of the Model Context Protocol. It must not write to standard output: that is the protocol's.

use super::args::{Cli, ServeArgs};
use super::{Exit, HostFailed, errors, host, joined, outline, state_file};
use crate::host::{Asks, Host, Outline};
use crate::join::{self, Board, Door, Guest, Inside, JoinError, Joined, Own, Owned, Ownership, Wants};
use crate::mcp::{Desk, Http, Server, keep_fresh, nobody_reads, pipes};
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// As long as this running calls may still take when the server is to end.
const DRAIN: Duration = Duration::from_secs(10);

/// A client that isn't served may take so long to say its first words, which are read no further than this, in bytes.
const HEARD: Duration = Duration::from_secs(1);
const FIRST: u64 = 64 << 10;

/// The variable of the environment that may hold the token.
const TOKEN: &str = "TOOLYARD_TOKEN";

/// As often one tries to join an owner that ends just then.
const TRIES: usize = 50;

pub(super) fn serve(cli: &Cli, args: &ServeArgs) -> anyhow::Result<Exit> {
    // Many clients start a server, and never read what it says beside the protocol.
    errors::never_wait().context(HostFailed)?;
    // One thread: every request is a task of its own, and here they begin in the order in which they came. The host has its
    // own threads for the calls.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context(HostFailed)?;
    let role = role(cli, args).inspect_err(|error| sorry(args, error))?;
    let exit = match role {
        Role::Guest(joined) => runtime.block_on(carry(joined)),
        Role::Owner(ownership, listener) => {
            let exit = own(cli, args, &runtime, Some(listener));
            // All is over. Whoever comes now owns it.
            drop(ownership);
            exit
        }
        Role::Alone => own(cli, args, &runtime, None),
    };
    // A read of standard input may be under way on a thread that can't be stopped.
    runtime.shutdown_background();
    exit
}

/// What this process is to the workspace.
enum Role {
    /// The one that others join.
    Owner(Ownership, UnixListener),
    /// One that has joined the owner.
    Guest(Joined),
    /// Nobody can find it.
    Alone,
}

fn role(cli: &Cli, args: &ServeArgs) -> anyhow::Result<Role> {
    let alone = |why: String| {
        tell!("toolyard: no other process can join this one: {why}");
        Ok(Role::Alone)
    };
    let Some(place) = joined::place(cli) else {
        return alone("neither XDG_RUNTIME_DIR nor HOME says where".to_owned());
    };
    let (mut ours, begun) = (None::<Outline>, Instant::now());
    for _ in 0..TRIES {
        let reached = match place.own() {
            Ok(Owned::Ours(ownership, listener)) => return Ok(Role::Owner(ownership, listener)),
            Ok(Owned::Theirs(reached)) => reached,
            Err(JoinError::Io(path, error)) => return alone(format!("{}: {error}", path.display())),
            Err(error) => return Err(joined::failed(error)),
        };
        if args.http.is_some() {
            bail!(
                "--http: this workspace is served by {} already; leave --http out to join that, or end it",
                reached.holder
            );
        }
        let Some(outline) = &ours else {
            // Reading plugins may take longer than an owner waits for a hello.
            drop(reached);
            ours = Some(outline(cli)?);
            continue;
        };
        let hello = joined::hello(cli, outline, Wants::Mcp);
        match reached.join(&hello) {
            Ok(Some(joined)) => return Ok(Role::Guest(joined)),
            Ok(None) => {}
            Err(error) => {
                joined::later(error, begun)?;
                ours = None;
            }
        }
    }
    bail!("whoever serves this workspace lets nobody in")
}

/// Tells a client on standard input why it isn't served, as the answer to what it says first: few clients show a person what a
/// server writes to standard error.
fn sorry(args: &ServeArgs, error: &anyhow::Error) {
    if args.http.is_some() || std::io::stdin().is_terminal() {
        return;
    }
    let (tells, told) = std::sync::mpsc::channel();
    // It can't be stopped, and ends with the process.
    std::thread::spawn(move || {
        let mut line = String::new();
        let first = std::io::stdin().lock().take(FIRST).read_line(&mut line);
        drop(first.map(|_| tells.send(line)));
    });
    let line = told.recv_timeout(HEARD).unwrap_or_default();
    let asked = serde_json::from_str::<serde_json::Value>(&line).ok();
    if let Some(id) = asked.as_ref().and_then(|asked| asked.get("id")) {
        let why = serde_json::json!({ "code": -32603, "message": super::message(error) });
        let answer = serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": why });
        drop(writeln!(std::io::stdout(), "{answer}"));
    }
}

/// Carries standard input and output to the owner of the workspace, and back.
async fn carry(joined: Joined) -> anyhow::Result<Exit> {
    tell!(
        "toolyard: process {} serves this workspace; this one hands its client on to it",
        joined.pid
    );
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (told, mut enough) = watch::channel(false);
    let asked = async {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        // What was asked is still answered, for a while.
        told.send_replace(true);
        tokio::time::sleep(DRAIN).await;
    };
    let gone = nobody_reads()?;
    let carried = joined.carry(pipes(), async move {
        drop(enough.wait_for(|enough| *enough).await);
    });
    tokio::select! {
        carried = carried => carried.map(|()| Exit::Ok).map_err(joined::failed),
        () = asked => Ok(Exit::Ok),
        // With this process, the owner takes its calls back.
        Ok(()) = gone => Ok(Exit::Ok),
    }
}

/// What all who are served share, however they came.
#[derive(Clone)]
struct Shared {
    desk: Arc<Desk>,
    board: Arc<Board>,
}

/// Serves with a host of this process's own, and whoever joins.
fn own(cli: &Cli, args: &ServeArgs, runtime: &Runtime, listener: Option<UnixListener>) -> anyhow::Result<Exit> {
    let shared = Shared {
        desk: Desk::new(),
        board: Board::new(),
    };
    let host = host(cli, |mut builder| {
        if let Some(file) = state_file() {
            builder = builder.remember_claims(file);
        }
        let builder = builder
            .observer(shared.desk.observer())
            .observer(shared.board.observer());
        match cli.no_ask {
            true => builder,
            false => builder.approver(shared.desk.clone()),
        }
    })
    .inspect_err(|error| sorry(args, error))?;
    let host = Arc::new(host);
    runtime.block_on(async {
        let (close, closed) = watch::channel(false);
        let inside = Inside::new();
        // Beside the rest, so that who is inside is still served while this one drains.
        let mut others = JoinSet::new();
        if let Some(listener) = listener {
            let door = Door::new(listener, inside.clone()).context(HostFailed)?;
            others.spawn(door.open(itself(cli, &host), closed, received(&host, &shared)));
        }
        let served = async {
            match args.http {
                None => stdio(&host, &shared.desk, &inside).await,
                Some(address) => http(args, address, &host, &shared.desk).await,
            }
        };
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let asked = async {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            close.send_replace(true);
            // Beside what serves: what runs is still answered.
            drain(&shared).await;
        };
        let done = tokio::select! {
            done = served => done,
            () = keep_fresh(&host, &shared.desk) => Ok(()),
            () = asked => Ok(()),
        };
        close.send_replace(true);
        host.cancel_all();
        host.close_browsers().await;
        // Whoever owns the workspace next must not begin beside what still stops.
        let stopped = async {
            while !host.status().is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        drop(tokio::time::timeout(DRAIN, stopped).await);
        done
    })?;
    Ok(Exit::Ok)
}

/// The client on standard input and output; when it has closed its side, those who have joined still need this host.
async fn stdio(host: &Arc<Host>, desk: &Arc<Desk>, inside: &Inside) -> anyhow::Result<()> {
    let served = Server::stdio(host, desk).await;
    inside.empty().await;
    served.context("standard input and output")
}

/// What this host is, for those who want to join it.
fn itself(cli: &Cli, host: &Arc<Host>) -> impl Fn() -> Own + Send + 'static {
    let audit = cli.audit.as_ref();
    let audit = audit.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    let host = Arc::clone(host);
    move || Own {
        makeup: host.makeup(),
        audit: audit.clone(),
    }
}

/// What is done for one who has joined.
fn received(host: &Arc<Host>, shared: &Shared) -> impl Fn(Guest) -> BoxFuture + Clone + Send + 'static {
    let (host, shared) = (Arc::clone(host), shared.clone());
    move |guest| {
        let (host, shared) = (Arc::clone(&host), shared.clone());
        Box::pin(async move {
            let served = match guest.hello.wants {
                Wants::Batch => join::serve_batch(&host, &shared.board, guest).await,
                Wants::Mcp => {
                    let asks = match guest.hello.ask {
                        true => Asks::Somebody,
                        false => Asks::Nobody,
                    };
                    let (reader, writer, gone) = guest.streams();
                    tokio::select! {
                        served = Server::new(&host, &shared.desk).asking(asks).on((reader, writer)) => served,
                        // Its calls are taken back.
                        () = gone.wait() => Ok(()),
                    }
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "one who had joined is gone");
            }
        })
    }
}

type BoxFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn drain(shared: &Shared) {
    shared.desk.close();
    shared.board.close();
    let settled = async {
        shared.desk.settled().await;
        shared.board.settled().await;
        shared.desk.left().await;
    };
    if tokio::time::timeout(DRAIN, settled).await.is_err() {
        tell!("toolyard: calls that still run are taken back");
    }
}

async fn http(args: &ServeArgs, address: SocketAddr, host: &Arc<Host>, desk: &Arc<Desk>) -> anyhow::Result<()> {
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
        silence: None,
    };
    let listening = door.listen(address, host, desk).await;
    let listening = listening.with_context(|| format!("--http {address}"))?;
    tell!(
        "toolyard: serving {} at {}",
        host.workspace().display(),
        listening.url()?
    );
    if let (Some(token), true) = (token, made) {
        tell!("toolyard: clients have to send this header: Authorization: Bearer {token}");
    }
    listening.serve().await;
    Ok(())
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("a token")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
