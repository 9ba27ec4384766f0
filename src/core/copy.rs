//! `copy` and `rename`: a service at another name, mount or path.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::plan::{Current, Notes, Operation, Origin, Plan, Relocated, Relocation, VersionChange};
use super::{Core, no_service};
use crate::approval::{Approver, Change, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::shell::quote;
use crate::names::{Service, printable};
use crate::vault::{Client, CustomMetadata, Secrets, Stored};

/// How often it is worked out again after somebody else's change came in between.
const MAX_ATTEMPTS: usize = 50;

/// What to copy or rename.
#[derive(clap::Args)]
pub struct CopyRequest {
    /// The service
    #[arg(value_name = "FROM", value_parser = Service::from_folder)]
    pub service: Service,
    /// Its other name
    #[arg(value_name = "TO", value_parser = Service::from_folder)]
    pub to: Service,
    /// The mount of TO, if different
    #[arg(long, value_name = "PATH")]
    pub to_mount: Option<String>,
    /// The path of TO below its mount, if different; / for none
    #[arg(long, value_name = "PATH")]
    pub to_path: Option<String>,
    /// If TO exists, add the keys and keep its other keys
    #[arg(long, conflicts_with = "replace")]
    pub merge: bool,
    /// If TO exists, replace all its keys
    #[arg(long)]
    pub replace: bool,
    /// Show what would change and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// What became of it.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum CopyOutcome {
    /// The new one is there; for a rename, the old one is deleted.
    Done,
    /// The new one was there already, with the same content.
    Unchanged,
    /// It was a dry run.
    DryRun,
    /// The new one is there, and the old one is too.
    Stopped,
}

/// What was copied or renamed.
#[derive(Serialize)]
pub struct CopyReply {
    /// `MOUNT/PREFIX/FROM`.
    pub from: String,
    /// The version that was copied.
    pub from_version: u64,
    /// `MOUNT/PREFIX/TO`.
    pub to: String,
    /// What became of it.
    pub outcome: CopyOutcome,
    /// The version of the new one that holds now; 0 where there is none yet.
    pub version: u64,
    /// Keys that the new one did not have.
    pub added: Vec<String>,
    /// Keys that got another value there.
    pub changed: Vec<String>,
    /// Keys that the new one has no more.
    pub removed: Vec<String>,
    /// Custom metadata that went along, by name.
    pub metadata: Vec<String>,
    /// The command that undoes it, where one alone does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What to change in folders, which do not move.
    pub advice: Vec<String>,
    /// What deserves a second look.
    pub warnings: Vec<String>,
    /// The warnings that came up after the plan was shown.
    #[serde(skip)]
    pub late: Vec<String>,
    /// What kept the old one from being deleted.
    #[serde(skip)]
    pub stopped: Option<Error>,
}

/// The core of the new one: the same session, with another mount and path where the request names
/// them.
///
/// # Errors
/// [`Error::Invalid`] for a path that is none, one that the system config locks, and for a service
/// onto itself.
pub fn destination(core: &Core, request: &CopyRequest) -> Result<Core> {
    let settings = core
        .settings
        .elsewhere(request.to_mount.as_deref(), request.to_path.as_deref())?;
    if settings.display_path(&request.to) == core.settings.display_path(&request.service) {
        return Err(Error::invalid(
            format!("{} is both FROM and TO", request.service),
            "give it another name, or --to-mount, --to-path",
        ));
    }
    Ok(core.with_settings(settings))
}

/// Copies, or renames. `there` is [`destination`]; `show` gets the plan of a dry run.
///
/// # Errors
/// [`Error::InTheWay`] for a TO that exists, [`Error::NotFound`] and [`Error::Deleted`] for a FROM
/// that does not, [`Error::Declined`], [`Error::Conflict`] and Vault's refusals.
pub async fn copy(
    core: &Core,
    there: &Core,
    request: &CopyRequest,
    is_rename: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<CopyReply> {
    let work = Work {
        core,
        there,
        request,
        is_rename,
        from: core.active_vault().await?,
        to: there.active_vault().await?,
    };
    if request.dry_run {
        let (plan, mut reply) = work.plan().await?;
        core.audit
            .record(Action::DryRun, request.to.as_str(), &plan.audit_details())
            .await?;
        show(&plan.question())?;
        reply.outcome = CopyOutcome::DryRun;
        return Ok(reply);
    }
    for _ in 0..MAX_ATTEMPTS {
        let (plan, mut reply) = work.plan().await?;
        let undo = work.undo(plan.change.readable_base());
        if plan.is_there && !is_rename && plan.custom.is_empty() {
            return Ok(reply);
        }
        let committed = Plan::new(plan)
            .approve(core, approver)
            .await?
            .commit(core, approver)
            .await?;
        reply.late.extend(committed.unlogged);
        let Relocated::Done {
            version,
            unmarked,
            stopped,
        } = committed.done
        else {
            continue;
        };
        reply.version = version;
        reply.outcome = if stopped.is_some() {
            CopyOutcome::Stopped
        } else {
            CopyOutcome::Done
        };
        if let Some(error) = unmarked {
            reply.late.push(format!(
                "{} did not go along: {error}",
                reply.metadata.join(", ")
            ));
            reply.metadata.clear();
        }
        if stopped.is_none() {
            reply.undo = undo;
        }
        if is_rename && stopped.is_none() {
            let details = format!(
                "renamed to {}; version {} is deleted",
                reply.to, reply.from_version
            );
            reply.late.extend(
                core.audit
                    .record(Action::Success, request.service.as_str(), &details)
                    .await
                    .err()
                    .map(|e| e.to_string()),
            );
            reply.advice = advice(core, request);
        }
        reply.warnings.extend(reply.late.clone());
        reply.stopped = stopped.map(|error| *error);
        return Ok(reply);
    }
    Err(Error::Conflict {
        service: request.to.to_string(),
    })
}

/// What each attempt needs.
struct Work<'a> {
    core: &'a Core,
    there: &'a Core,
    request: &'a CopyRequest,
    is_rename: bool,
    from: Arc<Client>,
    to: Arc<Client>,
}

impl Work<'_> {
    /// The command that was given, without its options for an existing TO.
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

    /// The command that undoes it, where one alone does. `base` is the version that TO had, where
    /// it could be read.
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

    async fn plan(&self) -> Result<(Relocation, CopyReply)> {
        let CopyRequest {
            service,
            to,
            merge,
            replace,
            ..
        } = self.request;
        let current = Current::read(self.to.clone(), to).await?;
        let (secrets, version, created) = self.read_source(&current).await?;
        let mut result = if *merge {
            current.secrets().clone()
        } else {
            Secrets::new()
        };
        result.extend(secrets);
        if current.is_present() && !merge && !replace && *current.secrets() != result {
            return Err(Error::InTheWay {
                message: format!("{} exists already", self.there.settings.display_path(to)),
                hint: format!(
                    "{} --merge   (adds the keys; --replace instead replaces all)",
                    self.command()
                ),
            });
        }
        let (carried, left) = self.custom().await?;
        let mut notes = Notes::default();
        if !left.is_empty() {
            notes
                .warnings
                .push(format!("custom metadata not copied: {}", left.join(", ")));
        }
        let (base, is_new) = (current.version(), !current.is_present());
        let change = VersionChange::between(self.there, to, current, result, &[], &[], notes)
            .logging_all_keys();
        let reply = CopyReply {
            from: self.core.settings.display_path(service),
            from_version: version,
            to: change.path().to_owned(),
            outcome: CopyOutcome::Unchanged,
            version: if is_new { 0 } else { base },
            added: change.keys(Change::Added),
            changed: change.keys(Change::Changed),
            removed: change.keys(Change::Removed),
            metadata: carried.keys().map(|name| printable(name, false)).collect(),
            undo: None,
            advice: Vec::new(),
            warnings: change.warnings().to_vec(),
            late: Vec::new(),
            stopped: None,
        };
        let origin = Origin {
            service: service.clone(),
            path: reply.from.clone(),
            version,
            created,
            vault: self.from.clone(),
        };
        let is_there = !is_new && change.changes_nothing();
        let plan = Relocation::new(
            self.is_rename,
            origin,
            to.clone(),
            change,
            is_there,
            carried,
            self.to.clone(),
        );
        Ok((plan, reply))
    }

    async fn read_source(&self, to: &Current) -> Result<(Secrets, u64, String)> {
        let service = &self.request.service;
        let error = match self.from.read_service(service, None).await? {
            Stored::Present {
                secrets,
                version,
                created,
            } => {
                return Ok((secrets, version, created));
            }
            Stored::Deleted {
                version,
                is_destroyed,
                ..
            } => Error::Deleted {
                service: service.to_string(),
                version,
                is_newest: true,
                is_destroyed,
            },
            Stored::Absent => no_service(service),
        };
        if self.is_rename && to.is_present() {
            return Err(Error::NotFound {
                what: format!(
                    "the service {service} (renamed already? {} is there)",
                    self.request.to
                ),
                hint: error.hint(),
            });
        }
        Err(error)
    }

    /// The custom metadata that goes along, and the names of what does not. Without the right to
    /// read it, nothing does.
    async fn custom(&self) -> Result<(CustomMetadata, Vec<String>)> {
        let history = match self.from.read_history(&self.request.service).await {
            Ok(history) => history,
            Err(Error::Forbidden { .. }) => return Ok((CustomMetadata::new(), Vec::new())),
            Err(error) => return Err(error),
        };
        let custom = history.map(|history| history.custom).unwrap_or_default();
        let (carried, left): (CustomMetadata, CustomMetadata) =
            custom.into_iter().partition(|(name, _)| goes_along(name));
        Ok((
            carried,
            left.into_keys()
                .map(|name| printable(&name, false))
                .collect(),
        ))
    }
}

/// Whether custom metadata belongs to the values, wherever they are. What says how a value may be
/// used never does: a copy elsewhere is another decision.
fn goes_along(name: &str) -> bool {
    // `rotate_after` is for all keys, and `rotate_after.KEY` for one.
    let kind = name.split_once('.').map_or(name, |(kind, _)| kind);
    name == "owner" || matches!(kind, "rotate_after" | "rotate_from")
}

/// What a person changes in folders after a rename.
fn advice(core: &Core, request: &CopyRequest) -> Vec<String> {
    let CopyRequest { service, to, .. } = request;
    let mut advice = Vec::new();
    let Ok(root) = Root::open(&core.settings.root) else {
        return advice;
    };
    if root.has_folder(Path::new(service.as_str())) && service != to {
        advice.push(format!(
            "the folder {service} stays: mv {service} {to}   (and then: claude-vault inject {to})"
        ));
    }
    if super::inject::is_in_project(&root, service) && service != to {
        advice.push(format!(
            "change [services.{service}] to [services.{to}] in .claude-vault.toml"
        ));
    }
    advice
}
