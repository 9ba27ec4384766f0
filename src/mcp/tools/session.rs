//! Tools for the session: login, status and logout.

use std::time::Duration;

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool};
use crate::config::{Mode, Strength};
use crate::core::approve::strength;
use crate::core::login::Ended;
use crate::core::rotation::overdue;
use crate::core::status;
use crate::error::Error;
use crate::mcp::public::{Account, Sentence, Setting, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::mcp::session::seconds_until;

/// How long `vault_status` may take to count the services that are due for rotation.
const MAX_COUNTING: Duration = Duration::from_secs(1);

/// No arguments.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct NoArguments {}

public_words! {
    /// The state of a login.
    pub(in crate::mcp) enum LoginState {
        /// The user has not finished signing in.
        Pending,
        /// There is a session.
        LoggedIn,
    }
}

public_reply! {
    /// The result of a login.
    pub(in crate::mcp) struct LoginReply {
        /// Whether there is a session
        state: LoginState,
        /// The user of the session
        user: Option<Account>,
        /// The policies of the session
        policies: Vec<Account>,
        /// Seconds until the session ends
        seconds_left: Option<u64>,
        /// The next step
        next: Option<Sentence>,
    }

    /// The session in Vault.
    pub(in crate::mcp) struct SessionReply {
        /// Vault's address
        address: Setting,
        /// The path of the services: MOUNT/PREFIX
        path: Setting,
        /// Vault's version
        version: Option<Account>,
        /// The user of the session
        user: Option<Account>,
        /// The policies of the session
        policies: Vec<Account>,
        /// Seconds until the session ends; absent for a token that never expires
        seconds_left: Option<u64>,
        /// Whether the services can be listed
        read_access: bool,
        /// Whether the session itself may write to Vault; absent if Vault does not report it
        write_access: Option<bool>,
        /// How many services there are
        services: Option<u64>,
        /// How many services are due for rotation: their newest version is older than the interval
        /// set for them; absent if counting takes too long
        rotation_due: Option<u64>,
    }

    /// The session, and what this server shows.
    pub(in crate::mcp) struct StatusReply {
        /// Whether there is a session
        logged_in: bool,
        /// The session
        session: Option<SessionReply>,
        /// How much of secret values this server shows
        mode: Mode,
        /// How a person approves a change; absent if the settings allow no approval
        approval: Option<Strength>,
        /// The next step
        next: Option<Sentence>,
    }

    /// The result of a logout.
    pub(in crate::mcp) struct LogoutReply {
        /// Whether Vault revoked a token. A token that the server inherited is forgotten, not
        /// revoked
        revoked: bool,
        /// What to tell the user
        next: Option<Sentence>,
    }
}

/// The names that a model may see. Others are left out.
fn accounts(names: &[String]) -> Vec<Account> {
    names.iter().filter_map(|name| Account::new(name)).collect()
}

/// `vault_login`
pub(in crate::mcp) struct Login;

impl Tool for Login {
    const TITLE: &'static str = "Log in to Vault";
    const DESCRIPTION: &'static str = "Log in to HashiCorp Vault or OpenBao: opens the browser on the user's machine, where they sign in. \
        The token stays in this server. Returns pending until the user has signed in; call again to wait. Call it when another tool \
        returns login_required.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = NoArguments;
    type Reply = LoginReply;

    async fn run(context: Context<'_>, _: NoArguments) -> Result<Outcome<LoginReply>, Refusal> {
        let state = context.state;
        if let Ok(reply) = status::status(&state.core()).await {
            return Ok(Outcome::Done(LoginReply {
                state: LoginState::LoggedIn,
                user: Account::new(&reply.user),
                policies: accounts(&reply.policies),
                seconds_left: reply.seconds_left,
                next: None,
            }));
        }
        let signed_in = state
            .session
            .log_in(state.patience, state.ended.subscribe())
            .await?;
        Ok(Outcome::Done(match signed_in {
            Some(session) => {
                // Pending changes belong to the previous session.
                state.changes.forget();
                LoginReply {
                    state: LoginState::LoggedIn,
                    user: Account::new(&session.user),
                    policies: accounts(&session.policies),
                    seconds_left: Some(seconds_until(session.expiry)),
                    next: None,
                }
            }
            None => LoginReply {
                state: LoginState::Pending,
                user: None,
                policies: Vec::new(),
                seconds_left: None,
                next: Some(Sentence::fixed(
                    "ask the user to sign in in the browser window that opened (or, without a browser, to run in a terminal of \
                     their own: claude-vault approve pending), then call vault_login again",
                )),
            },
        }))
    }
}

/// `vault_status`
pub(in crate::mcp) struct Status;

impl Tool for Status {
    const TITLE: &'static str = "Vault session status";
    const DESCRIPTION: &'static str = "Show whether there is a Vault session, its user, its policies and the seconds left, how many services \
        are due for rotation, how much of secret values this server shows, and how a person approves a write.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = NoArguments;
    type Reply = StatusReply;

    async fn run(context: Context<'_>, _: NoArguments) -> Result<Outcome<StatusReply>, Refusal> {
        let core = context.state.core();
        let session = match status::status(&core).await {
            Ok(reply) => Some(SessionReply {
                address: Setting::new(&reply.address),
                path: Setting::new(&reply.path),
                version: Account::new(&reply.version),
                user: Account::new(&reply.user),
                policies: accounts(&reply.policies),
                seconds_left: reply.seconds_left,
                read_access: reply.read_access,
                write_access: reply.write_access,
                services: reply.services.map(|count| count as u64),
                rotation_due: tokio::time::timeout(MAX_COUNTING, overdue(&core))
                    .await
                    .ok()
                    .and_then(|due| Some(due.ok()? as u64)),
            }),
            Err(Error::NoSession | Error::SessionExpired) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Outcome::Done(StatusReply {
            logged_in: session.is_some(),
            next: session
                .is_none()
                .then(|| Sentence::fixed("call vault_login: the user signs in in the browser")),
            session,
            mode: core.settings.mode,
            approval: strength(&core).ok(),
        }))
    }
}

/// `vault_logout`
pub(in crate::mcp) struct Logout;

impl Tool for Logout {
    const TITLE: &'static str = "Log out of Vault";
    const DESCRIPTION: &'static str = "Forget the Vault token and all handles. A token that vault_login obtained is also revoked; a \
        token that this server was started with is not.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = NoArguments;
    type Reply = LogoutReply;

    async fn run(context: Context<'_>, _: NoArguments) -> Result<Outcome<LogoutReply>, Refusal> {
        let (revoked, next) = match context.state.log_out().await? {
            Ended::Revoked => (true, None),
            Ended::AlreadyEnded | Ended::None => (false, None),
            Ended::Forgotten => (
                false,
                Some(Sentence::fixed(
                    "the token came with this server's environment: it was forgotten here, not \
                     revoked",
                )),
            ),
            Ended::Root => (false, Some(Sentence::fixed("a root token is not revoked"))),
            Ended::NotRevoked(_) => (
                false,
                Some(Sentence::fixed(
                    "the token could not be revoked: it stays valid until it expires",
                )),
            ),
        };
        Ok(Outcome::Done(LogoutReply { revoked, next }))
    }
}
