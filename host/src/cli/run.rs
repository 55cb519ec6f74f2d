//! `call`, `run` and `plan`. It must not know how calls are resolved, scheduled or run.

use super::args::{CallArgs, Cli, RunArgs};
use super::joined::Ended;
use super::outputs::Outputs;
use super::progress::Progress;
use super::{
    Exit, HostFailed, Observer, Pause, batch, block_on, exit_code, host_for_calls, host_to_ask, joined, print,
    print_json, style, values,
};
use crate::call::{Call, CallId, Outcome};
use crate::host::{Host, HostBuilder, Plan, PlannedCall};
use crate::report::{self, Summary, visible};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::time::Duration;

/// As long as this observers may be behind when a run has ended.
const SETTLE: Duration = Duration::from_secs(10);

pub(super) fn call(cli: &Cli, args: &CallArgs) -> anyhow::Result<Exit> {
    let timed = |call: Call| Call {
        timeout: args.timeout.map(Duration::from_millis),
        ..call
    };
    let ended = match joined::find(cli)? {
        Some(owner) => {
            let call = values::call(owner.outline.catalog.tool(&args.call.tool), &args.call)?;
            owner.run(cli, vec![timed(call)], &[])?
        }
        None => {
            let host = host_for_calls(cli, &Pause::default(), |b| b)?;
            let call = values::call(host.tool(&args.call.tool).as_ref(), &args.call)?;
            block_on(to_the_end(&host, vec![timed(call)]))??
        }
    };
    for outcome in &ended.outcomes {
        match args.json {
            true => print_json(&report::outcome(outcome))?,
            false => answer(outcome)?,
        }
    }
    Ok(ended.exit())
}

impl Ended {
    fn exit(&self) -> Exit {
        match self.interrupted {
            true => Exit::Interrupted,
            false => exit_code(&self.outcomes),
        }
    }
}

fn answer(outcome: &Outcome) -> anyhow::Result<()> {
    let text = report::answer(outcome);
    if !text.is_empty() {
        // A file or a pipe gets what the tool said, a terminal what is safe to show.
        match std::io::stdout().is_terminal() {
            true => print(&visible(&text))?,
            false => print(&text)?,
        }
    }
    if let Some(error) = &outcome.error {
        tell!(
            "{} {}",
            style(&std::io::stderr()).status(outcome.status),
            visible(&error.message)
        );
        if let Some(hint) = &error.hint {
            tell!("hint: {}", visible(hint));
        }
    }
    for note in &outcome.notes {
        tell!("note: {}", visible(note));
    }
    if !outcome.log.is_empty() && outcome.error.is_some() {
        tell!("the tool's log:\n{}", visible(outcome.log.trim_end()));
    }
    Ok(())
}

/// Has everything compiled before the clock of the calls starts, and says so if that takes a while.
async fn warm(host: &Host, calls: &[Call]) {
    let mut work = std::pin::pin!(host.warm(calls));
    tokio::select! {
        () = &mut work => return,
        () = tokio::time::sleep(Duration::from_millis(150)) => {}
    }
    tell!("toolyard: compiling plugins to machine code; the result is kept, so this happens once");
    work.await;
}

/// Runs the calls; an interrupt takes back what has not ended, and a second one leaves at once.
async fn to_the_end(host: &Host, calls: Vec<Call>) -> anyhow::Result<Ended> {
    tokio::select! {
        () = warm(host, &calls) => {}
        _ = tokio::signal::ctrl_c() => {
            tell!("toolyard: interrupted while plugins were compiled; nothing ran");
            std::process::exit(Exit::Interrupted as i32);
        }
    }
    let batch = host.submit(calls)?;
    let canceller = batch.canceller();
    let mut outcomes = std::pin::pin!(batch.outcomes());
    let ended = |outcomes, interrupted| Ended {
        outcomes,
        interrupted,
        cores: host.cores(),
    };
    tokio::select! {
        outcomes = &mut outcomes => return Ok(ended(outcomes, false)),
        _ = tokio::signal::ctrl_c() => {}
    }
    canceller.cancel();
    tokio::select! {
        outcomes = outcomes => Ok(ended(outcomes, true)),
        _ = tokio::signal::ctrl_c() => std::process::exit(Exit::Interrupted as i32),
    }
}

pub(super) fn run(cli: &Cli, args: &RunArgs) -> anyhow::Result<Exit> {
    let mut calls = batch::read(&args.batch)?;
    for call in &mut calls {
        call.timeout = call.timeout.or(args.timeout.map(Duration::from_millis));
        call.max_wait = call.max_wait.or(args.max_wait.map(Duration::from_millis));
    }
    let owner = joined::find(cli)?;
    if let Some(owner) = &owner {
        owner.check(args)?;
    }
    let outputs = Outputs::create(args)?;
    let pause = Pause::default();
    let progress = Progress::start(calls.len(), pause.clone());
    let observers: Vec<Observer> = outputs.observer().into_iter().chain([progress.observer()]).collect();
    let ended = match owner {
        Some(owner) => owner.run(cli, calls, &observers),
        None => run_here(cli, args, calls, &pause, observers),
    };
    progress.stop();
    let ended = ended?;
    let cores = ended.cores;
    match args.json {
        true => print_json(&report::run(&ended.outcomes, cores))?,
        false => print(&lines(&ended.outcomes, cores))?,
    }
    outputs
        .finish(cores, &args.batch, &ended.outcomes)
        .context(HostFailed)?;
    Ok(ended.exit())
}

/// Runs the calls on a host of this process's own.
fn run_here(
    cli: &Cli,
    args: &RunArgs,
    calls: Vec<Call>,
    pause: &Pause,
    observers: Vec<Observer>,
) -> anyhow::Result<Ended> {
    let host = host_for_calls(cli, pause, |mut builder| {
        if let Some(slots) = args.max_parallel {
            builder = builder.max_parallel(slots);
        }
        if args.serial {
            builder = builder.serial();
        }
        if args.reuse {
            builder = builder.reuse();
        }
        observers.into_iter().fold(builder, HostBuilder::observer)
    })?;
    let ended = block_on(to_the_end(&host, calls))??;
    // What observers write is whole when this returns; so long they may be behind.
    host.settle_events(SETTLE);
    Ok(ended)
}

fn lines(outcomes: &[Outcome], cores: NonZeroUsize) -> String {
    let style = style(&std::io::stdout());
    let width = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).max().unwrap_or(0).min(24);
    let (ids, tools) = (
        width(|outcome| outcome.id.as_str().len()),
        width(|outcome| outcome.tool.len()),
    );
    let mut text = String::new();
    for outcome in outcomes {
        _ = writeln!(text, "{}", report::line(outcome, ids, tools, style));
    }
    _ = writeln!(text, "{}", style.bold(&Summary::of(outcomes, cores).to_string()));
    text
}

pub(super) fn plan(cli: &Cli, source: &str, as_json: bool) -> anyhow::Result<Exit> {
    let calls = batch::read(source)?;
    let host = host_to_ask(cli)?;
    let plan = host.plan(&calls)?;
    match as_json {
        true => print_json(&plan_json(&plan))?,
        false => print(&plan_text(&plan))?,
    }
    let refused = plan.calls.iter().any(|call| call.refused.is_some());
    Ok(if refused { Exit::CallFailed } else { Exit::Ok })
}

fn plan_json(plan: &Plan) -> Value {
    let call = |call: &PlannedCall| {
        let mut value = json!({
            "id": call.id,
            "tool": call.tool,
            "footprint": call.footprint.entries().iter().map(report::entry).collect::<Vec<_>>(),
            "waits_for": report::waits_for(&call.waits_for),
        });
        if let (Some(fields), false) = (value.as_object_mut(), call.unknown.is_empty()) {
            fields.insert("unknown".into(), json!(call.unknown));
        }
        if let (Some(fields), Some((status, error))) = (value.as_object_mut(), &call.refused) {
            fields.insert("status".into(), json!(status.as_str()));
            fields.insert("error".into(), report::call_error(error));
        }
        value
    };
    json!({ "calls": plan.calls.iter().map(call).collect::<Vec<_>>(), "groups": plan.groups })
}

fn plan_text(plan: &Plan) -> String {
    let style = style(&std::io::stdout());
    let ids = plan.calls.iter().map(|call| call.id.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for call in &plan.calls {
        let title = format!("{:<ids$}  {}", call.id.as_str(), call.tool);
        _ = writeln!(text, "{}", style.bold(&title));
        if let Some((status, error)) = &call.refused {
            _ = writeln!(
                text,
                "{:ids$}  would end {}: {}",
                "",
                status.as_str(),
                visible(&error.message)
            );
            if let Some(hint) = &error.hint {
                _ = writeln!(text, "{:ids$}  hint: {}", "", visible(hint));
            }
            continue;
        }
        if call.footprint.entries().is_empty() {
            _ = writeln!(text, "{:ids$}  touches nothing", "");
        }
        for entry in call.footprint.entries() {
            _ = writeln!(text, "{:ids$}  {}", "", report::words(entry));
        }
        for unknown in &call.unknown {
            _ = writeln!(text, "{:ids$}  not known yet: {}", "", visible(unknown));
        }
        for wait in &call.waits_for {
            let why = match &wait.entries {
                Some((mine, theirs)) => format!("it {} and this {}", report::words(theirs), report::words(mine)),
                None => "this call names it".to_owned(),
            };
            let line = format!("waits for {}: {why}", wait.on);
            _ = writeln!(text, "{:ids$}  {}", "", style.dim(&line));
        }
        if call.more_waits > 0 {
            let line = format!("and for {} more", call.more_waits);
            _ = writeln!(text, "{:ids$}  {}", "", style.dim(&line));
        }
    }
    text.push_str(&groups(&plan.groups));
    text
}

/// Who could start together, from left to right; a picture, not a rule: in a run nobody waits for a group.
fn groups(groups: &[Vec<CallId>]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nearliest start, from left to right:\n");
    let widths: Vec<usize> = groups
        .iter()
        .map(|group| group.iter().map(|id| id.as_str().len()).max().unwrap_or(0))
        .collect();
    let rows = groups.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..rows {
        let mut line = String::from(" ");
        for (column, (group, width)) in groups.iter().zip(&widths).enumerate() {
            let arrow = match (column, row) {
                (0, _) => " ",
                (_, 0) => " ─▶ ",
                _ => "    ",
            };
            let id = group.get(row).map_or("", |id| id.as_str());
            _ = write!(line, "{arrow}{id:<width$}");
        }
        _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
