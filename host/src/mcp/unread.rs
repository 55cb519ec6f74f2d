//! Requests whose method is known and whose parameters can't be read: what is wrong with them. It must not run anything.

use rmcp::ErrorData;
use rmcp::model::{CustomRequest, ErrorCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What the parameters of the methods are, as far as they must be there.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only read to see whether they can be")]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read to see whether they can be")]
struct Read {
    uri: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read to see whether they can be")]
struct Page {
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read to see whether they can be")]
struct SetLevel {
    level: Level,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read to see whether they can be")]
struct Complete {
    #[serde(rename = "ref")]
    reference: Map<String, Value>,
    argument: Argument,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read to see whether they can be")]
struct Argument {
    name: String,
    value: String,
}

/// What is to be answered to a request that the protocol's library could not read. From 2026-07-28 on, which is the newest, some
/// methods are there no more.
pub(super) fn refusal(request: &CustomRequest, newest: bool) -> ErrorData {
    let params = request.params.clone().unwrap_or(Value::Object(Map::new()));
    let wrong = match request.method.as_str() {
        "tools/call" => wrong::<Call>(params),
        "resources/read" => wrong::<Read>(params),
        "tools/list" | "resources/list" | "resources/templates/list" => wrong::<Page>(params),
        "logging/setLevel" if !newest => wrong::<SetLevel>(params),
        "completion/complete" => wrong::<Complete>(params),
        "initialize" if !newest => "protocolVersion, capabilities and clientInfo must be there".to_owned(),
        _ => {
            let method = request.method.clone();
            return ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None);
        }
    };
    ErrorData::invalid_params(format!("{}: {wrong}", request.method), None)
}

/// Where these stop being what they should be.
fn wrong<T: DeserializeOwned>(params: Value) -> String {
    match serde_path_to_error::deserialize::<_, T>(params) {
        Ok(_) => "params can't be read".to_owned(),
        Err(error) => {
            let place = error.path().to_string();
            match place.as_str() {
                "." => format!("params: {}", error.inner()),
                // What models send most often.
                "arguments" => format!("params.arguments must be a JSON object: {}", error.inner()),
                _ => format!("params.{place}: {}", error.inner()),
            }
        }
    }
}
