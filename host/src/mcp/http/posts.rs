//! What is posted: read, and refused with a message of the protocol if it is none. It must not answer what can be read.

use super::super::lines::apart;
use super::{Answer, MOST_BODY, Service, plain, together};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

const TOO_LONG: &str = "the request is longer than 16 MiB\n";
const BROKEN_OFF: &str = "the request broke off\n";

/// JSON-RPC's codes for what is no JSON, and what is no message.
const NO_JSON: i32 = -32700;
const NO_MESSAGE: i32 = -32600;

/// Answers what was posted. `several`: whether it may be more than one message, as it may in one revision of the protocol.
pub(super) async fn answer(request: Request<Incoming>, several: bool, service: &Service) -> Answer {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MOST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return plain(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG),
        Err(_) => return plain(StatusCode::BAD_REQUEST, BROKEN_OFF),
    };
    let bad = |code, why: &str| {
        told(
            StatusCode::BAD_REQUEST,
            error(&Value::Null, code, why).to_string().into(),
        )
    };
    if let Err(why) = serde_json::from_slice::<IgnoredAny>(&body) {
        return bad(NO_JSON, &format!("the request's body is no JSON: {why}"));
    }
    match body.trim_ascii_start().first() {
        Some(b'{') => service.handle(Request::from_parts(head, Full::new(body))).await,
        Some(b'[') if several => match apart(&body) {
            Ok(messages) => together::answer(&head, messages, service).await,
            Err(why) => bad(NO_MESSAGE, &why),
        },
        Some(b'[') => bad(
            NO_MESSAGE,
            "only revision 2025-03-26 of the protocol has several messages in one; send them apart",
        ),
        _ => bad(NO_MESSAGE, "a message is a JSON object"),
    }
}

/// The answer to what is no message that can be answered.
pub(super) fn refused(id: &Value, why: &str) -> Value {
    error(id, NO_MESSAGE, why)
}

fn error(id: &Value, code: i32, why: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": why } })
}

/// An answer in JSON.
pub(super) fn told(status: StatusCode, message: Vec<u8>) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(message)).boxed());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
