//! `login` and `logout`: from a method's token to a session, and back to none.

use super::Core;
use crate::audit::Action;
use crate::config::Method;
use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::Secret;
use crate::session::now;
use crate::vault::{Client, TokenInfo};

/// A session, new or still alive.
pub struct Reply {
    /// Vault's address as it is exported.
    pub address: String,
    /// The namespace, if one is used.
    pub namespace: Option<String>,
    /// The token.
    pub token: Secret,
    /// Unix seconds.
    pub expiry: i64,
    /// The name Vault shows for the person.
    pub user: String,
    /// The policies.
    pub policies: Vec<String>,
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
    let Ok(session) = core.session().and_then(crate::session::Session::alive) else { return Ok(None) };
    let vault = Client::new(&core.settings, Some(session.token.clone()))?;
    match vault.look_up_token().await {
        Ok(token) => {
            let left = [session.seconds_left(), token.seconds_left()].into_iter().flatten().min();
            let left = left.unwrap_or(core.settings.max_token_ttl);
            Ok(Some(reply(core, session.token, &token, left, true)?))
        }
        // A VAULT_TOKEN that cannot be a token (Invalid) is no session either.
        Err(Error::SessionExpired | Error::Forbidden { .. } | Error::Invalid { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A token that nobody holds yet: given back when it is dropped, as when nobody waits any more.
pub struct Unheld(Option<(crate::config::Settings, Secret)>);

impl Unheld {
    /// Watches over a token.
    #[must_use]
    pub fn new(settings: &crate::config::Settings, token: Secret) -> Self {
        Self(Some((settings.clone(), token)))
    }

    /// Somebody holds it now.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unheld {
    fn drop(&mut self) {
        let Some((settings, token)) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move { revoke(&settings, token).await }));
        }
    }
}

/// Revokes a token that nobody needs any more; best effort, within seconds.
pub async fn revoke(settings: &crate::config::Settings, token: Secret) {
    let Ok(vault) = Client::new(settings, Some(token)) else { return };
    // There is nobody left to tell when it fails: the token then lives until it expires.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), vault.revoke_token()).await;
}

/// Makes a session of a token that a method gave: shortens its life in Vault itself, and notes
/// the login. Without a line in the audit log there is no session.
///
/// # Errors
/// [`Error::SessionExpired`] for a token that Vault does not know, [`Error::AuditUnwritable`].
pub async fn begin(core: &Core, method: Method, token: Secret) -> Result<Reply> {
    let vault = Client::new(&core.settings, Some(token.clone()))?;
    let info = vault.look_up_token().await?;
    let most = core.settings.max_token_ttl;
    let (left, warning) = shorten(&vault, &info, most).await;
    core.audit.record(Action::Login, "", &format!("user {}; method {}", info.display_name, method.word())).await?;
    let mut reply = reply(core, token, &info, left, false)?;
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
    let longer = info.seconds_left().map_or("never expires".into(), |left| format!("lives for {left} s"));
    (
        most,
        Some(format!(
            "Vault does not let this token be shortened: it {longer} there, and this shell forgets it after {most} s; log out when done"
        )),
    )
}

fn reply(core: &Core, token: Secret, info: &TokenInfo, left: u64, kept: bool) -> Result<Reply> {
    Ok(Reply {
        address: core.settings.address()?.as_str().trim_end_matches('/').to_owned(),
        namespace: core.settings.namespace.clone(),
        token,
        expiry: now().saturating_add(i64::try_from(left).unwrap_or(i64::MAX)),
        user: printable(&info.display_name, false),
        policies: info.policies(),
        kept,
        warnings: Vec::new(),
    })
}

/// How a logout went. The shell forgets the token in each case.
#[derive(PartialEq, Eq, Debug)]
pub enum Ended {
    /// Vault revoked the token.
    Revoked,
    /// Vault did not know it any more.
    WasOver,
    /// There was no session.
    None,
    /// Vault could not be asked: the token may live until it expires.
    NotRevoked(String),
}

/// Ends the session.
///
/// # Errors
/// None but for settings that cannot be used; a Vault that cannot be reached is told, since the
/// shell must forget the token all the same.
pub async fn end(core: &Core) -> Result<Ended> {
    let Ok(session) = core.session() else { return Ok(Ended::None) };
    let ended = match Client::new(&core.settings, Some(session.token)) {
        Ok(vault) => match vault.revoke_token().await {
            Ok(()) => Ended::Revoked,
            Err(Error::SessionExpired) => Ended::WasOver,
            Err(error) => Ended::NotRevoked(error.to_string()),
        },
        Err(error) => Ended::NotRevoked(error.to_string()),
    };
    let details = match &ended {
        Ended::Revoked => "revoked",
        Ended::WasOver => "was over",
        Ended::None | Ended::NotRevoked(_) => "not revoked",
    };
    // The token is gone either way: a log that cannot be written is no reason to keep it.
    let _ = core.audit.record(Action::Logout, "", details).await;
    Ok(ended)
}
