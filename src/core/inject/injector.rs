//! Injects the files of one service: plans each file, writes it, and tries again if it changed in
//! the meantime.

use super::draft::plan;
use super::place::FoundFiles;
use super::target::FileTarget;
use super::{FileOutcome, FileReply, InjectReply, InjectRequest, share};
use crate::approval::Approver;
use crate::audit::Action;
use crate::core::plan::Plan;
use crate::core::{Audience, Core, deleted_service, no_service};
use crate::error::{Error, Result};
use crate::files::Written;
use crate::names::Service;
use crate::vault::{Client, Secrets, Stored};

/// The maximum number of attempts to inject a file. An attempt fails if the file changed in the
/// meantime.
const MAX_ATTEMPTS: usize = 50;

/// The data that every service of one call needs.
pub(super) struct Injector<'a> {
    pub(super) core: &'a Core,
    pub(super) vault: &'a Client,
    pub(super) request: &'a InjectRequest,
}

impl Injector<'_> {
    /// Writes the files of one service.
    pub(super) async fn service(
        &self,
        service: Service,
        files: Result<FoundFiles>,
        approver: &impl Approver,
    ) -> InjectReply {
        let mut reply = InjectReply::default();
        match self.files(&service, files, approver, &mut reply).await {
            Ok(()) => {}
            Err(error) => {
                let error = self.note_failure(&service, error).await;
                reply.services.push((service, Err(error)));
            }
        }
        self.core.progress.count_one();
        reply
    }

    async fn files(
        &self,
        service: &Service,
        files: Result<FoundFiles>,
        approver: &impl Approver,
        reply: &mut InjectReply,
    ) -> Result<()> {
        let files = files?;
        let Some(mut secrets) = self.secrets(service).await? else {
            reply.deleted.push(service.clone());
            return Ok(());
        };
        let shares = share::shares(self.core, &files, &secrets)?;
        reply.unwritten = files.notes;
        if let Some(first) = files.targets.first().filter(|_| !shares.unnamed.is_empty()) {
            reply
                .unnamed
                .push((service.clone(), shares.unnamed.clone(), first.file.clone()));
        }
        for target in files.targets.iter().filter(|target| shares.is_due(target)) {
            let outcome = self.file(target, &mut secrets, &shares, approver).await;
            reply.services.push((service.clone(), outcome));
        }
        Ok(())
    }

    /// The values to inject, from the request's template or from Vault. `None` if the service is
    /// deleted and all services were requested.
    async fn secrets(&self, service: &Service) -> Result<Option<Secrets>> {
        if let Some(template) = &self.request.template {
            return Ok(Some(template.secrets()));
        }
        match self.vault.read_service(service, None).await? {
            Stored::Present { secrets, .. } => Ok(Some(secrets)),
            Stored::Deleted { .. } if self.request.all => Ok(None),
            Stored::Deleted {
                version,
                is_destroyed,
            } => Err(deleted_service(service, version, is_destroyed)),
            Stored::Absent => Err(no_service(service)),
        }
    }

    async fn file(
        &self,
        target: &FileTarget,
        secrets: &mut Secrets,
        shares: &share::Shares,
        approver: &impl Approver,
    ) -> Result<FileReply> {
        // Another process may write the same file at the same time. A person's injection is then
        // planned again. A model's is not, because a person may already have approved it.
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(target, secrets, shares, approver).await {
                Err(Error::Conflict { .. }) if self.core.audience == Audience::Person => {}
                outcome => return outcome,
            }
            if let Some(now) = self.secrets(&target.service).await? {
                *secrets = now;
            }
        }
        Err(Error::Conflict {
            service: target.service.to_string(),
        })
    }

    /// Logs an injection that could not be planned, and returns the error.
    async fn note_failure(&self, service: &Service, error: Error) -> Error {
        let failed: Result<()> = Err(error);
        let failed = self
            .core
            .audited(Action::Inject, Some(service), failed, |()| String::new())
            .await;
        failed.err().unwrap_or(Error::Declined)
    }

    async fn attempt(
        &self,
        target: &FileTarget,
        secrets: &Secrets,
        shares: &share::Shares,
        approver: &impl Approver,
    ) -> Result<FileReply> {
        let Self { core, request, .. } = self;
        let planned = plan(core, request, target, secrets, shares).await;
        if request.only_looks() {
            let action = if request.dry_run {
                Action::DryRun
            } else {
                Action::Look
            };
            let planned = planned.map(|(reply, _)| reply);
            let (mut reply, unlogged) = core
                .audited(action, Some(&target.service), planned, dry_run_result)
                .await?;
            reply.warnings.extend(unlogged);
            return Ok(reply);
        }
        let (mut reply, write) = match planned {
            Ok(planned) => planned,
            Err(error) => return Err(self.note_failure(&target.service, error).await),
        };
        let committed = Plan::new(write)
            .approve(core, approver)
            .await?
            .commit(core, approver)
            .await?;
        if let Written::Replaced { backup } = committed.done {
            reply.backup = Some(backup);
        }
        reply.warnings.extend(committed.unlogged);
        Ok(reply)
    }
}

/// What a dry run found, for the audit log.
fn dry_run_result(reply: &FileReply) -> String {
    let what = match reply.state {
        FileOutcome::Created => "is missing",
        FileOutcome::Updated => "differs",
        FileOutcome::Unchanged => "is up to date",
    };
    format!("{} {what}", reply.file.display())
}
