//! Tokens: look up, renew, revoke (`auth/token`).

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::reply::{Reply, Texts};
use crate::error::{Error, Result, ServerText};
use crate::names::printable;
use crate::secret::Secret;

/// More are not shown: nobody has as many.
const MAX_POLICIES: usize = 1000;

/// What Vault knows of the session's token. Its `id` is never read.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(default)]
pub struct TokenInfo {
    /// What names the token without being it; empty for a batch token.
    pub accessor: String,
    /// For example `oidc-alice@example.org`.
    pub display_name: String,
    /// The identity entity; empty for root tokens.
    pub entity_id: String,
    policies: Texts<MAX_POLICIES>,
    identity_policies: Option<Texts<MAX_POLICIES>>,
    /// Seconds left; 0 for a token that does not expire.
    pub ttl: u64,
    /// RFC 3339, or absent for a token that does not expire.
    pub expire_time: Option<String>,
    /// When it was made, in unix seconds of Vault's clock.
    pub creation_time: i64,
    /// Whether its life can be set anew.
    pub renewable: bool,
}

impl TokenInfo {
    /// Names of the policies, those of the entity and its groups included; sorted, printable.
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

    /// Whether it may do everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.policies.0.iter().any(|policy| policy == "root")
    }

    /// Seconds since it was made, by Vault's own clock where it tells the time of its end, else by
    /// ours (`now`).
    #[must_use]
    pub fn age(&self, now: i64) -> u64 {
        let end = self
            .expire_time
            .as_deref()
            .and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let left = i64::try_from(self.ttl).unwrap_or(i64::MAX);
        let there = end.map_or(now, |end| end.as_second().saturating_sub(left));
        u64::try_from(there.saturating_sub(self.creation_time)).unwrap_or(0)
    }

    /// Seconds left, or `None` for a token that never expires.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        (self.ttl > 0 || self.expire_time.is_some()).then_some(self.ttl)
    }
}

/// A token that a login or a renewal gave.
#[derive(Deserialize)]
pub struct Granted {
    client_token: Secret,
    /// Seconds until it expires; 0 for never.
    #[serde(default)]
    pub lease_duration: u64,
    /// Whether its life can be set anew.
    #[serde(default)]
    pub renewable: bool,
}

impl Granted {
    /// A token that the person has already.
    #[must_use]
    pub fn pasted(token: Secret) -> Self {
        Self {
            client_token: token,
            lease_duration: 0,
            renewable: false,
        }
    }

    /// The token.
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
    /// Looks the session's own token up (GET `auth/token/lookup-self`).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] when Vault does not know the token any more.
    pub async fn look_up_token(&self) -> Result<TokenInfo> {
        match self.call(Call::get("auth/token/lookup-self")).await {
            Ok(reply) if reply.status == 200 => Ok(reply.parse::<Data<TokenInfo>>()?.data),
            Ok(reply) => Err(unexpected(&reply)),
            Err(error) => Err(error),
        }
    }

    /// Sets the token's life to `seconds` from now where Vault allows it, which also shortens it
    /// (POST `auth/token/renew-self`). Gives the life in seconds that it has now.
    ///
    /// # Errors
    /// As every request; [`Error::Server`] for a token that cannot be renewed.
    pub async fn renew_token(&self, seconds: u64) -> Result<u64> {
        let body = format!(r#"{{"increment":"{seconds}s"}}"#).into_bytes();
        let reply = self
            .call(Call::put("auth/token/renew-self", Zeroizing::new(body)))
            .await?;
        if reply.status == 200 {
            Ok(reply.parse::<Auth>()?.auth.lease_duration)
        } else {
            Err(unexpected(&reply))
        }
    }

    /// What the token may do at a path of the API (POST `sys/capabilities-self`).
    ///
    /// # Errors
    /// As every request.
    pub async fn capabilities(&self, path: &str) -> Result<Vec<String>> {
        let body = serde_json::json!({ "paths": [path] })
            .to_string()
            .into_bytes();
        let reply = self
            .call(Call::put("sys/capabilities-self", Zeroizing::new(body)))
            .await?;
        if reply.status != 200 {
            return Err(unexpected(&reply));
        }
        let mut all = reply
            .parse::<Data<BTreeMap<String, Texts<MAX_POLICIES>>>>()?
            .data;
        Ok(all.remove(path).unwrap_or_default().0)
    }

    /// Revokes the session's token (POST `auth/token/revoke-self`).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] when it was dead already.
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

/// An answer whose status this request does not give.
pub(super) fn unexpected(reply: &Reply) -> Error {
    if reply.says("namespace not found") {
        return super::client::namespace_missing();
    }
    Error::Server {
        status: reply.status,
        text: ServerText::known(&reply.errors()),
    }
}
