//! Several messages in one request, as one revision of the protocol has them: taken apart, and their answers put together. It
//! must not answer any of them itself.

use super::super::lines::{apart, too_long_together};
use super::{Answer, MOST_BODY, Service, plain};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// As many bytes the answers may have together.
const LONGEST: usize = 8 << 20;

/// Answers a request that may be several.
pub(super) async fn answer(request: Request<Incoming>, service: &Service) -> Answer {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
        return plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request is too long, or it broke off\n",
        );
    };
    let body = body.to_bytes();
    if body.trim_ascii_start().first() != Some(&b'[') {
        return service.handle(Request::from_parts(head, Full::new(body))).await;
    }
    let messages = match apart(&body) {
        Ok(messages) => messages,
        Err(why) => {
            let error = json!({ "code": -32600, "message": why });
            return told(
                StatusCode::BAD_REQUEST,
                &json!({ "jsonrpc": "2.0", "id": null, "error": error }),
            );
        }
    };
    let ids: Vec<Value> = messages
        .iter()
        .map(|message| message.get("id").cloned().unwrap_or_default())
        .collect();
    let mut answers: Vec<Option<Value>> = vec![None; messages.len()];
    let mut asked = JoinSet::new();
    for (at, message) in messages.into_iter().enumerate() {
        // The protocol has it so: a session begins with one message alone.
        if message.get("method").and_then(Value::as_str) == Some("initialize") {
            let message = "initialize stands alone, and not among other messages";
            if let (Some(place), Some(id)) = (answers.get_mut(at), ids.get(at)) {
                *place = Some(refused(id, message));
            }
            continue;
        }
        // Handed on one after the other, so that calls come in in their order; answered together.
        let response = service.handle(alone(&head, &message)).await;
        asked.spawn(async move { (at, one(response).await) });
    }
    let mut bytes = 0;
    while let Some(done) = asked.join_next().await {
        let Ok((at, answer)) = done else { continue };
        let answer = match answer {
            Ok(answer) => answer,
            // Whoever may not come in at all, may not with any of them.
            Err(refused) => return *refused,
        };
        let Some(mut answer) = answer else { continue };
        let id = ids.get(at).unwrap_or(&Value::Null);
        if let Some(name) = answer.get_mut("id")
            && name.is_null()
        {
            *name = id.clone();
        }
        bytes += answer.to_string().len();
        if bytes > LONGEST {
            answer = too_long_together(id);
        }
        if let Some(place) = answers.get_mut(at) {
            *place = Some(answer);
        }
    }
    let answers: Vec<Value> = answers.into_iter().flatten().collect();
    match answers.is_empty() {
        true => plain(StatusCode::ACCEPTED, ""),
        false => told(StatusCode::OK, &Value::Array(answers)),
    }
}

/// One of the messages as a request of its own.
fn alone(head: &Parts, message: &Value) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(message.to_string())));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.headers_mut() = head.headers.clone();
    request.headers_mut().remove(CONTENT_LENGTH);
    request
}

/// The answer in a response, if there is one; the response itself if it is a refusal of the whole.
async fn one(response: Answer) -> Result<Option<Value>, Box<Answer>> {
    let status = response.status();
    if matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED
    ) {
        return Err(Box::new(response));
    }
    let streams = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let Ok(body) = response.into_body().collect().await;
    let body = body.to_bytes();
    let is_answer = |message: &Value| message.get("result").is_some() || message.get("error").is_some();
    if streams {
        let text = String::from_utf8_lossy(&body);
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let mut messages = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        return Ok(messages.find(is_answer));
    }
    if status == StatusCode::ACCEPTED {
        return Ok(None);
    }
    let answer = serde_json::from_slice::<Value>(&body).ok().filter(is_answer);
    Ok(Some(answer.unwrap_or_else(|| {
        let message = format!("no message of the protocol: {}", String::from_utf8_lossy(&body).trim());
        refused(&Value::Null, &message)
    })))
}

fn refused(id: &Value, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32600, "message": message } })
}

fn told(status: StatusCode, message: &Value) -> Answer {
    let body = Full::new(Bytes::from(message.to_string())).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
