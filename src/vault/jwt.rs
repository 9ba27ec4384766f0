//! The login protocol of Vault's `jwt` method. An identity provider has signed the person in; this
//! program sends its ID token to Vault
//! (<https://developer.hashicorp.com/vault/api-docs/auth/jwt#jwt-login>).

use serde_json::json;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::login_error::{missing_method, refused};
use super::token::{Auth, Granted};
use crate::error::Result;
use crate::secret::{Secret, WayOut};

impl Client {
    /// Exchanges an identity provider's ID token for a Vault token (POST `auth/MOUNT/login`).
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with Vault's reason and a hint.
    pub async fn jwt_login(
        &self,
        mount: &str,
        role: Option<&str>,
        id_token: &Secret,
    ) -> Result<Granted> {
        let id_token = id_token.expose(WayOut::LoginRequest);
        let body = Zeroizing::new(
            json!({ "role": role.unwrap_or_default(), "jwt": id_token })
                .to_string()
                .into_bytes(),
        );
        let path = format!("auth/{mount}/login");
        let reply = self
            .call(Call::put(&path, body).without_token())
            .await
            .map_err(|error| missing_method(error, "JWT", mount))?;
        match reply.status {
            200 => Ok(reply.parse::<Auth>()?.auth),
            _ => Err(refused(&reply, mount, &[id_token])),
        }
    }
}
