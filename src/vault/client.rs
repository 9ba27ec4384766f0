//! The HTTP client. It is built on first use, limits the size of responses, follows redirects
//! itself, and goes on with another node if one fails.

mod attempt;
mod call;
mod cluster;
mod failure;
mod http;
mod origin;
mod patience;
mod send;

use std::sync::Arc;
use std::time::Instant;

use url::Url;

use super::reply::VaultReply;
use crate::config::Settings;
use crate::error::{Error, Result, ServerText};
use crate::secret::Secret;
pub(crate) use call::{Call, Repeat};
use cluster::{Cluster, Found, Node};
use failure::{Attempts, Cause};
pub use http::MAX_BODY;
pub(crate) use http::{apply_proxy, keep_local_names};
pub(crate) use origin::{is_loopback, origin};
pub use patience::{WaitNotice, on_wait};

/// A Vault server and, if there is a session, its token.
pub struct Client {
    cluster: Arc<Cluster>,
    token: Option<Secret>,
    /// Whether requests must go to the active node.
    at_active: bool,
    /// The only origins that the token goes to, even if the settings trust other hosts.
    bound: Option<Vec<url::Origin>>,
}

impl Client {
    /// A client for the configured address. Cheap: the HTTP client is built on the first request.
    ///
    /// # Errors
    /// [`Error::NoAddress`] without an address; [`Error::InsecureHttp`] if a token would travel
    /// unencrypted.
    pub fn new(settings: &Settings, token: Option<Secret>) -> Result<Self> {
        let home = settings.address()?.clone();
        // The rule covers requests without a token too: a login's code and nonce are also secret.
        if home.scheme() == "http" && !is_loopback(&home) && !settings.insecure_http {
            return Err(Error::InsecureHttp {
                address: origin(&home),
            });
        }
        Ok(Self {
            cluster: Arc::new(Cluster::new(settings.clone(), home)),
            token,
            at_active: false,
            bound: None,
        })
    }

    /// A client for the same server with another token. This token goes only to the configured
    /// origin and to the node that this client uses now, never to another host.
    #[must_use]
    pub fn with_token(&self, token: Secret) -> Self {
        let used = self.cluster.found();
        let used = used.as_ref().and_then(Found::node);
        let origins = [Some(&self.cluster.home), used.map(|node| &node.base)];
        let mut bound: Vec<_> = origins.into_iter().flatten().map(Url::origin).collect();
        bound.retain(|origin| self.bound.as_ref().is_none_or(|all| all.contains(origin)));
        Self {
            cluster: self.cluster.clone(),
            token: Some(token),
            at_active: self.at_active,
            bound: Some(bound),
        }
    }

    /// A client for the same server and token whose requests go to the active node, if this
    /// machine's settings allow its address: reads that decide about a change, and the change
    /// itself. An OpenBao standby answers reads from its own, possibly older state, and check-and-set
    /// with that state fails even without a conflict. No request is sent yet.
    #[must_use]
    pub fn at_active_node(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            token: self.token.clone(),
            at_active: true,
            bound: self.bound.clone(),
        }
    }

    /// Whether reads at the node in use are current: it is the active or only node
    /// (GET `sys/leader`). Without a usable response, the node counts as a standby.
    pub async fn is_active(&self) -> bool {
        matches!(
            self.cluster.search(Instant::now()).await,
            Found::Active(node) | Found::Single(node) if self.may_have_token(&node.base)
        )
    }

    /// Scheme, host and port of the server, for messages.
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.address()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.cluster.settings
    }

    /// Gives the whole timeout to the next operation of a process that runs several: a call of a
    /// tool, or a change after a person took their time.
    pub(crate) fn renew_timeout(&self) {
        self.cluster.patience.renew();
    }

    /// Waits before a change is looked for, or made, again; longer for each `attempt`. Returns
    /// `false` if the client's timeout does not allow it, or the settings allow no retries.
    pub(crate) async fn back_off(&self, attempt: u32) -> bool {
        if self.settings().max_retries == 0 {
            return false;
        }
        let pause = patience::backoff(attempt);
        self.cluster.patience.pause(pause, &self.address()).await
    }

    /// Sends a call. A temporary failure is waited out within the client's timeout, and the call is
    /// sent again if repeating it cannot do harm.
    /// Responses with status 200 to 299, 400 and 404 are returned as a [`VaultReply`]; most other
    /// statuses become the matching error.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<VaultReply> {
        let mut attempts = Attempts::new();
        let mut last_failure = Instant::now();
        loop {
            let start = Instant::now();
            let failure = match self.attempt(&call, last_failure).await {
                Ok(reply) => {
                    self.cluster.patience.spend_if_slow(start);
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            if failure.cause == Cause::Final {
                self.cluster.patience.spend_if_slow(start);
                return Err(failure.error);
            }
            self.cluster.patience.spend_since(start);
            last_failure = Instant::now();
            let is_harmless = match call.repeat {
                Repeat::Always => true,
                Repeat::UnlessRun => !failure.may_have_run,
                Repeat::Never => failure.cause == Cause::Starting,
            };
            if !(is_harmless && attempts.wait(failure.cause, &self.cluster).await) {
                return Err(failure.error);
            }
        }
    }

    async fn interpret(
        &self,
        call: &Call<'_>,
        reply: VaultReply,
        node: &Node,
    ) -> Result<VaultReply> {
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
            403 if call.with_token => Err(self.forbidden(call, node).await),
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
    async fn forbidden(&self, call: &Call<'_>, node: &Node) -> Error {
        match self.send(&Call::get("auth/token/lookup-self"), node).await {
            Err(unsent) => unsent.error,
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

    pub(super) fn bad(&self, reason: &'static str) -> Error {
        Error::BadReply {
            address: self.address(),
            reason,
        }
    }

    /// Whether a request of this client may be sent to this address.
    fn may_have_token(&self, target: &Url) -> bool {
        self.cluster.trusts(target)
            && (self.bound.as_ref()).is_none_or(|bound| bound.contains(&target.origin()))
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
