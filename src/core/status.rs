//! `status`: who is logged in, for how long, and with which access.

use serde::Serialize;

use super::Core;
use super::approve::strength;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Service, printable};

/// `status` warns if the session ends in fewer than this many seconds.
pub const SOON: u64 = 300;

/// The current session and its access.
#[derive(Serialize, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionStatus {
    /// Vault's address.
    pub address: String,
    /// The context in use, if there is one.
    pub context: Option<String>,
    /// The namespace, if one is used.
    pub namespace: Option<String>,
    /// Vault's version.
    pub version: String,
    /// The display name that Vault has for the person.
    pub user: String,
    /// The id of the identity entity, if there is one.
    pub entity: Option<String>,
    /// The policies, including those of the entity.
    pub policies: Vec<String>,
    /// Seconds until the session ends; null for a token that never expires.
    pub seconds_left: Option<u64>,
    /// Whether the services can be listed.
    pub read_access: bool,
    /// Whether this session alone could write services; absent if Vault gives no answer.
    pub write_access: Option<bool>,
    /// The number of services; absent if they cannot be listed.
    pub services: Option<usize>,
    /// `MOUNT/PREFIX`, the path of the services.
    pub path: String,
    /// How a person approves a change: typed, passkey or step-up; or why approval is impossible.
    pub approval: String,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// Looks up the session in Vault.
///
/// # Errors
/// [`Error::NoSession`], [`Error::SessionExpired`], and errors from Vault.
pub async fn status(core: &Core) -> Result<SessionStatus> {
    let (mut reply, unlogged) = core
        .audited(Action::SessionCheck, None, look(core).await, |reply| {
            format!("user {}", reply.user)
        })
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn look(core: &Core) -> Result<SessionStatus> {
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
    Ok(SessionStatus {
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
