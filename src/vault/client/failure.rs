//! Failed attempts: whether Vault may have carried out the request, and what to wait for.

use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::patience::backoff;
use crate::error::Error;
use crate::vault::reply::VaultReply;

/// The pause before a request to a KV mount that is still being set up is repeated.
const STARTING: Duration = Duration::from_millis(200);
/// How long redirects to an untrusted active node are waited out. A standby redirects to a dead
/// leader until another node leads, which was measured to take up to 19 seconds. After that, the
/// cluster does not forward requests.
const REDIRECT_PATIENCE: Duration = Duration::from_secs(25);

/// A failed attempt to send a request.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether Vault may have carried out the request all the same.
    pub(super) may_have_run: bool,
    pub(super) cause: Cause,
}

/// What a repetition has to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// Repeating does not help.
    Final,
    /// The KV mount was just created and is not ready.
    Starting,
    /// The server is overloaded or fails. It may say how long to wait.
    Busy(Option<Duration>),
    /// This node is sealed, unreachable or no longer answers.
    NodeDown,
    /// The cluster elects a new leader.
    NoLeader,
    /// A standby redirects to a leader that is not trusted with the token.
    Redirected,
}

impl Failure {
    pub(super) fn last(error: Error) -> Self {
        Self {
            error,
            may_have_run: false,
            cause: Cause::Final,
        }
    }

    /// The cause of a status that stands for a temporary failure; `None` for every other status.
    pub(super) fn cause_of(reply: &VaultReply, after: Option<Duration>) -> Option<Cause> {
        match reply.status {
            400 if reply.has_error_with("Upgrading from non-versioned") => Some(Cause::Starting),
            // 412: the node lacks a state that this request requires. 429: a quota.
            412 | 429 => Some(Cause::Busy(after)),
            501 => None,
            500 if has_no_leader(reply) => Some(Cause::NoLeader),
            503 if reply.has_error_with("sealed") => Some(Cause::NodeDown),
            500.. => Some(Cause::Busy(after)),
            _ => None,
        }
    }

    /// Whether a status proves that Vault did not carry out the request.
    pub(super) fn is_untouched(reply: &VaultReply) -> bool {
        match reply.status {
            400 | 412 | 429 => true,
            500 if has_no_leader(reply) => true,
            503 => reply.has_error_with("sealed"),
            _ => false,
        }
    }
}

/// Whether a standby says that it could not forward the request.
fn has_no_leader(reply: &VaultReply) -> bool {
    reply.has_error_with("active cluster node not found")
}

/// The attempts of one call.
pub(super) struct Attempts {
    /// Of any cause; decides the pause.
    failed: u32,
    /// Of causes whose number is limited.
    limited: u32,
    first_redirect: Option<Instant>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            failed: 0,
            limited: 0,
            first_redirect: None,
        }
    }

    /// Waits until the request may be sent again. Returns `false` if it may not be.
    ///
    /// `VAULT_MAX_RETRIES` limits the attempts at a server that fails, as for `vault`; 0 means that
    /// nothing is repeated. While other nodes answer, the cluster is alive, and only the timeout
    /// limits the wait.
    pub(super) async fn wait(&mut self, cause: Cause, cluster: &Cluster) -> bool {
        let retries = cluster.settings.max_retries;
        let is_allowed = match cause {
            Cause::Final => false,
            Cause::Starting => true,
            Cause::Busy(_) => self.limited < retries,
            Cause::NodeDown => retries > 0 && (self.limited < retries || cluster.any_answers()),
            Cause::NoLeader => retries > 0,
            Cause::Redirected => {
                let first = *self.first_redirect.get_or_insert_with(Instant::now);
                retries > 0 && first.elapsed() < REDIRECT_PATIENCE
            }
        };
        if !is_allowed {
            return false;
        }
        let pause = match cause {
            Cause::Starting => STARTING,
            Cause::Busy(Some(after)) => after,
            Cause::Final
            | Cause::Busy(None)
            | Cause::NodeDown
            | Cause::NoLeader
            | Cause::Redirected => backoff(self.failed),
        };
        self.failed += 1;
        self.limited += u32::from(matches!(cause, Cause::Busy(_) | Cause::NodeDown));
        cluster.patience.pause(pause, &cluster.address()).await
    }
}
