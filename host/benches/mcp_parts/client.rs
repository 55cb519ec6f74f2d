//! A client that agents are built with: the protocol's own library, on a runtime of as many threads as there are cores.

use super::super::{IN_FLIGHT, quantile};
use anyhow::{Context as _, ensure};
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{Peer, RoleClient, RunningService};
use serde_json::{Map, Value, json};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A server with such a client, and what was measured of it.
pub struct Real {
    client: RunningService<RoleClient, ()>,
    _child: Child,
    turn: Vec<f64>,
    many: Vec<f64>,
}

fn read_small() -> CallToolRequestParams {
    let arguments = Map::from_iter([("path".to_owned(), json!("small.txt"))]);
    CallToolRequestParams::new("read_file").with_arguments(arguments)
}

async fn call(peer: &Peer<RoleClient>) -> anyhow::Result<()> {
    let result = peer.call_tool(read_small()).await?;
    ensure!(result.is_error != Some(true), "{result:?}");
    Ok(())
}

impl Real {
    pub async fn start(command: std::process::Command) -> anyhow::Result<Self> {
        let mut child = Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let streams = child.stdout.take().zip(child.stdin.take()).context("pipes")?;
        let client = ().serve(streams).await?;
        Ok(Self {
            client,
            _child: child,
            turn: Vec::new(),
            many: Vec::new(),
        })
    }

    /// One round of each.
    pub async fn measure(&mut self, in_turn: usize, many: usize) -> anyhow::Result<()> {
        let peer = self.client.peer().clone();
        for _ in 0..in_turn {
            let begun = Instant::now();
            call(&peer).await?;
            self.turn.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let free = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut calls = JoinSet::new();
        let begun = Instant::now();
        for _ in 0..many {
            let turn = Arc::clone(&free).acquire_owned().await?;
            let peer = peer.clone();
            calls.spawn(async move {
                let done = call(&peer).await;
                drop(turn);
                done
            });
        }
        while let Some(done) = calls.join_next().await {
            done??;
        }
        self.many.push(many as f64 / begun.elapsed().as_secs_f64());
        Ok(())
    }

    /// The median of one after the other in milliseconds, and of calls a second with many in flight.
    pub fn figures(&mut self) -> (f64, f64) {
        (quantile(&mut self.turn, 0.5), quantile(&mut self.many, 0.5))
    }
}

/// The figures of all three, in turn.
pub fn compare(
    commands: impl Fn(&str) -> anyhow::Result<std::process::Command>,
    (rounds, in_turn, many): (usize, usize, usize),
) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut floor = Real::start(commands("--floor")?).await?;
        let mut bare = Real::start(commands("--bare")?).await?;
        let mut ours = Real::start(commands("")?).await?;
        for _ in 0..rounds {
            for server in [&mut floor, &mut bare, &mut ours] {
                server.measure(in_turn, many).await?;
            }
        }
        let ((floor_p50, floor_rate), (bare_p50, bare_rate)) = (floor.figures(), bare.figures());
        let (p50, rate) = ours.figures();
        Ok(json!({
            "p50_ms": p50, "floor_p50_ms": floor_p50, "library_p50_ms": bare_p50, "p50_ratio": p50 / floor_p50,
            "calls_a_second": rate, "floor": floor_rate, "library": bare_rate, "ratio": rate / floor_rate,
        }))
    })
}
