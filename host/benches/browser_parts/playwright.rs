//! The other side: Playwright in a Node process, driven line by line so that rounds of both are taken in turn. It must not
//! be needed: where it isn't there, that is said and ours is measured alone.

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Playwright {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What it answered.
pub struct Answer {
    /// Milliseconds on its own clock.
    pub ms: f64,
    /// What it read.
    pub text: String,
}

impl Playwright {
    /// Starts it with the `playwright-core` in `folder` (the one that holds `node_modules`).
    pub fn start(folder: &Path, program: &Path) -> anyhow::Result<Self> {
        if !folder.join("node_modules/playwright-core").is_dir() {
            return Err(anyhow!(
                "there is no node_modules/playwright-core in {}",
                folder.display()
            ));
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/browser_parts/playwright.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .args([folder, program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node")?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).context("pipes")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    pub fn ask(&mut self, asked: &Value) -> anyhow::Result<Answer> {
        writeln!(self.input, "{asked}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).context("Playwright has ended")?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(anyhow!("Playwright, {asked}: {error}")),
            None => Ok(Answer {
                ms: answer["ms"].as_f64().unwrap_or(0.0),
                text: answer["text"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }
}

impl Drop for Playwright {
    fn drop(&mut self) {
        drop(self.ask(&json!({ "op": "end" })));
        drop(self.child.wait());
    }
}
