//! The one request that comes by the thousand, read without trying every kind of message on it first. It must not take
//! anything that the protocol's library would refuse, nor leave out anything that stands there: what has more to it than a call
//! has, is the library's to read.

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequest, CallToolRequestMethod, CallToolRequestParams, ClientRequest, JsonObject, JsonRpcMessage,
    JsonRpcRequest, JsonRpcVersion2_0, RequestId, RequestMetaObject,
};
use rmcp::service::RxJsonRpcMessage;
use serde::de::{Deserialize, Deserializer, Error as _};

/// Stands first in what has to be an object: a list has something there, and what is called by no name is read by the library.
#[derive(Default)]
struct Named;

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("no object"))
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, rename = "")]
    _named: Named,
    jsonrpc: JsonRpcVersion2_0,
    id: RequestId,
    // Refuses every other method at once.
    #[serde(rename = "method")]
    _method: CallToolRequestMethod,
    params: Params,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default, rename = "")]
    _named: Named,
    #[serde(default)]
    _meta: Option<JsonObject>,
    name: String,
    #[serde(default)]
    arguments: Option<JsonObject>,
}

/// The call on this line, if it is one and nothing else.
pub(super) fn call(line: &[u8]) -> Option<RxJsonRpcMessage<RoleServer>> {
    let Line {
        jsonrpc, id, params, ..
    } = serde_json::from_slice(line).ok()?;
    let mut told = CallToolRequestParams::new(params.name);
    told.arguments = params.arguments;
    let mut request = CallToolRequest::new(told);
    if let Some(meta) = params._meta {
        request.extensions.insert(RequestMetaObject::from(meta));
    }
    Some(JsonRpcMessage::Request(JsonRpcRequest {
        jsonrpc,
        id,
        request: ClientRequest::CallToolRequest(request),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// What is read here is what the library reads, to the last word.
    #[test]
    fn as_the_library_reads_it() {
        let call = |params: Value| json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        for line in [
            call(json!({ "name": "a" })),
            call(json!({ "name": "a", "arguments": null })),
            call(json!({ "name": "a", "arguments": { "b": [1, 2.5, "c", null, { "d": 1e300 }] } })),
            call(json!({ "name": "a", "_meta": { "progressToken": "x", "more": [1] }, "arguments": {} })),
            call(json!({ "name": "a", "_meta": null })),
            json!({ "params": { "name": "é\u{1F600}" }, "method": "tools/call", "id": "x", "jsonrpc": "2.0" }),
        ] {
            let line = line.to_string();
            let library: RxJsonRpcMessage<RoleServer> = serde_json::from_str(&line).unwrap();
            let read = super::call(line.as_bytes()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{library:?}"), "{line}");
            assert_eq!(
                serde_json::to_value(&read).unwrap(),
                serde_json::to_value(&library).unwrap()
            );
        }
    }

    #[test]
    fn what_is_more_or_less_than_a_call_is_not_read() {
        for line in [
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": { "name": "a" } }),
            json!({ "jsonrpc": "1.0", "id": 7, "method": "tools/call", "params": { "name": "a" } }),
            json!({ "jsonrpc": "2.0", "method": "tools/call", "params": { "name": "a" } }),
            json!({ "jsonrpc": "2.0", "id": null, "method": "tools/call", "params": { "name": "a" } }),
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call" }),
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "a", "requestState": "s" } }),
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "a", "arguments": [] } }),
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "a" }, "result": {} }),
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": [null, "a", {}] }),
            json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": ["a"] }),
            json!(["2.0", 7, "tools/call", { "name": "a" }]),
            json!([null, "2.0", 7, "tools/call", { "name": "a" }]),
            json!({ "": 1, "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "a" } }),
        ] {
            assert!(call(line.to_string().as_bytes()).is_none(), "{line}");
        }
        assert!(call(b"{").is_none());
    }
}
