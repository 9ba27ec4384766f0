//! Response wrapping: values behind a token that works once
//! (<https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>).

use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::kv::{BoundedSecrets, Secrets, object_body};
use super::token::unexpected;
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};

/// The path that wraps what the caller sends. A token that was made by any other path holds an
/// answer of Vault.
pub const WRAP_PATH: &str = "sys/wrapping/wrap";

/// What wrapping gives.
pub struct Wrapped {
    /// Opens it once.
    pub token: Secret,
    /// How long it works, in seconds.
    pub seconds: u64,
}

/// What Vault tells about a wrapping token without opening it.
#[derive(Deserialize)]
pub struct WrappingInfo {
    /// The path whose answer is wrapped.
    pub creation_path: String,
    /// RFC 3339.
    pub creation_time: String,
}

#[derive(Deserialize)]
struct WrapAnswer {
    wrap_info: WrapInfo,
}

#[derive(Deserialize)]
struct WrapInfo {
    token: Secret,
    ttl: u64,
    creation_path: String,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl Client {
    /// Wraps values for this many seconds (POST `sys/wrapping/wrap`, which Vault's default policy
    /// allows). Nothing of a service changes.
    pub(crate) async fn wrap(&self, secrets: &Secrets, seconds: u64) -> Result<Wrapped> {
        let body =
            object_body("", secrets, "").map_err(|_| self.bad("a value has no JSON form"))?;
        let call = Call {
            wrap_ttl: Some(seconds),
            operation: "update",
            ..Call::put(WRAP_PATH, body)
        };
        let reply = self.call(call).await?;
        match reply.status {
            200 => {}
            400 if reply.says("due to high complexity") => {
                return Err(Error::invalid(
                    "it has more keys or list entries than Vault takes in one request",
                    "share some of them: claude-vault share SERVICE KEY",
                ));
            }
            _ => return Err(unexpected(&reply)),
        }
        let info = reply.parse::<WrapAnswer>()?.wrap_info;
        if info.creation_path != WRAP_PATH {
            return Err(self.bad("what it wrapped is not what was sent"));
        }
        Ok(Wrapped {
            token: info.token,
            seconds: info.ttl,
        })
    }

    /// What a wrapping token holds, without opening it and without a session; `None` where it was
    /// used, has expired, or never was one: Vault does not tell these apart.
    ///
    /// # Errors
    /// As every request.
    pub async fn look_up_wrapping(&self, token: &Secret) -> Result<Option<WrappingInfo>> {
        let mut body = Zeroizing::new(Vec::with_capacity(
            6 * token.expose(WayOut::TokenHeader).len() + 16,
        ));
        body.extend_from_slice(b"{\"token\":");
        serde_json::to_writer(&mut *body, token.expose(WayOut::TokenHeader))
            .map_err(|_| self.bad("the token has no JSON form"))?;
        body.push(b'}');
        let reply = self
            .call(Call::put("sys/wrapping/lookup", body).without_token())
            .await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Data<WrappingInfo>>()?.data)),
            400 if reply.says("wrapping token is not valid") => Ok(None),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Opens a wrapping token, which is this client's own. It works no more afterwards. `None` as
    /// in [`Client::look_up_wrapping`].
    ///
    /// # Errors
    /// As every request. Whether the token was used up then, another look-up tells.
    pub async fn unwrap_values(&self) -> Result<Option<Secrets>> {
        let reply = self
            .call(Call::put(
                "sys/wrapping/unwrap",
                Zeroizing::new(b"{}".to_vec()),
            ))
            .await?;
        match reply.status {
            200 => Ok(Some(
                reply
                    .parse::<Data<Option<BoundedSecrets>>>()?
                    .data
                    .map(|held| held.0)
                    .unwrap_or_default(),
            )),
            400 if reply.says("wrapping token is not valid") => Ok(None),
            _ => Err(unexpected(&reply)),
        }
    }
}
