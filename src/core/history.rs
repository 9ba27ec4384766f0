//! `history` and `diff`: the versions of a service, and the keys that differ between two versions.
//! The serialised replies contain only names. The values are in fields that are not serialised, for
//! an interface that may show them.

mod differences;
mod writers;

pub use differences::Differences;
pub use writers::Writers;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Audience, Core, no_service, no_version};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Service, printable};
use crate::vault::{Client, History, Secrets, Stored, VersionState};

/// The arguments of `history`.
#[derive(clap::Args)]
pub struct HistoryRequest {
    /// The service
    pub service: Service,
}

/// The arguments of `diff`.
#[derive(clap::Args)]
pub struct DiffRequest {
    /// The service
    pub service: Service,
    /// The earlier version [default: the one before the later version]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// The later version [default: the newest]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
}

/// Whether the values of a version can be read.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    /// They can be read.
    Live,
    /// The version is deleted but can be undeleted.
    Deleted,
    /// The values were destroyed permanently.
    Destroyed,
}

/// A version of a service.
#[derive(Serialize)]
pub struct VersionSummary {
    /// Its number.
    pub version: u64,
    /// When it was written, in RFC 3339 format.
    pub created: String,
    /// Who wrote it, if known.
    pub by: Option<String>,
    /// Whether its values can be read.
    pub state: VersionStatus,
    /// When it was deleted, in RFC 3339 format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// Who deleted it, if Vault records that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<String>,
    /// The keys that differ from the previous version; absent if either version cannot be read.
    #[serde(flatten)]
    pub keys: Option<Keys>,
    /// Its values, if it is live.
    #[serde(skip)]
    pub secrets: Option<Secrets>,
}

/// The names of the keys that differ between two versions.
#[derive(Serialize, Debug, Default)]
pub struct Keys {
    /// Keys that only the later version has.
    pub added: Vec<String>,
    /// Keys whose values differ.
    pub changed: Vec<String>,
    /// Keys that only the earlier version has.
    pub removed: Vec<String>,
}

impl From<Differences> for Keys {
    fn from(
        Differences {
            added,
            changed,
            removed,
        }: Differences,
    ) -> Self {
        Self {
            added,
            changed,
            removed,
        }
    }
}

/// A service's history.
#[derive(Serialize)]
pub struct HistoryReply {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The newest version.
    pub current: u64,
    /// The versions that Vault still lists, newest first.
    pub versions: Vec<VersionSummary>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// The differences between two versions.
#[derive(Serialize)]
pub struct DiffReply {
    /// The service.
    pub service: Service,
    /// The earlier version.
    pub from: u64,
    /// The later version.
    pub to: u64,
    /// The keys that differ.
    #[serde(flatten)]
    pub keys: Keys,
    /// The number of keys that have the same value in both.
    pub same: usize,
    /// Warnings for the person.
    pub warnings: Vec<String>,
    /// The values of both versions, for an interface that may show them.
    #[serde(skip)]
    pub values: (Secrets, Secrets),
}

/// Reads the versions of a service.
///
/// # Errors
/// [`Error::NotFound`] for a service that does not exist, and errors from Vault.
pub async fn history(core: &Core, request: &HistoryRequest) -> Result<HistoryReply> {
    let service = &request.service;
    let outcome = look_back(core, service).await;
    let count = |reply: &HistoryReply| format!("history: {} versions", reply.versions.len());
    let (mut reply, unlogged) = core
        .audited(Action::Look, Some(service), outcome, count)
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn look_back(core: &Core, service: &Service) -> Result<HistoryReply> {
    let vault = core.vault()?;
    let history = vault
        .read_history(service)
        .await?
        .ok_or_else(|| no_service(service))?;
    // A model's reply has no writers, and looking them up locks the audit log.
    let writers = match core.audience {
        Audience::Person => Writers::of(core, service, &history).await,
        Audience::Model => Writers::default(),
    };
    let mut secrets = readable(&vault, service, &history).await?;
    let mut versions = Vec::new();
    for (number, info) in history.versions.iter().rev() {
        let held = secrets.remove(number);
        // Version 1 has no predecessor, so all its keys are new. Any other version may have a
        // predecessor that Vault no longer keeps.
        let nothing = Secrets::new();
        let before = if *number == 1 {
            Some(&nothing)
        } else {
            secrets.get(&(number - 1))
        };
        let keys = held
            .as_ref()
            .zip(before)
            .map(|(held, before)| Differences::between(before, held).into());
        let (state, deleted, deleted_by) = match &info.state {
            VersionState::Live => (VersionStatus::Live, None, None),
            VersionState::Deleted { at, by } => (
                VersionStatus::Deleted,
                Some(printable(at, false)),
                by.clone(),
            ),
            VersionState::Destroyed => (VersionStatus::Destroyed, None, None),
        };
        versions.push(VersionSummary {
            version: *number,
            created: printable(&info.created, false),
            by: writers.name(*number, info),
            state,
            deleted,
            deleted_by,
            keys,
            secrets: held,
        });
    }
    Ok(HistoryReply {
        service: service.clone(),
        path: core.settings.display_path(service),
        current: history.current,
        versions,
        warnings: Vec::new(),
    })
}

/// The values of every live version.
async fn readable(
    vault: &Client,
    service: &Service,
    history: &History,
) -> Result<BTreeMap<u64, Secrets>> {
    let mut found = BTreeMap::new();
    for (number, info) in &history.versions {
        if info.state != VersionState::Live {
            continue;
        }
        // The version may have been deleted in the meantime.
        if let Stored::Present { secrets, .. } = vault.read_service(service, Some(*number)).await? {
            found.insert(*number, secrets);
        }
    }
    Ok(found)
}

/// Compares two versions of a service.
///
/// # Errors
/// [`Error::NotFound`] and [`Error::Deleted`] for a version that cannot be read, and errors from
/// Vault.
pub async fn diff(core: &Core, request: &DiffRequest) -> Result<DiffReply> {
    let service = &request.service;
    let outcome = compare(core, request).await;
    let which = |reply: &DiffReply| format!("diff of versions {} and {}", reply.from, reply.to);
    let (mut reply, unlogged) = core
        .audited(Action::Look, Some(service), outcome, which)
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn compare(core: &Core, request: &DiffRequest) -> Result<DiffReply> {
    let DiffRequest { service, from, to } = request;
    let vault = core.vault()?;
    let (to, after) = read_version(&vault, service, *to).await?;
    let from = match from {
        Some(from) => *from,
        None => to
            .checked_sub(1)
            .filter(|from| *from > 0)
            .ok_or_else(|| Error::NotFound {
                missing: None,
                what: format!("a version of {service} before version {to}"),
                hint: format!("claude-vault history {service}"),
            })?,
    };
    let (from, before) = read_version(&vault, service, Some(from)).await?;
    let differences = Differences::between(&before, &after);
    let same = after.len() - differences.added.len() - differences.changed.len();
    Ok(DiffReply {
        service: service.clone(),
        from,
        to,
        keys: differences.into(),
        same,
        warnings: Vec::new(),
        values: (before, after),
    })
}

/// The number and the values of a version; of the newest version if `number` is `None`.
///
/// # Errors
/// The errors of [`diff`].
pub(super) async fn read_version(
    vault: &Client,
    service: &Service,
    number: Option<u64>,
) -> Result<(u64, Secrets)> {
    match vault.read_service(service, number).await? {
        Stored::Present {
            secrets, version, ..
        } => Ok((version, secrets)),
        Stored::Deleted {
            version,
            is_destroyed,
        } => Err(Error::Deleted {
            service: service.to_string(),
            version,
            is_newest: number.is_none(),
            is_destroyed,
        }),
        Stored::Absent => Err(no_version(vault, service, number).await),
    }
}
