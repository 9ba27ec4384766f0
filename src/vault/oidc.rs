//! The login protocol of Vault's `oidc` method. Vault is the relying party; this program opens the
//! login URL in the browser and sends the answer back to Vault
//! (<https://developer.hashicorp.com/vault/api-docs/auth/jwt#oidc-authorization-url-request>).

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::client::{Call, Client, Repeat};
use super::login_error::{missing_method, refused};
use super::token::{Auth, Granted};
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};

/// The login URL for the browser, and the data that identifies the answer to it.
pub struct AuthUrl {
    /// The identity provider's page.
    pub url: Url,
    /// The state that the callback must carry, or that is sent when polling the server.
    pub state: String,
    /// The interval at which to poll the server. Set only if no callback comes to this machine
    /// (OpenBao's `direct` and `device`).
    pub poll_interval: Option<Duration>,
    /// The code that the page shows or asks for.
    pub user_code: Option<String>,
}

/// The server's reply to one poll about a login.
pub enum Polled {
    /// The person has signed in.
    Granted(Granted),
    /// The person has not signed in yet.
    Pending,
    /// The person has not signed in yet, and the polls are too frequent.
    SlowDown,
}

/// The parameters of the browser's callback.
pub struct Callback {
    /// The state from [`AuthUrl`].
    pub state: String,
    /// The one-time authorization code.
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

/// The poll interval in seconds, if the server sends one that cannot be parsed.
const POLL: u64 = 5;

impl Client {
    /// Requests the login URL from Vault (PUT `auth/MOUNT/oidc/auth_url`). `None` if the role does
    /// not allow the redirect.
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with Vault's reason and a hint.
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
        // A login that was started and forgotten has no effect.
        let call = Call::put(&path, Zeroizing::new(body.to_string().into_bytes()))
            .without_token()
            .repeated(Repeat::Always);
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
            return Err(self.bad("the login address has no usable state or is not http or https"));
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

    /// The server's own callback, to which the browser returns for a role in OpenBao's `direct`
    /// mode.
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
    /// [`Error::LoginFailed`] if the login was declined or took too long.
    pub async fn poll_oidc(&self, mount: &str, state: &str, nonce: &Secret) -> Result<Polled> {
        let nonce = nonce.expose(WayOut::LoginRequest);
        let body = json!({ "state": state, "client_nonce": nonce });
        let path = format!("auth/{mount}/oidc/poll");
        let reply = self
            .call(Call::put(&path, Zeroizing::new(body.to_string().into_bytes())).without_token())
            .await?;
        match reply.status {
            200 => Ok(Polled::Granted(reply.parse::<Auth>()?.auth)),
            400 if reply.has_error_with("authorization_pending") => Ok(Polled::Pending),
            400 if reply.has_error_with("slow_down") => Ok(Polled::SlowDown),
            _ => Err(refused(&reply, mount, &[nonce, state])),
        }
    }

    /// Exchanges the browser's callback for a Vault token (GET `auth/MOUNT/oidc/callback`).
    /// `Ok(None)` means that Vault has lost the login's state, for example after a failover, and
    /// the login must start over.
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with Vault's reason and a hint.
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
            // Vault accepts a state only once.
            .call(
                Call::get(&path)
                    .without_token()
                    .query(query)
                    .repeated(Repeat::UnlessRun),
            )
            .await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Auth>()?.auth)),
            400 if reply.has_error_with("Expired or missing OAuth state") => Ok(None),
            _ => Err(refused(&reply, mount, &[code, nonce, &callback.state])),
        }
    }
}

/// The error for a redirect URI that is missing from the role's `allowed_redirect_uris`.
#[must_use]
pub fn redirect_not_allowed(mount: &str, redirect_uri: &str) -> Error {
    Error::login_failed(
        "Vault does not allow this program's callback for the role",
        format!(
            "ask your Vault admin to add {redirect_uri} to the allowed_redirect_uris of the role \
             in auth/{mount}"
        ),
    )
}
