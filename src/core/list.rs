//! `list`: the services, or one service's keys. Never a value.

use serde::Serialize;

use super::{Core, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Service, printable};
use crate::vault::{Client, Stored};

/// What to list.
#[derive(clap::Args)]
pub struct Request {
    /// A service, to see its keys; without one, all services
    pub service: Option<Service>,
}

/// Services or keys.
#[derive(Serialize, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Reply {
    /// Without a service.
    Services {
        /// `MOUNT/PREFIX`.
        path: String,
        /// Their names, sorted.
        services: Vec<Service>,
        /// How many names that no service can have lie beside them.
        others: usize,
        /// What to know.
        warnings: Vec<String>,
    },
    /// With a service.
    Keys {
        /// The service.
        service: Service,
        /// Its current version.
        version: u64,
        /// When its first version was written, RFC 3339.
        created: String,
        /// When this version was written, RFC 3339.
        updated: String,
        /// Its keys, sorted.
        keys: Vec<String>,
        /// What to know.
        warnings: Vec<String>,
    },
}

/// Lists.
///
/// # Errors
/// [`crate::error::Error::NotFound`] for a service that is not there, and Vault's refusals.
pub async fn list(core: &Core, request: &Request) -> Result<Reply> {
    let vault = core.vault()?;
    let outcome = match &request.service {
        None => services(core, &vault).await,
        Some(service) => keys(&vault, service).await,
    };
    let count = |reply: &Reply| match reply {
        Reply::Services { services, .. } => format!("{} services", services.len()),
        Reply::Keys { keys, .. } => format!("{} keys", keys.len()),
    };
    let (mut reply, unlogged) = core.audited(Action::List, request.service.as_ref(), outcome, count).await?;
    match &mut reply {
        Reply::Services { warnings, .. } | Reply::Keys { warnings, .. } => warnings.extend(unlogged),
    }
    Ok(reply)
}

async fn services(core: &Core, vault: &Client) -> Result<Reply> {
    let listing = vault.list_services().await?;
    let mut warnings = Vec::new();
    match listing.unlisted {
        0 => {}
        1 => warnings.push("1 folder is not listed: the policy forbids it".to_owned()),
        many => warnings.push(format!("{many} folders are not listed: the policy forbids it")),
    }
    Ok(Reply::Services { path: core.services_path(), services: listing.services, others: listing.others, warnings })
}

async fn keys(vault: &Client, service: &Service) -> Result<Reply> {
    let (secrets, version, created) = match vault.read_service(service, None).await? {
        Stored::Present { secrets, version, created } => (secrets, version, created),
        Stored::Deleted { version, is_destroyed } => {
            return Err(Error::Deleted { service: service.to_string(), version, is_newest: true, is_destroyed });
        }
        Stored::Absent => return Err(no_service(service)),
    };
    // The history is a path of its own, which a policy may deny: then this version's time serves.
    let first =
        vault.read_metadata(service).await.ok().flatten().map_or_else(|| created.clone(), |metadata| metadata.created_time);
    Ok(Reply::Keys {
        service: service.clone(),
        version,
        created: printable(&first, false),
        updated: printable(&created, false),
        keys: secrets.keys().cloned().collect(),
        warnings: Vec::new(),
    })
}
