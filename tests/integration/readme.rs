//! What the README shows works as it stands there. It must not hold a second version of anything that it shows.

use serde_json::Value;
use toolyard_tests::{World, repository, run};

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).expect("README.md")
}

/// The code blocks of a language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let parts = text.split("\n```").skip(1).step_by(2);
    let ours = parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'));
    ours.map(|block| format!("{}\n", block.trim_end())).collect()
}

/// The author's example is the SDK's own, which is a doc-test there.
#[test]
fn the_authors_door() {
    let sdk = std::fs::read_to_string(repository().join("plugins/sdk/src/lib.rs")).expect("the SDK");
    let docs = sdk.lines().filter_map(|line| line.strip_prefix("//!"));
    let docs: Vec<&str> = docs.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let shown = blocks(&readme(), "rust").remove(0);
    let code = shown.lines().filter(|line| !line.starts_with("//!"));
    for line in code {
        assert!(docs.contains(&line), "the SDK's example has no line {line:?}");
    }
}

/// The embedder's program, run; the text of this function is compared with the README's.
#[test]
fn the_embedders_door() -> Result<(), Box<dyn std::error::Error>> {
    // README begin
    use toolyard::{Call, Host, Status};

    #[tokio::main]
    async fn main() -> Result<(), Box<dyn std::error::Error>> {
        let host = Host::builder().workspace(".").build()?;
        let outcomes = host
            .batch(vec![
                Call::new("read_file", serde_json::json!({ "path": "README.md", "head": 1 })),
                Call::new("grep", serde_json::json!({ "pattern": "grant", "path": "host/src" })),
            ])
            .await?;
        assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
        Ok(())
    }
    // README end
    std::env::set_current_dir(repository())?;
    main()?;
    same("README", 1)?;
    Ok(())
}

/// The same for what speaks with models.
#[tokio::test]
async fn the_models_of_embedders() -> Result<(), Box<dyn std::error::Error>> {
    let host = toolyard::Host::builder().workspace(repository()).build()?;
    let block = serde_json::json!({ "type": "tool_use", "id": "toolu_1", "name": "list_dir", "input": {} });
    let response = serde_json::json!({ "role": "assistant", "content": [block], "stop_reason": "tool_use" });
    let mut messages: Vec<Value> = Vec::new();
    // README models begin
    use toolyard::formats::{Format, INSTRUCTIONS};

    let api = Format::Anthropic;
    let system = INSTRUCTIONS; // for the request's system prompt
    let tools = api.tools(&host.tools()); // for its `tools`
    let turn = api.turn(&response)?; // the calls in the model's answer
    let outcomes = host.batch(turn.calls()).await?;
    messages.push(serde_json::json!({ "role": "assistant", "content": response["content"] }));
    messages.extend(turn.results(&outcomes)); // in the order of the calls, in one message
    // README models end
    same("README models", 2)?;
    assert_eq!(tools.len(), host.tools().len());
    assert!(system.contains("together"));
    assert_eq!(messages[1]["content"][0]["tool_use_id"], "toolu_1", "{messages:#?}");
    Ok(())
}

/// Whether the code here, between the lines that say so, is the README's block of that number.
fn same(what: &str, number: usize) -> std::io::Result<()> {
    let own = std::fs::read_to_string(repository().join("tests/integration/readme.rs"))?;
    let between = own
        .split(&format!("    // {what} begin\n"))
        .nth(1)
        .and_then(|rest| rest.split(&format!("    // {what} end")).next());
    // How lines are broken is rustfmt's business here and the reader's there.
    let squeeze = |text: &str| text.split_whitespace().collect::<String>().replace(",])", "])");
    let shown = blocks(&readme(), "rust").remove(number);
    assert_eq!(squeeze(between.unwrap_or_default()), squeeze(&shown));
    Ok(())
}

/// The batch of the terminal's door, and the one of the first command.
#[test]
fn the_batches() {
    let world = World::with(&serde_json::json!({ "notes.txt": "one\n" }));
    let shown: Value = serde_json::from_str(&blocks(&readme(), "json").remove(0)).expect("JSON");
    let calls = shown
        .as_array()
        .expect("a batch")
        .iter()
        .map(toolyard_tests::call)
        .collect();
    let outcomes = run(&world.host(), calls);
    assert!(
        outcomes.iter().all(|outcome| outcome.status.as_str() == "ok"),
        "{outcomes:#?}"
    );
    let world = World::with(&serde_json::json!({ "a.md": "one\ntwo\nthree\nfour\n" }));
    let chain: Value = serde_json::from_str(&blocks(&readme(), "json").remove(1)).expect("JSON");
    let calls = chain
        .as_array()
        .expect("a batch")
        .iter()
        .map(toolyard_tests::call)
        .collect();
    let outcomes = run(&world.host(), calls);
    let ends: Vec<&str> = outcomes.iter().map(|outcome| outcome.status.as_str()).collect();
    assert_eq!(ends, ["ok", "ok", "ok", "skipped"], "{outcomes:#?}");
    assert!(world.read("notes/first.md").starts_with("one\ntwo\nthree\n"));
    let first = std::fs::read_to_string(repository().join("host/examples/first-run.json")).expect("the first batch");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let host = toolyard::Host::builder()
        .workspace(repository())
        .build()
        .expect("a host");
    let calls: Vec<_> = first
        .as_array()
        .expect("a batch")
        .iter()
        .map(toolyard_tests::call)
        .collect();
    let plan = host.plan(&calls).expect("a batch that makes sense");
    assert!(plan.calls.iter().all(|call| call.refused.is_none()), "{plan:#?}");
    let waits: usize = plan.calls.iter().map(|call| call.waits_for.len()).sum();
    assert!(waits >= 5, "{plan:#?}");
}
