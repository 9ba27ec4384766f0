//! The owner and the rotation intervals of a service, and the keys that are due for rotation.
//!
//! They are stored in Vault's custom metadata: `owner`, `rotate_after` for every key, and
//! `rotate_after.KEY` for a single key. The service's versions show when a value last changed.
//! Vault keeps ten versions by default. If they do not reach back to the change, `rotate_from` (or
//! `rotate_from.KEY`), the time at which the interval was set, is used instead.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::list::Selection;
use super::work::sweep;
use super::{Core, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Key, Service, printable, short};
use crate::vault::{Client, CustomMetadata, History, Secrets, Stored, VersionState};

const OWNER: &str = "owner";
const AFTER: &str = "rotate_after";
const FROM: &str = "rotate_from";
/// Vault's limits for custom metadata: number of pairs, bytes of a name, bytes of a value.
const MAX_PAIRS: usize = 64;
const MAX_NAME: usize = 128;
const MAX_TEXT: usize = 512;

/// A rotation interval such as `90d`. The units are `s`, `m`, `h`, `d` and `w`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interval {
    text: String,
    length: SignedDuration,
}

impl std::str::FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(
                "that is not a valid interval",
                "--rotate-after 90d   (units: s, m, h, d, w; none removes the interval)",
            )
        };
        let split = text.len().saturating_sub(1);
        let (number, unit) = text.split_at_checked(split).ok_or_else(refuse)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(refuse()),
        };
        let number = number
            .parse::<u32>()
            .ok()
            .filter(|number| *number > 0 && !text.starts_with('+'))
            .ok_or_else(refuse)?;
        // The maximum of a hundred years is long enough and prevents overflows.
        let length = i64::from(number)
            .checked_mul(seconds)
            .filter(|length| *length <= 36_525 * 86_400)
            .ok_or_else(refuse)?;
        Ok(Self {
            text: text.to_owned(),
            length: SignedDuration::from_secs(length),
        })
    }
}

/// The argument of `--rotate-after`: an interval, or `none`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RotateAfter(Option<Interval>);

impl std::str::FromStr for RotateAfter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "none" {
            Ok(Self(None))
        } else {
            text.parse().map(|interval| Self(Some(interval)))
        }
    }
}

/// The name of an owner; empty to remove the owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner(String);

impl std::str::FromStr for Owner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT || printable(text, false) != text {
            return Err(Error::invalid(
                "the owner may have at most 512 bytes and no control characters",
                "--owner alice",
            ));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// Changes to the metadata of a service.
#[derive(Clone, Default, clap::Args)]
pub struct Upkeep {
    /// Rotate the named keys (or all keys of the service) at least this often, such as 90d or 12w;
    /// none removes the interval
    #[arg(long, value_name = "INTERVAL")]
    pub rotate_after: Option<RotateAfter>,
    /// The person to ask about the service; empty removes it
    #[arg(long, value_name = "NAME")]
    pub owner: Option<Owner>,
}

impl Upkeep {
    /// Whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rotate_after.is_none() && self.owner.is_none()
    }

    /// The custom metadata after the change, and a description of each change. An interval applies
    /// to `keys`, or to the whole service if there are none.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the result exceeds Vault's limits.
    pub fn applied(
        &self,
        before: &CustomMetadata,
        keys: &[&Key],
    ) -> Result<(CustomMetadata, Vec<String>)> {
        let mut after = before.clone();
        let mut words = Vec::new();
        if let Some(Owner(name)) = &self.owner {
            let changed = match name.as_str() {
                "" => after.remove(OWNER).is_some(),
                name => after.insert(OWNER.to_owned(), name.to_owned()).as_deref() != Some(name),
            };
            if changed {
                words.push(if name.is_empty() {
                    "owner: none".to_owned()
                } else {
                    format!("owner: {}", short(name))
                });
            }
        }
        if let Some(RotateAfter(interval)) = &self.rotate_after {
            let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let suffixes = if keys.is_empty() {
                vec![String::new()]
            } else {
                keys.iter().map(|key| format!(".{key}")).collect()
            };
            for suffix in suffixes {
                let (name, from) = (format!("{AFTER}{suffix}"), format!("{FROM}{suffix}"));
                if name.len() > MAX_NAME {
                    return Err(Error::invalid(
                        "the key's name is too long for an interval of its own",
                        "set one for the whole service: claude-vault set SERVICE --rotate-after 90d",
                    ));
                }
                let what = suffix.strip_prefix('.').unwrap_or("every key");
                match interval {
                    Some(interval) => {
                        let is_same = after
                            .insert(name, interval.text.clone())
                            .is_some_and(|old| old == interval.text);
                        after.insert(from, now.clone());
                        if !is_same {
                            words.push(format!("rotate {what} after {}", interval.text));
                        } else if !suffix.is_empty() {
                            words
                                .push(format!("rotate {what} after {} from now on", interval.text));
                        }
                    }
                    None => {
                        after.remove(&from);
                        if after.remove(&name).is_some() {
                            words.push(format!("rotate {what}: never"));
                        }
                    }
                }
            }
        }
        if words.is_empty() {
            return Ok((before.clone(), words));
        }
        if after.len() > MAX_PAIRS {
            return Err(Error::invalid(
                "Vault stores at most 64 metadata entries per service, and this would exceed them",
                "set one interval for all keys: claude-vault set SERVICE --rotate-after 90d",
            ));
        }
        Ok((after, words))
    }
}

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
/// [`Error::NotFound`] for a service that does not exist, and errors from Vault. If several
/// services are checked, those that may not be read only cause a warning.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("1s", 1),
            ("12w", 7_257_600),
            ("2h", 7200),
            ("3m", 180),
        ] {
            assert_eq!(
                text.parse::<Interval>()
                    .map(|interval| interval.length.as_secs())
                    .ok(),
                Some(seconds)
            );
        }
        for bad in [
            "",
            "d",
            "90",
            "0d",
            "-1d",
            "+1d",
            "90 d",
            "1.5d",
            "90D",
            "99999999w",
            "ü",
            "9ü",
            "none",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
        assert_eq!("none".parse::<RotateAfter>().ok(), Some(RotateAfter(None)));
    }

    #[test]
    fn foreign_metadata_is_kept_and_existing_settings_are_not_changes() {
        let before = CustomMetadata::from([
            ("team".to_owned(), "x".to_owned()),
            (OWNER.to_owned(), "bob".to_owned()),
        ]);
        let upkeep = |owner: &str, after: &str| Upkeep {
            owner: owner.parse().ok(),
            rotate_after: after.parse().ok(),
        };
        let Ok((after, words)) = upkeep("alice", "90d").applied(&before, &[]) else {
            panic!("refused")
        };
        assert_eq!(words, ["owner: alice", "rotate every key after 90d"]);
        assert_eq!(
            (
                after["team"].as_str(),
                after["owner"].as_str(),
                after["rotate_after"].as_str()
            ),
            ("x", "alice", "90d")
        );
        let Ok((same, words)) = upkeep("alice", "90d").applied(&after, &[]) else {
            panic!("refused")
        };
        assert!(words.is_empty() && same == after);
        let Ok((gone, words)) = upkeep("", "none").applied(&after, &[]) else {
            panic!("refused")
        };
        assert_eq!((words.len(), gone.len()), (2, 1));
    }
}
