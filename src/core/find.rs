//! `find`: finds services and keys by name, or keys by value. The result contains only names.

use serde::Serialize;

use super::work::sweep;
use super::{Audience, Core};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Pattern, PublicName, Service};
use crate::secret::Secret;
use crate::vault::{Client, ServiceSummary, Stored};

/// What to look for.
pub enum FindRequest {
    /// Services and keys whose names match.
    Name(Pattern),
    /// Keys whose value is exactly one of these texts. The comparison happens on this machine.
    Value(Vec<Secret>),
}

/// A matching service or key.
#[derive(Serialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The service.
    pub service: Service,
    /// The key; `None` if the service itself matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The result of a search.
#[derive(Serialize, Debug)]
pub struct FindReply {
    /// `MOUNT/PREFIX`.
    pub path: String,
    /// The matches, sorted.
    pub matches: Vec<Match>,
    /// The number of services that were searched.
    pub searched: usize,
    /// The number of deleted services, which have no keys.
    pub deleted: usize,
    /// The number of services and folders that the policy forbids reading.
    pub forbidden: usize,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

impl FindReply {
    /// Adds the matching keys of a service; `None` if it is deleted.
    fn take(&mut self, service: &Service, keys: Option<Vec<String>>) {
        let Some(keys) = keys else {
            self.deleted += 1;
            return;
        };
        self.searched += 1;
        self.matches.extend(keys.into_iter().map(|key| Match {
            service: service.clone(),
            key: Some(key),
        }));
    }
}

/// Searches every service. Services that are deleted or may not be read are counted.
///
/// # Errors
/// [`Error::UnderAgent`] for a search by value whose result a model would see, and errors from
/// Vault.
pub async fn find(core: &Core, request: &FindRequest) -> Result<FindReply> {
    let by_value = matches!(request, FindRequest::Value(_));
    if by_value && (core.settings.agent.is_some() || core.audience == Audience::Model) {
        return Err(Error::UnderAgent {
            what: "find --value",
        });
    }
    // The log never contains the pattern or the value, because either may be a secret.
    let details = |reply: &FindReply| {
        // The number of equal values is left out too: an assistant can read the log.
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
    let mut take = |service, keys| reply.take(&service, keys);
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
    reply.warnings.extend(forbidden_warning(reply.forbidden));
    Ok(reply)
}

fn forbidden_warning(forbidden: usize) -> Option<String> {
    match forbidden {
        0 => None,
        1 => Some("1 service could not be read: the policy forbids it".to_owned()),
        many => Some(format!(
            "{many} services could not be read: the policy forbids it"
        )),
    }
}

/// The matching keys of a service; `None` if it is deleted. A model gets only keys that it could
/// also list: otherwise it could guess a hidden name letter by letter with patterns.
async fn names(
    vault: &Client,
    service: Service,
    pattern: &Pattern,
    for_model: bool,
) -> (Service, Result<Option<Vec<String>>>) {
    let fits = |key: &String| {
        pattern.matches(key) && (!for_model || PublicName::of_stored_key(key).is_some())
    };
    let looked = vault.read_summary(&service).await.map(|look| match look {
        Some(ServiceSummary {
            keys: Some(keys), ..
        }) => Some(keys.into_iter().filter(fits).collect()),
        Some(ServiceSummary { keys: None, .. }) | None => None,
    });
    (service, looked)
}

/// The keys of a service whose value is one of the texts. Every value is compared with every text,
/// in constant time.
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
