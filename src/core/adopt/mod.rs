//! `adopt`: moves the secrets in the plain-text files of services into Vault. `--undo` reverts it.
//!
//! One plan with one approval combines `scan`, `set`, `example` and `inject`. The plan is computed
//! from the current files, so repeating the command continues an interrupted run. Before anything
//! is written, the plan verifies that running programs will read exactly the same values as before.

mod draft;
mod edit;
mod for_model;
mod ignore;
mod intake;
mod judge;
mod naming;
mod plan;
mod preview;
mod project;
mod report;
mod request;
mod survey;
mod texts;
mod undo;
mod written;

use std::path::Path;
use std::sync::Arc;

pub use for_model::{FileForModel, NotAdopted, adopt_for_model};
pub use report::{AdoptReply, AdoptStop, FileReply, Harmless, KeyReply, ServiceReply, Stay};
pub use request::{AdoptRequest, Prefer};

use super::Core;
use super::plan::{Adoption, AdoptionOutcome, AdoptionPart, Current, Operation, Plan};
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::Service;
use crate::vault::Client;

/// The outcome of an adoption.
pub struct Adopted {
    /// The result for each service and file.
    pub reply: AdoptReply,
    /// The error that interrupted the writes, if one did.
    pub stopped: Option<Error>,
}

/// Adopts files, undoes an adoption, or removes its backups. `show` is called with the plan before
/// `approver` is asked. A plan that changes nothing is shown only in a dry run.
///
/// # Errors
/// [`Error::NotFound`] if there are no files, [`Error::Invalid`] if a program would read different
/// values afterwards, [`Error::Conflict`] if something changed in the meantime, and any error from
/// planning or approval. An error between two writes is in [`Adopted::stopped`] instead.
pub async fn adopt(
    core: &Core,
    request: &AdoptRequest,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>, &AdoptReply) -> Result<()>,
) -> Result<Adopted> {
    let planned = make_plan(core, request).await;
    let (adoption, mut reply) = match planned {
        Ok(planned) => planned,
        Err(error) => {
            let _ = core
                .audit
                .record(
                    Action::ValidationFailed,
                    request.service.as_ref().map_or("", |one| one.as_str()),
                    error.code(),
                )
                .await;
            return Err(error);
        }
    };
    if request.dry_run || !adoption.changes_nothing() {
        show(&adoption.question(), &reply)?;
    }
    if request.dry_run {
        return Ok(Adopted {
            reply,
            stopped: None,
        });
    }
    if adoption.changes_nothing() {
        return Ok(Adopted {
            reply,
            stopped: None,
        });
    }
    let committed = Plan::new(adoption)
        .approve(core, approver)
        .await?
        .commit(core, approver)
        .await?;
    reply.warnings.extend(committed.unlogged);
    let stopped = add_outcome(&mut reply, committed.done);
    Ok(Adopted { reply, stopped })
}

/// The service that a folder below the root belongs to, derived from the files in the tree.
///
/// # Errors
/// Errors of surveying the tree, as in [`adopt`].
pub fn service_of(core: &Core, folder: &Path) -> Result<Option<Service>> {
    let root = Root::open(&core.settings.root)?;
    let survey = survey::survey(&root, &texts::FileTexts::new(&root), None)?;
    let holds = |unit: &survey::Unit| {
        !unit.folder.as_os_str().is_empty() && folder.starts_with(&unit.folder)
    };
    Ok(survey
        .units
        .into_iter()
        .find(holds)
        .map(|unit| unit.service))
}

async fn make_plan(core: &Core, request: &AdoptRequest) -> Result<(Adoption, AdoptReply)> {
    if request.done {
        return undo::done(core, request);
    }
    let vault = core.active_vault()?;
    if request.undo {
        return undo::plan(core, request, vault).await;
    }
    let currents = currents(core, request, &vault).await?;
    plan::plan(core, request, currents)
}

async fn currents(
    core: &Core,
    request: &AdoptRequest,
    vault: &Arc<Client>,
) -> Result<plan::Currents> {
    let mut currents = plan::Currents::new();
    for service in plan::services(core, request)? {
        let current = Current::read(vault.clone(), &service).await?;
        currents.insert(service, current);
    }
    Ok(currents)
}

/// A part of an adoption without any change yet. `None` stands for the project's own files.
fn empty_part(service: Option<Service>) -> AdoptionPart {
    AdoptionPart {
        service,
        unit: None,
        change: None,
        files: Vec::new(),
        stale: Vec::new(),
    }
}

/// Adds the new versions, the backups and the error, if any, to the reply.
fn add_outcome(reply: &mut AdoptReply, moved: AdoptionOutcome) -> Option<Error> {
    for done in moved.done {
        let entry = reply
            .services
            .iter_mut()
            .find(|entry| done.service.as_ref() == Some(&entry.service));
        let Some(entry) = entry else { continue };
        if let Some(version) = done.version {
            entry.version = version;
        }
        for (file, backup) in done.files {
            if let Some(file) = entry.files.iter_mut().find(|one| one.file == file) {
                file.backup = backup;
            }
        }
    }
    let (service, error) = moved.stopped?;
    let all = reply.services.iter().map(|entry| entry.service.clone());
    let left = match &service {
        Some(service) => all.skip_while(|one| one != service).skip(1).collect(),
        None => all.collect(),
    };
    reply.stopped = Some(AdoptStop {
        service,
        message: error.to_string(),
        left,
    });
    Some(error)
}
