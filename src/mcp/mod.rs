//! `mcp`: the server that offers the operations to AI assistants, over the Model Context Protocol
//! on standard input and output. Each tool has one handler: parse the arguments, call the core, and
//! build a reply from public types.
//!
//! Guarantees: no value reaches the model unless the person's config allows it, and nothing is
//! written to Vault without a person's approval. The server starts without a session, without Vault
//! and without configuration.

mod arguments;
mod changes;
mod channels;
mod context;
mod handles;
mod job;
mod public;
mod refusal;
mod session;
mod state;
mod tool_list;
mod tools;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    ContentBlock, ElicitRequest, ErrorData, GetPromptRequestParams, GetPromptResponse,
    Implementation, InputRequest, InputRequests, InputRequiredResult, JsonObject,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, ServiceExt};
use tokio::sync::watch;

use crate::config::{Env, Global, Mode, Settings};
use crate::error::{Error, Result};
use crate::signals::stopped;
use changes::{Caller, Route, elicitation};
use refusal::Refusal;
use state::ServerState;
use tools::Answer;
use transport::Stdio;

/// The server. `Err` stands for unusable settings, which each tool call then reports.
#[derive(Clone)]
struct Server(std::result::Result<Arc<ServerState>, ()>);

/// Serves until the client disconnects or a signal stops the process.
///
/// # Errors
/// If this process's memory cannot be protected.
pub(crate) async fn serve(global: &Global, env: Env) -> Result<u8> {
    harden()?;
    let server = Server(
        Settings::load(global, &env)
            .and_then(|settings| ServerState::new(settings, env))
            .map_err(|_| ()),
    );
    let state = server.0.as_ref().ok().cloned();
    let ended = state
        .as_ref()
        .map_or_else(|| watch::channel(false).0, |state| state.ended.clone());
    let serving = async {
        // A client that disconnects before its first message is not an error.
        if let Ok(running) = server.serve(Stdio::new(ended)).await {
            let _ = running.waiting().await;
        }
    };
    tokio::select! {
        () = serving => {}
        () = stopped() => {}
    }
    if let Some(state) = state {
        state.close().await;
    }
    Ok(0)
}

/// Keeps other processes of this user from reading the token in this process's memory, and disables
/// core dumps.
fn harden() -> Result<()> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let failed =
        |errno: rustix::io::Errno| Error::io("protect", "this process's memory")(errno.into());
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed)?;
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )
    .map_err(failed)
}

impl Server {
    async fn run(&self, name: &str, arguments: &JsonObject, caller: &Caller) -> CallToolResponse {
        let outcome = match &self.0 {
            Ok(state) => {
                state.core().renew_timeout();
                tools::call(state, name, arguments, caller).await
            }
            Err(()) => Some(Err(unusable_settings())),
        };
        match outcome.unwrap_or_else(|| Err(Error::ApprovalUnknown.into())) {
            Ok(Answer::Done(reply)) => CallToolResult::structured(reply).into(),
            Ok(Answer::Look { url, request_state }) => {
                let look = InputRequest::Elicitation(ElicitRequest::new(elicitation(&url, "")));
                let requests = InputRequests::from([(LOOK.to_owned(), look)]);
                InputRequiredResult::new(Some(requests), Some(request_state)).into()
            }
            Err(refusal) => CallToolResult::error(vec![ContentBlock::text(refusal.text())]).into(),
        }
    }
}

/// The key of the input request that asks the client to show its person the approval page.
const LOOK: &str = "approval";
/// How often a client that asked for progress hears that a call is still waiting.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Identifies the caller, and how to reach the person behind it.
fn caller(request: &mut CallToolRequestParams, context: &RequestContext<RoleServer>) -> Caller {
    let can_open = context
        .client_capabilities()
        .and_then(|all| all.elicitation)
        .is_some_and(|elicitation| elicitation.url.is_some());
    let is_modern = context
        .protocol_version()
        .is_some_and(|version| !version.has_initialize());
    let answer = request
        .input_responses
        .take()
        .and_then(|mut answers| answers.remove(LOOK));
    Caller {
        client: context.client_info().map(|client| client.name),
        reach: match (can_open, is_modern) {
            (false, _) => Route::Browser,
            (true, false) => Route::Elicit(context.peer.clone()),
            (true, true) => Route::InputRequired,
        },
        request_state: request.request_state.take(),
        declined: answer.is_some_and(|answer| answer["action"] == "decline"),
    }
}

/// Errors in the settings quote files and environment variables, so only the person may see them.
fn unusable_settings() -> Refusal {
    Refusal::new(
        "invalid_arguments",
        "the settings of this server cannot be used",
        "tell the user to run claude-vault config with the same environment, which shows the wrong setting. VAULT_SECURITY_MODE \
         can only make the mode stricter: a laxer mode must be set in the config file, as in security_mode = \"plaintext\"",
    )
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let shown = match self.0.as_ref().map(|state| state.settings.mode) {
            Ok(Mode::Plaintext) => {
                "WARNING: this server is in plaintext mode and shows secret values."
            }
            Ok(Mode::Redacted) => "You never see a value, only key names.",
            Ok(Mode::Tokenized) | Err(_) => {
                "You never see a value: vault_get returns handles (@token-…) that vault_set accepts \
                 in place of values."
            }
        };
        let instructions = format!(
            "Secrets in HashiCorp Vault or OpenBao. {shown} A person approves every write to Vault. When a tool returns \
             login_required, call vault_login and ask the user to sign in in the browser. Never ask the user to paste a secret into the chat."
        );
        let info = Implementation::new("claude-vault", env!("CARGO_PKG_VERSION"))
            .with_title("claude-vault");
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_completions()
                .enable_prompts()
                .enable_resources()
                .enable_tools()
                .build(),
        )
        .with_server_info(info)
        .with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tool_list::all().to_vec()))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(vec![context::prompt()]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<GetPromptResponse, ErrorData> {
        context::prompt_for(&request).map(Into::into)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![
            context::services(),
        ]))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![
            context::keys_of_a_service(),
        ]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ReadResourceResponse, ErrorData> {
        let state = self
            .0
            .as_ref()
            .map_err(|()| ErrorData::internal_error(unusable_settings().text(), None))?;
        state.core().renew_timeout();
        context::read(state, &request.uri).await.map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<CompleteResult, ErrorData> {
        // Completion is optional, so unusable settings are not an error here.
        let Ok(state) = &self.0 else {
            return Ok(CompleteResult::default());
        };
        state.core().renew_timeout();
        Ok(context::complete(state, &request).await)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tool_list::tool(name).cloned()
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> std::result::Result<CallToolResponse, ErrorData> {
        if tool_list::input_of(&request.name).is_none() {
            return Err(ErrorData::invalid_params("there is no such tool", None));
        }
        let caller = caller(&mut request, &context);
        let arguments = request.arguments.unwrap_or_default();
        let mut work = std::pin::pin!(self.run(&request.name, &arguments, &caller));
        let token = context.meta.get_progress_token();
        let mut seconds = 0;
        loop {
            tokio::select! {
                response = &mut work => return Ok(response),
                () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
                () = tokio::time::sleep(PROGRESS_EVERY) => {
                    seconds += 1;
                    if let Some(token) = token.clone() {
                        let progress = ProgressNotificationParam::new(token, f64::from(seconds)).with_message("waiting");
                        let _ = context.peer.notify_progress(progress).await;
                    }
                }
            }
        }
    }
}
