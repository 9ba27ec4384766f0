//! The HTTP client for the identity provider, for logins in which this program is the relying
//! party. It always verifies the provider's certificate, and it never sends Vault's client
//! certificate or token.

use std::time::Duration;

use reqwest::redirect::Policy;
use url::Url;

use crate::config::{Settings, Tls};
use crate::error::{Error, ForeignText, Result};
use crate::vault::{apply_proxy, is_loopback, keep_local_names, origin, tls};

/// The largest response body that is accepted, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client for one identity provider.
pub(in crate::login) struct ProviderClient {
    http: reqwest::Client,
    insecure_http: bool,
}

impl ProviderClient {
    /// Creates the client. It trusts the system's authorities and also `VAULT_CACERT` or
    /// `VAULT_CAPATH`, because a provider at home usually has its certificate from the same CA.
    ///
    /// # Errors
    /// [`Error::Invalid`] for certificates that cannot be read.
    pub(super) fn new(settings: &Settings, issuer: &Url) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .redirect(Policy::none()) // OpenID Connect Discovery 1.0, 4.2, allows no redirect
            .retry(reqwest::retry::never())
            .http1_only()
            .timeout(TIMEOUT)
            .user_agent(concat!("claude-vault/", env!("CARGO_PKG_VERSION")));
        let tls = Tls {
            ca_file: settings.tls.ca_file.clone(),
            ca_folder: settings.tls.ca_folder.clone(),
            ..Tls::default()
        };
        let builder = keep_local_names(apply_proxy(builder, settings, issuer)?);
        let builder = if issuer.scheme() == "https" {
            tls::add_roots(builder, &tls)?
        } else {
            tls::apply_without_roots(builder)
        };
        let http = builder.build().map_err(|_| {
            Error::invalid(
                "TLS cannot be set up: no certificate authorities were found",
                "apt install ca-certificates",
            )
        })?;
        Ok(Self {
            http,
            insecure_http: settings.insecure_http,
        })
    }

    /// Checks that an address from the provider may be opened: it must use https, or http on this
    /// machine. With `insecure_http`, http is allowed for every host.
    ///
    /// # Errors
    /// [`Error::LoginFailed`] if not.
    pub(super) fn may_go_to(&self, url: &Url) -> Result<()> {
        if url.scheme() == "https"
            || (url.scheme() == "http" && (is_loopback(url) || self.insecure_http))
        {
            return Ok(());
        }
        Err(failed(&format!("{} is not https", origin(url))))
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// [`Error::LoginFailed`] with the reason and the origin, but without the full URL.
    pub(super) async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>> {
        let request = reqwest::Request::try_from(request)
            .map_err(|_| failed("it names an invalid address"))?;
        let url = request.url().clone();
        self.may_go_to(&url)?;
        let mut response = self
            .http
            .execute(request)
            .await
            .map_err(|error| transport(&url, &error))?;
        let mut answer = http::Response::builder().status(response.status().as_u16());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| transport(&url, &error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(failed("its answer is larger than 1 MB"));
            }
            body.extend_from_slice(&chunk);
        }
        answer
            .body(body)
            .map_err(|_| failed("its answer is not HTTP"))
    }
}

/// The error for an identity provider that cannot be used, with the reason and a hint.
#[must_use]
pub(in crate::login) fn unusable(why: &str, hint: &str) -> Error {
    Error::LoginFailed {
        reason: "the identity provider cannot be used",
        said: ForeignText::new(why),
        hint: hint.into(),
    }
}

fn failed(reason: &str) -> Error {
    unusable(reason, "check the issuer: claude-vault config")
}

fn transport(url: &Url, error: &reqwest::Error) -> Error {
    let address = origin(url);
    if let Some((reason, _)) = tls::certificate_problem(error) {
        return Error::LoginFailed {
            reason: "the certificate of the identity provider is not trusted",
            said: ForeignText::new(&format!("{address}: {reason}")),
            hint: "export VAULT_CACERT=/path/to/ca.pem   (the CA that signed it, in addition to \
                the system's)"
                .into(),
        };
    }
    let reason = if error.is_timeout() {
        Some("no answer in time".to_owned())
    } else {
        tls::io_reason(error)
    };
    failed(&format!(
        "{address}: {}",
        reason.unwrap_or_else(|| "the connection failed".into())
    ))
}
