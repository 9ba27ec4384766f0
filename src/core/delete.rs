//! `delete` and `undelete`. Deleting keys writes a new version without them. Deleting a service
//! marks its newest version as deleted, which `undelete` reverts. Destruction is permanent.

use std::sync::Arc;

use serde::Serialize;

use super::change::{ChangeReply, change};
use super::plan::{Current, NewState, Notes, Operation, Plan, StateChange, VersionChange};
use super::{Core, deleted_service, no_service, no_version};
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::{Error, Missing, Result};
use crate::names::{Key, Service};
use crate::vault::{Client, Stored, VersionState};

/// The arguments of `delete`.
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
    /// Destroy all versions and all metadata of the service
    #[arg(long, conflicts_with = "keys")]
    pub all_versions: bool,
    /// Show what would be deleted and stop
    #[arg(long)]
    pub dry_run: bool,
}

impl DeleteRequest {
    /// Whether the deletion is permanent.
    #[must_use]
    pub fn destroys(&self) -> bool {
        self.destroy || self.all_versions
    }
}

/// The arguments of `undelete`.
#[derive(clap::Args)]
pub struct UndeleteRequest {
    /// The service
    pub service: Service,
    /// The version [default: the newest]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
    /// Show what would be restored and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// The outcome for a version or a service.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum VersionOutcome {
    /// The version was deleted and can be undeleted.
    Deleted,
    /// The version was undeleted.
    Undeleted,
    /// The values of the version were destroyed permanently.
    Destroyed,
    /// All versions were destroyed permanently.
    AllDestroyed,
    /// Nothing was changed, because this was a dry run.
    DryRun,
}

/// The result of deleting, destroying or undeleting a version.
#[derive(Serialize, Debug)]
pub struct VersionReply {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The outcome.
    pub outcome: VersionOutcome,
    /// The number of the version.
    pub version: u64,
    /// The deleted keys, if they could be read.
    pub removed: Vec<String>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
    /// The reason if the change succeeded but could not be recorded in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged: Option<String>,
}

/// The result of a deletion.
#[derive(Serialize, Debug)]
#[serde(untagged)]
pub enum DeleteReply {
    /// Keys were deleted by a new version.
    Keys(ChangeReply),
    /// One version, or all of them, were deleted or destroyed.
    Service(VersionReply),
}

/// Deletes keys or a whole service. `show` is called with the plan of a dry run.
///
/// # Errors
/// [`Error::NotFound`] for a service or key that does not exist, [`Error::Conflict`] if a newer
/// version was written in the meantime (it is kept), and the errors of any change.
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
        let vault = core.active_vault()?;
        let fate = match (destroy, all_versions) {
            (_, true) => NewState::AllGone,
            (true, false) => NewState::Destroyed,
            (false, false) => NewState::Deleted,
        };
        let plan = plan_deletion(core, vault, service, fate).await?;
        return approve_and_commit(core, plan, *dry_run, approver, show)
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

/// Deletes the keys that `choose` selects from the current content.
///
/// # Errors
/// The errors of [`delete`].
pub async fn delete_keys(
    core: &Core,
    service: &Service,
    dry_run: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
    choose: impl Fn(&Current) -> Result<Vec<String>>,
) -> Result<ChangeReply> {
    let vault = core.active_vault()?;
    match vault.read_service(service, None).await? {
        Stored::Present { .. } => {}
        Stored::Deleted {
            version,
            is_destroyed,
        } => {
            return Err(deleted_service(service, version, is_destroyed));
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
            "older versions still contain the deleted values: claude-vault history {service}"
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
        Ok(VersionChange::with_content(
            core, service, current, result, notes,
        ))
    };
    change(core, service, dry_run, approver, show, work_out).await
}

/// Plans to delete or destroy the newest version of a service, or to destroy the whole service.
///
/// # Errors
/// The errors of [`delete`].
pub(crate) async fn plan_deletion(
    core: &Core,
    vault: Arc<Client>,
    service: &Service,
    fate: NewState,
) -> Result<StateChange> {
    let (version, keys, mut created) = match vault.read_service(service, None).await? {
        Stored::Present {
            secrets,
            version,
            created,
        } => (version, secrets.into_keys().collect(), Some(created)),
        Stored::Deleted {
            version,
            is_destroyed: false,
        } if fate != NewState::Deleted => (version, Vec::new(), None),
        Stored::Deleted {
            version,
            is_destroyed: true,
        } if fate == NewState::AllGone => (version, Vec::new(), None),
        Stored::Deleted {
            version,
            is_destroyed,
        } => {
            return Err(deleted_service(service, version, is_destroyed));
        }
        Stored::Absent => return Err(no_service(service)),
    };
    if created.is_none()
        && let Ok(Some(history)) = vault.read_history(service).await
    {
        created = history
            .versions
            .get(&version)
            .map(|info| info.created.clone());
    }
    let mut plan = StateChange::new(core, vault, service, fate, version, version);
    (plan.keys, plan.created) = (keys, created);
    plan.warnings.push(match fate {
        NewState::Deleted => format!("this can be undone: claude-vault undelete {service}"),
        NewState::Destroyed => {
            format!("version {version} cannot be restored; older versions are kept")
        }
        NewState::AllGone => {
            format!(
                "every version of {service} up to {version} and its history are destroyed; \
                this cannot be undone"
            )
        }
        NewState::Live => String::new(),
    });
    Ok(plan)
}

/// Undeletes a version. `show` is called with the plan of a dry run.
///
/// # Errors
/// [`Error::Invalid`] for a version that is not deleted, [`Error::Deleted`] for one that was
/// destroyed, [`Error::NotFound`] for one that does not exist, and the errors of any change.
pub async fn undelete(
    core: &Core,
    request: &UndeleteRequest,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<VersionReply> {
    let UndeleteRequest {
        service,
        version,
        dry_run,
    } = request;
    let vault = core.active_vault()?;
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
    let mut plan = StateChange::new(core, vault, service, NewState::Live, wanted, newest);
    if wanted != newest {
        plan.warnings.push(format!(
            "version {newest} remains the newest; to use the values of version {wanted}: \
             claude-vault rollback {service} {wanted}"
        ));
    }
    approve_and_commit(core, plan, *dry_run, approver, show).await
}

/// The command that undeletes the most recent deleted version, or `history` if there is none.
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
            format!("claude-vault undelete {service} {version}   (the most recent deleted version)")
        },
    )
}

/// Asks for approval of a plan and carries it out. In a dry run, only calls `show`.
async fn approve_and_commit(
    core: &Core,
    plan: StateChange,
    dry_run: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<VersionReply> {
    let mut reply = VersionReply {
        service: plan.service.clone(),
        path: core.settings.display_path(&plan.service),
        outcome: match plan.fate {
            NewState::Deleted => VersionOutcome::Deleted,
            NewState::Live => VersionOutcome::Undeleted,
            NewState::Destroyed => VersionOutcome::Destroyed,
            NewState::AllGone => VersionOutcome::AllDestroyed,
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
        reply.outcome = VersionOutcome::DryRun;
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

/// The error for a key that does not exist. It repeats the name only if that is a valid key name:
/// someone may have typed a value in its place.
fn no_key(service: &Service, key: &str) -> Error {
    let is_ours = Key::is_valid(key);
    let what = if is_ours {
        format!("the key {key} of {service}")
    } else {
        format!("a key of that name in {service}")
    };
    Error::NotFound {
        missing: is_ours.then(|| Missing::Key(key.to_owned())),
        what,
        hint: format!("claude-vault list {service}"),
    }
}
