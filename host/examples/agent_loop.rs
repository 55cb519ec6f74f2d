//! An agent's loop around a host, in the form of Anthropic's Messages API: `cargo run --example agent_loop`. A script stands
//! in for the model, so nothing leaves this machine; the requests and answers are what would go over the wire.
//!
//! The task: rename a function in a small project, everywhere. The model asks for many calls at once, and makes mistakes.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use toolyard::formats::{Format, INSTRUCTIONS};
use toolyard::report::{self, Style};
use toolyard::{Call, Host, Outcome, Status};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const TASK: &str = "Rename `greet` to `welcome` everywhere, and say so in the changelog.";

/// Where the picture of the run goes.
const TIMELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/agent_loop.html");

/// The loop: ask the model, run what it calls, tell it what came of it, until it calls nothing.
#[tokio::main]
pub async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    project(folder.path())?;
    let host = Host::builder().workspace(folder.path()).build()?;
    // Compiled code is kept: only the first run on a machine takes a moment for this.
    host.warm(&[Call::new("read_file", json!({}))]).await;

    let api = Format::Anthropic;
    let mut model = Script::new();
    let mut messages = vec![json!({ "role": "user", "content": TASK })];
    let (began, mut turns, mut all) = (Instant::now(), 0, Vec::new());
    println!("user: {TASK}");
    loop {
        let request = json!({
            "model": "…",
            "max_tokens": 4096,
            "system": INSTRUCTIONS,
            "tools": api.tools(&host.tools()),
            "messages": messages,
        });
        let response = model.answer(&request)?;
        println!("\nmodel: {}", said(&response));
        let turn = api.turn(&response)?;
        turns += 1;
        if turn.is_empty() {
            break;
        }
        let at = u64::try_from(began.elapsed().as_micros())?;
        let outcomes = host.batch(turn.calls()).await?;
        messages.push(json!({ "role": "assistant", "content": response["content"] }));
        messages.extend(turn.results(&outcomes));
        show(&outcomes);
        all.extend(outcomes.into_iter().map(|outcome| Outcome {
            timing: outcome.timing.later(at),
            ..outcome
        }));
    }

    let left = std::fs::read_to_string(folder.path().join("src/lib.rs"))?;
    println!("\nsrc/lib.rs is now:\n{left}");
    if left.contains("greet") {
        return Err("the model has missed something".into());
    }
    let ok = all.iter().filter(|outcome| outcome.status == Status::Ok).count();
    let summary = format!("{turns} turns, {} calls, {ok} ok", all.len());
    let page = PathBuf::from(TIMELINE);
    std::fs::create_dir_all(page.parent().ok_or("a folder")?)?;
    std::fs::write(&page, report::timeline(&all, TASK, &summary))?;
    println!("{summary}\nthe run as a picture: {}", page.canonicalize()?.display());
    Ok(())
}

/// The outcomes of a turn, a line for each.
fn show(outcomes: &[Outcome]) {
    let width = |text: fn(&Outcome) -> &str| outcomes.iter().map(|outcome| text(outcome).len()).max().unwrap_or(0);
    let (ids, tools) = (width(|outcome| outcome.id.as_str()), width(|outcome| &outcome.tool));
    for outcome in outcomes {
        println!(
            "  {}",
            report::line(outcome, ids, tools, Style::Plain).replace('\n', "\n  ")
        );
    }
}

/// The text of an answer.
fn said(response: &Value) -> String {
    let blocks = response["content"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"].as_str()).collect()
}

/// The project to work on.
fn project(folder: &Path) -> Result<()> {
    for (name, text) in [
        (
            "src/lib.rs",
            "/// Says hello: `greet(\"Ada\")`.\npub fn greet(name: &str) -> String {\n    format!(\"Hello, {name}!\")\n}\n",
        ),
        (
            "src/main.rs",
            "fn main() {\n    println!(\"{}\", greeter::greet(\"you\"));\n}\n",
        ),
        (
            "tests/polite.rs",
            "#[test]\nfn polite() {\n    assert!(greeter::greet(\"Ada\").contains(\"Ada\"));\n}\n",
        ),
        ("README.md", "# Greeter\n\nOne function, `greet`.\n"),
        (".git/config", "[core]\n"),
    ] {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().ok_or("a folder")?)?;
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// A model that says what stands in its script, and insists on what a real API insists on.
struct Script {
    turns: std::vec::IntoIter<(&'static str, Value)>,
    calls: usize,
}

impl Script {
    fn new() -> Self {
        let edit = |path: &str, old: &str, new: &str| json!(["edit_file", { "path": path, "edits": [{ "old_text": old, "new_text": new }] }]);
        let turns = vec![
            (
                "I'll look at the project first.",
                json!([
                    ["directory_tree", {}],
                    ["grep", { "pattern": "greet", "word": true }],
                    ["read_file", { "path": "README.md" }],
                    ["read_file", { "path": ".git/config" }],
                ]),
            ),
            (
                "Four files to change. I'll change them all, and search again when that is done.",
                json!([
                    edit("src/lib.rs", "pub fn greet", "pub fn welcome"),
                    edit("./src/lib.rs", "`greet(", "`welcome("),
                    edit("src/main.rs", "::greet(", "::welcome("),
                    edit("tests/polite.rs", "::greet(", "::welcome("),
                    edit("README.md", "the function `greet`", "the function `welcome`"),
                    ["write_file", { "path": "CHANGELOG.md", "content": "- `greet` is now `welcome`.\n" }],
                    ["grep", { "pattern": "greet", "word": true }],
                    ["read_file", { "path": "src/lib.rs" }],
                ]),
            ),
            (
                "The README says it in other words.",
                json!([
                    edit("README.md", "`greet`", "`welcome`"),
                    ["grep", { "pattern": "greet", "word": true, "files_only": true }],
                    ["read_files", { "paths": ["README.md", "CHANGELOG.md"] }],
                ]),
            ),
            (
                "Done: `greet` is `welcome` in four files, and the changelog says so.",
                json!([]),
            ),
        ];
        Self {
            turns: turns.into_iter(),
            calls: 0,
        }
    }

    /// The next answer, in the form of the API.
    fn answer(&mut self, request: &Value) -> Result<Value> {
        answered(request["messages"].as_array().ok_or("no messages")?)?;
        let (text, calls) = self.turns.next().ok_or("the script has ended")?;
        let mut content = vec![json!({ "type": "text", "text": text })];
        for call in calls.as_array().into_iter().flatten() {
            self.calls += 1;
            let id = format!("toolu_{:02}", self.calls);
            content.push(json!({ "type": "tool_use", "id": id, "name": call[0], "input": call[1] }));
        }
        let stop_reason = if content.len() > 1 { "tool_use" } else { "end_turn" };
        Ok(json!({ "type": "message", "role": "assistant", "content": content, "stop_reason": stop_reason }))
    }
}

/// The API's own rule: every call of the last answer has its result in the message after it.
fn answered(messages: &[Value]) -> Result<()> {
    let [.., last, results] = messages else { return Ok(()) };
    let ids = |message: &Value, kind: &str, member: &str| -> Vec<Value> {
        let blocks = message["content"].as_array().into_iter().flatten();
        blocks
            .filter(|block| block["type"] == kind)
            .map(|block| block[member].clone())
            .collect()
    };
    let (asked, told) = (ids(last, "tool_use", "id"), ids(results, "tool_result", "tool_use_id"));
    match asked == told {
        true => Ok(()),
        false => Err(format!("asked {asked:?}, and was told of {told:?}").into()),
    }
}
