//! A host, a batch of calls, and how they ended: `cargo run --example embed`. It works in a folder of its own.

use serde_json::json;
use toolyard::{Call, Host, Status};

/// Three calls at once; the read waits for the edit, because they touch the same file, and for nothing else.
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("notes.txt"), "buy milk\n")?;
    let host = Host::builder().workspace(folder.path()).build()?;

    let edit = json!({ "path": "notes.txt", "edits": [{ "old_text": "milk", "new_text": "tea" }] });
    let outcomes = host
        .batch(vec![
            Call::new("edit_file", edit).with_id("edit"),
            Call::new("read_file", json!({ "path": "./notes.txt" })).with_id("read"),
            Call::new("hash", json!({ "text": "something else" })).with_id("hash"),
        ])
        .await?;

    for outcome in &outcomes {
        let (id, content, waited) = (&outcome.id, &outcome.content, outcome.waited_for());
        println!("{id}: {content:?}, waited for {waited:?}");
    }
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Ok));
    Ok(())
}
