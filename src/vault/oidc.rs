//! The login protocol of Vault's `oidc` method: Vault is the relying party, this program carries
//! the address to the browser and the answer back
//! (<https://developer.hashicorp.com/vault/api-docs/auth/jwt#oidc-authorization-url-request>).

use serde::Deserialize;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::reply::{Reply, ServerText};
use super::token::{Auth, Granted};
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};

/// Where the browser must go, and how its return is known.
pub struct AuthUrl {
    /// The identity provider's page.
    pub url: Url,
    /// What the callback must carry.
    pub state: String,
}

/// What the browser brought back.
pub struct Callback {
    /// As in [`AuthUrl`].
    pub state: String,
    /// The one-time code.
    pub code: Secret,
}

#[derive(Deserialize)]
struct Data {
    data: Inner,
}

#[derive(Deserialize)]
struct Inner {
    auth_url: String,
}

impl Client {
    /// Asks Vault where the person signs in (PUT `auth/MOUNT/oidc/auth_url`).
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with Vault's reason and what to change.
    pub async fn auth_url(&self, mount: &str, role: Option<&str>, redirect_uri: &str, nonce: &Secret) -> Result<AuthUrl> {
        let body = json!({
            "role": role.unwrap_or_default(),
            "redirect_uri": redirect_uri,
            "client_nonce": nonce.expose(WayOut::LoginRequest),
        });
        let path = format!("auth/{mount}/oidc/auth_url");
        let call = Call::put(&path, Zeroizing::new(body.to_string().into_bytes())).without_token();
        let reply = self.call(call).await.map_err(|error| missing_method(error, mount))?;
        if reply.status != 200 {
            return Err(refused(&reply, mount, &[nonce.expose(WayOut::LoginRequest)]));
        }
        let address = reply.parse::<Data>()?.data.auth_url;
        if address.is_empty() {
            return Err(Error::LoginFailed {
                reason: "Vault does not allow this program's callback for the role".into(),
                hint: format!(
                    "whoever runs Vault must add {redirect_uri} to the allowed_redirect_uris of the role in auth/{mount}"
                ),
            });
        }
        let url = Url::parse(&address).map_err(|_| self.bad("the login address is not a URL"))?;
        let state = url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
        match state {
            Some(state) if state.len() >= 8 && matches!(url.scheme(), "http" | "https") => Ok(AuthUrl { url, state }),
            _ => Err(self.bad("the login address carries no state")),
        }
    }

    /// Trades the browser's answer for a token (GET `auth/MOUNT/oidc/callback`).
    ///
    /// # Errors
    /// [`Error::LoginFailed`]; `Ok(None)` when Vault has lost the login's state, as after a
    /// failover, and the login must start over.
    pub async fn finish_oidc(&self, mount: &str, callback: &Callback, nonce: &Secret) -> Result<Option<Granted>> {
        let (code, nonce) = (callback.code.expose(WayOut::LoginRequest), nonce.expose(WayOut::LoginRequest));
        let path = format!("auth/{mount}/oidc/callback");
        let query = vec![("state", callback.state.as_str()), ("code", code), ("client_nonce", nonce)];
        let reply = self.call(Call::get(&path).without_token().query(query)).await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Auth>()?.auth)),
            400 if reply.says("Expired or missing OAuth state") => Ok(None),
            _ => Err(refused(&reply, mount, &[code, nonce, &callback.state])),
        }
    }
}

/// An unmounted method is a bare 403, since the request carries no token.
fn missing_method(error: Error, mount: &str) -> Error {
    match error {
        Error::Server { status: 403, .. } => Error::LoginFailed {
            reason: format!("there is no OIDC login at auth/{mount}"),
            hint: "name where it is: --auth-mount PATH   (vault auth list shows them)".into(),
        },
        other => other,
    }
}

fn refused(reply: &Reply, mount: &str, sent: &[&str]) -> Error {
    let text = ServerText::scrubbed(&reply.errors(), sent);
    let said = text.as_str();
    let hint = if said.contains("role") && said.contains("could not be found") {
        "name a role of yours: --role NAME   (or CLAUDE_VAULT_ROLE)".into()
    } else if said.contains("claim") {
        "the identity provider knows you, but the role wants other claims: ask for the group or role it names".into()
    } else if said.contains("missing role") {
        "Vault has no default role: name one with --role NAME".into()
    } else if said.contains("could not load configuration") {
        format!("the method is not configured: vault write auth/{mount}/config oidc_discovery_url=…")
    } else {
        "try again; if it stays, Vault's own log says more".into()
    };
    let reason = if said.is_empty() { format!("Vault answered {}", reply.status) } else { said.to_owned() };
    Error::LoginFailed { reason, hint }
}
