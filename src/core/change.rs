//! A new version of a service that is worked out from what Vault holds: `set`, `edit`, `rollback`,
//! and `delete` of keys.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::plan::{Current, Operation, VersionChange, write_version};
use super::{Audience, Core};
use crate::approval::{Approver, Change, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::Service;

/// What became of the service.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// The service is new.
    Created,
    /// The service has a new version.
    Updated,
    /// Everything was there already.
    Unchanged,
    /// It was a dry run.
    DryRun,
}

/// What was changed.
#[derive(Serialize, Debug)]
pub struct ChangeReply {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// The version that holds now.
    pub version: u64,
    /// The version that held before and can still be read: rolling back to it undoes the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// Keys that are new.
    pub added: Vec<String>,
    /// Keys that got another value.
    pub changed: Vec<String>,
    /// Keys of the request that had this value already.
    pub unchanged: Vec<String>,
    /// Keys that are gone.
    pub removed: Vec<String>,
    /// What changes in the service's custom metadata.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<String>,
    /// What deserves a second look.
    pub warnings: Vec<String>,
    /// Why the write, which did happen, has no line in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged: Option<String>,
}

/// Works a change out from what Vault holds, asks and writes it; works it out and asks again each
/// time somebody else's change came in between. `show` gets the plan of a dry run.
///
/// # Errors
/// Those of `work_out`, and as [`write_version`].
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
    let vault = core.active_vault().await?;
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
        // For a model, "nothing to change" would tell that a guess is right, or that two versions
        // are equal.
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
