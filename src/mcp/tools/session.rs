//! The session: logging in and out, and its status.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::object;
use crate::config::Mode;
use crate::core::approve::strength;
use crate::core::login::Ended;
use crate::core::status as session;
use crate::error::{Error, Result};
use crate::mcp::state::{State, Waited, until};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum LoginState {
    /// The user has not finished in the browser.
    Pending,
    /// There is a session.
    LoggedIn,
}

/// How a login stands.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::mcp) struct LoginReply {
    /// Whether there is a session.
    state: LoginState,
    /// Whose.
    user: Option<String>,
    /// Its policies.
    policies: Vec<String>,
    /// Seconds until it ends.
    seconds_left: Option<u64>,
    /// What to do.
    next: Option<String>,
    /// What to know.
    warnings: Vec<String>,
}

/// The session, and what this server shows.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::mcp) struct StatusReply {
    /// Whether there is a session.
    logged_in: bool,
    /// What the session is.
    session: Option<session::Reply>,
    /// What is shown of values.
    mode: Mode,
    /// How a person approves a change on the page: typed, passkey or step-up.
    approval: String,
    /// What to do.
    next: Option<String>,
}

/// How a logout went.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::mcp) struct LogoutReply {
    /// Whether Vault revoked a token.
    revoked: bool,
    /// What to know.
    warnings: Vec<String>,
}

pub(super) async fn log_in(state: &Arc<State>) -> Result<Value> {
    if let Ok(reply) = session::status(&state.core()).await {
        return object(&LoginReply {
            state: LoginState::LoggedIn,
            user: Some(reply.user),
            policies: reply.policies,
            seconds_left: reply.seconds_left,
            next: None,
            warnings: reply.warnings,
        });
    }
    object(&match state.log_in().await? {
        Waited::Done(session) => LoginReply {
            state: LoginState::LoggedIn,
            user: Some(session.user),
            policies: session.policies,
            seconds_left: Some(until(session.expiry)),
            next: None,
            warnings: session.warnings,
        },
        Waited::Pending(_) | Waited::Look { .. } => LoginReply {
            state: LoginState::Pending,
            user: None,
            policies: Vec::new(),
            seconds_left: None,
            next: Some(
                "ask the user to sign in in the browser window that opened (or, where no browser is or the page asks for a code, \
                 to run in a terminal of their own: claude-vault approve pending), then call vault_login again"
                    .into(),
            ),
            warnings: Vec::new(),
        },
    })
}

pub(super) async fn status(state: &Arc<State>) -> Result<Value> {
    let session = match session::status(&state.core()).await {
        Ok(reply) => Some(reply),
        Err(Error::NoSession | Error::SessionExpired) => None,
        Err(error) => return Err(error),
    };
    object(&StatusReply {
        logged_in: session.is_some(),
        next: session.is_none().then(|| "call vault_login: the user signs in in the browser".into()),
        session,
        mode: state.settings.mode,
        approval: strength(&state.core()).map_or_else(|error| error.to_string(), |proof| proof.word().to_owned()),
    })
}

pub(super) async fn log_out(state: &Arc<State>) -> Result<Value> {
    let (revoked, warnings) = match state.log_out().await? {
        Ended::Revoked => (true, Vec::new()),
        Ended::WasOver | Ended::None => (false, Vec::new()),
        Ended::Forgotten => {
            (false, vec!["the token came with this server's environment: it was forgotten here and not revoked".into()])
        }
        Ended::Root => (false, vec!["a root token is not revoked".into()]),
        Ended::NotRevoked(why) => (false, vec![format!("the token could not be revoked and lives until it expires: {why}")]),
    };
    object(&LogoutReply { revoked, warnings })
}
