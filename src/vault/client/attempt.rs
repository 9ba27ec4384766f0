//! One attempt of a call: chooses the node, sends the request, and classifies a failure.

use std::time::{Duration, Instant};

use url::Url;

use super::cluster::{Found, Node};
use super::failure::{Cause, Failure};
use super::origin::host_and_port;
use super::send::Unsent;
use super::{Call, Client, Repeat};
use crate::error::Error;
use crate::vault::reply::VaultReply;
use crate::vault::token::unexpected;

/// Whether reads at a node must be current.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The node must be the active one, before and after the read.
    Active,
    /// Any node will do, or there is only one.
    Any,
}

impl Client {
    /// Sends a call to one node and interprets the response.
    pub(super) async fn attempt(
        &self,
        call: &Call<'_>,
        last_failure: Instant,
    ) -> std::result::Result<VaultReply, Failure> {
        let (node, role) = self.node(call, last_failure).await?;
        // Whether a request that goes to any address of the name hangs is a guess.
        let may_abort = call.repeat == Repeat::Always || node != self.cluster.home();
        let sent = tokio::select! {
            sent = self.send(call, &node) => sent,
            () = self.cluster.another_took_over(&node), if may_abort => {
                Err(Unsent {
                    error: self.unreachable("it stopped answering"),
                    may_have_run: true,
                    is_redirected: false,
                })
            }
        };
        let (reply, after) = match sent {
            Ok(sent) => sent,
            Err(unsent) => return Err(self.failed(unsent, &node).await),
        };
        if let Some(cause) = self.temporary_cause(call, &reply, after, &node) {
            if matches!(cause, Cause::NodeDown | Cause::NoLeader | Cause::Busy(None)) {
                self.cluster.forget(&node);
            }
            return Err(Failure {
                cause,
                // The node that redirected may have carried it out.
                may_have_run: reply.was_redirected || !Failure::is_untouched(&reply),
                error: match self.interpret(call, reply, &node).await {
                    Ok(reply) => unexpected(&reply),
                    Err(error) => error,
                },
            });
        }
        let reply = self
            .interpret(call, reply, &node)
            .await
            .map_err(Failure::last)?;
        let is_read = call.method == reqwest::Method::GET;
        if role == Role::Active && is_read && !self.is_still_active(&node).await {
            self.cluster.forget(&node);
            return Err(self.no_leader());
        }
        Ok(reply)
    }

    /// Whether `node`, which was active before a read, is still active after it.
    async fn is_still_active(&self, node: &Node) -> bool {
        let answer = self.cluster.leader(node).await;
        answer.is_some_and(|(leader, _)| leader.ha_enabled && leader.is_self)
    }

    /// The node that a call goes to.
    async fn node(
        &self,
        call: &Call<'_>,
        last_failure: Instant,
    ) -> std::result::Result<(Node, Role), Failure> {
        self.cluster.confirm_address().await;
        let known = if self.at_active {
            self.cluster.found()
        } else {
            self.cluster.any_node().map(Found::Single)
        };
        let found = match known {
            Some(found) => found,
            None => self.cluster.search(last_failure).await,
        };
        let (node, role) = match found {
            Found::Active(node) if self.at_active => (node, Role::Active),
            // A standby that forwards is the best there is if the active node is not trusted.
            Found::Active(node) | Found::Single(node) | Found::Standby(node) => (node, Role::Any),
            // A read that decides nothing needs no leader.
            Found::NoLeader if self.at_active || call.method != reqwest::Method::GET => {
                return Err(self.no_leader());
            }
            Found::Nobody if self.at_active && self.cluster.has_several_addresses() => {
                return Err(self.no_answer().await);
            }
            Found::NoLeader | Found::Nobody => (self.cluster.home(), Role::Any),
        };
        if self.may_have_token(&node.base) {
            Ok((node, role))
        } else {
            Ok((self.cluster.home(), Role::Any))
        }
    }

    /// The failure if no node says who leads, with the reason that the configured address gives.
    async fn no_answer(&self) -> Failure {
        let home = self.cluster.home();
        let question = Call::get("sys/leader").without_token();
        match self.send(&question, &home).await {
            Err(unsent) => Failure {
                may_have_run: false,
                ..self.failed(unsent, &home).await
            },
            Ok(_) => Failure {
                error: self.unreachable("none of its addresses says which node is active"),
                may_have_run: false,
                cause: Cause::NodeDown,
            },
        }
    }

    fn no_leader(&self) -> Failure {
        Failure {
            error: self.unreachable("its cluster has no active node"),
            may_have_run: false,
            cause: Cause::NoLeader,
        }
    }

    /// The failure of a call that got no usable response from `node`.
    async fn failed(&self, unsent: Unsent, node: &Node) -> Failure {
        self.cluster.forget(node);
        let cause = if let Error::ForeignRedirect { target, .. } = &unsent.error {
            // A standby answered, so the leader that it redirects to is gone or not trusted.
            if self.cluster.has_several_addresses() {
                Cause::NodeDown
            } else if self.is_led_by(node, target).await {
                Cause::Redirected
            } else {
                Cause::Final
            }
        } else if matches!(
            unsent.error,
            Error::BadReply { .. } | Error::Certificate { .. } | Error::WrongScheme { .. }
        ) && self.cluster.has_several_addresses()
        {
            // Another address may be Vault's.
            Cause::Busy(None)
        } else if !matches!(unsent.error, Error::Unreachable { .. }) {
            Cause::Final
        } else if unsent.is_redirected {
            Cause::NoLeader
        } else {
            Cause::NodeDown
        };
        Failure {
            error: unsent.error,
            may_have_run: unsent.may_have_run,
            cause,
        }
    }

    /// Whether `node` is a standby of the leader at `target`, so that a redirect there can end with
    /// an election.
    async fn is_led_by(&self, node: &Node, target: &str) -> bool {
        let answer = self.cluster.leader(node).await;
        answer.is_some_and(|(leader, _)| {
            let address = Url::parse(&leader.leader_address);
            leader.ha_enabled
                && !leader.is_self
                && (leader.leader_address.is_empty()
                    || address.is_ok_and(|address| host_and_port(&address) == *target))
        })
    }

    /// What to wait for after this response of `node`; `None` if it is not temporary.
    fn temporary_cause(
        &self,
        call: &Call<'_>,
        reply: &VaultReply,
        after: Option<Duration>,
        node: &Node,
    ) -> Option<Cause> {
        // The only node there is does not unseal itself.
        let is_alone = !self.cluster.has_several_addresses() && *node == self.cluster.home();
        let cause = match (call.path, reply.status) {
            // This request returns the state of the node.
            ("sys/health", 501 | 503) => Some(Cause::NodeDown),
            _ => Failure::cause_of(reply, after),
        };
        cause.filter(|cause| !(is_alone && *cause == Cause::NodeDown))
    }

    pub(super) fn unreachable(&self, reason: &str) -> Error {
        Error::Unreachable {
            address: self.address(),
            reason: reason.to_owned(),
        }
    }
}
