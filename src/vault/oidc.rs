//! The login protocol of Vault's `oidc` method: Vault is the relying party, this program carries
//! the address to the browser and the answer back
//! (<https://developer.hashicorp.com/vault/api-docs/auth/jwt#oidc-authorization-url-request>).

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::reply::Reply;
use super::token::{Auth, Granted};
use crate::error::{Error, Result, Said};
use crate::secret::{Secret, WayOut};

/// Where the browser must go, and how its return is known.
pub struct AuthUrl {
    /// The identity provider's page.
    pub url: Url,
    /// What the callback must carry, or the server is asked with.
    pub state: String,
    /// How often to ask the server, where nothing comes back here (OpenBao's `direct` and
    /// `device`).
    pub poll_interval: Option<Duration>,
    /// The code that the page shows or asks for.
    pub user_code: Option<String>,
}

/// What the server knows of a login that it watches over itself.
pub enum Polled {
    /// It is done.
    Granted(Granted),
    /// Not yet.
    Pending,
    /// Not yet, and it was asked too often.
    SlowDown,
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
    state: Option<String>,
    poll_interval: Option<String>,
    user_code: Option<String>,
}

/// Seconds between two looks, where the server names none that can be used.
const POLL: u64 = 5;

impl Client {
    /// Asks Vault where the person signs in (PUT `auth/MOUNT/oidc/auth_url`); `None` when the role
    /// does not allow the redirect.
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with Vault's reason and what to change.
    pub async fn auth_url(
        &self,
        mount: &str,
        role: Option<&str>,
        redirect_uri: &str,
        nonce: &Secret,
    ) -> Result<Option<AuthUrl>> {
        let body = json!({
            "role": role.unwrap_or_default(),
            "redirect_uri": redirect_uri,
            "client_nonce": nonce.expose(WayOut::LoginRequest),
        });
        let path = format!("auth/{mount}/oidc/auth_url");
        let call = Call::put(&path, Zeroizing::new(body.to_string().into_bytes())).without_token();
        let reply = self
            .call(call)
            .await
            .map_err(|error| missing_method(error, "OIDC", mount))?;
        if reply.status != 200 {
            return Err(refused(
                &reply,
                mount,
                &[nonce.expose(WayOut::LoginRequest)],
            ));
        }
        let data = reply.parse::<Data>()?.data;
        if data.auth_url.is_empty() {
            return Ok(None);
        }
        let url =
            Url::parse(&data.auth_url).map_err(|_| self.bad("the login address is not a URL"))?;
        let in_url = || {
            url.query_pairs()
                .find(|(name, _)| name == "state")
                .map(|(_, state)| state.into_owned())
        };
        let state = data.state.or_else(in_url).filter(|state| state.len() >= 8);
        let (Some(state), "http" | "https") = (state, url.scheme()) else {
            return Err(self.bad("the login address carries no state"));
        };
        let seconds = data
            .poll_interval
            .map(|text| text.parse().unwrap_or(POLL).clamp(1, 60));
        let user_code = data.user_code.or_else(|| {
            let found = url.query_pairs().find(|(name, _)| name == "user_code");
            found.map(|(_, code)| code.into_owned())
        });
        Ok(Some(AuthUrl {
            state,
            poll_interval: seconds.map(Duration::from_secs),
            user_code,
            url,
        }))
    }

    /// The server's own callback, which a role of OpenBao's mode `direct` comes back to.
    #[must_use]
    pub fn oidc_callback(&self, mount: &str) -> String {
        let settings = self.settings();
        let base = settings
            .address
            .as_ref()
            .map_or("", |url| url.as_str().trim_end_matches('/'));
        let namespace = settings
            .namespace
            .as_ref()
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        format!("{base}/v1/{namespace}auth/{mount}/oidc/callback")
    }

    /// Asks OpenBao whether the person has signed in (PUT `auth/MOUNT/oidc/poll`).
    ///
    /// # Errors
    /// [`Error::LoginFailed`] when it was declined or took too long.
    pub async fn poll_oidc(&self, mount: &str, state: &str, nonce: &Secret) -> Result<Polled> {
        let nonce = nonce.expose(WayOut::LoginRequest);
        let body = json!({ "state": state, "client_nonce": nonce });
        let path = format!("auth/{mount}/oidc/poll");
        let reply = self
            .call(Call::put(&path, Zeroizing::new(body.to_string().into_bytes())).without_token())
            .await?;
        match reply.status {
            200 => Ok(Polled::Granted(reply.parse::<Auth>()?.auth)),
            400 if reply.says("authorization_pending") => Ok(Polled::Pending),
            400 if reply.says("slow_down") => Ok(Polled::SlowDown),
            _ => Err(refused(&reply, mount, &[nonce, state])),
        }
    }

    /// Trades an identity provider's ID token for Vault's (POST `auth/MOUNT/login`).
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with Vault's reason and what to change.
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

    /// Trades the browser's answer for a token (GET `auth/MOUNT/oidc/callback`).
    ///
    /// # Errors
    /// [`Error::LoginFailed`]; `Ok(None)` when Vault has lost the login's state, as after a
    /// failover, and the login must start over.
    pub async fn finish_oidc(
        &self,
        mount: &str,
        callback: &Callback,
        nonce: &Secret,
    ) -> Result<Option<Granted>> {
        let (code, nonce) = (
            callback.code.expose(WayOut::LoginRequest),
            nonce.expose(WayOut::LoginRequest),
        );
        let path = format!("auth/{mount}/oidc/callback");
        let query = vec![
            ("state", callback.state.as_str()),
            ("code", code),
            ("client_nonce", nonce),
        ];
        let reply = self
            .call(Call::get(&path).without_token().query(query))
            .await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Auth>()?.auth)),
            400 if reply.says("Expired or missing OAuth state") => Ok(None),
            _ => Err(refused(&reply, mount, &[code, nonce, &callback.state])),
        }
    }
}

/// What a role's list of addresses lacks.
#[must_use]
pub fn redirect_not_allowed(mount: &str, redirect_uri: &str) -> Error {
    Error::login_failed(
        "Vault does not allow this program's callback for the role",
        format!(
            "whoever runs Vault must add {redirect_uri} to the allowed_redirect_uris of the role \
             in auth/{mount}"
        ),
    )
}

/// An unmounted method is a bare 403, since the request carries no token.
fn missing_method(error: Error, kind: &str, mount: &str) -> Error {
    match error {
        Error::Server { status: 403, .. } => Error::LoginFailed {
            reason: "Vault has no such login",
            said: Said::new(&format!("{kind} at auth/{mount}")),
            hint: "name where it is: --auth-mount PATH   (vault auth list shows them)".into(),
        },
        other => other,
    }
}

fn refused(reply: &Reply, mount: &str, sent: &[&str]) -> Error {
    let said = Said::scrubbed(&reply.errors(), sent);
    let hint = if said.mentions("(aud)") {
        format!("the role in auth/{mount} must have the client ID among its bound_audiences")
    } else if said.mentions("role") && said.mentions("could not be found") {
        "name a role of yours: --role NAME   (or CLAUDE_VAULT_ROLE)".into()
    } else if said.mentions("claim") {
        "the identity provider knows you, but the role wants other claims: ask for the group or \
         role it names"
            .into()
    } else if said.mentions("missing role") {
        "Vault has no default role: name one with --role NAME".into()
    } else if said.mentions("could not load configuration") {
        format!(
            "the method is not configured: vault write auth/{mount}/config oidc_discovery_url=…"
        )
    } else {
        "try again; if it stays, Vault's own log says more".into()
    };
    let nothing = said.for_person().is_empty();
    let said = if nothing {
        Said::new(&format!("status {}", reply.status))
    } else {
        said
    };
    Error::LoginFailed {
        reason: "Vault refused it",
        said,
        hint,
    }
}
