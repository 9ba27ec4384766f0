//! HTTP: sets up the connection, reads responses within limits, and explains failed exchanges.

use std::time::Duration;

use reqwest::redirect::Policy;
use url::Url;
use zeroize::Zeroizing;

use super::Client;
use super::origin::is_loopback;
use crate::config::{Proxy, Settings};
use crate::error::{Error, Result};
use crate::vault::reply::VaultReply;
use crate::vault::tls;

/// The largest response body that is accepted, in bytes. Vault limits a version to 1 MiB by
/// default; this leaves room for servers that are configured with a higher limit.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

impl Client {
    pub(super) fn http(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let host = self.base.host_str().unwrap_or_default();
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .user_agent(concat!("claude-vault/", env!("CARGO_PKG_VERSION")));
        builder = apply_proxy(builder, &self.settings, &self.base)?;
        builder = if self.base.scheme() == "https" {
            tls::apply(builder, &self.settings.tls, host)?
        } else {
            tls::apply_without_roots(builder)
        };
        let client = builder.build().map_err(|_| {
            Error::invalid(
                "TLS cannot be set up: no certificate authorities were found",
                "apt install ca-certificates   (or export VAULT_CACERT=FILE)",
            )
        })?;
        Ok(self.http.get_or_init(|| client))
    }

    /// Maps a failed exchange to an error. reqwest's own text is not used because it contains the
    /// URL.
    #[allow(clippy::needless_pass_by_value)] // for map_err
    pub(super) fn transport(&self, error: reqwest::Error) -> Error {
        let address = self.address();
        if let Some((reason, hint)) = tls::certificate_problem(&error) {
            return Error::Certificate {
                address,
                reason,
                hint,
            };
        }
        if tls::is_not_tls(&error) {
            return Error::WrongScheme {
                address,
                expected: "https",
            };
        }
        let reason = if error.is_timeout() {
            format!("no answer within {} s", self.settings.timeout.as_secs_f64())
        } else {
            match tls::io_reason(&error) {
                Some(reason) => reason,
                None if error.is_connect() => "the connection failed".into(),
                None => return self.bad("it is not HTTP, or it was cut off"),
            }
        };
        Error::Unreachable { address, reason }
    }

    /// Reads at most [`MAX_BODY`] bytes of the body, into memory that is overwritten when dropped.
    pub(super) async fn receive(&self, mut response: reqwest::Response) -> Result<VaultReply> {
        let status = response.status().as_u16();
        let announced =
            usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
        if announced > MAX_BODY {
            return Err(self.bad("it is larger than 16 MiB"));
        }
        let mut body = Zeroizing::new(Vec::with_capacity(announced.max(4096)));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.transport(error))?
        {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(self.bad("it is larger than 16 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(VaultReply {
            status,
            body,
            address: self.address(),
        })
    }
}

/// Applies the proxy settings for requests to `address`.
pub(crate) fn apply_proxy(
    builder: reqwest::ClientBuilder,
    settings: &Settings,
    address: &Url,
) -> Result<reqwest::ClientBuilder> {
    let proxy = match &settings.proxy {
        // As in Go's proxy rules, which users of the `vault` CLI know.
        _ if is_loopback(address) => return Ok(builder.no_proxy()),
        Proxy::Environment => return Ok(builder),
        Proxy::None => return Ok(builder.no_proxy()),
        Proxy::Through(proxy) => reqwest::Proxy::all(proxy.clone()),
    };
    let unusable = |_| {
        Error::invalid(
            "the proxy in the config cannot be used",
            "claude-vault config   (shows where it comes from)",
        )
    };
    Ok(builder.no_proxy().proxy(proxy.map_err(unusable)?))
}

pub(super) fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds: u64 = response
        .headers()
        .get(reqwest::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(10)))
}
