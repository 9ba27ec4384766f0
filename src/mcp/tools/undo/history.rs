//! `vault_history`: the versions of a service, and the names of the keys that each changed.

use serde::Deserialize;

use crate::core::history::{self, HistoryRequest, VersionStatus as VersionState};
use crate::mcp::public::{PublicEntry, Time, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::mcp::tools::secrets::named;
use crate::mcp::tools::{Context, Hints, Outcome, Tool};
use crate::names::Service;

/// Arguments of `vault_history`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct HistoryArguments {
    /// The service: one secret of KV version 2, such as jellyfin
    service: Service,
}

public_words! {
    /// Whether a version can be read.
    pub(in crate::mcp) enum Readable {
        /// It can be read.
        Live,
        /// It was deleted, but the user can undelete it.
        Deleted,
        /// Its values are permanently destroyed.
        Destroyed,
    }
}

public_reply! {
    /// The versions of a service.
    pub(in crate::mcp) struct HistoryReply {
        /// The service
        service: Service,
        /// The newest version
        current: u64,
        /// The versions that Vault still keeps, newest first
        versions: Vec<VersionEntry>,
    }

    /// A version.
    pub(in crate::mcp) struct VersionEntry {
        /// Its number
        version: u64,
        /// When it was written, RFC 3339
        created: Option<Time>,
        /// Whether it can be read
        state: Readable,
        /// Keys that the previous version did not have; absent if either version cannot be read.
        /// Entry numbers are those of this version
        added: Option<Vec<PublicEntry>>,
        /// Keys that only the previous version had. Entry numbers are those of that version
        removed: Option<Vec<PublicEntry>>,
    }
}

/// `vault_history`
pub(in crate::mcp) struct History;

impl Tool for History {
    const TITLE: &'static str = "Show the history of a secret in Vault";
    const DESCRIPTION: &'static str = "Show the versions of a service in Vault: when each was written, whether it was deleted, and which \
        keys were added and removed. Never values, and never whether a value changed.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = HistoryArguments;
    type Reply = HistoryReply;

    async fn run(
        context: Context<'_>,
        arguments: HistoryArguments,
    ) -> Result<Outcome<HistoryReply>, Refusal> {
        let (state, core) = (context.state, context.state.core());
        let found = history::history(
            &core,
            &HistoryRequest {
                service: arguments.service,
            },
        )
        .await?;
        Ok(Outcome::Done(history_reply(state, &found)))
    }
}

fn history_reply(state: &ServerState, found: &history::HistoryReply) -> HistoryReply {
    let held = |number: u64| {
        found
            .versions
            .iter()
            .find(|version| version.version == number)
            .and_then(|one| one.secrets.as_ref())
    };
    let versions = found.versions.iter().map(|version| {
        let entries = |of: u64, wanted: &[String]| -> Vec<PublicEntry> {
            let keys = held(of)
                .map(|secrets| state.in_order(&found.service, of, secrets.keys()))
                .unwrap_or_default();
            let numbered = keys
                .into_iter()
                .enumerate()
                .filter(|(_, (_, key))| wanted.contains(key));
            numbered
                .map(|(at, (name, _))| named(at + 1, name))
                .collect()
        };
        VersionEntry {
            version: version.version,
            created: Time::parse(&version.created),
            state: match version.state {
                VersionState::Live => Readable::Live,
                VersionState::Deleted => Readable::Deleted,
                VersionState::Destroyed => Readable::Destroyed,
            },
            added: version
                .keys
                .as_ref()
                .map(|keys| entries(version.version, &keys.added)),
            removed: version
                .keys
                .as_ref()
                .map(|keys| entries(version.version.saturating_sub(1), &keys.removed)),
        }
    });
    HistoryReply {
        service: found.service.clone(),
        current: found.current,
        versions: versions.collect(),
    }
}
