//! Response wrapping: a single-use token that gives access to values
//! (<https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>).

use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{Call, Client, Repeat};
use super::kv::{BoundedSecrets, Secrets, object_body};
use super::token::unexpected;
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};

/// The path that wraps data sent by the caller. A wrapping token created by any other path
/// contains one of Vault's own responses.
pub const WRAP_PATH: &str = "sys/wrapping/wrap";

/// The result of wrapping values.
pub struct Wrapped {
    /// The single-use token that unwraps the values.
    pub token: Secret,
    /// How long the token is valid, in seconds.
    pub seconds: u64,
}

/// The information that Vault returns about a wrapping token without unwrapping it.
#[derive(Deserialize)]
pub struct WrappingInfo {
    /// The path whose response is wrapped.
    pub creation_path: String,
    /// When the token was created, in RFC 3339.
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
    /// allows). No service is changed.
    pub(crate) async fn wrap(&self, secrets: &Secrets, seconds: u64) -> Result<Wrapped> {
        let body =
            object_body("", secrets, "").map_err(|_| self.bad("a value has no JSON form"))?;
        let call = Call {
            wrap_ttl: Some(seconds),
            operation: "update",
            // A token that nobody received expires unused.
            repeat: Repeat::Always,
            ..Call::put(WRAP_PATH, body)
        };
        let reply = self.call(call).await?;
        match reply.status {
            200 => {}
            400 if reply.has_error_with("due to high complexity") => {
                return Err(Error::invalid(
                    "the service has more keys or list entries than Vault accepts in one request",
                    "share some of them: claude-vault share SERVICE KEY",
                ));
            }
            _ => return Err(unexpected(&reply)),
        }
        let info = reply.parse::<WrapAnswer>()?.wrap_info;
        if info.creation_path != WRAP_PATH {
            return Err(self.bad("the wrapping token is not for the values that were sent"));
        }
        Ok(Wrapped {
            token: info.token,
            seconds: info.ttl,
        })
    }

    /// Looks up a wrapping token without unwrapping it and without a session. `None` means that the
    /// token was used, has expired, or never existed; Vault's response is the same for all three.
    ///
    /// # Errors
    /// As for every request.
    pub async fn look_up_wrapping(&self, token: &Secret) -> Result<Option<WrappingInfo>> {
        let mut body = Zeroizing::new(Vec::with_capacity(
            6 * token.expose(WayOut::TokenHeader).len() + 16,
        ));
        body.extend_from_slice(b"{\"token\":");
        serde_json::to_writer(&mut *body, token.expose(WayOut::TokenHeader))
            .map_err(|_| self.bad("the token has no JSON form"))?;
        body.push(b'}');
        let reply = self
            .call(
                Call::put("sys/wrapping/lookup", body)
                    .without_token()
                    .repeated(Repeat::Always),
            )
            .await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Data<WrappingInfo>>()?.data)),
            400 if reply.has_error_with("wrapping token is not valid") => Ok(None),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Unwraps the values. This client's own token must be the wrapping token, which the request
    /// uses up. `None` has the same meaning as for [`Client::look_up_wrapping`].
    ///
    /// # Errors
    /// As for every request. After an error, look the token up to find out whether it was used up.
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
            400 if reply.has_error_with("wrapping token is not valid") => Ok(None),
            _ => Err(unexpected(&reply)),
        }
    }
}
