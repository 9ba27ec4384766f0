//! The owner and the rotation intervals of a service, and the keys that are due for rotation.
//!
//! They are stored in Vault's custom metadata: `owner`, `rotate_after` for every key, and
//! `rotate_after.KEY` for a single key. The service's versions show when a value last changed.
//! Vault keeps ten versions by default. If they do not reach back to the change, the interval
//! starts at the oldest version, or at the time in `rotate_from` (or `rotate_from.KEY`) if that is
//! earlier: the time at which the interval was set.

mod upkeep;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

pub use self::upkeep::{Interval, Owner, RotateAfter, Upkeep};
use super::list::Selection;
use super::work::sweep;
use super::{Core, no_service};
use crate::audit::Action;
use crate::error::Result;
use crate::names::{Service, short};
use crate::vault::{Client, CustomMetadata, History, Secrets, Stored, VersionState};

const OWNER: &str = "owner";
const AFTER: &str = "rotate_after";
const FROM: &str = "rotate_from";
/// A key that is due for rotation.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct DueKey {
    /// The service.
    pub service: Service,
    /// The key.
    pub key: String,
    /// The interval, such as `90d`.
    pub rotate_after: String,
    /// When its value last changed, as far as known, in RFC 3339 format.
    pub changed: String,
    /// When its rotation became due, in RFC 3339 format.
    pub due: String,
    /// The owner of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// The keys that are due for rotation.
#[derive(Serialize, Debug)]
pub struct DueReply {
    /// The keys, sorted by service and name.
    pub due: Vec<DueKey>,
    /// The number of services that were checked.
    pub services: usize,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// The keys that are due, in the selected services or in all.
///
/// # Errors
/// [`crate::error::Error::NotFound`] for a service that does not exist, and errors from Vault. If
/// several services are checked, those that may not be read only cause a warning.
pub async fn due(core: &Core, what: Option<&Selection>) -> Result<DueReply> {
    let outcome = look(core, what).await;
    let service = match what {
        Some(Selection::Service(service)) => Some(service),
        Some(Selection::Folder(_) | Selection::Matching(_)) | None => None,
    };
    let (mut reply, unlogged) = core
        .audited(Action::List, service, outcome, |reply| {
            format!("what is due: {} services", reply.services)
        })
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn look(core: &Core, what: Option<&Selection>) -> Result<DueReply> {
    let vault = core.vault()?;
    if let Some(Selection::Service(service)) = what {
        let due = due_of(&vault, service)
            .await?
            .ok_or_else(|| no_service(service))?;
        return Ok(DueReply {
            due,
            services: 1,
            warnings: Vec::new(),
        });
    }
    let listing = vault.list_services().await?;
    let wanted = listing
        .services
        .into_iter()
        .filter(|service| what.is_none_or(|what| what.contains(service)));
    let wanted: Vec<Service> = wanted.collect();
    let (services, mut due) = (wanted.len(), Vec::new());
    let read = |service: Service| {
        let vault = &vault;
        async move {
            let found = due_of(vault, &service).await;
            (service, found)
        }
    };
    let unread = sweep(core, wanted, read, |_, found| {
        due.extend(found.unwrap_or_default());
    })
    .await?;
    due.sort_by(|one, other| (&one.service, &one.key).cmp(&(&other.service, &other.key)));
    let warnings = match unread + listing.unlisted {
        0 => Vec::new(),
        count => vec![format!(
            "{count} services or folders could not be checked: the policy forbids it"
        )],
    };
    Ok(DueReply {
        due,
        services,
        warnings,
    })
}

/// The number of services whose newest version is older than one of their intervals. This uses only
/// metadata: a model must not learn which values two versions have in common.
///
/// # Errors
/// Errors from Vault. Services that the policy hides are skipped.
pub async fn overdue(core: &Core) -> Result<usize> {
    let vault = core.vault()?;
    let services = vault.list_services().await?.services;
    let mut overdue = 0;
    let read = |service: Service| {
        let vault = &vault;
        async move {
            let history = vault.read_history(&service).await;
            (service, history)
        }
    };
    let now = Timestamp::now();
    sweep(core, services, read, |_, history| {
        overdue += usize::from(history.is_some_and(|history| is_overdue(&history, now)));
    })
    .await?;
    Ok(overdue)
}

fn is_overdue(history: &History, now: Timestamp) -> bool {
    let newest = history
        .versions
        .get(&history.current)
        .filter(|info| info.state == VersionState::Live);
    let Some(written) = newest.and_then(|info| info.created.parse::<Timestamp>().ok()) else {
        return false;
    };
    let set = history
        .custom
        .iter()
        .filter(|(name, _)| *name == AFTER || name.starts_with("rotate_after."));
    let mut intervals = set.filter_map(|(_, text)| text.parse::<Interval>().ok());
    intervals.any(|interval| {
        written
            .checked_add(interval.length)
            .is_ok_and(|end| end <= now)
    })
}

/// The keys of a service that are due; `None` if the service does not exist.
async fn due_of(vault: &Client, service: &Service) -> Result<Option<Vec<DueKey>>> {
    let Some(history) = vault.read_history(service).await? else {
        return Ok(None);
    };
    let has_interval = history
        .custom
        .keys()
        .any(|name| name == AFTER || name.starts_with("rotate_after."));
    if !has_interval || history.state(history.current) != Some(&VersionState::Live) {
        return Ok(Some(Vec::new()));
    }
    let Stored::Present {
        secrets, version, ..
    } = vault.read_service(service, Some(history.current)).await?
    else {
        return Ok(Some(Vec::new()));
    };
    let intervals: BTreeMap<&String, Interval> = secrets
        .keys()
        .filter_map(|key| Some((key, interval(&history.custom, key)?)))
        .collect();
    let changed = changes(
        vault,
        service,
        &history,
        version,
        &secrets,
        intervals.keys().copied().collect(),
    )
    .await?;
    let now = Timestamp::now();
    let mut due = Vec::new();
    for (key, interval) in intervals {
        let Some(since) = changed.get(key) else {
            continue;
        };
        let Ok(end) = since.checked_add(interval.length) else {
            continue;
        };
        if end <= now {
            due.push(DueKey {
                service: service.clone(),
                key: key.clone(),
                rotate_after: interval.text,
                changed: since.to_string(),
                due: end.to_string(),
                owner: history.custom.get(OWNER).map(|owner| short(owner)),
            });
        }
    }
    Ok(Some(due))
}

/// The interval of a key: its own, or else that of the service. A malformed interval, written by
/// another program, is ignored.
fn interval(custom: &CustomMetadata, key: &str) -> Option<Interval> {
    let own = custom
        .get(&format!("{AFTER}.{key}"))
        .and_then(|text| text.parse().ok());
    own.or_else(|| custom.get(AFTER).and_then(|text| text.parse().ok()))
}

/// The time at which each key in `open` got the value that it has in `newest`.
async fn changes(
    vault: &Client,
    service: &Service,
    history: &History,
    version: u64,
    newest: &Secrets,
    mut open: BTreeSet<&String>,
) -> Result<BTreeMap<String, Timestamp>> {
    let created = |version: u64| {
        history
            .versions
            .get(&version)
            .and_then(|info| info.created.parse::<Timestamp>().ok())
    };
    let mut changed = BTreeMap::new();
    let Some(mut same_since) = created(version) else {
        return Ok(changed);
    };
    let mut at = version;
    while at > 1 && !open.is_empty() && history.state(at - 1) == Some(&VersionState::Live) {
        let Stored::Present { secrets, .. } = vault.read_service(service, Some(at - 1)).await?
        else {
            break;
        };
        open.retain(|key| {
            let is_same = secrets.get(*key) == newest.get(*key);
            if !is_same {
                changed.insert((*key).clone(), same_since);
            }
            is_same
        });
        at -= 1;
        same_since = created(at).unwrap_or(same_since);
    }
    for key in open {
        // The value is the same in the oldest readable version, so it changed then or earlier.
        let from = history
            .custom
            .get(&format!("{FROM}.{key}"))
            .or_else(|| history.custom.get(FROM));
        let from = from
            .and_then(|text| text.parse::<Timestamp>().ok())
            .filter(|_| at > 1);
        changed.insert(
            key.clone(),
            from.map_or(same_since, |from| from.min(same_since)),
        );
    }
    Ok(changed)
}
