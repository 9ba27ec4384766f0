//! `delete` and `undelete`. Keys go by a new version without them; a service by a mark on its
//! newest version, which `undelete` takes away again. What is destroyed is gone for good.

use std::sync::Arc;

use serde::Serialize;

use super::change::{ChangeReply, change};
use super::plan::{Current, Fate, Notes, Operation, Plan, VersionChange, VersionFate};
use super::{Core, no_service, no_version};
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Key, Service};
use crate::vault::{Client, Stored, VersionState};

/// What to delete.
#[derive(clap::Args)]
pub struct DeleteRequest {
    /// The service
    pub service: Service,
    /// The keys, by any name they have in Vault; if omitted, the whole service
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// Destroy the newest version; this cannot be undone
    #[arg(long, conflicts_with = "keys")]
    pub destroy: bool,
    /// Destroy all versions, and all that Vault keeps about the service
    #[arg(long, conflicts_with = "keys")]
    pub all_versions: bool,
    /// Show what would be deleted, and stop
    #[arg(long)]
    pub dry_run: bool,
}

impl DeleteRequest {
    /// Whether what it deletes is gone for good.
    #[must_use]
    pub fn destroys(&self) -> bool {
        self.destroy || self.all_versions
    }
}

/// What to bring back.
#[derive(clap::Args)]
pub struct UndeleteRequest {
    /// The service
    pub service: Service,
    /// The version [default: the newest]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
    /// Show what would come back and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// What became of a version.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum FateOutcome {
    /// It can be undeleted.
    Deleted,
    /// It is back.
    Undeleted,
    /// Its values are gone for good.
    Destroyed,
    /// All versions are gone for good.
    AllDestroyed,
    /// It was a dry run.
    DryRun,
}

/// What was done to a version.
#[derive(Serialize, Debug)]
pub struct FateReply {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// What became of it.
    pub outcome: FateOutcome,
    /// The version.
    pub version: u64,
    /// The keys that went, where they could be read.
    pub removed: Vec<String>,
    /// What to know.
    pub warnings: Vec<String>,
    /// Why the change, which did happen, has no line in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged: Option<String>,
}

/// What was deleted: keys by a new version, or a version.
#[derive(Serialize, Debug)]
#[serde(untagged)]
pub enum DeleteReply {
    /// Keys.
    Keys(ChangeReply),
    /// A version, or all.
    Service(FateReply),
}

/// Deletes. `show` gets the plan of a dry run.
///
/// # Errors
/// [`Error::NotFound`] for a service or key that is not there, [`Error::Conflict`] where a newer
/// version was written meanwhile, which stays, and as every change.
pub async fn delete(
    core: &Core,
    request: &DeleteRequest,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<DeleteReply> {
    let DeleteRequest {
        service,
        keys,
        destroy,
        all_versions,
        dry_run,
    } = request;
    if keys.is_empty() {
        let vault = core.active_vault().await?;
        let fate = match (destroy, all_versions) {
            (_, true) => Fate::AllGone,
            (true, false) => Fate::Destroyed,
            (false, false) => Fate::Deleted,
        };
        let plan = deletion(core, vault, service, fate).await?;
        return decided(core, plan, *dry_run, approver, show)
            .await
            .map(DeleteReply::Service);
    }
    delete_keys(
        core,
        service,
        *dry_run,
        approver,
        show,
        |_| Ok(keys.clone()),
    )
    .await
    .map(DeleteReply::Keys)
}

/// Deletes the keys that `choose` names of what Vault holds.
///
/// # Errors
/// As [`delete`].
pub async fn delete_keys(
    core: &Core,
    service: &Service,
    dry_run: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
    choose: impl Fn(&Current) -> Result<Vec<String>>,
) -> Result<ChangeReply> {
    let vault = core.active_vault().await?;
    match vault.read_service(service, None).await? {
        Stored::Present { .. } => {}
        Stored::Deleted {
            version,
            is_destroyed,
        } => {
            return Err(deleted(service, version, is_destroyed));
        }
        Stored::Absent => return Err(no_service(service)),
    }
    let work_out = async |current: Current| {
        let keys = choose(&current)?;
        let mut result = current.secrets().clone();
        for key in &keys {
            if result.remove(key).is_none() && !current.secrets().contains_key(key) {
                return Err(no_key(service, key));
            }
        }
        let mut warnings = vec![format!(
            "older versions still hold what is deleted: claude-vault history {service}"
        )];
        if result.is_empty() {
            warnings.push(format!(
                "{service} will have no keys; to delete the service itself: \
                claude-vault delete {service}"
            ));
        }
        let notes = Notes {
            warnings,
            ..Notes::default()
        };
        Ok(VersionChange::between(
            core,
            service,
            current,
            result,
            &[],
            &[],
            notes,
        ))
    };
    change(core, service, dry_run, approver, show, work_out).await
}

/// Plans to delete or destroy the newest version of a service, or everything of it.
///
/// # Errors
/// As [`delete`].
pub(crate) async fn deletion(
    core: &Core,
    vault: Arc<Client>,
    service: &Service,
    fate: Fate,
) -> Result<VersionFate> {
    let (version, keys, created) = match vault.read_service(service, None).await? {
        Stored::Present {
            secrets,
            version,
            created,
        } => (version, secrets.into_keys().collect(), Some(created)),
        Stored::Deleted {
            version,
            is_destroyed: false,
        } if fate != Fate::Deleted => (version, Vec::new(), None),
        Stored::Deleted {
            version,
            is_destroyed: true,
        } if fate == Fate::AllGone => (version, Vec::new(), None),
        Stored::Deleted {
            version,
            is_destroyed,
        } => {
            return Err(deleted(service, version, is_destroyed));
        }
        Stored::Absent => return Err(no_service(service)),
    };
    let mut plan = VersionFate::new(core, vault, service, fate, version, version);
    (plan.keys, plan.created) = (keys, created);
    plan.warnings.push(match fate {
        Fate::Deleted => format!("this can be undone: claude-vault undelete {service}"),
        Fate::Destroyed => format!("version {version} cannot be restored; older versions are kept"),
        Fate::AllGone => {
            format!(
                "every version of {service} up to {version} and its history are destroyed; \
                this cannot be undone"
            )
        }
        Fate::Live => String::new(),
    });
    Ok(plan)
}

/// Undeletes. `show` gets the plan of a dry run.
///
/// # Errors
/// [`Error::Invalid`] for a version that is not deleted, [`Error::NotFound`] for one that is not
/// there, and as every change.
pub async fn undelete(
    core: &Core,
    request: &UndeleteRequest,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<FateReply> {
    let UndeleteRequest {
        service,
        version,
        dry_run,
    } = request;
    let vault = core.active_vault().await?;
    let newest = match vault.read_service(service, None).await? {
        Stored::Present { version, .. } | Stored::Deleted { version, .. } => version,
        Stored::Absent => return Err(no_service(service)),
    };
    let wanted = version.unwrap_or(newest);
    match vault.read_service(service, Some(wanted)).await? {
        Stored::Deleted {
            is_destroyed: false,
            ..
        } => {}
        Stored::Deleted {
            version,
            is_destroyed: true,
        } => {
            return Err(Error::Deleted {
                service: service.to_string(),
                version,
                is_newest: version == newest,
                is_destroyed: true,
            });
        }
        Stored::Present { .. } => {
            return Err(Error::invalid(
                format!("version {wanted} of {service} is not deleted"),
                last_deleted(&vault, service).await,
            ));
        }
        Stored::Absent => return Err(no_version(&vault, service, Some(wanted)).await),
    }
    let mut plan = VersionFate::new(core, vault, service, Fate::Live, wanted, newest);
    if wanted != newest {
        plan.warnings.push(format!(
            "version {newest} remains the newest; to use the values of version {wanted}: \
             claude-vault rollback {service} {wanted}"
        ));
    }
    decided(core, plan, *dry_run, approver, show).await
}

/// The command that brings back the version that was deleted last, or shows that there is none.
async fn last_deleted(vault: &Client, service: &Service) -> String {
    let history = vault.read_history(service).await.ok().flatten();
    let deleted = history.and_then(|history| {
        let newest_first = history.versions.into_iter().rev();
        newest_first
            .filter(|(_, info)| matches!(info.state, VersionState::Deleted { .. }))
            .map(|(number, _)| number)
            .next()
    });
    deleted.map_or_else(
        || format!("claude-vault history {service}   (no version is deleted)"),
        |version| {
            format!(
                "claude-vault undelete {service} {version}   (the version that was deleted last)"
            )
        },
    )
}

/// Asks about a plan and carries it out; of a dry run only `show` gets it.
async fn decided(
    core: &Core,
    plan: VersionFate,
    dry_run: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<FateReply> {
    let mut reply = FateReply {
        service: plan.service.clone(),
        path: core.settings.display_path(&plan.service),
        outcome: match plan.fate {
            Fate::Deleted => FateOutcome::Deleted,
            Fate::Live => FateOutcome::Undeleted,
            Fate::Destroyed => FateOutcome::Destroyed,
            Fate::AllGone => FateOutcome::AllDestroyed,
        },
        version: plan.version,
        removed: plan.keys.clone(),
        warnings: plan.warnings.clone(),
        unlogged: None,
    };
    if dry_run {
        core.audit
            .record(Action::DryRun, plan.service.as_str(), &plan.audit_details())
            .await?;
        show(&plan.question())?;
        reply.outcome = FateOutcome::DryRun;
        return Ok(reply);
    }
    reply.unlogged = Plan::new(plan)
        .approve(core, approver)
        .await?
        .commit(core, approver)
        .await?
        .unlogged;
    Ok(reply)
}

fn deleted(service: &Service, version: u64, is_destroyed: bool) -> Error {
    Error::Deleted {
        service: service.to_string(),
        version,
        is_newest: true,
        is_destroyed,
    }
}

/// The name is repeated only where it could be a key of ours: a value may have been typed in its
/// place.
fn no_key(service: &Service, key: &str) -> Error {
    let what = if Key::is_valid(key) {
        format!("the key {key} of {service}")
    } else {
        format!("a key of that name in {service}")
    };
    Error::NotFound {
        what,
        hint: format!("claude-vault list {service}"),
    }
}
