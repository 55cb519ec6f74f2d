//! Servers to compare with. Each is this program, started again.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};

/// The do-nothing server: reads a line, parses it, and writes the emptiest result that a client takes.
pub fn floor() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"], "capabilities": { "tools": {} },
                "serverInfo": { "name": "floor", "version": "1" },
            }),
            _ => json!({ "content": [] }),
        };
        if let Some(id) = message.get("id") {
            writeln!(out, "{}", json!({ "jsonrpc": "2.0", "id": id, "result": result }))?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The protocol's library alone, as its examples run it: it reads the file itself, in no sandbox and in no order.
#[tokio::main]
pub async fn bare() -> anyhow::Result<()> {
    Bare.serve(rmcp::transport::stdio()).await?.waiting().await?;
    Ok(())
}

struct Bare;

impl ServerHandler for Bare {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let path = request
            .arguments
            .as_ref()
            .and_then(|arguments| arguments.get("path")?.as_str());
        let text = std::fs::read_to_string(path.unwrap_or_default());
        let text = text.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}
