//! History, deletion and rollback of a service. Replies contain names only: whether a value differs
//! between two versions is for the person only, so a rollback writes a version even if nothing
//! differs.

mod history;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool};
use crate::approval::Approver;
use crate::core::delete::{DeleteReply, DeleteRequest, delete, delete_keys};
use crate::core::rollback::{RollbackRequest, rollback};
use crate::core::{Core, change::ChangeReply, get as getting};
use crate::mcp::public::{Name, Setting, public_reply};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::names::{Key, PublicName, Service};
pub(in crate::mcp) use history::History;

public_reply! {
    /// The outcome of a deletion.
    pub(in crate::mcp) struct DeletedReply {
        /// The service
        service: Service,
        /// Its path in Vault: MOUNT/PREFIX/SERVICE
        path: Setting,
        /// Whether the whole service was deleted, or only keys
        whole_service: bool,
        /// The deleted version; if only keys were deleted, the new version without them
        version: u64,
        /// True if the audit log could not be written afterwards
        unlogged: Option<bool>,
    }

    /// A new version with the content of an old one. Names only: whether a value differs is for the
    /// person only.
    pub(in crate::mcp) struct RollbackReply {
        /// The service
        service: Service,
        /// Its path in Vault: MOUNT/PREFIX/SERVICE
        path: Setting,
        /// The new version
        version: u64,
        /// Keys that were restored
        added: Vec<Name>,
        /// Keys that were removed
        removed: Vec<Name>,
        /// How many more keys were restored or removed, whose names are not shown
        unnamed: u64,
        /// True if the audit log could not be written afterwards
        unlogged: Option<bool>,
    }
}

/// Arguments of `vault_delete`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct DeleteArguments {
    /// The service: one secret of KV version 2, such as jellyfin
    service: Service,
    /// Only these keys; the whole service if neither keys nor entries are given
    keys: Option<Vec<Key>>,
    /// Only the entries with these numbers, whose names are not shown; needs version
    entries: Option<Vec<u64>>,
    /// The version that the entry numbers refer to
    version: Option<u64>,
    /// The token from approval_pending, to wait for that approval
    #[allow(dead_code, reason = "with_person reads it from the sent arguments")]
    approval_token: Option<String>,
}

/// `vault_delete`
pub(in crate::mcp) struct Delete;

impl Tool for Delete {
    const TITLE: &'static str = "Delete secrets in Vault";
    const DESCRIPTION: &'static str = "Delete keys of a service in Vault, or the whole service. Older versions keep what was deleted: \
        vault_rollback restores keys, and only the user can restore a whole service. A person must approve each deletion on a page in \
        their browser. Until then the tool returns approval_pending with an approval_token: call again with it and the same arguments.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    type Arguments = DeleteArguments;
    type Reply = DeletedReply;

    async fn run(
        context: Context<'_>,
        arguments: DeleteArguments,
    ) -> Result<Outcome<DeletedReply>, Refusal> {
        let (state, core) = (context.state.clone(), context.state.core());
        let DeleteArguments {
            service,
            keys,
            entries,
            version,
            ..
        } = arguments;
        let (keys, entries) = (keys.unwrap_or_default(), entries.unwrap_or_default());
        let mut names: BTreeSet<String> = keys.iter().map(Key::to_string).collect();
        match version {
            Some(version) if !entries.is_empty() => {
                names.extend(keys_of(&state, &core, &service, version, &entries).await?);
            }
            None if entries.is_empty() => {}
            Some(_) | None => {
                return Err(Refusal::argument(
                    "entries need version, and version needs entries",
                    &[],
                    "for example entries [3] with version 2",
                ));
            }
        }
        context
            .with_person(
                move |person| async move { deleted(&core, &service, names, &person).await },
            )
            .await
    }
}

/// The keys with these numbers in a version.
async fn keys_of(
    state: &ServerState,
    core: &Core,
    service: &Service,
    version: u64,
    entries: &[u64],
) -> Result<Vec<String>, Refusal> {
    let request = getting::GetRequest {
        service: service.clone(),
        keys: Vec::new(),
        version: Some(version),
    };
    let reply = getting::get(core, &request).await?;
    let keys = state.in_order(service, reply.version, reply.secrets.keys());
    let of = |entry: &u64| {
        let at = usize::try_from(*entry).ok()?.checked_sub(1)?;
        // A key whose name is shown must be given by its name.
        keys.get(at)
            .filter(|(name, _)| name.is_none())
            .map(|(_, key)| (*key).clone())
    };
    let none = || {
        Refusal::new(
            "not_found",
            "that version has no such entry",
            "vault_list shows the entries of the newest version",
        )
    };
    entries
        .iter()
        .map(of)
        .collect::<Option<Vec<String>>>()
        .ok_or_else(none)
}

async fn deleted(
    core: &Core,
    service: &Service,
    names: BTreeSet<String>,
    person: &impl Approver,
) -> Result<DeletedReply, Refusal> {
    if names.is_empty() {
        let request = DeleteRequest {
            service: service.clone(),
            keys: Vec::new(),
            destroy: false,
            all_versions: false,
            dry_run: false,
        };
        return match delete(core, &request, person, |_| Ok(())).await? {
            DeleteReply::Service(reply) => Ok(DeletedReply {
                service: reply.service,
                path: Setting::new(&reply.path),
                whole_service: true,
                version: reply.version,
                unlogged: reply.unlogged.map(|_| true),
            }),
            DeleteReply::Keys(reply) => Ok(without_keys(reply)),
        };
    }
    let keys: Vec<String> = names.into_iter().collect();
    Ok(without_keys(
        delete_keys(
            core,
            service,
            false,
            person,
            |_| Ok(()),
            |_| Ok(keys.clone()),
        )
        .await?,
    ))
}

fn without_keys(reply: ChangeReply) -> DeletedReply {
    DeletedReply {
        service: reply.service,
        path: Setting::new(&reply.path),
        whole_service: false,
        version: reply.version,
        unlogged: reply.unlogged.map(|_| true),
    }
}

/// Arguments of `vault_rollback`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct RollbackArguments {
    /// The service: one secret of KV version 2, such as jellyfin
    service: Service,
    /// The old version whose content the new version gets
    #[cfg_attr(test, schemars(range(min = 1)))]
    version: u64,
    /// The token from approval_pending, to wait for that approval
    #[allow(dead_code, reason = "with_person reads it from the sent arguments")]
    approval_token: Option<String>,
}

/// `vault_rollback`
pub(in crate::mcp) struct Rollback;

impl Tool for Rollback {
    const TITLE: &'static str = "Roll a secret in Vault back";
    const DESCRIPTION: &'static str = "Write a new version of a service in Vault with the content of an older one; vault_history lists the \
        versions. A person must approve it on a page in their browser. Until then the tool returns approval_pending with an \
        approval_token: call again with it and the same arguments.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    type Arguments = RollbackArguments;
    type Reply = RollbackReply;

    async fn run(
        context: Context<'_>,
        arguments: RollbackArguments,
    ) -> Result<Outcome<RollbackReply>, Refusal> {
        let core = context.state.core();
        let RollbackArguments {
            service, version, ..
        } = arguments;
        if version == 0 {
            return Err(Refusal::argument(
                "version must be 1 or greater",
                &[],
                "vault_history shows the versions",
            ));
        }
        let request = RollbackRequest {
            service,
            version,
            dry_run: false,
        };
        let work = move |person| async move {
            Ok(rolled_back(
                rollback(&core, &request, &person, |_| Ok(())).await?,
            ))
        };
        context.with_person(work).await
    }
}

fn rolled_back(reply: ChangeReply) -> RollbackReply {
    let public = |keys: &[String]| -> Vec<Name> {
        keys.iter()
            .filter_map(|key| PublicName::of_stored_key(key))
            .map(|name| Name::from(&name))
            .collect()
    };
    let (added, removed) = (public(&reply.added), public(&reply.removed));
    let unnamed = reply.added.len() + reply.removed.len() - added.len() - removed.len();
    RollbackReply {
        service: reply.service,
        path: Setting::new(&reply.path),
        version: reply.version,
        added,
        removed,
        unnamed: unnamed as u64,
        unlogged: reply.unlogged.map(|_| true),
    }
}
