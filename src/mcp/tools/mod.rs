//! What each tool does with its arguments.

mod files;
mod secrets;
mod session;

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde::Serialize;
use serde_json::Value;

use super::arguments::{check, parsed};
use super::asking::{Asker, Caller};
use super::listed::input_of;
use super::state::{State, Waited};
use crate::approval::{Approver, Asked, Change, Outcome, Question};
use crate::config::{AskBefore, Mode};
use crate::core::approve::permit;
use crate::core::{Core, list};
use crate::error::{Error, Result};
use crate::names::Service;
#[cfg(test)]
pub(super) use session::{LoginReply, LogoutReply, StatusReply};

/// What a call comes to.
pub(super) enum Reply {
    /// This object.
    Done(Value),
    /// The client must bring the person to a page, and call again with this state.
    Look { url: String, request_state: String },
}

/// Runs a tool.
pub(super) async fn call(state: &Arc<State>, name: &str, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
    if let Some(schema) = input_of(name) {
        check(schema, arguments)?;
    }
    state.keep_alive().await;
    let asks = match name {
        "vault_set" => true,
        "vault_inject" => state.settings.ask_before.contains(&AskBefore::Inject),
        "vault_get" => state.settings.ask_before.contains(&AskBefore::Get) && state.settings.mode == Mode::Plaintext,
        _ => false,
    };
    if caller.request_state.is_some() && !asks {
        return Err(state.not_of_this_call(name));
    }
    let reply = match name {
        "vault_login" => session::log_in(state).await,
        "vault_status" => session::status(state).await,
        "vault_logout" => session::log_out(state).await,
        "vault_list" => object(&list::list(&state.core(), &list::Request { service: parsed(arguments, "service")? }).await?),
        "vault_get" if asks => return secrets::get_once_approved(state, arguments, caller).await,
        "vault_get" => secrets::get(state, arguments).await,
        "vault_set" => return secrets::set_once_approved(state, arguments, caller).await,
        "vault_inject" if asks => return files::inject_once_approved(state, arguments, caller).await,
        "vault_inject" => files::inject(state, arguments).await,
        "vault_scan_env" => files::scan_env(state, arguments).await,
        "vault_scan_compose" => files::scan_compose(state, arguments).await,
        _ => files::make_example(state, arguments).await,
    };
    reply.map(Reply::Done)
}

fn told(waited: Waited<Value>, takes_a_token: bool) -> Result<Reply> {
    match waited {
        Waited::Done(value) => Ok(Reply::Done(value)),
        Waited::Pending(token) => Err(Error::ApprovalPending { approval_token: Some(token).filter(|_| takes_a_token) }),
        Waited::Look { url, request_state } => Ok(Reply::Look { url, request_state }),
    }
}

/// An error about a path that the model sent names the argument, and does not repeat it.
fn unrepeated<T>(arguments: &JsonObject, names: &[&'static str], outcome: Result<T>) -> Result<T> {
    let given: Vec<&str> = names.iter().copied().filter(|name| arguments.contains_key(*name)).collect();
    outcome.map_err(|error| match error {
        Error::Confined { reason, .. } if !given.is_empty() => {
            Error::invalid(format!("{}: {reason}", given.join(" or ")), "paths start at the project's root")
        }
        Error::NotFound { .. } if !given.is_empty() => {
            Error::NotFound { what: format!("the file of {}", given.join(" or ")), hint: String::new() }
        }
        // `FILE: what is wrong with it`
        Error::Invalid { message, .. } if !given.is_empty() => {
            let why = message.rsplit_once(": ").map_or("it cannot be used", |(_, why)| why);
            Error::invalid(format!("{}: {why}", given.join(" or ")), "paths start at the project's root")
        }
        Error::Io { .. } if !given.is_empty() => {
            Error::invalid(format!("{}: it cannot be opened", given.join(" or ")), "paths start at the project's root")
        }
        other => other,
    })
}

/// A reply as an object; what there is nothing to say about is left out.
fn object(reply: &impl Serialize) -> Result<Value> {
    let mut value =
        serde_json::to_value(reply).map_err(|_| Error::invalid("the reply cannot be written", "tell the maintainers"))?;
    leave_out_nulls(&mut value);
    Ok(value)
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

/// Asks whether something may be done with values that are not to be written to Vault.
async fn permitted(
    core: &Core,
    person: &Asker,
    asked: Asked,
    service: &Service,
    path: &str,
    keys: Vec<(&str, Change)>,
    warnings: &[String],
) -> Result<()> {
    let keys = keys.into_iter().map(|(key, change)| (key, change, None)).collect();
    let question =
        Question { asked, service: service.as_str(), path, base: 0, keys, untouched: 0, warnings, files: &[], obstacle: None };
    permit(core, person, &question).await
}

/// Tells the person what became of what they permitted.
fn ended(person: &Asker, outcome: &Result<Value>) {
    person.ended(&match outcome {
        Ok(_) => Outcome::Done(0),
        Err(error) => Outcome::Failed(error.to_string()),
    });
}
