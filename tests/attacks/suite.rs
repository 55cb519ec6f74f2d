//! Cases, one after another: what each is called, how it ended, and the table of all. It must not know any attack.
//!
//! A case fails by panicking. It also fails if anything else in this process panicked meanwhile, or if descriptors or
//! threads are left over after it: a case that takes the host down or leaks has found something, whatever it checks.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a case ended that did not fail.
pub enum End {
    /// So many single checks, each an attack of its own, went as they should.
    Passed(usize),
    /// It can't be tried here, and why.
    Skipped(String),
    /// Another test of the workspace proves it: its file and its name.
    Elsewhere(&'static str, &'static str),
}

impl From<()> for End {
    fn from((): ()) -> Self {
        Self::Passed(1)
    }
}

impl From<usize> for End {
    fn from(checks: usize) -> Self {
        Self::Passed(checks)
    }
}

/// One line of the catalogue.
pub struct Case {
    pub group: &'static str,
    pub name: String,
    run: Box<dyn Fn() -> End>,
}

impl Case {
    /// Runs it once; the reason why it failed.
    pub fn attempt(&self) -> Result<End, String> {
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let before = Held::now();
        let end = catch_unwind(AssertUnwindSafe(|| (self.run)()));
        let said = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        let leaked = before.left_over();
        match (end, leaked) {
            (Err(_), _) => Err(said.join("\n")),
            (Ok(_), _) if !said.is_empty() => Err(format!("something panicked: {}", said.join("\n"))),
            (Ok(_), Some(leaked)) => Err(leaked),
            (Ok(end), None) => Ok(end),
        }
    }
}

/// What panics in this process have said since the case began.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What a process holds: open descriptors and threads.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let count = |folder: &str| std::fs::read_dir(folder).map_or(0, Iterator::count);
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }

    /// What is held now beyond this, after a while of patience: threads that were told to end take a moment.
    fn left_over(self) -> Option<String> {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            if now.descriptors <= self.descriptors && now.threads <= self.threads {
                return None;
            }
            if begun.elapsed() > Duration::from_secs(20) {
                return Some(format!("left behind: {self:?} before, {now:?} after"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// What runs behind all cases, with them at hand.
type Last = Box<dyn Fn(&[Case]) -> Walls>;

/// All cases, and which of them are wanted.
pub struct Suite {
    cases: Vec<Case>,
    wanted: Vec<String>,
    list: bool,
    /// The last part: taken down one by one, walls must be missed.
    walls: Option<Last>,
}

/// What became of the broken walls.
#[derive(Default)]
pub struct Walls {
    pub broken: usize,
    pub noticed: usize,
    pub missed: Vec<String>,
}

#[derive(Default)]
struct Row {
    cases: usize,
    checks: usize,
    passed: usize,
    failed: usize,
    elsewhere: usize,
    skipped: usize,
}

impl Suite {
    /// The suite as `cargo test` calls it: words are filters, and what the standard harness understands is passed over.
    pub fn from_arguments() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        Self {
            cases: Vec::new(),
            list: words.iter().any(|word| word == "--list"),
            wanted: words.into_iter().filter(|word| !word.starts_with('-')).collect(),
            walls: None,
        }
    }

    /// Adds a case. Its name is that of the catalogue.
    pub fn add<E: Into<End>>(&mut self, group: &'static str, name: impl Into<String>, run: impl Fn() -> E + 'static) {
        self.cases.push(Case {
            group,
            name: name.into(),
            run: Box::new(move || run().into()),
        });
    }

    /// Adds a case that another test proves; that it is there is checked.
    pub fn elsewhere(&mut self, group: &'static str, name: &str, file: &'static str, test: &'static str) {
        self.add(group, name, move || {
            let text = std::fs::read_to_string(toolyard_tests::repository().join(file)).expect(file);
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let at = lines.iter().position(|line| line.starts_with(&format!("fn {test}(")));
            let before = at.and_then(|at| lines.get(at.checked_sub(1)?));
            assert_eq!(before, Some(&"#[test]"), "{file} has no test {test}");
            End::Elsewhere(file, test)
        });
    }

    /// The names of all cases so far.
    pub fn names(&self) -> Vec<String> {
        self.cases.iter().map(|case| case.name.clone()).collect()
    }

    /// Sets what runs last, with all cases at hand.
    pub fn walls(&mut self, run: impl Fn(&[Case]) -> Walls + 'static) {
        self.walls = Some(Box::new(run));
    }

    fn wants(&self, text: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| text.contains(word.as_str()))
    }

    /// Runs what is wanted and prints how it went.
    pub fn run(self) -> ExitCode {
        if self.list {
            self.cases
                .iter()
                .for_each(|case| println!("{}: {}: test", case.group, case.name));
            return ExitCode::SUCCESS;
        }
        std::panic::set_hook(Box::new(|info| {
            let said = info.to_string().chars().take(3000).collect();
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(said);
        }));
        // What a process opens once and keeps, for the engine and the runtime, is no leak of the first case.
        crate::ground::warm_up();
        let begun = Instant::now();
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        let mut notes = Vec::new();
        let mut failed = Vec::new();
        let wanted = self
            .cases
            .iter()
            .filter(|case| self.wants(&format!("{}: {}", case.group, case.name)));
        for case in wanted {
            let row = rows.entry(case.group).or_default();
            row.cases += 1;
            let before = begun.elapsed();
            let word = note(case, case.attempt(), row, &mut notes, &mut failed);
            let took = (begun.elapsed() - before).as_millis();
            println!("{word:9} {took:>6} ms  {}: {}", case.group, case.name);
        }
        let walls = self.walls.as_ref().filter(|_| self.wants("walls"));
        let walls = walls.map(|run| run(&self.cases));
        table(&rows, &notes, &failed, walls.as_ref(), begun.elapsed())
    }
}

fn note(
    case: &Case,
    end: Result<End, String>,
    row: &mut Row,
    notes: &mut Vec<String>,
    failed: &mut Vec<String>,
) -> &'static str {
    let name = format!("{}: {}", case.group, case.name);
    match end {
        Ok(End::Passed(checks)) => {
            row.passed += 1;
            row.checks += checks;
            "ok"
        }
        Ok(End::Elsewhere(file, test)) => {
            row.elsewhere += 1;
            notes.push(format!("elsewhere  {name}: {test} in {file}"));
            "elsewhere"
        }
        Ok(End::Skipped(why)) => {
            row.skipped += 1;
            notes.push(format!("skipped    {name}: {why}"));
            "skipped"
        }
        Err(why) => {
            row.failed += 1;
            failed.push(format!("{name}\n{why}"));
            "FAILED"
        }
    }
}

fn table(
    rows: &BTreeMap<&str, Row>,
    notes: &[String],
    failed: &[String],
    walls: Option<&Walls>,
    took: Duration,
) -> ExitCode {
    println!(
        "\n{:12} {:>6} {:>8} {:>7} {:>7} {:>10} {:>8}",
        "group", "cases", "attacks", "passed", "failed", "elsewhere", "skipped"
    );
    let mut all = Row::default();
    for (group, row) in rows {
        let Row {
            cases,
            checks,
            passed,
            failed,
            elsewhere,
            skipped,
        } = row;
        println!("{group:12} {cases:>6} {checks:>8} {passed:>7} {failed:>7} {elsewhere:>10} {skipped:>8}");
        all.passed += passed;
        all.failed += failed;
        all.elsewhere += elsewhere;
        all.skipped += skipped;
    }
    for note in notes {
        println!("{note}");
    }
    let mut failed = failed.to_vec();
    if let Some(walls) = walls {
        println!("walls broken: {}, noticed: {}", walls.broken, walls.noticed);
        all.passed += walls.noticed;
        all.failed += walls.missed.len();
        failed.extend(walls.missed.iter().cloned());
    }
    for failure in &failed {
        println!("\n---- {failure}");
    }
    // Elsewhere is counted there; a word in the manner of the standard harness, for whoever adds up.
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {} failed; {} ignored; 0 measured; {} elsewhere; finished in {:.2}s",
        all.passed,
        all.failed,
        all.skipped,
        all.elsewhere,
        took.as_secs_f64()
    );
    ExitCode::from(u8::from(!failed.is_empty()))
}
