//! One connection: what its client asks, as calls of a client of the host. It must not outlive its client: whoever is gone
//! waits for nothing, and its calls are taken back.

use super::asking::{Asks, Round, alone};
use super::desk::{Desk, Note, Route};
use super::http::{Place, Session};
use super::lines::Pace;
use super::roots::Roots;
use super::steps::{Guard, Signs, Told, Wish};
use super::{answer, fresh, resources, tools, unread};
use crate::call::{Call, Outcome};
use crate::host::{Asks as Asking, Client, Host};
use crate::report;
use rmcp::ErrorData;
use rmcp::ServerHandler;
#[expect(deprecated, reason = "clients of the revisions with a handshake ask for it")]
use rmcp::model::SetLevelRequestParams;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, CustomRequest, CustomResult,
    Extensions, Implementation, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// As many tools are told at once.
const PAGE: usize = 200;

/// As long as this the steps and lines of a call that has ended are waited for, if its client wants to know them.
const SETTLE: Duration = Duration::from_millis(100);

/// As long as this what stands beside the arguments of a call over HTTP may be, in bytes.
const MOST_META: usize = 64 << 10;

/// As many requests that are no calls may be without an answer at once on streams; some of them only listen.
const OTHERS: usize = 512;
const LISTENERS: usize = 64;

/// The tools of a host, for one client.
pub struct Server {
    host: Arc<Host>,
    desk: Arc<Desk>,
    client: Client,
    /// What it wants to know of logs.
    wish: Wish,
    /// Who tells it of changes, once it has shaken hands.
    tells: OnceLock<AbortHandle>,
    listeners: Semaphore,
    roots: Roots,
    /// What the client on streams waits for.
    pace: Option<Pace>,
    /// Its place among those over HTTP.
    over_http: Option<Place>,
    session: OnceLock<Option<Session>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.client.cancel_all();
        if let Some(tells) = self.tells.get() {
            tells.abort();
        }
    }
}

impl Server {
    /// A door for one more client of this host, whose observer and approver the desk is.
    #[must_use]
    pub fn new(host: &Arc<Host>, desk: &Arc<Desk>) -> Self {
        Self {
            host: Arc::clone(host),
            desk: Arc::clone(desk),
            client: host.client(),
            wish: Wish::default(),
            tells: OnceLock::new(),
            listeners: Semaphore::new(LISTENERS),
            roots: Roots::default(),
            pace: None,
            over_http: None,
            session: OnceLock::new(),
        }
    }

    /// The same, whose user may be asked about what the policy refuses, if its client can ask, or is never asked.
    #[must_use]
    pub fn asking(self, asks: Asking) -> Self {
        let mut server = self;
        server.client = server.client.clone().asking(asks);
        server
    }

    /// The same over HTTP: it has this place until it ends, and is known there by its session.
    pub(super) fn over_http(self, place: Place) -> Self {
        let mut server = self;
        server.over_http = Some(place);
        server
    }

    /// From here on it is known by the session that this is a message of, if it is one.
    fn enter(&self, extensions: &Extensions) {
        if let Some(place) = &self.over_http
            && let Some(head) = extensions.get()
        {
            // Once, however often it is said: another one would take the first along when it is dropped.
            self.session.get_or_init(|| place.sessions.enter(head, &self.client));
        }
    }

    pub(super) fn at(self, pace: Pace) -> Self {
        let mut server = self;
        server.pace = Some(pace);
        server
    }

    pub(super) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// As many requests may be without an answer at once: as many calls as the host takes, and some of other kinds.
    pub(super) fn most_open(&self) -> usize {
        let calls = self.host.policy().limits().client_waiting;
        usize::try_from(calls).unwrap_or(usize::MAX).saturating_add(OTHERS)
    }

    /// Runs a call to its end, telling its client what happens meanwhile.
    async fn run(
        &self,
        call: Call,
        notes: Vec<Note>,
        route: &mut Route,
        context: &RequestContext<RoleServer>,
    ) -> Result<Outcome, ErrorData> {
        let at = self.desk.now();
        // Whoever asks for one thing after the other is answered sooner without a change of threads.
        let batch = match &self.pace {
            Some(pace) if pace.is_one_by_one() => self.client.submit_here(route.batch, vec![call]),
            // Whoever sends it is gone with this request, and so would be what they answer for a session.
            None if alone(context) => {
                let nameless = self.client.clone().remembering(&self.desk.nameless);
                nameless.submit_as(route.batch, vec![call])
            }
            _ => self.client.submit_as(route.batch, vec![call]),
        };
        let batch = batch.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
        let mut guard = Guard::of(batch.canceller());
        let mut told = Told::new(context, &self.wish);
        let place = self.over_http.as_ref().filter(|_| !alone(context));
        let mut signs = Signs::every(place.map(|place| place.silence / 3));
        // What is told has a place of its own, too: thousands of calls wait, and few are told anything.
        for note in notes {
            guard.unless(context, Box::pin(told.tell(note))).await;
        }
        let mut outcomes = std::pin::pin!(batch.outcomes());
        let outcomes = loop {
            tokio::select! {
                biased;
                outcomes = &mut outcomes => break outcomes,
                Some(note) = route.notes.recv() => guard.unless(context, Box::pin(told.tell(note))).await,
                // It still ends, and says so.
                () = context.ct.cancelled(), if guard.stands() => guard.take_back(),
                () = signs.next() => guard.unless(context, Box::pin(told.ask_for_life())).await,
            }
        };
        guard.leave();
        let outcome = outcomes.into_iter().next();
        let outcome = outcome.ok_or_else(|| ErrorData::internal_error("the call has no outcome", None))?;
        if told.waits(&outcome) && self.host.has_words(route.batch) {
            // Steps and lines are told on a thread of their own, which may be behind.
            let host = Arc::clone(&self.host);
            drop(tokio::task::spawn_blocking(move || host.settle_events(SETTLE)).await);
        }
        while let Ok(note) = route.notes.try_recv() {
            Box::pin(told.tell(note)).await;
        }
        self.desk.ended(&outcome, at);
        Ok(outcome)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        #[expect(deprecated, reason = "clients of the revisions with a handshake ask for logs")]
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_completions()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("toolyard", env!("CARGO_PKG_VERSION")))
            .with_instructions(report::INSTRUCTIONS)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.enter(&context.extensions);
        self.tells.get_or_init(|| {
            let tells = fresh::tell_peer(context.peer, Arc::clone(&self.desk));
            tokio::spawn(tells).abort_handle()
        });
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        self.roots.changed();
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let all = SubscriptionFilter::builder();
        Some(all.tools_list_changed().resources_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let Ok(_listens) = self.listeners.try_acquire() else {
            let message = format!("{LISTENERS} requests of this client listen already");
            return Err(ErrorData::invalid_request(message, None));
        };
        fresh::tell_listener(context, &self.desk).await;
        Ok(())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        if let Some(name) = cursor.as_deref().filter(|name| self.host.tool(name).is_none()) {
            return Err(ErrorData::invalid_params(
                format!("{name:?} is no cursor of this list"),
                None,
            ));
        }
        let after =
            |entry: &&crate::catalog::Entry| cursor.as_deref().is_none_or(|name| entry.tool.name.as_str() > name);
        let catalog = self.host.catalog();
        let mut page: Vec<Tool> = catalog
            .tools()
            .filter(after)
            .take(PAGE.saturating_add(1))
            .map(tools::tool)
            .collect();
        let more = page.len() > PAGE;
        page.truncate(PAGE);
        let mut result = ListToolsResult::with_all_items(page);
        result.next_cursor = result.tools.last().filter(|_| more).map(|tool| tool.name.to_string());
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(entry) = self.host.tool(&request.name) else {
            let mut message = format!("Unknown tool: {}", request.name);
            if let Some(near) = self.host.catalog().nearest(&request.name) {
                message += &format!("; did you mean {near}?");
            }
            return Err(ErrorData::invalid_params(message, None));
        };
        // It is kept for as long as the call is; arguments have a limit of their own.
        if self.over_http.is_some() && serde_json::to_string(&context.meta).map_or(0, |meta| meta.len()) > MOST_META {
            let message = format!("params._meta is more than {MOST_META} bytes");
            return Err(ErrorData::invalid_params(message, None));
        }
        if !alone(&context) {
            self.enter(&context.extensions);
        }
        let notes = self.roots.ready(&self.host, &context).await;
        if context.ct.is_cancelled() {
            return Err(ErrorData::invalid_request("taken back before it began", None));
        }
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let rounds = &self.desk.rounds;
        let round = match &request.request_state {
            Some(state) => rounds.go_on(state, &request.name, &arguments, request.input_responses.as_ref())?,
            None => Round::default(),
        };
        let asks = Asks::of(&context, round);
        let again = matches!(asks, Asks::Result(_)).then(|| arguments.clone());
        let Some(mut route) = self.desk.open(self.client.new_batch(), asks) else {
            return Err(ErrorData::internal_error("the host is about to end", None));
        };
        // A client can't know another call's id.
        let call = Call::literal(request.name.clone(), arguments).with_id(route.id.clone());
        // A place of its own: otherwise every request of any kind is moved about, and kept, as large as this.
        let outcome = Box::pin(self.run(call, notes, &mut route, &context)).await?;
        match again.zip(route.asked()) {
            Some((arguments, round)) => Ok(rounds.ask(&request.name, arguments, round)?.into()),
            None => Ok(answer::result(&outcome, tools::takes_words(entry.tool.output_schema.as_ref())).into()),
        }
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(unread::refusal(&request, alone(&context)))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.host.tool(name).map(|entry| tools::tool(&entry))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        // Who has none does not have the method either.
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    #[expect(deprecated, reason = "clients of the revisions with a handshake ask for it")]
    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.wish.set(request.level);
        Ok(())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list(&self.host)))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        resources::complete(&self.host, &request)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = resources::read(&self.host, &self.desk, &request.uri)?;
        Ok(ReadResourceResponse::Complete(read))
    }
}
