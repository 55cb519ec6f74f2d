//! What is posted: read, and refused with a message of the protocol if it is none. It must not answer what can be read.

use super::super::lines::apart;
use super::super::many;
use super::{Answer, MOST_BODY, Service, plain, together};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use rmcp::RoleServer;
use rmcp::model::{ErrorCode, ErrorData, RequestId};
use rmcp::service::TxJsonRpcMessage;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Semaphore;

const JSON: &str = "application/json";

const TOO_LONG: &str = "the request is longer than 16 MiB\n";
const BROKEN_OFF: &str = "the request broke off\n";

const TOO_SLOW: &str = "the request did not come to its end in time\n";

/// A request may take so long to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// As many bytes of requests may be read and not handed on, those of all clients together.
const MOST_READ: usize = 4 * MOST_BODY;

/// Counts in pieces of this many bytes.
const PIECE: usize = 1 << 10;

/// The room for what is read.
pub(super) fn room() -> Semaphore {
    Semaphore::new(MOST_READ / PIECE)
}

/// Answers what was posted. `several`: whether it may be more than one message, as it may in one revision of the protocol.
pub(super) async fn answer(request: Request<Incoming>, several: bool, room: &Semaphore, service: &Service) -> Answer {
    let (head, body) = request.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    if !kind.to_ascii_lowercase().starts_with(JSON.as_bytes()) {
        // The library says what it wants.
        return service.handle(Request::from_parts(head, Empty::<Bytes>::new())).await;
    }
    let size = body.size_hint();
    let most = usize::try_from(size.upper().unwrap_or(u64::MAX)).map_or(MOST_BODY, |most| most.min(MOST_BODY));
    if size.lower() > MOST_BODY as u64 {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG);
    }
    let pieces = u32::try_from(most / PIECE + 1).unwrap_or(u32::MAX);
    let read = async {
        let room = room.acquire_many(pieces).await;
        (room, Limited::new(body, MOST_BODY).collect().await)
    };
    let (_room, body) = match tokio::time::timeout(PATIENCE, read).await {
        Ok((room, Ok(body))) => (room, body.to_bytes()),
        Ok((_, Err(error))) if error.is::<LengthLimitError>() => return plain(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG),
        Ok((_, Err(_))) => return plain(StatusCode::BAD_REQUEST, BROKEN_OFF),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, TOO_SLOW),
    };
    if let Err(error) = many::check(&body) {
        return bad(error, many::id_of(&body));
    }
    let refuse = |why: &str| bad(ErrorData::invalid_request(why.to_owned(), None), None);
    match body.trim_ascii_start().first() {
        Some(b'{') => {
            let request = Request::from_parts(head, Full::new(body.clone()));
            let answer = service.handle(request).await;
            match answer.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => unread(answer, &body).await,
                _ => answer,
            }
        }
        Some(b'[') if several => match apart(&body) {
            Ok(messages) => together::answer(&head, messages, service).await,
            Err(why) => refuse(&why),
        },
        Some(b'[') => refuse("only revision 2025-03-26 of the protocol has several messages in one; send them apart"),
        _ => refuse("a message is a JSON object"),
    }
}

/// The answer to an object that is no message, in the place of one that speaks of the wrong kind of text.
async fn unread(answer: Answer, body: &[u8]) -> Answer {
    let Ok(why) = answer.into_body().collect().await;
    let why = String::from_utf8_lossy(&why.to_bytes()).into_owned();
    let error = ErrorData::invalid_request(format!("no message of the protocol: {why}"), None);
    bad(error, many::id_of(body))
}

fn bad(error: ErrorData, id: Option<RequestId>) -> Answer {
    let message = TxJsonRpcMessage::<RoleServer>::error(error, id);
    told(
        StatusCode::BAD_REQUEST,
        serde_json::to_vec(&message).unwrap_or_default(),
    )
}

/// The answer to one of several that is not handed on.
pub(super) fn refused(id: &Value, why: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": ErrorCode::INVALID_REQUEST.0, "message": why } })
}

/// An answer in JSON.
pub(super) fn told(status: StatusCode, message: Vec<u8>) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(message)).boxed());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(JSON);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
