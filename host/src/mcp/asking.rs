//! Questions to the person at a client: as a form, in either of the two ways that revisions of the protocol have for it. It
//! must not take anything but a plain yes for one, nor from anybody but who was asked.
//!
//! With a handshake, the server asks by a request of its own, and the call waits for the answer. From 2026-07-28 on there are
//! no such requests: the call ends undone with a result that asks, and the client calls again with the answers (SEP-2322).
//! What it brings back is a name that can't be guessed and holds once; what was asked and answered so far stays here.

use super::http::{SESSION, Together};
use crate::call::Entry;
use crate::host::{Answer, Question};
use crate::report;
use rmcp::ErrorData;
use rmcp::model::{
    CancelledNotificationParam, ClientCapabilities, ClientResult, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, GetExtensions as _, InputRequest, InputRequests, InputRequiredResult,
    InputResponses, ProtocolVersion, RequestId, ServerRequest,
};
use rmcp::service::{OriginatingRequestId, Peer, PeerRequestOptions, RequestContext, RoleServer, ServiceError};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As long as this a person may take to answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// As many calls are remembered that end with a question, and as many bytes of their arguments; of more, the oldest have to begin
/// again.
const MOST_ASKED: usize = 4096;
const MOST_BYTES: usize = 64 << 20;

/// The name of the one question in a result that asks, and of the one field in every form.
const ALLOW: &str = "allow";

/// What a person may answer.
const CHOICES: [(&str, Answer); 4] = [
    ("once", Answer::Once),
    ("for this session", Answer::Always),
    ("no", Answer::No),
    ("never in this session", Answer::Never),
];

/// How the person at a client is asked about one call.
pub(super) enum Asks {
    /// Not at all: the client can't.
    Nobody,
    /// By a request of the server's own.
    Request(Way),
    /// By a result that asks.
    Result(Round),
}

/// The way to a client for what is asked while this request of its own is open. Over HTTP the question comes on the stream on
/// which the request's answer is awaited: a client need not have another.
#[derive(Clone)]
pub(super) struct Way {
    peer: Peer<RoleServer>,
    asks: RequestId,
}

/// What was answered about one thing that a plugin asked for.
struct Said {
    plugin: String,
    entry: Entry,
    answer: Answer,
}

/// One turn of a call that is made again with each answer.
#[derive(Default)]
pub(super) struct Round {
    said: Vec<Said>,
    open: Option<Question>,
}

impl Asks {
    /// As the client that makes this request can be asked, and what it brings along.
    pub(super) fn of(context: &RequestContext<RoleServer>, round: Round) -> Self {
        let can = context.client_capabilities().is_some_and(|can| forms(&can));
        match (can, alone(context)) {
            (false, _) => Self::Nobody,
            (true, false) if deaf(context) => Self::Nobody,
            (true, false) => Self::Request(Way::of(context)),
            (true, true) => Self::Result(round),
        }
    }
}

/// Whether this request stands for itself, as all do from 2026-07-28 on, and no session has said anything before it.
pub(super) fn alone(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    // Versions are dates.
    version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// Whether nothing that is asked while this request is open could be heard or answered: of several messages in one the answers
/// are collected, and who has no session has no way to send one.
pub(super) fn deaf(context: &RequestContext<RoleServer>) -> bool {
    let head = context.extensions.get::<http::request::Parts>();
    head.is_some_and(|head| head.extensions.get::<Together>().is_some() || !head.headers.contains_key(SESSION))
}

/// Whether a client shows forms: one that says nothing of kinds does.
fn forms(can: &ClientCapabilities) -> bool {
    let elicits = can.elicitation.as_ref();
    elicits.is_some_and(|kinds| kinds.form.is_some() || kinds.url.is_none())
}

impl Round {
    /// What the client has brought along; a no for now if that isn't said yet.
    pub(super) fn answer(&mut self, question: &Question) -> Answer {
        // A tool's name may be another plugin's since the question.
        let fits = |said: &&Said| said.entry == question.entry && said.plugin == question.plugin;
        match self.said.iter().find(fits) {
            Some(said) => said.answer,
            None => {
                self.open = Some(question.clone());
                Answer::No
            }
        }
    }

    /// Whether it has left a question.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

impl Way {
    /// The way to the client that makes this request.
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        Self {
            peer: context.peer.clone(),
            asks: context.id.clone(),
        }
    }

    /// Asks, and waits that long for an answer. A client is told if nobody waits any more.
    pub(super) async fn ask(
        &self,
        mut request: ServerRequest,
        at_most: Duration,
    ) -> Result<ClientResult, ServiceError> {
        // The library knows by itself only on the task that answers the client's request.
        request.extensions_mut().insert(OriginatingRequestId(self.asks.clone()));
        let options = PeerRequestOptions::with_timeout(at_most);
        let asked = self.peer.send_request_with_option(request, options).await?;
        let mut open = Open(Some((self.peer.clone(), asked.id.clone())));
        let answer = asked.await_response().await;
        open.0 = None;
        answer
    }
}

/// Asks a person; without a clear answer there is none.
pub(super) async fn request(way: &Way, question: &Question) -> Option<Answer> {
    let request = ServerRequest::ElicitRequest(ElicitRequest::new(form(question)?));
    match way.ask(request, PATIENCE).await {
        Ok(ClientResult::ElicitResult(answer)) => Some(said(&answer)),
        _ => None,
    }
}

/// A question that is open; dropped, it is taken back.
struct Open(Option<(Peer<RoleServer>, RequestId)>);

impl Drop for Open {
    fn drop(&mut self) {
        if let (Some((peer, id)), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            let why = "the call that asked has ended".to_owned();
            let told = CancelledNotificationParam::new(Some(id), Some(why));
            drop(runtime.spawn(async move { drop(peer.notify_cancelled(told).await) }));
        }
    }
}

/// The question as a form.
fn form(question: &Question) -> Option<ElicitRequestParams> {
    let message = format!(
        "{} (plugin {}) asks for: {}. The policy refuses it ({}). Allow it?",
        question.tool,
        question.plugin,
        report::words(&question.entry),
        question.refusal.rule(),
    );
    let choices: Vec<&str> = CHOICES.iter().map(|(word, _)| *word).collect();
    let schema = json!({
        "type": "object",
        "properties": { ALLOW: { "type": "string", "title": "Allow it?", "enum": choices } },
        "required": [ALLOW],
    });
    let requested_schema = ElicitationSchema::from_json_schema(schema.as_object()?.clone()).ok()?;
    Some(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: report::visible(&message),
        requested_schema,
    })
}

/// The word in a form that came back.
fn said(answer: &ElicitResult) -> Answer {
    let word = match answer.action {
        ElicitationAction::Accept => answer.content.as_ref(),
        _ => None,
    };
    let word = word.and_then(|content| content.get(ALLOW)).and_then(Value::as_str);
    let known = CHOICES.iter().find(|(known, _)| word == Some(*known));
    known.map_or(Answer::No, |(_, answer)| *answer)
}

/// A call that has ended with a question.
struct Asked {
    name: String,
    tool: String,
    arguments: Value,
    /// What the arguments are as text.
    bytes: usize,
    said: Vec<Said>,
    plugin: String,
    entry: Entry,
    since: Instant,
}

/// The calls that have ended with a question and may be made again with its answer.
#[derive(Default)]
pub(super) struct Rounds {
    // Held for one look or exchange.
    asked: Mutex<VecDeque<Asked>>,
}

impl Rounds {
    /// The result that asks what this round has left open.
    pub(super) fn ask(&self, tool: &str, arguments: Value, round: Round) -> Result<InputRequiredResult, ErrorData> {
        let failed = |what: &str| ErrorData::internal_error(format!("nobody could be asked: {what}"), None);
        let question = round.open.ok_or_else(|| failed("there is no question"))?;
        let params = form(&question).ok_or_else(|| failed("the question makes no form"))?;
        let name = unguessable().map_err(|error| failed(&error.to_string()))?;
        let asked = Asked {
            name: name.clone(),
            tool: tool.to_owned(),
            bytes: arguments.to_string().len(),
            arguments,
            said: round.said,
            plugin: question.plugin,
            entry: question.entry,
            since: Instant::now(),
        };
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|asked| asked.since.elapsed() < PATIENCE);
        all.push_back(asked);
        let mut bytes: usize = all.iter().map(|asked| asked.bytes).sum();
        while all.len() > MOST_ASKED || (bytes > MOST_BYTES && all.len() > 1) {
            bytes -= all.pop_front().map_or(0, |asked| asked.bytes);
        }
        let request = InputRequest::Elicitation(ElicitRequest::new(params));
        let requests = InputRequests::from([(ALLOW.to_owned(), request)]);
        Ok(InputRequiredResult::new(Some(requests), Some(name)))
    }

    /// What was said so far about a call that is made again. An answer that is missing or is none at all is asked for again.
    pub(super) fn go_on(
        &self,
        name: &str,
        tool: &str,
        arguments: &Value,
        answers: Option<&InputResponses>,
    ) -> Result<Round, ErrorData> {
        let asked = {
            let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let at = all.iter().position(|asked| asked.name == name);
            at.and_then(|at| all.remove(at))
        };
        let asked = asked.filter(|asked| asked.since.elapsed() < PATIENCE);
        let Some(asked) = asked.filter(|asked| asked.tool == tool && asked.arguments == *arguments) else {
            let message = "requestState is of no call like this one that waits for an answer; make the call again \
                           without it";
            return Err(ErrorData::invalid_params(message, None));
        };
        let mut round = Round {
            said: asked.said,
            open: None,
        };
        let answer = answers.and_then(|answers| answers.get(ALLOW));
        let answer = answer.and_then(|answer| serde_json::from_value::<ElicitResult>(answer.clone()).ok());
        if let Some(answer) = answer {
            round.said.push(Said {
                plugin: asked.plugin,
                entry: asked.entry,
                answer: said(&answer),
            });
        }
        Ok(round)
    }
}

/// 128 random bits.
fn unguessable() -> io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
