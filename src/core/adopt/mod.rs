//! `adopt`: moves the plain files of services into Vault, and back.
//!
//! Scan, set, example and inject as one plan with one approval. A plan is worked out from what is
//! there now, so a run that was stopped is continued by the same command. What the running programs
//! see stays exactly as it was: that is checked before anything is written.

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

pub use for_model::{FileForModel, NotAsked, adopt_for_model};
pub use report::{FileReply, Harmless, KeyReply, Reply, ServiceReply, Stay, Stopped};
pub use request::{Prefer, Request};

use super::Core;
use super::plan::{Adoption, Current, Moved, Operation, Plan};
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::Service;
use crate::vault::Client;

/// The outcome of an adoption.
pub struct Adopted {
    /// What was done, for each service and file.
    pub reply: Reply,
    /// The error that stopped it before the end.
    pub stopped: Option<Error>,
}

/// Adopts, undoes, or removes the backups. `show` gets every plan, before `approver` is asked about
/// a real one.
///
/// # Errors
/// [`Error::NotFound`] without files, [`Error::Invalid`] where a program would see something else
/// afterwards, [`Error::Conflict`] for what changed since, and whatever keeps the plan from being
/// made or approved. What stops it in the middle is in the reply.
pub async fn adopt(
    core: &Core,
    request: &Request,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>, &Reply) -> Result<()>,
) -> Result<Adopted> {
    let planned = work_out(core, request).await;
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
    let stopped = note(&mut reply, committed.done);
    Ok(Adopted { reply, stopped })
}

/// The service that a folder below the root belongs to, by the files that are there.
///
/// # Errors
/// As [`adopt`], for what lies below the root.
pub fn service_of(core: &Core, folder: &Path) -> Result<Option<Service>> {
    let root = Root::open(&core.settings.root)?;
    let survey = survey::survey(&root, &texts::Texts::new(&root), None)?;
    let holds = |unit: &survey::Unit| {
        !unit.folder.as_os_str().is_empty() && folder.starts_with(&unit.folder)
    };
    Ok(survey
        .units
        .into_iter()
        .find(holds)
        .map(|unit| unit.service))
}

async fn work_out(core: &Core, request: &Request) -> Result<(Adoption, Reply)> {
    if request.done {
        return undo::done(core, request);
    }
    let vault = core.active_vault().await?;
    if request.undo {
        return undo::plan(core, request, vault).await;
    }
    let currents = currents(core, request, &vault).await?;
    plan::plan(core, request, currents)
}

async fn currents(core: &Core, request: &Request, vault: &Arc<Client>) -> Result<plan::Currents> {
    let mut currents = plan::Currents::new();
    for service in plan::services(core, request)? {
        let current = Current::read(vault.clone(), &service).await?;
        currents.insert(service, current);
    }
    Ok(currents)
}

/// Adds versions, backups and the failure to the reply.
fn note(reply: &mut Reply, moved: Moved) -> Option<Error> {
    for done in moved.done {
        let told = reply
            .services
            .iter_mut()
            .find(|told| done.service.as_ref() == Some(&told.service));
        let Some(told) = told else { continue };
        if let Some(version) = done.version {
            told.version = version;
        }
        for (file, backup) in done.files {
            if let Some(file) = told.files.iter_mut().find(|told| told.file == file) {
                file.backup = backup;
            }
        }
    }
    let (service, error) = moved.stopped?;
    let all = reply.services.iter().map(|told| told.service.clone());
    let left = match &service {
        Some(service) => all.skip_while(|one| one != service).skip(1).collect(),
        None => all.collect(),
    };
    reply.stopped = Some(Stopped {
        service,
        message: error.to_string(),
        left,
    });
    Some(error)
}
