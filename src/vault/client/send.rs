//! Sends a request to one node and follows its redirects.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use url::Url;

use super::cluster::Node;
use super::http::{retry_after, url_and_host};
use super::origin::{host_and_port, is_pasteable};
use super::{Call, Client};
use crate::error::{Error, Result};
use crate::secret::WayOut;
use crate::vault::reply::VaultReply;

const MAX_REDIRECTS: u32 = 5;

/// A request without a usable response.
pub(super) struct Unsent {
    pub(super) error: Error,
    /// Whether Vault may have received and carried out the request.
    pub(super) may_have_run: bool,
    /// Whether a node redirected the request to another one.
    pub(super) is_redirected: bool,
}

impl Client {
    /// Sends a call once. Follows redirects to the same origin and to trusted hosts, with the same
    /// method and body. All other redirects are refused, even without a token: the request may
    /// carry a login's code and nonce. Also returns the pause that the server asks for.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        node: &Node,
    ) -> std::result::Result<(VaultReply, Option<Duration>), Unsent> {
        let end = Instant::now() + self.cluster.patience.left();
        let mut node = node.clone();
        let mut url = node.url(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        for redirects in 0..=MAX_REDIRECTS {
            // A standby also redirects if the leader died while it carried out the request.
            let unsent = |error, may_have_run| Unsent {
                error,
                may_have_run: may_have_run || redirects > 0,
                is_redirected: redirects > 0,
            };
            let response = self
                .request(call, &node, &url)
                .map_err(|error| unsent(error, false))?
                .timeout(end.saturating_duration_since(Instant::now()))
                .send()
                .await
                .map_err(|error| {
                    let may_have_run = !error.is_connect();
                    unsent(self.transport(&node, error), may_have_run)
                })?;
            if !matches!(
                response.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            ) {
                let after = retry_after(&response);
                let received = self.receive(&node, response).await;
                let mut reply = received.map_err(|error| unsent(error, true))?;
                reply.was_redirected = redirects > 0;
                return Ok((reply, after));
            }
            let target = self
                .redirect_target(&response, &url)
                .map_err(|error| unsent(error, true))?;
            if target == url {
                // A standby whose leader has the name of all nodes.
                return Err(Unsent {
                    error: self.unreachable("its cluster has no active node"),
                    may_have_run: true,
                    is_redirected: true,
                });
            }
            url = target;
            // The path of the configured address is already part of the URL.
            if url.origin() != node.base.origin() {
                let mut base = url.clone();
                base.set_path("/");
                base.set_query(None);
                node = Node { base, pinned: None };
            }
        }
        Err(Unsent {
            error: self.bad("it redirects too many times"),
            may_have_run: true,
            is_redirected: true,
        })
    }

    /// The URL that a response redirects to, if the token may go there.
    fn redirect_target(&self, response: &reqwest::Response, url: &Url) -> Result<Url> {
        let target = response
            .headers()
            .get(reqwest::header::LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(|location| url.join(location).ok())
            .filter(is_pasteable)
            .ok_or_else(|| self.bad("it redirects without a usable Location"))?;
        if self.may_have_token(&target) {
            Ok(target)
        } else {
            Err(Error::ForeignRedirect {
                address: self.address(),
                target: host_and_port(&target),
            })
        }
    }

    fn request(&self, call: &Call<'_>, node: &Node, url: &Url) -> Result<reqwest::RequestBuilder> {
        let (url, host) = url_and_host(self.settings(), url)?;
        // Vault Agent and Vault Proxy require this header if `require_request_header` is set.
        let mut request = self
            .cluster
            .http(node)?
            .request(call.method.clone(), url)
            .header("X-Vault-Request", "true");
        if let Some(host) = host {
            request = request.header(reqwest::header::HOST, host);
        }
        if let Some(namespace) = &self.settings().namespace {
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
}
