//! `copy` and `rename`: copies or moves a service to another name, mount or path.

mod planning;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::Core;
use super::plan::{Operation, Plan, Relocated};
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::shell::quote;
use crate::names::Service;
use crate::vault::Client;

/// The maximum number of times the plan is made. It is made again after every concurrent change.
const MAX_ATTEMPTS: usize = 50;

/// The arguments of `copy` and `rename`.
#[derive(clap::Args)]
pub struct CopyRequest {
    /// The service
    #[arg(value_name = "FROM", value_parser = Service::from_folder)]
    pub service: Service,
    /// The new name
    #[arg(value_name = "TO", value_parser = Service::from_folder)]
    pub to: Service,
    /// The mount of TO, if different
    #[arg(long, value_name = "PATH")]
    pub to_mount: Option<String>,
    /// The path of TO below its mount, if different; / for none
    #[arg(long, value_name = "PATH")]
    pub to_path: Option<String>,
    /// If TO exists, add the keys of FROM and keep the other keys of TO
    #[arg(long, conflicts_with = "replace")]
    pub merge: bool,
    /// If TO exists, replace all its keys with those of FROM
    #[arg(long)]
    pub replace: bool,
    /// Show what would change and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// The outcome of a copy or rename.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum CopyOutcome {
    /// The new service was written. In a rename, the old one was deleted.
    Done,
    /// The new service already existed with the same content.
    Unchanged,
    /// Nothing was changed, because this was a dry run.
    DryRun,
    /// The new service was written, but the old one could not be deleted.
    Stopped,
}

/// The result of a copy or rename.
#[derive(Serialize)]
pub struct CopyReply {
    /// `MOUNT/PREFIX/FROM`.
    pub from: String,
    /// The version that was copied.
    pub from_version: u64,
    /// `MOUNT/PREFIX/TO`.
    pub to: String,
    /// The outcome.
    pub outcome: CopyOutcome,
    /// The current version of TO; 0 if it does not exist yet.
    pub version: u64,
    /// Keys that were added to TO.
    pub added: Vec<String>,
    /// Keys whose value in TO changed.
    pub changed: Vec<String>,
    /// Keys that were removed from TO.
    pub removed: Vec<String>,
    /// The names of the custom metadata that was copied.
    pub metadata: Vec<String>,
    /// The command that undoes the change, if a single command can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What the person should change in local folders, which a rename does not move.
    pub advice: Vec<String>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
    /// The warnings that arose after the plan was shown. They are in `warnings` too.
    #[serde(skip)]
    pub late_warnings: Vec<String>,
    /// The error that prevented the deletion of FROM.
    #[serde(skip)]
    pub stopped: Option<Error>,
}

/// The core for TO: the same session, with the mount and path that the request names.
///
/// # Errors
/// [`Error::Invalid`] for a path that is malformed or locked by the system config, and if FROM and
/// TO are the same service.
pub fn destination(core: &Core, request: &CopyRequest) -> Result<Core> {
    let settings = core
        .settings
        .with_target(request.to_mount.as_deref(), request.to_path.as_deref())?;
    if settings.display_path(&request.to) == core.settings.display_path(&request.service) {
        return Err(Error::invalid(
            format!("{} is both FROM and TO", request.service),
            "choose another name, or use --to-mount or --to-path",
        ));
    }
    Ok(core.with_settings(settings))
}

/// Copies or renames a service. `there` is the core from [`destination`]. `show` is called with the
/// plan of a dry run.
///
/// # Errors
/// [`Error::Blocked`] if TO already exists, [`Error::NotFound`] and [`Error::Deleted`] if FROM
/// does not exist, [`Error::Declined`], [`Error::Conflict`], and errors from Vault.
pub async fn copy(
    core: &Core,
    there: &Core,
    request: &CopyRequest,
    is_rename: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<CopyReply> {
    let copier = Copier {
        core,
        there,
        request,
        is_rename,
        from: core.active_vault()?,
        to: there.active_vault()?,
    };
    if request.dry_run {
        return copier.dry_run(show).await;
    }
    for _ in 0..MAX_ATTEMPTS {
        if let Some(reply) = copier.attempt(approver).await? {
            return Ok(reply);
        }
    }
    Err(Error::Conflict {
        service: request.to.to_string(),
    })
}

/// The inputs of each attempt.
struct Copier<'a> {
    core: &'a Core,
    there: &'a Core,
    request: &'a CopyRequest,
    is_rename: bool,
    from: Arc<Client>,
    to: Arc<Client>,
}

impl Copier<'_> {
    async fn dry_run(&self, show: impl Fn(&Question<'_>) -> Result<()>) -> Result<CopyReply> {
        let (plan, mut reply) = self.plan().await?;
        self.core
            .audit
            .record(
                Action::DryRun,
                self.request.to.as_str(),
                &plan.audit_details(),
            )
            .await?;
        show(&plan.question())?;
        reply.outcome = CopyOutcome::DryRun;
        Ok(reply)
    }

    /// Plans and makes the change. `None` if somebody else wrote the new service first.
    async fn attempt(&self, approver: &impl Approver) -> Result<Option<CopyReply>> {
        let (plan, mut reply) = self.plan().await?;
        let base = plan.change.readable_base();
        let undo = self.undo(base);
        if plan.is_there && !self.is_rename && plan.custom.is_empty() {
            return Ok(Some(reply));
        }
        let committed = Plan::new(plan)
            .approve(self.core, approver)
            .await?
            .commit(self.core, approver)
            .await?;
        reply.late_warnings.extend(committed.unlogged);
        let Relocated::Done {
            version,
            unmarked,
            stopped,
        } = committed.done
        else {
            return Ok(None);
        };
        reply.version = version;
        if let Some(error) = unmarked {
            reply.late_warnings.push(format!(
                "custom metadata not copied: {}: {error}",
                reply.metadata.join(", ")
            ));
            reply.metadata.clear();
        }
        if stopped.is_some() {
            reply.outcome = CopyOutcome::Stopped;
        } else {
            reply.outcome = CopyOutcome::Done;
            // Without a new version, only metadata was copied.
            reply.undo = undo.filter(|_| Some(version) != base);
            if self.is_rename {
                self.finish_rename(&mut reply).await;
            }
        }
        reply.warnings.extend(reply.late_warnings.clone());
        reply.stopped = stopped.map(|error| *error);
        Ok(Some(reply))
    }

    /// Logs the rename under the old name too, and advises on local folders.
    async fn finish_rename(&self, reply: &mut CopyReply) {
        let details = format!(
            "renamed to {}; version {} is deleted",
            reply.to, reply.from_version
        );
        let service = self.request.service.as_str();
        let noted = self
            .core
            .audit
            .record(Action::Success, service, &details)
            .await;
        reply
            .late_warnings
            .extend(noted.err().map(|error| error.to_string()));
        reply.advice = advice(self.core, self.request);
    }

    /// The command that the person ran, without `--merge`, `--replace` and `--dry-run`.
    fn command(&self) -> String {
        let CopyRequest {
            service,
            to,
            to_mount,
            to_path,
            ..
        } = self.request;
        let mut command = format!(
            "claude-vault {} {service} {to}",
            if self.is_rename { "rename" } else { "copy" }
        );
        for (option, given) in [("--to-mount", to_mount), ("--to-path", to_path)] {
            if let Some(given) = given {
                command = format!("{command} {option} {}", quote(given));
            }
        }
        command
    }

    /// The command that undoes the change, if a single command can. `base` is the previous version
    /// of TO, if it could be read.
    fn undo(&self, base: Option<u64>) -> Option<String> {
        let CopyRequest {
            service,
            to,
            to_mount: None,
            to_path: None,
            ..
        } = self.request
        else {
            return None;
        };
        match (self.is_rename, base) {
            (false, None) => Some(format!("claude-vault delete {to}")),
            (false, Some(base)) => Some(format!("claude-vault rollback {to} {base}")),
            (true, None) => Some(format!("claude-vault rename {to} {service}")),
            (true, Some(_)) => None,
        }
    }
}

/// What the person should change in local folders after a rename.
fn advice(core: &Core, request: &CopyRequest) -> Vec<String> {
    let CopyRequest { service, to, .. } = request;
    let mut advice = Vec::new();
    let Ok(root) = Root::open(&core.settings.root) else {
        return advice;
    };
    if root.has_folder(Path::new(service.as_str())) && service != to {
        advice.push(format!(
            "the folder {service} was not renamed: mv {service} {to}   (then: claude-vault inject {to})"
        ));
    }
    if super::inject::is_in_project(&root, service) && service != to {
        advice.push(format!(
            "change [services.{service}] to [services.{to}] in .claude-vault.toml"
        ));
    }
    advice
}
