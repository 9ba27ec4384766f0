//! New versions that are computed from what Vault holds: `set`, `edit`, `rollback`, and `delete`
//! with keys.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::plan::{Current, Operation, VersionChange, write_version};
use super::{Audience, Core};
use crate::approval::{Approver, Change, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::Service;

/// The outcome for the service.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// The service is new.
    Created,
    /// The service has a new version.
    Updated,
    /// The service already had all these values.
    Unchanged,
    /// Nothing was written, because it was a dry run.
    DryRun,
}

/// The outcome of a change.
#[derive(Serialize, Debug)]
pub struct ChangeReply {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// What happened to the service.
    pub outcome: ChangeOutcome,
    /// The current version.
    pub version: u64,
    /// The version before the change, if it can still be read: rolling back to it undoes the
    /// change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// Keys that are new.
    pub added: Vec<String>,
    /// Keys that have a new value.
    pub changed: Vec<String>,
    /// Keys in the request that already had this value.
    pub unchanged: Vec<String>,
    /// Keys that were removed.
    pub removed: Vec<String>,
    /// Describes the change of the service's custom metadata.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<String>,
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    /// Why the audit log has no line about a write that did happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged: Option<String>,
}

/// Computes a change from what Vault holds, asks for approval and writes it. If somebody else
/// changes the service meanwhile, computes the change again and asks again. `show` is called with
/// the plan of a dry run.
///
/// # Errors
/// The errors of `work_out`, `show` and [`write_version`].
pub(super) async fn change<F>(
    core: &Core,
    service: &Service,
    dry_run: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
    work_out: impl Fn(Current) -> F,
) -> Result<ChangeReply>
where
    F: Future<Output = Result<VersionChange>>,
{
    let vault = core.active_vault()?;
    if dry_run {
        let change = work_out(Current::read(vault, service).await?).await?;
        core.audit
            .record(Action::DryRun, service.as_str(), &change.audit_details())
            .await?;
        show(&change.question())?;
        return Ok(ChangeReply {
            outcome: ChangeOutcome::DryRun,
            ..reply(&change, service)
        });
    }
    let planned = Mutex::new(None);
    let make = || async {
        let change = work_out(Current::read(vault.clone(), service).await?).await?;
        *planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply(&change, service));
        // A model must not see "nothing to change": that would confirm a guessed value, or show
        // that two versions are equal.
        Ok(Some(change)
            .filter(|change| core.audience == Audience::Model || !change.changes_nothing()))
    };
    let written = write_version(core, approver, service.as_str(), make).await?;
    let mut reply = planned
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .ok_or(Error::Declined)?;
    if let Some(written) = written {
        if reply.outcome == ChangeOutcome::Unchanged {
            reply.outcome = ChangeOutcome::Updated;
        }
        reply.version = written.done;
        reply.unlogged = written.unlogged;
    }
    Ok(reply)
}

fn reply(change: &VersionChange, service: &Service) -> ChangeReply {
    ChangeReply {
        service: service.clone(),
        path: change.path().to_owned(),
        outcome: match change.base() {
            _ if change.changes_nothing() => ChangeOutcome::Unchanged,
            0 => ChangeOutcome::Created,
            _ => ChangeOutcome::Updated,
        },
        version: change.base(),
        previous: change.readable_base(),
        added: change.keys(Change::Added),
        changed: change.keys(Change::Changed),
        unchanged: change.keys(Change::Unchanged),
        removed: change.keys(Change::Removed),
        metadata: change.metadata().to_vec(),
        warnings: change.warnings().to_vec(),
        unlogged: None,
    }
}
