//! Several messages in one request, as one revision of the protocol has them: taken apart, and their answers put together. It
//! must not answer any of them itself.

use super::super::lines::{Group, LONGEST, too_long_together};
use super::posts::{refused, told};
use super::{Answer, Service, plain};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::Value;
use std::collections::HashSet;
use tokio::task::JoinSet;

/// Marks a message that came with others: its way back has answers and nothing else.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Together;

/// What is said where nothing came.
const UNANSWERED: &str = "this request has ended without an answer: it was taken back, or its session was";

/// Answers several messages that came in one request.
pub(super) async fn answer(head: &Parts, messages: Vec<Value>, service: &Service) -> Answer {
    let group = Group::of(messages.len());
    let mut asked = JoinSet::new();
    let (mut last, mut ids) = (None, HashSet::new());
    for message in messages {
        let (group, id) = (group.clone(), message.get("id").cloned());
        let method = message.get("method").and_then(Value::as_str);
        let asks = method.is_some() && id.is_some();
        let why = match method {
            // The protocol has it so: a session begins with one message alone.
            Some("initialize") => Some("initialize stands alone, and not among other messages"),
            _ if asks && !ids.insert(id.clone().unwrap_or_default().to_string()) => {
                Some("another request of the same message has this id")
            }
            _ => None,
        };
        if let Some(why) = why {
            last = last.or(add(&group, &id, Some(refused(&id.clone().unwrap_or_default(), why))));
            continue;
        }
        // Nobody waits for what is told.
        let tells = method.is_some() && id.is_none();
        // Handed on one after the other, so that calls come in in their order; answered together.
        let response = service.handle(alone(head, &message)).await;
        asked.spawn(async move {
            let answer = one(response, &id).await?.filter(|_| !tells);
            let answer = answer.or_else(|| asks.then(|| refused(&id.clone().unwrap_or_default(), UNANSWERED)));
            Ok::<_, Box<Answer>>(add(&group, &id, answer))
        });
    }
    while let Some(done) = asked.join_next().await {
        match done {
            Ok(Ok(all)) => last = last.or(all),
            // Whoever may not come in at all, may not with any of them.
            Ok(Err(refused)) => return *refused,
            Err(_) => {}
        }
    }
    match last {
        Some(answers) => told(StatusCode::OK, answers),
        None => plain(StatusCode::ACCEPTED, ""),
    }
}

/// Puts an answer to the others; all of them, if it is the last one.
fn add(group: &Group, id: &Option<Value>, mut answer: Option<Value>) -> Option<Vec<u8>> {
    let id = id.as_ref().unwrap_or(&Value::Null);
    if let Some(name) = answer.as_mut().and_then(|answer| answer.get_mut("id"))
        && name.is_null()
    {
        *name = id.clone();
    }
    let mut bytes = answer.map_or_else(Vec::new, |answer| answer.to_string().into_bytes());
    if !group.fits(bytes.len()) {
        bytes = too_long_together(id).to_string().into_bytes();
    }
    group.add(&bytes).2
}

/// One of the messages as a request of its own.
fn alone(head: &Parts, message: &Value) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(message.to_string())));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.headers_mut() = head.headers.clone();
    request.headers_mut().remove(CONTENT_LENGTH);
    request.extensions_mut().insert(Together);
    request
}

/// The answer in a response, if there is one; the response itself if it is a refusal of the whole, and not of this message.
async fn one(response: Answer, id: &Option<Value>) -> Result<Option<Value>, Box<Answer>> {
    let status = response.status();
    if let StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::NOT_ACCEPTABLE = status {
        return Err(Box::new(response));
    }
    if status == StatusCode::BAD_REQUEST {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let answer = serde_json::from_slice::<Value>(&body).ok();
        let own =
            answer.filter(|answer| id.is_some() && answer.get("error").is_some() && answer.get("id") == id.as_ref());
        return match own {
            Some(answer) => Ok(Some(answer)),
            None => Err(Box::new(Response::from_parts(head, Full::new(body).boxed()))),
        };
    }
    let streams = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let Ok(body) = Limited::new(response.into_body(), LONGEST).collect().await else {
        return Ok(Some(too_long_together(&Value::Null)));
    };
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
