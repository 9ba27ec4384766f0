//! `login` and `logout`: makes a session of a method's token, and ends it.

use std::time::Duration;

use super::{Core, person};
use crate::audit::Action;
use crate::config::{Method, Settings};
use crate::error::{Error, Result};
use crate::login::makes_the_token;
use crate::names::printable;
use crate::secret::Secret;
use crate::session::{Ours, Session, digest, now};
use crate::vault::{Client, TokenInfo};

/// A session, new or still alive.
pub struct Reply {
    /// Vault's address as it is exported.
    pub address: String,
    /// The namespace, if one is used.
    pub namespace: Option<String>,
    /// The context that names this Vault, if one is in use.
    pub context: Option<String>,
    /// The token.
    pub token: Secret,
    /// Unix seconds.
    pub expiry: i64,
    /// The name Vault shows for the person.
    pub user: String,
    /// The policies.
    pub policies: Vec<String>,
    /// What it is for, if a login of this program made it.
    pub ours: Option<Ours>,
    /// Whether it was there already.
    pub kept: bool,
    /// What to know.
    pub warnings: Vec<String>,
}

/// The session that the environment holds, if Vault says that it lives.
///
/// # Errors
/// What keeps Vault from answering; a dead session is `None`.
pub async fn living(core: &Core) -> Result<Option<Reply>> {
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
            let ours = session.ours;
            Ok(Some(Reply {
                ours,
                kept: true,
                ..reply(core, session.token, &token, left)?
            }))
        }
        // A VAULT_TOKEN that cannot be a token (Invalid) is no session either.
        Err(Error::SessionExpired | Error::Forbidden { .. } | Error::Invalid { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A token that nobody holds yet: revoked when this is dropped, as when its call was cancelled.
pub struct Unheld(Option<(Settings, Secret)>);

impl Unheld {
    /// Watches over a token.
    #[must_use]
    pub fn new(settings: &Settings, token: Secret) -> Self {
        Self(Some((settings.clone(), token)))
    }

    /// Called once somebody holds it.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unheld {
    fn drop(&mut self) {
        let Some((settings, token)) = self.0.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move { revoke(&settings, token).await }));
        }
    }
}

/// Revokes a token that nobody needs any more; best effort, within seconds.
pub async fn revoke(settings: &Settings, token: Secret) {
    let Ok(vault) = Client::new(settings, Some(token)) else {
        return;
    };
    // On failure the token lives until it expires; there is no one left to report to.
    let _ = tokio::time::timeout(Duration::from_secs(5), vault.revoke_token()).await;
}

/// Makes a session of a token that a method gave: shortens its life in Vault itself, and notes the
/// login. Without a line in the audit log there is no session. A token that the person pasted was
/// made elsewhere: it stays foreign.
///
/// # Errors
/// [`Error::SessionExpired`] for a token that Vault does not know, [`Error::AuditUnwritable`].
pub async fn begin(core: &Core, method: Method, token: Secret) -> Result<Reply> {
    let vault = Client::new(&core.settings, Some(token.clone()))?;
    let info = vault.look_up_token().await?;
    let most = core.settings.max_token_ttl;
    let (left, warning) = shorten(&vault, &info, most).await;
    let audit = core
        .audit
        .clone()
        .of_session(&core.settings, Some(digest(&token)));
    audit.meet(&person(&info));
    audit
        .record(
            Action::Login,
            "",
            &format!("user {}; method {}", info.display_name, method.word()),
        )
        .await?;
    let accessor = info.accessor.clone();
    let ours = makes_the_token(method).then(|| {
        core.settings.address().map(|address| Ours {
            accessor,
            address: address.clone(),
        })
    });
    let mut reply = reply(core, token, &info, left)?;
    reply.ours = ours.transpose()?;
    reply.warnings.extend(warning);
    Ok(reply)
}

/// Gives the seconds that are left, and what to say when Vault keeps the token alive for longer.
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
            "Vault does not let this token be shortened: it {longer} there, and this shell \
             forgets it after {most} s; log out when done"
        )),
    )
}

fn reply(core: &Core, token: Secret, info: &TokenInfo, left: u64) -> Result<Reply> {
    Ok(Reply {
        address: core
            .settings
            .address()?
            .as_str()
            .trim_end_matches('/')
            .to_owned(),
        namespace: core.settings.namespace.clone(),
        context: core.settings.chosen_context().map(str::to_owned),
        token,
        expiry: now().saturating_add(i64::try_from(left).unwrap_or(i64::MAX)),
        user: printable(&info.display_name, false),
        policies: info.policies(),
        ours: None,
        kept: false,
        warnings: Vec::new(),
    })
}

/// How a session ended. The shell forgets the token in each case.
#[derive(PartialEq, Eq, Debug)]
pub enum Ended {
    /// Vault revoked the token.
    Revoked,
    /// Vault did not know it any more.
    WasOver,
    /// There was no session.
    None,
    /// It was not asked to be revoked: no login of this program made it, or another process still
    /// has it.
    Forgotten,
    /// A root token, which is never revoked here.
    Root,
    /// Vault could not be asked: the token may live until it expires.
    NotRevoked(String),
}

/// Which sessions are revoked when they end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revoke {
    /// None: another process holds it too.
    Nothing,
    /// One that a login of this program made.
    Ours,
    /// Whatever it is: the person asked for it.
    Anything,
}

/// How long the revocation of a session that was replaced may take.
const REPLACED_WAIT: Duration = Duration::from_secs(5);

/// Ends the session. One of ours is ended at the Vault that it was made for, whatever `VAULT_ADDR`
/// says now.
///
/// # Errors
/// None but for settings that cannot be used; a Vault that cannot be reached is reported, since the
/// shell must forget the token all the same.
pub async fn end(core: &Core, revoke: Revoke) -> Result<Ended> {
    let Some(session) = core.held() else {
        return Ok(Ended::None);
    };
    let ended = match (revoke, &session.ours) {
        (Revoke::Anything, _) | (Revoke::Ours, Some(_)) => {
            take_back(&core.settings, session.clone()).await
        }
        (Revoke::Nothing, _) | (Revoke::Ours, None) => Ended::Forgotten,
    };
    note_end(core, &ended, "").await;
    Ok(ended)
}

/// The Vault of the session of ours that is held, where the settings name another one.
#[must_use]
pub fn elsewhere(core: &Core) -> Option<&str> {
    let session = core.held()?;
    session
        .check_vault(&core.settings)
        .is_err()
        .then(|| session.ours.as_ref().map(Ours::shown))?
}

/// Revokes the session of ours that a new one has replaced; `None` where there was none.
pub async fn end_replaced(core: &Core, new: &Secret) -> Option<Ended> {
    let old = core
        .held()
        .filter(|old| old.ours.is_some() && old.token != *new)?;
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
        Ended::WasOver => "was over",
        Ended::Forgotten => "forgotten, not revoked",
        Ended::None | Ended::Root | Ended::NotRevoked(_) => "not revoked",
    };
    // The token is gone either way: a log that cannot be written is no reason to keep it.
    let _ = core
        .audit
        .record(Action::Logout, "", &format!("{which}{how}"))
        .await;
}

/// Revokes a session's token, unless it is a root token.
async fn take_back(settings: &Settings, session: Session) -> Ended {
    let settings = match &session.ours {
        Some(ours) => settings.for_session_at(&ours.address),
        None => settings.clone(),
    };
    let outcome = async {
        let vault = Client::new(&settings, Some(session.token))?;
        match vault.look_up_token().await {
            Ok(token) if token.is_root() => return Ok(Ended::Root),
            // A policy can forbid the look-up, but not to a root token.
            Ok(_) | Err(Error::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
        vault.revoke_token().await.map(|()| Ended::Revoked)
    };
    match outcome.await {
        Ok(ended) => ended,
        Err(Error::SessionExpired) => Ended::WasOver,
        Err(error) => Ended::NotRevoked(error.to_string()),
    }
}
