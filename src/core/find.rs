//! `find`: services and keys by their names, or the keys that hold a value. It gives names only.

use serde::Serialize;

use super::work::sweep;
use super::{Audience, Core};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Pattern, PublicName, Service};
use crate::secret::Secret;
use crate::vault::{Client, Look, Stored};

/// What to look for.
pub enum FindRequest {
    /// Services and keys with such a name.
    Name(Pattern),
    /// Keys that hold one of these texts, exactly. They are compared on this machine.
    Value(Vec<Secret>),
}

/// A service whose name fits, or a key.
#[derive(Serialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The service.
    pub service: Service,
    /// The key; none where the service itself is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What was found.
#[derive(Serialize, Debug)]
pub struct FindReply {
    /// `MOUNT/PREFIX`.
    pub path: String,
    /// The matches, sorted.
    pub matches: Vec<Match>,
    /// How many services were looked into.
    pub searched: usize,
    /// How many services are deleted: they hold no keys now.
    pub deleted: usize,
    /// How many services, and folders of them, the policy hides.
    pub forbidden: usize,
    /// What to know.
    pub warnings: Vec<String>,
}

/// Looks into every service.
///
/// # Errors
/// [`Error::UnderAgent`] for a value where a model would learn of the answer; Vault's refusals. A
/// service that may not be read, or is deleted, is counted.
pub async fn find(core: &Core, request: &FindRequest) -> Result<FindReply> {
    let by_value = matches!(request, FindRequest::Value(_));
    if by_value && (core.settings.agent.is_some() || core.audience == Audience::Model) {
        return Err(Error::UnderAgent {
            what: "find --value",
        });
    }
    // Neither the pattern nor the value: either may be a secret.
    let details = |reply: &FindReply| {
        // Nor how many values are equal to it: an assistant can read the log.
        match by_value {
            true => format!("by value: {} services", reply.searched),
            false => {
                format!(
                    "by name: {} matches in {} services",
                    reply.matches.len(),
                    reply.searched
                )
            }
        }
    };
    let (mut reply, unlogged) = core
        .audited(Action::Find, None, look(core, request).await, details)
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn look(core: &Core, request: &FindRequest) -> Result<FindReply> {
    let vault = core.vault()?;
    let listing = vault.list_services().await?;
    let mut reply = FindReply {
        path: core.services_path(),
        matches: Vec::new(),
        searched: 0,
        deleted: 0,
        forbidden: listing.unlisted,
        warnings: Vec::new(),
    };
    let mut take = |service: Service, keys: Option<Vec<String>>| match keys {
        None => reply.deleted += 1,
        Some(keys) => {
            reply.searched += 1;
            reply.matches.extend(keys.into_iter().map(|key| Match {
                service: service.clone(),
                key: Some(key),
            }));
        }
    };
    let mut named = Vec::new();
    let forbidden = match request {
        FindRequest::Name(pattern) => {
            named.extend(
                listing
                    .services
                    .iter()
                    .filter(|service| pattern.matches(service.as_str()))
                    .cloned(),
            );
            let for_model = core.audience == Audience::Model;
            sweep(
                core,
                listing.services,
                |service| names(&vault, service, pattern, for_model),
                &mut take,
            )
            .await?
        }
        FindRequest::Value(wanted) => {
            sweep(
                core,
                listing.services,
                |service| holders(&vault, service, wanted),
                &mut take,
            )
            .await?
        }
    };
    reply.forbidden += forbidden;
    reply.matches.extend(
        named
            .into_iter()
            .map(|service| Match { service, key: None }),
    );
    reply.matches.sort_unstable();
    match reply.forbidden {
        0 => {}
        1 => reply
            .warnings
            .push("1 service could not be read: the policy forbids it".to_owned()),
        many => reply.warnings.push(format!(
            "{many} services could not be read: the policy forbids it"
        )),
    }
    Ok(reply)
}

/// The keys of a service whose names fit; `None` where it is deleted. A model learns of no key that
/// it could not list: whether a pattern fits another name would tell that name, letter by letter.
async fn names(
    vault: &Client,
    service: Service,
    pattern: &Pattern,
    for_model: bool,
) -> (Service, Result<Option<Vec<String>>>) {
    let fits = |key: &String| {
        pattern.matches(key) && (!for_model || PublicName::of_stored_key(key).is_some())
    };
    let looked = vault.look_at(&service).await.map(|look| match look {
        Some(Look {
            keys: Some(keys), ..
        }) => Some(keys.into_iter().filter(fits).collect()),
        Some(Look { keys: None, .. }) | None => None,
    });
    (service, looked)
}

/// The keys of a service that hold one of the texts. All of them are compared, in constant time.
async fn holders(
    vault: &Client,
    service: Service,
    wanted: &[Secret],
) -> (Service, Result<Option<Vec<String>>>) {
    let looked = vault
        .read_service(&service, None)
        .await
        .map(|stored| match stored {
            Stored::Present { secrets, .. } => {
                let holds = |held: &Secret| {
                    wanted
                        .iter()
                        .fold(false, |found, one| (one == held) | found)
                };
                Some(
                    secrets
                        .into_iter()
                        .filter(|(_, value)| holds(value.secret()))
                        .map(|(key, _)| key)
                        .collect(),
                )
            }
            Stored::Deleted { .. } | Stored::Absent => None,
        });
    (service, looked)
}
