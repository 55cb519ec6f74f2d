//! What is posted: read, and refused with a message of the protocol if it is none. It must not answer what can be read.

use super::super::lines::apart;
use super::super::many;
use super::{Answer, MOST_BODY, Service, plain, together};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body as _, Incoming};
use rmcp::RoleServer;
use rmcp::model::{ErrorCode, ErrorData, RequestId};
use rmcp::service::TxJsonRpcMessage;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

const JSON: &str = "application/json";

const TOO_LONG: &str = "the request is longer than 16 MiB\n";
const BROKEN_OFF: &str = "the request broke off\n";

const TOO_SLOW: &str = "the request did not come to its end in time\n";
const NO_ROOM: &str = "too many long requests come at one time; send it again\n";

/// A request may take so long to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// As many bytes of requests may be read and not handed on, those of all clients together.
const MOST_READ: usize = 4 * MOST_BODY;

/// The room for what is read.
pub(super) fn room() -> Semaphore {
    Semaphore::new(MOST_READ)
}

/// Answers what was posted. `several`: whether it may be more than one message, as it may in one revision of the protocol.
pub(super) async fn answer(request: Request<Incoming>, several: bool, room: &Semaphore, service: &Service) -> Answer {
    let (head, body) = request.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    if !kind.to_ascii_lowercase().starts_with(JSON.as_bytes()) {
        // The library says what it wants.
        return service.handle(Request::from_parts(head, Empty::<Bytes>::new())).await;
    }
    let body = match tokio::time::timeout(PATIENCE, read(body, room)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return *refused,
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

/// Reads a request to its end. It takes room only for what has come, so that who sends slowly takes none from others.
async fn read(mut body: Incoming, room: &Semaphore) -> Result<Bytes, Box<Answer>> {
    let refuse = |status, why| Box::new(plain(status, why));
    if body.size_hint().lower() > MOST_BODY as u64 {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG));
    }
    let (mut bytes, mut taken) = (BytesMut::new(), None::<SemaphorePermit<'_>>);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| refuse(StatusCode::BAD_REQUEST, BROKEN_OFF))?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len().saturating_add(piece.len()) > MOST_BODY {
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG));
        }
        let takes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let more = room.try_acquire_many(takes);
        let more = more.map_err(|_| refuse(StatusCode::SERVICE_UNAVAILABLE, NO_ROOM))?;
        match &mut taken {
            Some(taken) => taken.merge(more),
            None => taken = Some(more),
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
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
