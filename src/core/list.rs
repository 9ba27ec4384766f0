//! `list`: the services, or the keys of one service. It never shows a value.

use std::str::FromStr;

use serde::Serialize;

use super::work::sweep;
use super::{Core, deleted_service, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Pattern, Service, printable};
use crate::vault::{Client, Listing, ServiceSummary};

/// The entry in a service's custom metadata for how often its values should be changed.
const ROTATE_AFTER: &str = "rotate_after";

/// What to list.
#[derive(clap::Args, Default)]
pub struct ListRequest {
    /// A service, to list its keys; a folder (media/) or pattern ('media/*'), to list services
    #[arg(id = "service", value_name = "SERVICE")]
    pub what: Option<Selection>,
    /// Show version, age, number of keys and rotation of each service
    #[arg(long, short)]
    pub long: bool,
    /// Only the services whose newest version is deleted
    #[arg(long)]
    pub deleted: bool,
}

/// Which services to list.
#[derive(Clone)]
pub enum Selection {
    /// This service.
    Service(Service),
    /// The services in this folder.
    Folder(Service),
    /// The services whose whole name matches.
    Matching(Pattern),
}

impl Selection {
    /// Whether the selection includes this service.
    #[must_use]
    pub fn contains(&self, service: &Service) -> bool {
        match self {
            Self::Service(one) => one == service,
            Self::Folder(folder) => service
                .as_str()
                .strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
            Self::Matching(pattern) => pattern.matches(service.as_str()),
        }
    }
}

impl FromStr for Selection {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.strip_suffix('/') {
            _ if Pattern::is_glob(text) => text.parse().map(Self::Matching),
            Some(folder) => folder.parse().map(Self::Folder),
            None => text.parse().map(Self::Service),
        }
    }
}

/// Services or keys.
#[derive(Serialize, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ListReply {
    /// Several services.
    Services {
        /// `MOUNT/PREFIX`.
        path: String,
        /// The names of the services, sorted.
        services: Vec<Service>,
        /// How many names in the same place cannot be services.
        others: usize,
        /// Details of each service, in the same order; empty unless requested.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        details: Vec<Detail>,
        /// Warnings for the person.
        warnings: Vec<String>,
    },
    /// One service.
    Keys {
        /// The service.
        service: Service,
        /// The newest version.
        version: u64,
        /// When its first version was written, RFC 3339.
        created: String,
        /// When this version was written, RFC 3339.
        updated: String,
        /// Its keys, sorted.
        keys: Vec<String>,
        /// How often the values should be changed, as the metadata says.
        #[serde(skip_serializing_if = "Option::is_none")]
        rotate_after: Option<String>,
        /// Warnings for the person.
        warnings: Vec<String>,
    },
}

/// Details of a service.
#[derive(Serialize, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Detail {
    /// The service.
    pub service: Service,
    /// Whether the service can be read.
    pub state: ListedState,
    /// The newest version.
    pub version: Option<u64>,
    /// When the newest version was written, RFC 3339.
    pub updated: Option<String>,
    /// The number of keys.
    pub keys: Option<usize>,
    /// How often the values should be changed, as the metadata says.
    pub rotate_after: Option<String>,
}

/// Whether a service can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ListedState {
    /// The service can be read.
    Present,
    /// The newest version is deleted.
    Deleted,
    /// The policy forbids reading the service.
    Forbidden,
}

/// Lists services, or the keys of one service.
///
/// # Errors
/// [`Error::NotFound`] for a missing service, and Vault's refusals.
pub async fn list(core: &Core, request: &ListRequest) -> Result<ListReply> {
    let vault = core.vault()?;
    let service = match &request.what {
        Some(Selection::Service(service)) => Some(service),
        Some(Selection::Folder(_) | Selection::Matching(_)) | None => None,
    };
    let outcome = match service {
        Some(service) if !request.deleted => keys(core, &vault, service, request).await,
        Some(_) | None => services(core, &vault, request).await,
    };
    let count = |reply: &ListReply| match reply {
        ListReply::Services { services, .. } => format!("{} services", services.len()),
        ListReply::Keys { keys, .. } => format!("{} keys", keys.len()),
    };
    let (mut reply, unlogged) = core.audited(Action::List, service, outcome, count).await?;
    match &mut reply {
        ListReply::Services { warnings, .. } | ListReply::Keys { warnings, .. } => {
            warnings.extend(unlogged);
        }
    }
    Ok(reply)
}

async fn services(core: &Core, vault: &Client, request: &ListRequest) -> Result<ListReply> {
    let listing = match &request.what {
        None => vault.list_services().await?,
        Some(Selection::Service(service)) => Listing {
            services: vec![service.clone()],
            ..Listing::default()
        },
        Some(Selection::Folder(folder)) => vault.walk(Some(folder.clone()), |_| true).all().await?,
        Some(Selection::Matching(pattern)) => {
            let mut listing = vault
                .walk(None, |folder| pattern.leads_into(folder))
                .all()
                .await?;
            listing
                .services
                .retain(|service| pattern.matches(service.as_str()));
            Listing {
                others: 0,
                ..listing
            }
        }
    };
    detailed(core, vault, request, listing).await
}

/// Adds the requested details to a list of services. This takes one request per service; a plain
/// list takes none.
async fn detailed(
    core: &Core,
    vault: &Client,
    request: &ListRequest,
    listing: Listing,
) -> Result<ListReply> {
    let Listing {
        mut services,
        others,
        unlisted,
    } = listing;
    let mut warnings: Vec<String> = unlisted_warning(unlisted).into_iter().collect();
    let mut details = Vec::new();
    if request.long || request.deleted {
        let names = std::mem::take(&mut services);
        sweep(
            core,
            names,
            |service| detail(vault, service),
            |_, detail| details.extend(detail),
        )
        .await?;
        let unread = details
            .iter()
            .filter(|detail| detail.state == ListedState::Forbidden)
            .count();
        if request.deleted {
            details.retain(|detail| detail.state == ListedState::Deleted);
        }
        if unread > 0 {
            warnings.push(format!(
                "{unread} of them could not be read: the policy forbids it"
            ));
        }
        details.sort_unstable_by(|one, other| one.service.cmp(&other.service));
        services = details
            .iter()
            .map(|detail| detail.service.clone())
            .collect();
    }
    Ok(ListReply::Services {
        path: core.services_path(),
        services,
        others,
        details,
        warnings,
    })
}

fn unlisted_warning(unlisted: usize) -> Option<String> {
    match unlisted {
        0 => None,
        1 => Some("1 folder is not listed: the policy forbids it".to_owned()),
        many => Some(format!(
            "{many} folders are not listed: the policy forbids it"
        )),
    }
}

/// The details of a service. `None` if the service was removed since it was listed.
async fn detail(vault: &Client, service: Service) -> (Service, Result<Option<Detail>>) {
    let unknown = |state| Detail {
        service: service.clone(),
        state,
        version: None,
        updated: None,
        keys: None,
        rotate_after: None,
    };
    let detail = match vault.read_summary(&service).await {
        Ok(None) => Ok(None),
        Ok(Some(look)) => Ok(Some(Detail {
            state: if look.keys.is_some() {
                ListedState::Present
            } else {
                ListedState::Deleted
            },
            version: Some(look.version),
            keys: look.keys.as_ref().map(Vec::len),
            rotate_after: rotation(&look),
            updated: Some(printable(&look.created, false)),
            service: service.clone(),
        })),
        Err(Error::Forbidden { .. }) => Ok(Some(unknown(ListedState::Forbidden))),
        Err(error) => Err(error),
    };
    (service, detail)
}

fn rotation(look: &ServiceSummary) -> Option<String> {
    look.custom
        .get(ROTATE_AFTER)
        .map(|text| crate::names::short(text))
}

async fn keys(
    core: &Core,
    vault: &Client,
    service: &Service,
    request: &ListRequest,
) -> Result<ListReply> {
    let look = vault.read_summary(service).await?;
    let rotate_after = look.as_ref().and_then(rotation);
    let (keys, version, created) = match look {
        Some(ServiceSummary {
            keys: Some(keys),
            version,
            created,
            ..
        }) => (keys, version, created),
        Some(ServiceSummary {
            keys: None,
            version,
            is_destroyed,
            ..
        }) => {
            return Err(deleted_service(service, version, is_destroyed));
        }
        // Either a folder of services, or nothing.
        None => {
            let listing = vault
                .walk(Some(service.clone()), |_| true)
                .all()
                .await
                .unwrap_or_default();
            if listing.services.is_empty() {
                return Err(no_service(service));
            }
            return detailed(core, vault, request, listing).await;
        }
    };
    // The metadata has its own path, which a policy may deny. Without it, use this version's time.
    let first = vault
        .read_metadata(service)
        .await
        .ok()
        .flatten()
        .map_or_else(|| created.clone(), |metadata| metadata.created_time);
    Ok(ListReply::Keys {
        service: service.clone(),
        version,
        created: printable(&first, false),
        updated: printable(&created, false),
        keys,
        rotate_after,
        warnings: Vec::new(),
    })
}
