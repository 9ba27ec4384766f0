//! `login` and `logout`: creates a session from the token of a login method, and ends a session.

use std::time::Duration;

use super::{Core, person};
use crate::audit::Action;
use crate::config::{Method, Settings};
use crate::error::{Error, Result};
use crate::login::creates_token;
use crate::names::printable;
use crate::secret::Secret;
use crate::session::{Provenance, Session, digest, now};
use crate::vault::{Client, TokenInfo};

/// A session that is new or still alive.
pub struct SignInReply {
    /// Vault's address, in the form in which it is exported.
    pub address: String,
    /// The namespace, if one is used.
    pub namespace: Option<String>,
    /// The context that names this Vault, if one is in use.
    pub context: Option<String>,
    /// The session's token.
    pub token: Secret,
    /// When the session ends, in Unix seconds.
    pub expiry: i64,
    /// The display name that Vault has for the person.
    pub user: String,
    /// The token's policies.
    pub policies: Vec<String>,
    /// The Vault that the session is for, if a login of this program created the session.
    pub provenance: Option<Provenance>,
    /// Whether the session already existed.
    pub kept: bool,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// The session in the environment, if it is still valid in Vault; `None` for an expired or invalid
/// one.
///
/// # Errors
/// Errors that prevent Vault from answering.
pub async fn live_session(core: &Core) -> Result<Option<SignInReply>> {
    let Ok(session) = core.session().and_then(Session::alive) else {
        return Ok(None);
    };
    let vault = Client::new(&core.settings, Some(session.token.clone()))?;
    match vault.look_up_token().await {
        Ok(token) => {
            let left = [session.seconds_left(), token.seconds_left()]
                .into_iter()
                .flatten()
                .min();
            let left = left.unwrap_or(core.settings.max_token_ttl);
            let provenance = session.provenance;
            Ok(Some(SignInReply {
                provenance,
                kept: true,
                ..reply(core, session.token, &token, left)?
            }))
        }
        // `Invalid` means that VAULT_TOKEN is not even a well-formed token.
        Err(Error::SessionExpired | Error::Forbidden { .. } | Error::Invalid { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Guards a token that has no owner yet. Dropping the guard revokes the token, for example if the
/// call that created it is cancelled.
pub struct TokenGuard(Option<(Settings, Secret)>);

impl TokenGuard {
    /// Guards a token.
    #[must_use]
    pub fn new(settings: &Settings, token: Secret) -> Self {
        Self(Some((settings.clone(), token)))
    }

    /// Releases the token to its owner, without revoking it.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for TokenGuard {
    fn drop(&mut self) {
        let Some((settings, token)) = self.0.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move { revoke(&settings, token).await }));
        }
    }
}

/// Revokes a token that is no longer needed. Gives up after five seconds and ignores errors.
pub async fn revoke(settings: &Settings, token: Secret) {
    let Ok(vault) = Client::new(settings, Some(token)) else {
        return;
    };
    // On failure the token lives until it expires; there is no one left to report to.
    let _ = tokio::time::timeout(Duration::from_secs(5), vault.revoke_token()).await;
}

/// Creates a session from the token of a login method: shortens the token's lifetime in Vault and
/// records the login. If the audit log cannot be written, no session is created. A token that the
/// person pasted was created elsewhere, so it is not marked as ours.
///
/// # Errors
/// [`Error::SessionExpired`] for a token that Vault does not know, [`Error::AuditUnwritable`].
pub async fn begin(core: &Core, method: Method, token: Secret) -> Result<SignInReply> {
    let vault = Client::new(&core.settings, Some(token.clone()))?;
    let info = vault.look_up_token().await?;
    let most = core.settings.max_token_ttl;
    let (left, warning) = shorten(&vault, &info, most).await;
    let audit = core
        .audit
        .clone()
        .of_session(&core.settings, Some(digest(&token)));
    audit.remember_person(&person(&info));
    audit
        .record(
            Action::Login,
            "",
            &format!("user {}; method {}", info.display_name, method.word()),
        )
        .await?;
    let accessor = info.accessor.clone();
    let provenance = creates_token(method).then(|| {
        core.settings.address().map(|address| Provenance {
            accessor,
            address: address.clone(),
        })
    });
    let mut reply = reply(core, token, &info, left)?;
    reply.provenance = provenance.transpose()?;
    reply.warnings.extend(warning);
    Ok(reply)
}

/// Shortens the token's lifetime to `most` seconds. Returns the seconds until the session ends, and
/// a warning if the token stays valid for longer in Vault.
async fn shorten(vault: &Client, info: &TokenInfo, most: u64) -> (u64, Option<String>) {
    if info.seconds_left().is_some_and(|left| left <= most) {
        return (info.ttl, None);
    }
    if info.renewable {
        match vault.renew_token(most).await {
            Ok(life) if life > 0 && life <= most => return (life, None),
            _ => {}
        }
    }
    let longer = info
        .seconds_left()
        .map_or("never expires".into(), |left| format!("lives for {left} s"));
    (
        most,
        Some(format!(
            "Vault cannot shorten this token: it {longer} there, and this shell forgets it after \
             {most} s; log out when done"
        )),
    )
}

fn reply(core: &Core, token: Secret, info: &TokenInfo, left: u64) -> Result<SignInReply> {
    Ok(SignInReply {
        address: core
            .settings
            .address()?
            .as_str()
            .trim_end_matches('/')
            .to_owned(),
        namespace: core.settings.namespace.clone(),
        context: core.settings.selected_context().map(str::to_owned),
        token,
        expiry: now().saturating_add(i64::try_from(left).unwrap_or(i64::MAX)),
        user: printable(&info.display_name, false),
        policies: info.policies(),
        provenance: None,
        kept: false,
        warnings: Vec::new(),
    })
}

/// How a session ended. The shell forgets the token in every case.
#[derive(PartialEq, Eq, Debug)]
pub enum Ended {
    /// Vault revoked the token.
    Revoked,
    /// The token had already expired or been revoked in Vault.
    AlreadyEnded,
    /// There was no session.
    None,
    /// The token was not revoked, because this program did not create it or another process still
    /// uses it.
    Forgotten,
    /// It is a root token, which this program never revokes.
    Root,
    /// The revocation failed for this reason: the token may remain valid until it expires.
    NotRevoked(String),
}

/// Which sessions are revoked when they end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revoke {
    /// No session, because another process uses it too.
    Nothing,
    /// Only a session that a login of this program created.
    Ours,
    /// Any session, because the person asked for it.
    Anything,
}

/// The time limit for revoking a replaced session.
const REPLACED_WAIT: Duration = Duration::from_secs(5);

/// Ends the session. A session that this program created is revoked at the Vault it was created
/// for, regardless of the current `VAULT_ADDR`.
///
/// # Errors
/// Never fails at present. A failed revocation is reported as [`Ended::NotRevoked`], because the
/// shell must forget the token in any case.
pub async fn end(core: &Core, revoke: Revoke) -> Result<Ended> {
    let Some(session) = core.held_session() else {
        return Ok(Ended::None);
    };
    let ended = match (revoke, &session.provenance) {
        (Revoke::Anything, _) | (Revoke::Ours, Some(_)) => {
            take_back(&core.settings, session.clone()).await
        }
        (Revoke::Nothing, _) | (Revoke::Ours, None) => Ended::Forgotten,
    };
    note_end(core, &ended, "").await;
    Ok(ended)
}

/// The Vault of the current session, if this program created the session and the settings name
/// another Vault.
#[must_use]
pub fn other_vault(core: &Core) -> Option<&str> {
    let session = core.held_session()?;
    session
        .check_vault(&core.settings)
        .is_err()
        .then(|| session.provenance.as_ref().map(Provenance::shown))?
}

/// Revokes the session that a new one has replaced; `None` if there was none, or if this program
/// did not create it.
pub async fn end_replaced(core: &Core, new: &Secret) -> Option<Ended> {
    let old = core
        .held_session()
        .filter(|old| old.provenance.is_some() && old.token != *new)?;
    let ended = tokio::time::timeout(REPLACED_WAIT, take_back(&core.settings, old.clone())).await;
    let ended = ended.unwrap_or_else(|_| {
        Ended::NotRevoked(format!("no answer within {} s", REPLACED_WAIT.as_secs()))
    });
    note_end(core, &ended, "the replaced session: ").await;
    Some(ended)
}

async fn note_end(core: &Core, ended: &Ended, which: &str) {
    let how = match ended {
        Ended::Revoked => "revoked",
        Ended::AlreadyEnded => "was over",
        Ended::Forgotten => "forgotten, not revoked",
        Ended::None | Ended::Root | Ended::NotRevoked(_) => "not revoked",
    };
    // The shell forgets the token in any case, even if the log cannot be written.
    let _ = core
        .audit
        .record(Action::Logout, "", &format!("{which}{how}"))
        .await;
}

/// Revokes a session's token, unless it is a root token.
async fn take_back(settings: &Settings, session: Session) -> Ended {
    let settings = match &session.provenance {
        Some(made) => settings.for_session_at(&made.address),
        None => settings.clone(),
    };
    let outcome = async {
        let vault = Client::new(&settings, Some(session.token))?;
        match vault.look_up_token().await {
            Ok(token) if token.is_root() => return Ok(Ended::Root),
            // A policy can forbid the lookup, but never for a root token. So this one is not root.
            Ok(_) | Err(Error::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
        vault.revoke_token().await.map(|()| Ended::Revoked)
    };
    match outcome.await {
        Ok(ended) => ended,
        Err(Error::SessionExpired) => Ended::AlreadyEnded,
        Err(error) => Ended::NotRevoked(error.to_string()),
    }
}
