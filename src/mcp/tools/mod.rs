//! The tools, one row each. A row maps a name to the type with the tool's arguments, reply, texts,
//! hints and handler, so a tool without a handler does not compile.

mod adopt;
mod files;
mod find;
mod secrets;
mod session;
mod template;
mod undo;

pub(super) use secrets::{ListReply, listed};

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arguments::parse;
use super::changes::{Call, CallResult, Caller, approval_mismatch};
use super::public::Public;
use super::refusal::Refusal;
use super::state::ServerState;

/// In tests, arguments and replies must have a JSON schema.
#[cfg(test)]
pub(super) trait Described: schemars::JsonSchema {}
#[cfg(test)]
impl<T: schemars::JsonSchema> Described for T {}
/// Outside tests, no schema is made: the committed list has them.
#[cfg(not(test))]
pub(super) trait Described {}
#[cfg(not(test))]
impl<T> Described for T {}

/// What a client may assume about a tool (MCP, `ToolAnnotations`).
#[derive(Clone, Copy)]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "only the test for tools.json reads them")
)]
pub(super) struct Hints {
    pub(super) read_only: bool,
    pub(super) destructive: bool,
    pub(super) idempotent: bool,
    pub(super) open_world: bool,
}

/// A tool: its texts, its types and its handler.
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "only the test for tools.json reads the texts")
)]
pub(super) trait Tool {
    const TITLE: &'static str;
    const DESCRIPTION: &'static str;
    const HINTS: Hints;
    type Arguments: DeserializeOwned + Described + Send;
    type Reply: Public + Described;

    fn run(
        context: Context<'_>,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Outcome<Self::Reply>, Refusal>> + Send;
}

/// What a handler gets besides its arguments.
pub(super) struct Context<'a> {
    state: &'a Arc<ServerState>,
    caller: &'a Caller,
    tool: &'static str,
    /// The arguments as sent, before parsing.
    sent: &'a JsonObject,
}

/// What a handler returns.
pub(super) enum Outcome<R> {
    /// The reply.
    Done(R),
    /// The result of work that may ask a person.
    Waited(CallResult),
}

/// The result of a call.
pub(super) enum Answer {
    /// The reply, as a JSON object.
    Done(Value),
    /// The client must send the person to a page, then call again with this state.
    Look { url: String, request_state: String },
}

macro_rules! tools {
    ($($name:literal => $tool:ty,)*) => {
        /// Calls a tool; `None` if there is no such tool.
        pub(super) async fn call(state: &Arc<ServerState>, name: &str, arguments: &JsonObject, caller: &Caller) -> Option<Result<Answer, Refusal>> {
            match name {
                $($name => Some(run::<$tool>(state, $name, arguments, caller).await),)*
                _ => None,
            }
        }

        /// The rows from which the committed list is made.
        #[cfg(test)]
        pub(super) fn rows() -> Vec<super::tool_list::ToolRow> {
            vec![$(super::tool_list::ToolRow::of::<$tool>($name),)*]
        }
    };
}

tools! {
    "vault_login" => session::Login,
    "vault_status" => session::Status,
    "vault_logout" => session::Logout,
    "vault_list" => secrets::List,
    "vault_get" => secrets::Get,
    "vault_set" => secrets::Set,
    "vault_inject" => files::Inject,
    "vault_scan_env" => files::ScanEnv,
    "vault_scan_compose" => files::ScanCompose,
    "vault_generate_example" => files::GenerateExample,
    "vault_adopt" => adopt::Adopt,
    "vault_history" => undo::History,
    "vault_find" => find::Find,
    "vault_delete" => undo::Delete,
    "vault_rollback" => undo::Rollback,
}

async fn run<T: Tool>(
    state: &Arc<ServerState>,
    tool: &'static str,
    sent: &JsonObject,
    caller: &Caller,
) -> Result<Answer, Refusal> {
    let mut outcome = answer::<T>(state, tool, sent, caller).await;
    if let Err(refusal) = &mut outcome
        && let Some(reason) = refusal.take_reason()
    {
        state.keep_reason(format!("{tool}: {reason}"));
    }
    outcome
}

async fn answer<T: Tool>(
    state: &Arc<ServerState>,
    tool: &'static str,
    sent: &JsonObject,
    caller: &Caller,
) -> Result<Answer, Refusal> {
    let arguments = parse::<T::Arguments>(tool, sent)?;
    state.session.keep_alive().await;
    match T::run(
        Context {
            state,
            caller,
            tool,
            sent,
        },
        arguments,
    )
    .await?
    {
        Outcome::Done(_) if caller.request_state.is_some() => {
            Err(approval_mismatch(&state.core(), tool).into())
        }
        Outcome::Done(reply) => Ok(Answer::Done(object(&reply))),
        Outcome::Waited(CallResult::Done(reply)) => Ok(Answer::Done(reply)),
        Outcome::Waited(CallResult::Look { url, request_state }) => {
            Ok(Answer::Look { url, request_state })
        }
        Outcome::Waited(CallResult::Pending(token)) => {
            let takes_a_token = super::tool_list::takes(tool, APPROVAL_TOKEN);
            Err(Refusal::approval_pending(
                tool,
                Some(&token).filter(|_| takes_a_token),
            ))
        }
    }
}

const APPROVAL_TOKEN: &str = "approval_token";

impl Context<'_> {
    /// Runs work that may ask a person. If the tool takes no approval token, a call with the same
    /// arguments resumes the work.
    async fn with_person<R, F>(
        &self,
        work: impl FnOnce(super::changes::Asker) -> F,
    ) -> Result<Outcome<R>, Refusal>
    where
        R: Public,
        F: Future<Output = Result<R, Refusal>> + Send + 'static,
    {
        let mut arguments = self.sent.clone();
        arguments.retain(|name, value| name != APPROVAL_TOKEN && !value.is_null());
        let call = Call {
            tool: self.tool,
            arguments: &arguments,
            token: self.sent.get(APPROVAL_TOKEN).and_then(Value::as_str),
            resumes: !super::tool_list::takes(self.tool, APPROVAL_TOKEN),
        };
        let work = |asker| {
            let work = work(asker);
            async move { work.await.map(|reply| object(&reply)) }
        };
        self.state
            .changes
            .run(&self.state.core(), self.caller, &call, work)
            .await
            .map(Outcome::Waited)
    }
}

/// A reply as a JSON object, without null fields.
pub(super) fn object(reply: &impl Public) -> Value {
    let mut value = serde_json::to_value(reply).unwrap_or_default();
    leave_out_nulls(&mut value);
    value
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
