//! Tools for secrets in Vault: list them, get them as handles, and set them once a person has
//! approved.

mod get;
mod set;

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool};
use crate::core::list;
use crate::mcp::public::{Name, PublicEntry, Setting, Time, public_reply};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::{ServerState, Unresolved};
use crate::names::{Key, Service};
pub(in crate::mcp) use get::Get;
pub(in crate::mcp) use set::Set;

/// Arguments of `vault_list`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ListArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Option<Service>,
}

public_reply! {
    /// Services, or the keys of one service.
    pub(in crate::mcp) struct ListReply {
        /// The path of the services: MOUNT/PREFIX
        path: Option<Setting>,
        /// The services, sorted
        services: Option<Vec<Service>>,
        /// How many other names are in that path that are not valid service names
        others: Option<u64>,
        /// The service
        service: Option<Service>,
        /// Its current version
        version: Option<u64>,
        /// When its first version was written, RFC 3339
        created: Option<Time>,
        /// When this version was written, RFC 3339
        updated: Option<Time>,
        /// Its keys, sorted
        keys: Option<Vec<PublicEntry>>,
    }
}

/// `vault_list`
pub(in crate::mcp) struct List;

impl Tool for List {
    const TITLE: &'static str = "List secrets in Vault";
    const DESCRIPTION: &'static str = "List the services that have secrets in Vault, or the key \
        names of one service. Never values.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = ListArguments;
    type Reply = ListReply;

    async fn run(
        context: Context<'_>,
        arguments: ListArguments,
    ) -> Result<Outcome<ListReply>, Refusal> {
        Ok(Outcome::Done(
            listed(context.state, arguments.service).await?,
        ))
    }
}

/// Services, or the keys of one service: for `vault_list` and for resources.
pub(in crate::mcp) async fn listed(
    state: &ServerState,
    service: Option<Service>,
) -> Result<ListReply, Refusal> {
    let core = state.core();
    let nothing = ListReply {
        path: None,
        services: None,
        others: None,
        service: None,
        version: None,
        created: None,
        updated: None,
        keys: None,
    };
    let request = list::ListRequest {
        what: service.map(list::Selection::Service),
        ..list::ListRequest::default()
    };
    Ok(match list::list(&core, &request).await? {
        list::ListReply::Services {
            path,
            services,
            others,
            ..
        } => ListReply {
            path: Some(Setting::new(&path)),
            services: Some(services),
            others: Some(others as u64),
            ..nothing
        },
        list::ListReply::Keys {
            service,
            version,
            created,
            updated,
            keys,
            ..
        } => {
            let keys = state.in_order(&service, version, keys.iter());
            ListReply {
                keys: Some(
                    keys.into_iter()
                        .enumerate()
                        .map(|(at, (name, _))| named(at + 1, name))
                        .collect(),
                ),
                service: Some(service),
                version: Some(version),
                created: Time::parse(&created),
                updated: Time::parse(&updated),
                ..nothing
            }
        }
    })
}

/// The entry for a key in Vault: with its name, or with its number if this program would not write
/// a key of that name.
pub(super) fn named(number: usize, name: Option<Name>) -> PublicEntry {
    PublicEntry {
        entry: name.is_none().then_some(number as u64),
        name,
        handle: None,
        value: None,
    }
}

/// The refusal of a text that cannot stand for a value.
pub(super) fn unresolved(error: Unresolved, key: &Key) -> Refusal {
    match error {
        Unresolved::Unknown => Refusal::argument(
            "the handle for {} is unknown or has expired",
            &[key],
            "get a new one with vault_get or a scan",
        ),
        Unresolved::Inside => Refusal::argument(
            "the value of {} has a handle inside a longer text",
            &[key],
            "a handle must be the whole value",
        ),
    }
}
