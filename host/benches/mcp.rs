//! The server over standard input and output, beside a do-nothing server of the same kind in one run: one call after the
//! other, 64 in flight, and a flood. `cargo bench --bench mcp` prints a table, `-- --json` writes it as JSON. Absolute times
//! differ from machine to machine; ratios are what counts. It must not be part of any test.
//!
//! The floor is this program itself: it reads a line, parses it, and writes an empty result under the same id. Beside it
//! stands what the protocol's own library takes: a server of it that reads the file itself, in no sandbox and no order. All
//! three are asked by two clients: one that does next to nothing itself, and one that agents are built with.

mod mcp_parts;

use anyhow::{Context as _, ensure};
use mcp_parts::{client, servers};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Calls one after the other, in one round.
const IN_TURN: usize = 500;
/// Calls in one round with many in flight.
const MANY: usize = 5_000;
const IN_FLIGHT: usize = 64;
/// Each side in turn, as often as this.
const ROUNDS: usize = 6;
const FLOOD: usize = 10_000;
const STARTS: usize = 20;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    if args.iter().any(|arg| arg == "--floor") {
        return servers::floor();
    }
    if args.iter().any(|arg| arg == "--bare") {
        return servers::bare();
    }
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("small.txt"), "x".repeat(1023) + "\n")?;
    let table = measure(folder.path())?;
    match args.iter().any(|arg| arg == "--json") {
        true => println!("{table:#}"),
        false => print(&table),
    }
    Ok(())
}

struct Server {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        let input = BufWriter::new(child.stdin.take().context("a pipe")?);
        let output = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut server = Self {
            child,
            input,
            output,
            next: 1,
        };
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } });
        let id = server.ask("initialize", &hello)?;
        server.hear(id)?;
        server.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(server)
    }

    fn ours(folder: &Path) -> anyhow::Result<Self> {
        Self::start(command("", folder)?)
    }

    fn other(which: &str, folder: &Path) -> anyhow::Result<Self> {
        Self::start(command(which, folder)?)
    }

    fn say(&mut self, message: &Value) -> anyhow::Result<()> {
        writeln!(self.input, "{message}")?;
        Ok(self.input.flush()?)
    }

    fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<u64> {
        let id = self.next;
        self.next += 1;
        self.say(&request(id, method, params))?;
        Ok(id)
    }

    fn line(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the server has ended");
        Ok(serde_json::from_str(&line)?)
    }

    fn hear(&mut self, id: u64) -> anyhow::Result<Value> {
        loop {
            let message = self.line()?;
            if message["id"] == json!(id) {
                return Ok(message);
            }
        }
    }

    /// Resident memory in MiB: now, and at its most.
    fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()
        };
        let (now, most) = (of("VmRSS:").context("VmRSS")?, of("VmHWM:").context("VmHWM")?);
        Ok((now / 1024.0, most / 1024.0))
    }
}

/// A server: ours, or this program as one of those to compare with.
fn command(which: &str, folder: &Path) -> anyhow::Result<Command> {
    let mut command = match which {
        "" => Command::new(env!("CARGO_BIN_EXE_toolyard")),
        _ => Command::new(std::env::current_exe()?),
    };
    match which {
        "" => command.arg("serve").arg("--workspace").arg(folder),
        _ => command.arg(which).current_dir(folder),
    };
    Ok(command)
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn read_small() -> Value {
    json!({ "name": "read_file", "arguments": { "path": "small.txt" } })
}

/// Milliseconds of each call, one after the other.
fn in_turn(server: &mut Server, calls: usize) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        let id = server.ask("tools/call", &read_small())?;
        let answer = server.hear(id)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(
            answer.get("error").is_none() && answer["result"]["isError"] != json!(true),
            "{answer}"
        );
    }
    Ok(times)
}

/// Calls a second with so many in flight.
fn in_flight(server: &mut Server, calls: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let first = server.next;
    server.next += calls as u64;
    let free = Arc::new((Mutex::new(IN_FLIGHT), Condvar::new()));
    let gives = Arc::clone(&free);
    let (input, output) = (&mut server.input, &mut server.output);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> anyhow::Result<()> {
            let (count, changed) = &*free;
            for id in first..first + calls as u64 {
                let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                while *count == 0 {
                    count = changed.wait(count).unwrap_or_else(PoisonError::into_inner);
                }
                *count -= 1;
                let last = *count == 0;
                drop(count);
                writeln!(input, "{}", request(id, "tools/call", &read_small()))?;
                // What is written together is sent together, as a client that has many to say would.
                if last || id % 8 == 0 {
                    input.flush()?;
                }
            }
            Ok(input.flush()?)
        });
        let mut line = String::new();
        for _ in 0..calls {
            line.clear();
            ensure!(output.read_line(&mut line)? > 0, "the server has ended");
            ensure!(
                !line.contains("\"error\"") && !line.contains("\"isError\":true"),
                "{line}"
            );
            let (count, changed) = &*gives;
            *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            changed.notify_one();
        }
        writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?
    })?;
    Ok(calls as f64 / begun.elapsed().as_secs_f64())
}

/// Everything at once, and a ping behind it: calls of this tool.
fn flood(server: &mut Server, call: &Value) -> anyhow::Result<Value> {
    let first = server.next;
    server.next += FLOOD as u64 + 1;
    let ping = first + FLOOD as u64;
    let begun = Instant::now();
    let (input, output) = (&mut server.input, &mut server.output);
    let (mut ok, mut refused, mut other) = (0, 0, 0);
    let (pinged, answered) = std::thread::scope(|scope| -> anyhow::Result<(Instant, Instant)> {
        let writer = scope.spawn(move || -> anyhow::Result<Instant> {
            for id in first..ping {
                writeln!(input, "{}", request(id, "tools/call", call))?;
            }
            input.flush()?;
            let at = Instant::now();
            writeln!(input, "{}", request(ping, "ping", &json!({})))?;
            input.flush()?;
            Ok(at)
        });
        let mut answered = None;
        let mut line = String::new();
        for _ in 0..=FLOOD {
            line.clear();
            ensure!(output.read_line(&mut line)? > 0, "the server has ended");
            let message: Value = serde_json::from_str(&line)?;
            if message["id"] == json!(ping) {
                answered = Some(Instant::now());
            } else if message["result"]["_meta"]["toolyard/outcome"]["status"] == json!("overloaded") {
                refused += 1;
            } else if message["result"]["isError"] == json!(false) {
                ok += 1;
            } else {
                other += 1;
            }
        }
        let pinged = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
        Ok((pinged, answered.context("no answer to the ping")?))
    })?;
    let (now, most) = server.memory()?;
    Ok(json!({
        "calls": FLOOD, "ok": ok, "overloaded": refused, "other": other,
        "ping_ms": answered.saturating_duration_since(pinged).as_secs_f64() * 1e3,
        "seconds": begun.elapsed().as_secs_f64(), "resident_mib": now, "most_resident_mib": most,
    }))
}

fn measure(folder: &Path) -> anyhow::Result<Value> {
    // Compiled code is kept from here on.
    in_turn(&mut Server::ours(folder)?, 1)?;
    let mut starts = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let server = Server::ours(folder)?;
        starts.push(begun.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(20));
        idle.push(server.memory()?.0);
    }
    let (mut ours, mut floor) = (Server::ours(folder)?, Server::other("--floor", folder)?);
    let mut bare = Server::other("--bare", folder)?;
    in_turn(&mut ours, 50)?;
    let (mut turn, mut turn_floor, mut turn_bare) = (Vec::new(), Vec::new(), Vec::new());
    let (mut many, mut many_floor, mut many_bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        turn.extend(in_turn(&mut ours, IN_TURN)?);
        turn_floor.extend(in_turn(&mut floor, IN_TURN)?);
        turn_bare.extend(in_turn(&mut bare, IN_TURN)?);
        many.push(in_flight(&mut ours, MANY)?);
        many_floor.push(in_flight(&mut floor, MANY)?);
        many_bare.push(in_flight(&mut bare, MANY)?);
    }
    let used = ours.memory()?.0;
    // A second server on one workspace joins the first, and would be measured with that way.
    drop((ours, floor, bare));
    let (p50, floor_p50) = (quantile(&mut turn, 0.5), quantile(&mut turn_floor, 0.5));
    let (rate, floor_rate) = (quantile(&mut many, 0.5), quantile(&mut many_floor, 0.5));
    let (bare_p50, bare_rate) = (quantile(&mut turn_bare, 0.5), quantile(&mut many_bare, 0.5));
    Ok(json!({
        "start_to_initialize_ms": { "p50": quantile(&mut starts, 0.5), "worst": quantile(&mut starts, 1.0) },
        "resident_idle_mib": quantile(&mut idle, 0.5),
        "resident_after_calls_mib": used,
        "one_after_the_other": {
            "p50_ms": p50, "p99_ms": quantile(&mut turn, 0.99), "floor_p50_ms": floor_p50, "ratio": p50 / floor_p50,
            "library_p50_ms": bare_p50,
        },
        "in_flight_64": { "calls_a_second": rate, "floor": floor_rate, "ratio": rate / floor_rate, "library": bare_rate },
        "official_client": client::compare(|which| command(which, folder), (ROUNDS, IN_TURN, MANY))?,
        "flood_of_reads": flood(&mut Server::ours(folder)?, &read_small())?,
        // All of one file, so that each waits for the one before.
        "flood_of_writes": flood(&mut Server::ours(folder)?, &json!({
            "name": "write_file", "arguments": { "path": "written.txt", "content": "x".repeat(1024) },
        }))?,
    }))
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f64 * part).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

fn print(table: &Value) {
    let at = |pointer: &str| table.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    println!(
        "start to the answer to initialize   p50 {:6.1} ms, worst {:.1} ms",
        at("/start_to_initialize_ms/p50"),
        at("/start_to_initialize_ms/worst")
    );
    println!(
        "resident memory                     idle {:.1} MiB, after calls {:.1} MiB",
        at("/resident_idle_mib"),
        at("/resident_after_calls_mib")
    );
    println!(
        "one call after the other            p50 {:.3} ms, p99 {:.3} ms; floor p50 {:.3} ms: {:.2} times; the library alone {:.3} ms",
        at("/one_after_the_other/p50_ms"),
        at("/one_after_the_other/p99_ms"),
        at("/one_after_the_other/floor_p50_ms"),
        at("/one_after_the_other/ratio"),
        at("/one_after_the_other/library_p50_ms"),
    );
    println!(
        "64 in flight                        {:.0} calls a second; floor {:.0}: {:.3} of it; the library alone {:.0}",
        at("/in_flight_64/calls_a_second"),
        at("/in_flight_64/floor"),
        at("/in_flight_64/ratio"),
        at("/in_flight_64/library"),
    );
    println!(
        "by the protocol's own client        p50 {:.3} ms; floor {:.3} ms: {:.2} times; the library alone {:.3} ms",
        at("/official_client/p50_ms"),
        at("/official_client/floor_p50_ms"),
        at("/official_client/p50_ratio"),
        at("/official_client/library_p50_ms"),
    );
    println!(
        "  64 in flight                      {:.0} calls a second; floor {:.0}: {:.3} of it; the library alone {:.0}",
        at("/official_client/calls_a_second"),
        at("/official_client/floor"),
        at("/official_client/ratio"),
        at("/official_client/library"),
    );
    for flood in ["reads", "writes"] {
        let at = |name: &str| at(&format!("/flood_of_{flood}/{name}"));
        println!(
            "{} {flood} at once{} {} ok, {} overloaded, {} other in {:.1} s; a ping behind them {:.1} ms; at most {:.0} MiB",
            at("calls"),
            " ".repeat(20_usize.saturating_sub(flood.len())),
            at("ok"),
            at("overloaded"),
            at("other"),
            at("seconds"),
            at("ping_ms"),
            at("most_resident_mib"),
        );
    }
}
