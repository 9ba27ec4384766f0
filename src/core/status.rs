//! `status`: who is logged in, for how long, and what can be seen.

use serde::Serialize;

use super::Core;
use super::approve::strength;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Service, printable};

/// Below this many seconds the session's end is near.
pub const SOON: u64 = 300;

/// The session.
#[derive(Serialize, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reply {
    /// Vault's address.
    pub address: String,
    /// The context in use, if there is one.
    pub context: Option<String>,
    /// The namespace, if one is used.
    pub namespace: Option<String>,
    /// Vault's version.
    pub version: String,
    /// The name Vault shows for the person.
    pub user: String,
    /// The identity entity, if there is one.
    pub entity: Option<String>,
    /// The policies, those of the entity included.
    pub policies: Vec<String>,
    /// Seconds until the session ends; null for a token that never expires.
    pub seconds_left: Option<u64>,
    /// Whether the services can be listed.
    pub read_access: bool,
    /// Whether this session could write services by itself; absent when Vault does not tell.
    pub write_access: Option<bool>,
    /// How many services there are, where they can be listed.
    pub services: Option<usize>,
    /// `MOUNT/PREFIX`, where they lie.
    pub path: String,
    /// How a person approves a change: typed, passkey or step-up; or why nobody can.
    pub approval: String,
    /// What to know before going on.
    pub warnings: Vec<String>,
}

/// Asks Vault about the session.
///
/// # Errors
/// [`Error::NoSession`], [`Error::SessionExpired`], and what keeps Vault from answering.
pub async fn status(core: &Core) -> Result<Reply> {
    let (mut reply, unlogged) = core
        .audited(Action::SessionCheck, None, look(core).await, |reply| {
            format!("user {}", reply.user)
        })
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn look(core: &Core) -> Result<Reply> {
    let session = core.session()?;
    let vault = core.vault()?;
    let version = vault.health().await?;
    let token = vault.look_up_token().await?;
    let mut warnings = Vec::new();
    let services = match vault.list_services().await {
        Ok(listing) => Some(listing.services.len()),
        Err(Error::Forbidden { .. }) => None,
        Err(error @ (Error::NotFound { .. } | Error::KvVersion1 { .. })) => {
            warnings.push(error.to_string());
            None
        }
        Err(error) => return Err(error),
    };
    let write_access = vault.may_change(&Service::probe()?).await.ok();
    if write_access == Some(true) && core.settings.write_role.is_some() {
        warnings.push(
            "this session can write without approval although write_role is set: remove create \
             and update from its policy"
                .into(),
        );
    }
    let seconds_left = [session.seconds_left(), token.seconds_left()]
        .into_iter()
        .flatten()
        .min();
    if let Some(left) = seconds_left.filter(|left| *left < SOON) {
        warnings.push(format!("the session ends in {left} seconds: sign in again"));
    }
    Ok(Reply {
        address: vault.address(),
        context: core.settings.context.as_ref().map(|used| used.name.clone()),
        namespace: core.settings.namespace.clone(),
        version,
        user: printable(&token.display_name, false),
        entity: Some(printable(&token.entity_id, false)).filter(|id| !id.is_empty()),
        policies: token.policies(),
        seconds_left,
        read_access: services.is_some(),
        write_access,
        services,
        path: core.services_path(),
        approval: strength(core)
            .map_or_else(|error| error.to_string(), |proof| proof.word().to_owned()),
        warnings,
    })
}
