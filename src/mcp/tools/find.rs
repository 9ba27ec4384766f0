//! Finds services and keys in Vault by name.

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool};
use crate::core::find::{FindRequest, find};
use crate::mcp::public::{Name, public_reply};
use crate::mcp::refusal::Refusal;
use crate::names::{Pattern, PublicName, Service};

/// How many matches a reply has at most.
const MAX_MATCHES: usize = 500;

/// Arguments of `vault_find`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct FindArguments {
    /// A part of the name, or a pattern in which * stands for any text, such as *_PASSWORD or
    /// media/*; case is ignored
    #[cfg_attr(test, schemars(length(min = 1, max = 256)))]
    pattern: String,
}

public_reply! {
    /// A service or key whose name matches.
    pub(in crate::mcp) struct Found {
        /// The service
        service: Service,
        /// The key; absent if the name of the service itself matches
        key: Option<Name>,
    }

    /// The result of a search.
    pub(in crate::mcp) struct FindReply {
        /// The services and keys whose names match, sorted
        matches: Vec<Found>,
        /// How many more matches there are
        more: Option<u64>,
        /// How many services were searched
        searched: u64,
        /// How many services are deleted and therefore have no keys
        deleted: u64,
        /// How many services or folders the policy hides from this session
        forbidden: u64,
    }
}

/// `vault_find`
pub(in crate::mcp) struct Find;

impl Tool for Find {
    const TITLE: &'static str = "Find secrets in Vault by name";
    const DESCRIPTION: &'static str = "Find the services and keys in Vault whose names match a \
        pattern, over all services at once. Names only, never values.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = FindArguments;
    type Reply = FindReply;

    async fn run(
        context: Context<'_>,
        arguments: FindArguments,
    ) -> Result<Outcome<FindReply>, Refusal> {
        let too_long = |_| {
            Refusal::argument(
                "pattern must have 1 to 256 characters",
                &[],
                "call vault_find with a pattern such as *_PASSWORD",
            )
        };
        let pattern: Pattern = arguments.pattern.parse().map_err(too_long)?;
        let reply = find(&context.state.core(), &FindRequest::Name(pattern)).await?;
        let all = reply.matches.len();
        let found = reply
            .matches
            .into_iter()
            .take(MAX_MATCHES)
            .map(|one| Found {
                service: one.service,
                key: one
                    .key
                    .and_then(|key| PublicName::of_stored_key(&key))
                    .as_ref()
                    .map(Name::from),
            });
        Ok(Outcome::Done(FindReply {
            matches: found.collect(),
            more: all
                .checked_sub(MAX_MATCHES)
                .filter(|more| *more > 0)
                .map(|more| more as u64),
            searched: reply.searched as u64,
            deleted: reply.deleted as u64,
            forbidden: reply.forbidden as u64,
        }))
    }
}
