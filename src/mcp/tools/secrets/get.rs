//! `vault_get`: the secrets of a service, as handles.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::named;
use crate::approval::Approver;
use crate::config::Mode;
use crate::core::entries::HiddenValue;
use crate::core::plan::{Disclosure, Plan};
use crate::core::{Core, get as getting};
use crate::mcp::handles::{HandleOrigin, HandlePlace};
use crate::mcp::public::{ClearValue, Name, PublicEntry, Time, public_reply};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::mcp::tools::{Context, Hints, Outcome, Tool};
use crate::names::{Key, Service};
use crate::secret::Value;

/// Arguments of `vault_get`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct GetArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// One key, instead of all
    key: Option<Key>,
    /// The number of one entry whose name is not shown, instead of all; needs version
    entry: Option<u64>,
    /// An older version of the service
    version: Option<u64>,
}

public_reply! {
    /// A version of a service.
    pub(in crate::mcp) struct GetReply {
        /// The service
        service: Service,
        /// Its version
        version: u64,
        /// When the version was written, RFC 3339
        created: Option<Time>,
        /// Its keys, sorted, each with a handle for its value
        keys: Vec<PublicEntry>,
    }
}

/// `vault_get`
pub(in crate::mcp) struct Get;

impl Tool for Get {
    const TITLE: &'static str = "Get a service's secrets as handles";
    const DESCRIPTION: &'static str = "Get a service's secrets. Values are not shown: each value is replaced by a handle (@token-…), which \
        vault_set and a template of vault_inject accept in place of the value. To pass values to a program, use vault_inject.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = GetArguments;
    type Reply = GetReply;

    async fn run(
        context: Context<'_>,
        arguments: GetArguments,
    ) -> Result<Outcome<GetReply>, Refusal> {
        if arguments.entry.is_some() && (arguments.version.is_none() || arguments.key.is_some()) {
            return Err(Refusal::argument(
                "entry needs version, and cannot be combined with key",
                &[],
                "for example entry 3 with version 2",
            ));
        }
        let (state, core) = (context.state.clone(), context.state.core());
        context
            .with_person(move |person| async move { get(&state, &core, &arguments, &person).await })
            .await
    }
}

async fn get(
    state: &ServerState,
    core: &Core,
    arguments: &GetArguments,
    person: &impl Approver,
) -> Result<GetReply, Refusal> {
    let GetArguments {
        service,
        key,
        entry,
        version,
    } = arguments;
    let request = getting::GetRequest {
        service: service.clone(),
        keys: key.iter().map(Key::to_string).collect(),
        version: *version,
    };
    let reply = getting::get(core, &request).await?;
    let is_wanted = |number: usize| entry.is_none_or(|entry| entry == number as u64);
    let keys = state.in_order(service, reply.version, reply.secrets.keys());
    let numbered = keys
        .into_iter()
        .enumerate()
        .map(|(at, (name, key))| (at + 1, name, key));
    let wanted: Vec<(usize, Option<Name>, &String)> =
        numbered.filter(|(number, ..)| is_wanted(*number)).collect();
    if wanted.is_empty() && entry.is_some() {
        return Err(Refusal::new(
            "not_found",
            "that version has no such entry",
            "vault_get without entry shows all entries",
        ));
    }
    let shown = show_allowed(core, service, &wanted, &reply.secrets, person).await?;
    let mut keys = Vec::new();
    for (number, name, key) in wanted {
        let plain = named(number, name);
        keys.push(match (shown.get(key), reply.secrets.get(key)) {
            (Some(value), _) => PublicEntry {
                value: Some(ClearValue::allowed_by_config(value.secret())),
                ..plain
            },
            (None, Some(value)) => {
                let origin = origin(service, reply.version, key);
                state.entry(
                    number,
                    plain.name,
                    origin,
                    &HiddenValue::Value(value.clone()),
                )?
            }
            (None, None) => plain,
        });
    }
    Ok(GetReply {
        service: service.clone(),
        version: reply.version,
        created: Time::parse(&reply.created),
        keys,
    })
}

/// Where the value of a handle comes from.
fn origin(service: &Service, version: u64, key: &str) -> HandleOrigin {
    HandleOrigin {
        place: HandlePlace::Version {
            service: service.to_string(),
            version,
        },
        key: key.to_owned(),
    }
}

/// The wanted values that the person's config lets the model see. If the config demands it, the
/// person must approve first.
async fn show_allowed(
    core: &Core,
    service: &Service,
    wanted: &[(usize, Option<Name>, &String)],
    secrets: &BTreeMap<String, Value>,
    person: &impl Approver,
) -> Result<BTreeMap<String, Value>, Refusal> {
    let may_show = |key: &str| {
        core.settings.mode == Mode::Plaintext || core.settings.is_plain_key(service.as_str(), key)
    };
    let to_show: BTreeMap<String, Value> = wanted
        .iter()
        .filter(|(_, _, key)| may_show(key))
        .filter_map(|(_, _, key)| Some(((*key).clone(), secrets.get(*key)?.clone())))
        .collect();
    if to_show.is_empty() {
        return Ok(to_show);
    }
    let approved = Plan::new(Disclosure::new(core, service, to_show))
        .approve(core, person)
        .await?;
    Ok(approved.commit(core, person).await?.done)
}
