//! Tokens: look-up, renewal, revocation and capabilities (`auth/token`, `sys/capabilities-self`).

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{Call, Client, Repeat};
use super::reply::{ErrorTexts, VaultReply};
use crate::error::{Error, Result, ServerText};
use crate::names::printable;
use crate::secret::Secret;

/// The most policies or capabilities that are read from a response.
const MAX_POLICIES: usize = 1000;

/// The result of looking up the session's token. The field `id`, the token itself, is never read.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(default)]
pub struct TokenInfo {
    /// The accessor, which identifies the token without revealing it; empty for a batch token.
    pub accessor: String,
    /// Vault's name for the token's owner, for example `oidc-alice@example.org`.
    pub display_name: String,
    /// The ID of the identity entity; empty for root tokens.
    pub entity_id: String,
    policies: ErrorTexts<MAX_POLICIES>,
    identity_policies: Option<ErrorTexts<MAX_POLICIES>>,
    /// Seconds left; 0 for a token that does not expire.
    pub ttl: u64,
    /// When the token expires, in RFC 3339; `None` for a token that does not expire.
    pub expire_time: Option<String>,
    /// When the token was created, in Unix seconds by Vault's clock.
    pub creation_time: i64,
    /// Whether the token can be renewed.
    pub renewable: bool,
}

impl TokenInfo {
    /// The sorted names of all policies, including those of the entity and its groups. Safe to
    /// print.
    #[must_use]
    pub fn policies(&self) -> Vec<String> {
        let entity = self
            .identity_policies
            .iter()
            .flat_map(|policies| &policies.0);
        let mut all: Vec<String> = self
            .policies
            .0
            .iter()
            .chain(entity)
            .map(|policy| printable(policy, false))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the token has the `root` policy, which allows everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.policies.0.iter().any(|policy| policy == "root")
    }

    /// Seconds since the token was created. For a token that expires, Vault's clock gives the
    /// current time (`expire_time` minus `ttl`); otherwise `now`, from this machine's clock.
    #[must_use]
    pub fn age(&self, now: i64) -> u64 {
        let end = self
            .expire_time
            .as_deref()
            .and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let left = i64::try_from(self.ttl).unwrap_or(i64::MAX);
        let vault_now = end.map_or(now, |end| end.as_second().saturating_sub(left));
        u64::try_from(vault_now.saturating_sub(self.creation_time)).unwrap_or(0)
    }

    /// Seconds left, or `None` for a token that never expires.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        (self.ttl > 0 || self.expire_time.is_some()).then_some(self.ttl)
    }
}

/// A token from a login or a renewal.
#[derive(Deserialize)]
pub struct Granted {
    client_token: Secret,
    /// Seconds until the token expires; 0 for never.
    #[serde(default)]
    pub lease_duration: u64,
    /// Whether the token can be renewed.
    #[serde(default)]
    pub renewable: bool,
}

impl Granted {
    /// A token that the person pasted. Its lifetime is unknown and set to 0.
    #[must_use]
    pub fn pasted(token: Secret) -> Self {
        Self {
            client_token: token,
            lease_duration: 0,
            renewable: false,
        }
    }

    /// Takes the token out.
    #[must_use]
    pub fn into_token(self) -> Secret {
        self.client_token
    }
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) auth: Granted,
}

impl Client {
    /// Looks up the session's own token (GET `auth/token/lookup-self`).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] if the token has expired or was revoked.
    pub async fn look_up_token(&self) -> Result<TokenInfo> {
        match self.call(Call::get("auth/token/lookup-self")).await {
            Ok(reply) if reply.status == 200 => Ok(reply.parse::<Data<TokenInfo>>()?.data),
            Ok(reply) => Err(unexpected(&reply)),
            Err(error) => Err(error),
        }
    }

    /// Asks Vault to let the token expire `seconds` from now (POST `auth/token/renew-self`). This
    /// can also shorten the token's life. Returns the seconds that Vault granted.
    ///
    /// # Errors
    /// As for every request; [`Error::Server`] for a token that cannot be renewed.
    pub async fn renew_token(&self, seconds: u64) -> Result<u64> {
        let body = format!(r#"{{"increment":"{seconds}s"}}"#).into_bytes();
        let reply = self
            .call(Call::put("auth/token/renew-self", Zeroizing::new(body)).repeated(Repeat::Always))
            .await?;
        if reply.status == 200 {
            Ok(reply.parse::<Auth>()?.auth.lease_duration)
        } else {
            Err(unexpected(&reply))
        }
    }

    /// The token's capabilities on an API path (POST `sys/capabilities-self`).
    ///
    /// # Errors
    /// As for every request.
    pub async fn capabilities(&self, path: &str) -> Result<Vec<String>> {
        let body = serde_json::json!({ "paths": [path] })
            .to_string()
            .into_bytes();
        let reply = self
            .call(Call::put("sys/capabilities-self", Zeroizing::new(body)).repeated(Repeat::Always))
            .await?;
        if reply.status != 200 {
            return Err(unexpected(&reply));
        }
        let mut all = reply
            .parse::<Data<BTreeMap<String, ErrorTexts<MAX_POLICIES>>>>()?
            .data;
        Ok(all.remove(path).unwrap_or_default().0)
    }

    /// Revokes the session's token (POST `auth/token/revoke-self`).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] if the token was already invalid.
    pub async fn revoke_token(&self) -> Result<()> {
        let reply = self
            .call(Call::put(
                "auth/token/revoke-self",
                Zeroizing::new(b"{}".to_vec()),
            ))
            .await?;
        if reply.status == 204 || reply.status == 200 {
            Ok(())
        } else {
            Err(unexpected(&reply))
        }
    }
}

/// The error for a response whose status the request does not expect.
pub(super) fn unexpected(reply: &VaultReply) -> Error {
    if reply.has_error_with("namespace not found") {
        return super::client::namespace_missing();
    }
    Error::Server {
        status: reply.status,
        text: ServerText::known(&reply.errors()),
    }
}
