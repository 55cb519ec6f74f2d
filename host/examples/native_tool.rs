//! A tool that is a Rust closure, beside the ones that are components: with a manifest like theirs, judged by the same policy,
//! waiting for the same files. Run it with `cargo run --example native_tool`.

use toolyard::{Call, CallError, Host, NativePlugin};

/// What it claims is what others wait for: nobody else touches the file while it runs.
const MANIFEST: &str = r#"{
  "name": "counter", "version": "1.0.0",
  "tools": [{
    "name": "count_up",
    "description": "Adds one to the number in a file",
    "input_schema": {
      "type": "object",
      "properties": { "path": { "type": "string" } },
      "required": ["path"]
    },
    "claims": [{ "path": { "from": "$.path" }, "access": "write", "scope": "file" }]
  }]
}"#;

/// Counts to twenty, and reads what came of it.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("count.txt"), "0")?;

    let counter = NativePlugin::parse(MANIFEST)?.tool("count_up", |call| async move {
        let failed = |error: &dyn std::fmt::Display| CallError {
            code: "io".to_owned(),
            message: error.to_string(),
            hint: None,
        };
        let path = call.arguments["path"].as_str().and_then(|path| call.path(path));
        let path = path.ok_or_else(|| failed(&"that is not this call's file"))?;
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let count: u64 = text.trim().parse().map_err(|error| failed(&error))?;
        // Two that did this at once would count one.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        std::fs::write(&path, (count + 1).to_string()).map_err(|error| failed(&error))?;
        Ok(format!("counted to {}", count + 1).into())
    });

    let host = Host::builder().workspace(folder.path()).native(counter).build()?;
    let mut calls = vec![Call::new("count_up", serde_json::json!({ "path": "count.txt" })); 20];
    calls.push(Call::new("read_file", serde_json::json!({ "path": "count.txt" })));
    for outcome in host.batch(calls).await? {
        println!(
            "{:>2}  {}  {}",
            outcome.id,
            outcome.status.as_str(),
            toolyard::report::answer(&outcome).trim()
        );
    }
    Ok(())
}
