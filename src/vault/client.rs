//! The HTTP client. It is built on first use, limits the size of responses, and follows redirects
//! itself.

mod call;
mod http;
mod origin;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use url::Url;

use super::reply::VaultReply;
use crate::config::{Settings, lists_host};
use crate::error::{Error, Result, ServerText};
use crate::secret::{Secret, WayOut};
pub(crate) use call::Call;
pub use http::MAX_BODY;
pub(crate) use http::apply_proxy;
use http::retry_after;
use origin::{host_and_port, host_port, is_pasteable};
pub(crate) use origin::{is_loopback, origin};

/// The pause before a request to a KV mount that is still being set up is repeated.
const STARTING: Duration = Duration::from_millis(200);
const MAX_REDIRECTS: u32 = 5;

/// A Vault server and, if there is a session, its token.
pub struct Client {
    settings: Settings,
    base: Url,
    token: Option<Secret>,
    http: OnceLock<reqwest::Client>,
    /// Whether the token goes only to this origin, even if the settings trust other hosts.
    own_origin_only: bool,
}

impl Client {
    /// A client for the configured address. Cheap: the HTTP client is built on the first request.
    ///
    /// # Errors
    /// [`Error::NoAddress`] without an address; [`Error::InsecureHttp`] if a token would travel
    /// unencrypted.
    pub fn new(settings: &Settings, token: Option<Secret>) -> Result<Self> {
        Self::at(settings, settings.address()?.clone(), token)
    }

    fn at(settings: &Settings, base: Url, token: Option<Secret>) -> Result<Self> {
        // The rule covers requests without a token too: a login's code and nonce are also secret.
        if base.scheme() == "http" && !is_loopback(&base) && !settings.insecure_http {
            return Err(Error::InsecureHttp {
                address: origin(&base),
            });
        }
        Ok(Self {
            settings: settings.clone(),
            base,
            token,
            http: OnceLock::new(),
            own_origin_only: false,
        })
    }

    /// A client for the same address with another token. This token is never sent to a redirect
    /// target on another origin or to another node.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_token(&self, token: Secret) -> Result<Self> {
        Ok(Self {
            own_origin_only: true,
            ..Self::at(&self.settings, self.base.clone(), Some(token))?
        })
    }

    /// A client with the same token for another node, if that node is trusted with the token.
    pub(super) fn at_node(&self, address: &Url) -> Option<Self> {
        self.may_have_token(address)
            .then(|| Self::at(&self.settings, address.clone(), self.token.clone()).ok())?
    }

    /// Scheme, host and port of the server, for messages.
    #[must_use]
    pub fn address(&self) -> String {
        origin(&self.base)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a call. If the server fails, a read is retried at most `max_retries` times, within the
    /// client's timeout.
    /// Responses with status 200 to 299, 400 and 404 are returned as a [`VaultReply`]; most other
    /// statuses become the matching error.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<VaultReply> {
        let reads = call.method == Method::GET;
        let deadline = Instant::now() + self.settings.timeout;
        let mut attempt = 0;
        loop {
            let sent = self.send(&call, deadline).await;
            // The KV mount was just created and is not ready. Vault did nothing, so repeating is
            // safe even for a write.
            let starting = matches!(&sent, Ok((reply, _)) if reply.status == 400 && reply.has_error_with("Upgrading from non-versioned"));
            if starting && Instant::now() + STARTING < deadline {
                tokio::time::sleep(STARTING).await;
                continue;
            }
            let (wait, outcome) = match sent {
                Ok((reply, wait)) if reply.status >= 500 || reply.status == 429 => {
                    (wait, self.interpret(&call, reply).await)
                }
                Ok((reply, _)) => return self.interpret(&call, reply).await,
                Err(error) => (None, Err(error)),
            };
            let is_temporary = matches!(
                outcome,
                Err(Error::Server { .. } | Error::Unreachable { .. })
            );
            let pause = wait.unwrap_or(Duration::from_millis(100 << attempt.min(6)));
            let in_time = Instant::now() + pause < deadline;
            if !(reads && is_temporary && in_time && attempt < self.settings.max_retries) {
                return outcome;
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn interpret(&self, call: &Call<'_>, reply: VaultReply) -> Result<VaultReply> {
        match reply.status {
            200..=299 | 404 => Ok(reply),
            400 if reply
                .body
                .starts_with(b"Client sent an HTTP request to an HTTPS server") =>
            {
                Err(Error::WrongScheme {
                    address: self.address(),
                    expected: "http",
                })
            }
            400 if reply.has_error_with("namespace not found") => Err(namespace_missing()),
            400 => Ok(reply),
            // The look-up in `forbidden` would use up a single-use wrapping token.
            403 if call.path == "sys/wrapping/unwrap" => Err(Error::Forbidden {
                operation: call.operation,
                path: call.path.to_owned(),
            }),
            403 if call.with_token => Err(self.forbidden(call).await),
            501 | 503 if call.path == "sys/health" => Ok(reply),
            503 if reply.has_error_with("sealed") => Err(Error::Sealed {
                address: self.address(),
            }),
            status => Err(Error::Server {
                status,
                text: ServerText::known(&reply.errors()),
            }),
        }
    }

    /// Finds the cause of a 403: an invalid token or a policy. The text of the 403 is the same for
    /// both, so the token is looked up. Every valid token may look itself up, unless a policy
    /// forbids that too; Vault words that refusal differently from the one for an invalid token.
    async fn forbidden(&self, call: &Call<'_>) -> Error {
        match self
            .send(
                &Call::get("auth/token/lookup-self"),
                Instant::now() + self.settings.timeout,
            )
            .await
        {
            Err(error) => error,
            Ok((reply, _))
                if reply.status == 403
                    && !reply.has_error_with("1 error occurred:\n\t* permission denied") =>
            {
                Error::SessionExpired
            }
            Ok(_) => Error::Forbidden {
                operation: call.operation,
                path: call.path.to_owned(),
            },
        }
    }

    /// Sends a call once. Follows redirects to the same origin and to trusted hosts, with the same
    /// method and body. All other redirects are refused, even without a token: the request may
    /// carry a login's code and nonce.
    async fn send(
        &self,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<(VaultReply, Option<Duration>)> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/v1/{}",
            self.base.path().trim_end_matches('/'),
            call.path
        ));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        for _ in 0..=MAX_REDIRECTS {
            let left = deadline.saturating_duration_since(Instant::now());
            let response = self
                .request(call, &url)?
                .timeout(left)
                .send()
                .await
                .map_err(|error| self.transport(error))?;
            let status = response.status();
            if !matches!(
                status,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            ) {
                let wait = retry_after(&response);
                return Ok((self.receive(response).await?, wait));
            }
            let target = response
                .headers()
                .get(reqwest::header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok())
                .filter(is_pasteable)
                .ok_or_else(|| self.bad("it redirects without a usable Location"))?;
            if !self.may_have_token(&target) {
                return Err(Error::ForeignRedirect {
                    address: self.address(),
                    target: host_and_port(&target),
                });
            }
            url = target;
        }
        Err(self.bad("it redirects too many times"))
    }

    fn request(&self, call: &Call<'_>, url: &Url) -> Result<reqwest::RequestBuilder> {
        let mut url = url.clone();
        let mut host = None;
        if let (Some(name), "https") = (&self.settings.tls.server_name, url.scheme()) {
            host = Some(host_port(&url));
            url.set_host(Some(name)).map_err(|_| {
                Error::invalid(
                    "VAULT_TLS_SERVER_NAME is not a host name",
                    "unset VAULT_TLS_SERVER_NAME",
                )
            })?;
        }
        // Vault Agent and Vault Proxy require this header if `require_request_header` is set.
        let mut request = self
            .http()?
            .request(call.method.clone(), url)
            .header("X-Vault-Request", "true");
        if let Some(host) = host {
            request = request.header(reqwest::header::HOST, host);
        }
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if call.with_token {
            let token = self.token.as_ref().ok_or(Error::NoSession)?;
            let mut header = reqwest::header::HeaderValue::from_str(
                token.expose(WayOut::TokenHeader),
            )
            .map_err(|_| {
                Error::invalid(
                    "VAULT_TOKEN contains characters that are not valid in a token",
                    "source claude-vault login",
                )
            })?;
            header.set_sensitive(true);
            request = request.header("X-Vault-Token", header);
        }
        if let Some(seconds) = call.wrap_ttl {
            request = request.header("X-Vault-Wrap-TTL", seconds);
        }
        Ok(match &call.body {
            Some(body) => request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone()),
            None => request,
        })
    }

    pub(super) fn bad(&self, reason: &'static str) -> Error {
        Error::BadReply {
            address: self.address(),
            reason,
        }
    }

    /// Whether a request may be sent to this address. It must have the same origin (scheme, host,
    /// port; RFC 6454), or the person must list its host in `trusted_hosts`, with or without the
    /// port. A change from https to http is never allowed.
    fn may_have_token(&self, target: &Url) -> bool {
        if self.own_origin_only {
            return target.origin() == self.base.origin();
        }
        let is_downgrade = self.base.scheme() == "https" && target.scheme() != "https";
        let web = matches!(target.scheme(), "http" | "https");
        let in_clear =
            target.scheme() == "http" && !is_loopback(target) && !self.settings.insecure_http;
        let is_trusted = target.origin() == self.base.origin()
            || lists_host(&self.settings.trusted_hosts, target);
        web && is_trusted && !is_downgrade && !in_clear
    }
}

pub(super) fn namespace_missing() -> Error {
    Error::NotFound {
        missing: None,
        what: "the namespace".into(),
        hint: "check VAULT_NAMESPACE".into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::{Env, Global};

    #[test]
    fn only_the_same_origin_and_trusted_hosts_may_have_the_token() {
        let client = |address: &str, trusted: &str| {
            let none = ("CLAUDE_VAULT_CONFIG".to_owned(), "/dev/null".into());
            let variables = [
                none,
                ("CLAUDE_VAULT_TRUSTED_HOSTS".to_owned(), trusted.into()),
                ("HOME".to_owned(), "/".into()),
            ];
            let address = Global {
                address: Some(address.to_owned()),
                ..Global::default()
            };
            Client::new(
                &Settings::load(&address, &Env::from_iter(variables)).unwrap(),
                None,
            )
            .unwrap()
        };
        let may = |from: &str, trusted: &str, to: &str| {
            client(from, trusted).may_have_token(&to.parse().unwrap())
        };
        for same in ["https://v.example/v1/x", "https://V.example:443/"] {
            assert!(may("https://v.example", "", same), "{same}");
        }
        for other in [
            "https://v.example:8200/",
            "http://v.example:443/",
            "https://v.example.evil/",
            "https://w.example/",
        ] {
            assert!(!may("https://v.example", "", other), "{other}");
        }
        assert!(may(
            "https://v.example",
            "w.example",
            "https://w.example:8200/"
        ));
        assert!(may(
            "https://v.example",
            "w.example:8200",
            "https://w.example:8200/"
        ));
        assert!(!may(
            "https://v.example",
            "w.example:8200",
            "https://w.example/"
        ));
        // Never from https to http, even to a trusted host; plain http on this machine only.
        assert!(!may("https://localhost", "localhost", "http://localhost/"));
        assert!(!may(
            "http://127.0.0.1:8200",
            "w.example",
            "http://w.example/"
        ));
        assert!(may(
            "http://127.0.0.1:8200",
            "127.0.0.1",
            "http://127.0.0.1:8202/"
        ));
    }
}
