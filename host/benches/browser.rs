//! Browsers in real time: the plugin's tools through `Host`, as an agent calls them, beside Playwright doing the same with
//! the same Chromium, in turn in one run. `cargo bench --bench browser -- --playwright FOLDER` (or `PLAYWRIGHT=FOLDER`) names
//! the folder whose `node_modules` hold `playwright-core`; without it ours is measured alone. `--rounds 50`,
//! `--only cold|small|big|batch|memory` does a part, `--json` writes figures as JSON, too. Absolute times differ from machine to
//! machine; ratios are what counts. It must not be part of any test.
//!
//! The bar: navigate, click and snapshot take no longer than Playwright's, by their medians.

mod browser_parts;

use anyhow::Context as _;
use browser_parts::playwright::Playwright;
use browser_parts::site::Site;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use toolyard::{Call, Content, Host, Outcome, Status};

/// The Chromium of both sides, unless `--program` names another.
const PROGRAM: &str = "/usr/lib/chromium/chromium-headless-shell";

/// Pages of a batch.
const PAGES: usize = 20;

/// Rounds that don't count.
const WARM: usize = 5;

/// As long as this nobody asks anything before a round: what one side's page still paints must not slow down the other's.
const SETTLE: Duration = Duration::from_millis(60);

struct Bench {
    runtime: Runtime,
    host: Host,
    site: Site,
    other: Option<Playwright>,
    rounds: usize,
    rows: Vec<Row>,
}

/// One line of the table: milliseconds of all rounds.
struct Row {
    name: String,
    barred: bool,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Bench {
    fn call(&self, tool: &str, arguments: Value) -> anyhow::Result<(f64, Outcome)> {
        let begun = Instant::now();
        let outcome = self.runtime.block_on(self.host.call(Call::new(tool, arguments)))?;
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        anyhow::ensure!(outcome.status == Status::Ok, "{tool}: {outcome:?}");
        Ok((ms, outcome))
    }

    fn ask(&mut self, asked: &Value) -> anyhow::Result<Option<(f64, String)>> {
        let Some(other) = &mut self.other else { return Ok(None) };
        let answer = other.ask(asked)?;
        Ok(Some((answer.ms, answer.text)))
    }

    /// A row of rounds in turn; `ours` and `theirs` return milliseconds.
    fn row(
        &mut self,
        name: &str,
        barred: bool,
        warm: usize,
        ours: impl Fn(&mut Self) -> anyhow::Result<f64>,
        theirs: impl Fn(&mut Self) -> anyhow::Result<Option<f64>>,
    ) -> anyhow::Result<()> {
        let mut row = Row {
            name: name.to_owned(),
            barred,
            ours: Vec::new(),
            theirs: Vec::new(),
        };
        for round in 0..warm + self.rounds {
            for turn in 0..2 {
                std::thread::sleep(SETTLE);
                let (times, taken) = match (round + turn) % 2 {
                    0 => (&mut row.ours, Some(ours(self).with_context(|| name.to_owned())?)),
                    _ => (&mut row.theirs, theirs(self)?),
                };
                times.extend(taken.filter(|_| round >= warm));
            }
        }
        row.print();
        self.rows.push(row);
        Ok(())
    }

    /// From nothing to the first page.
    fn cold(&mut self) -> anyhow::Result<()> {
        let url = self.site.url("small");
        let ours = |bench: &mut Self| {
            bench.call("browser_close", json!({ "session": "cold" }))?;
            let first = bench.call("browser_navigate", json!({ "url": url, "session": "cold" }))?;
            Ok(first.0)
        };
        let asked = json!({ "op": "cold", "url": url });
        self.row("cold start to first page", false, 1, ours, |bench| bench.timed(&asked))?;
        self.call("browser_close", json!({ "session": "cold" })).map(drop)
    }

    fn timed(&mut self, asked: &Value) -> anyhow::Result<Option<f64>> {
        Ok(self.ask(asked)?.map(|(ms, _)| ms))
    }

    /// One page: going there, clicking, looking.
    fn page(&mut self, path: &str) -> anyhow::Result<()> {
        let url = self.site.url(path);
        let go = json!({ "op": "navigate", "url": url });
        let navigate = |bench: &mut Self| Ok(bench.call("browser_navigate", json!({ "url": url }))?.0);
        self.row(&format!("{path}: navigate"), true, WARM, navigate, |bench| {
            bench.timed(&go)
        })?;
        for (name, tool, arguments, op, barred) in [
            ("click", "browser_click", json!({ "target": "#go" }), "click", true),
            (
                "snapshot",
                "browser_snapshot",
                json!({ "max_chars": 200_000 }),
                "snapshot",
                true,
            ),
            (
                "snapshot (its mode \"ai\")",
                "browser_snapshot",
                json!({ "max_chars": 200_000 }),
                "snapshot_ai",
                true,
            ),
            (
                "read",
                "browser_read_page",
                json!({ "max_chars": 200_000 }),
                "read",
                false,
            ),
            ("screenshot", "browser_screenshot", json!({}), "screenshot", false),
        ] {
            let asked = json!({ "op": op });
            let ours = |bench: &mut Self| Ok(bench.call(tool, arguments.clone())?.0);
            self.row(&format!("{path}: {name}"), barred, WARM, ours, |bench| {
                bench.timed(&asked)
            })?;
        }
        // That both sides did what was measured.
        let clicked = format!("clicked {}", WARM + self.rounds);
        let read = self.call("browser_read_page", json!({ "max_chars": 200_000 }))?.1;
        let read = said(&read);
        anyhow::ensure!(read.contains(&clicked), "ours was not {clicked} times: {read}");
        if let Some((_, text)) = self.ask(&json!({ "op": "read" }))? {
            anyhow::ensure!(text.contains(&clicked), "theirs was not {clicked} times: {text}");
        }
        Ok(())
    }

    /// Pages that take 50 ms to answer, each gone to and read, in so many sessions.
    fn batch(&mut self, lanes: usize) -> anyhow::Result<()> {
        let urls: Vec<String> = (0..PAGES).map(|i| self.site.url(&format!("slow/{i}"))).collect();
        let ours = |bench: &mut Self| {
            let mut calls = Vec::new();
            for (i, url) in urls.iter().enumerate() {
                let session = format!("lane{}", i % lanes);
                calls.push(Call::new("browser_navigate", json!({ "url": url, "session": session })));
                calls.push(Call::new("browser_read_page", json!({ "session": session })));
            }
            let begun = Instant::now();
            let outcomes = bench.runtime.block_on(bench.host.batch(calls))?;
            let ms = begun.elapsed().as_secs_f64() * 1e3;
            for (i, pair) in outcomes.chunks(2).enumerate() {
                let text = said(&pair[1]);
                anyhow::ensure!(text.contains(&format!("Article /slow/{i}\n")), "{pair:?}");
            }
            Ok(ms)
        };
        let asked = json!({ "op": "batch", "urls": urls, "lanes": lanes });
        let theirs = |bench: &mut Self| {
            let Some((ms, text)) = bench.ask(&asked)? else {
                return Ok(None);
            };
            anyhow::ensure!(text.matches("Article /slow/").count() == PAGES, "{text}");
            Ok(Some(ms))
        };
        let name = format!(
            "batch of {PAGES} reads, {lanes} session{}",
            if lanes == 1 { "" } else { "s" }
        );
        self.row(&name, false, 1, ours, theirs)?;
        for lane in 0..lanes {
            self.call("browser_close", json!({ "session": format!("lane{lane}") }))?;
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let only = value("--only");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let program = PathBuf::from(value("--program").unwrap_or_else(|| PROGRAM.to_owned()));
    let folder = value("--playwright").or_else(|| std::env::var("PLAYWRIGHT").ok());
    let other = folder
        .context("no folder is named by --playwright or PLAYWRIGHT")
        .and_then(|folder| Playwright::start(Path::new(&folder), &program));
    let other = other
        .inspect_err(|error| println!("Playwright isn't there ({error:#}); ours is measured alone."))
        .ok();
    let site = Site::start()?;
    let folder = tempfile::tempdir()?;
    let policy = format!(
        "[browser]\nsessions = [\"*\"]\nprogram = {program:?}\n[network]\nallow = [{{ host = {:?}, addresses = [\"127.0.0.1\"] }}]\n",
        site.origin
    );
    let mut bench = Bench {
        runtime: Runtime::new()?,
        host: Host::builder().workspace(folder.path()).policy_text(policy).build()?,
        other,
        rounds: value("--rounds").map_or(Ok(50), |rounds| rounds.parse())?,
        rows: Vec::new(),
        site,
    };
    println!(
        "pages of {} and {} bytes; {} rounds, in turn; milliseconds",
        bench.site.small_bytes, bench.site.big_bytes, bench.rounds
    );
    println!(
        "{:<32} {:>8} {:>8}   {:>10} {:>8}   {:>5}",
        "", "ours", "worst", "Playwright", "worst", "ratio"
    );
    let url = bench.site.url("small");
    bench.call("browser_navigate", json!({ "url": url }))?;
    bench.ask(&json!({ "op": "cold", "url": url }))?;
    if wanted("small") {
        bench.page("small")?;
    }
    if wanted("big") {
        bench.page("big")?;
    }
    if wanted("batch") {
        bench.batch(1)?;
        bench.batch(4)?;
    }
    if wanted("cold") {
        bench.cold()?;
    }
    let barred: Vec<&Row> = bench.rows.iter().filter(|row| row.barred).collect();
    if bench.other.is_some() && !barred.is_empty() {
        let failed: Vec<&str> = barred
            .iter()
            .filter(|row| row.ratio() > 1.0)
            .map(|row| row.name.as_str())
            .collect();
        match failed.is_empty() {
            true => println!("The bar is met: navigate, click and snapshot take no longer than Playwright's."),
            false => println!("The bar is NOT met by: {}", failed.join(", ")),
        }
    }
    if args.iter().any(|arg| arg == "--json") {
        let rows: Vec<Value> = bench.rows.iter().map(Row::json).collect();
        println!("{}", Value::Array(rows));
    }
    if wanted("memory") {
        browser_parts::memory::measure(&bench)?;
    }
    Ok(())
}

/// The text of an answer.
fn said(outcome: &Outcome) -> String {
    let text = |content: &Content| match content {
        Content::Text(text) => Some(text.clone()),
        _ => None,
    };
    outcome.content.iter().filter_map(text).collect()
}

/// The median and the worst.
fn spread(times: &[f64]) -> (f64, f64) {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    (median, sorted.last().copied().unwrap_or(f64::NAN))
}

impl Row {
    fn ratio(&self) -> f64 {
        spread(&self.ours).0 / spread(&self.theirs).0
    }

    fn print(&self) {
        let (median, worst) = spread(&self.ours);
        print!("{:<32} {median:8.2} {worst:8.2}", self.name);
        if !self.theirs.is_empty() {
            let (median, worst) = spread(&self.theirs);
            let mark = match self.barred {
                true if self.ratio() > 1.0 => "  over the bar",
                _ => "",
            };
            print!("   {median:10.2} {worst:8.2}   {:5.2}{mark}", self.ratio());
        }
        println!();
    }

    fn json(&self) -> Value {
        let (ours, theirs) = (spread(&self.ours), spread(&self.theirs));
        json!({
            "name": self.name, "ours_ms": ours.0, "ours_worst_ms": ours.1,
            "playwright_ms": theirs.0, "playwright_worst_ms": theirs.1, "ratio": self.ratio(),
        })
    }
}
