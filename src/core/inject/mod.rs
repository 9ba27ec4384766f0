//! `inject`: writes a service's values into the `.env` and `secrets.yaml` files that its program
//! reads.
//!
//! An existing file is the base: its own lines stay. Each key gets its value from Vault, else keeps
//! the one in the file, else takes the template's default.

mod changes;
mod defaults;
mod draft;
mod faults;
pub(in crate::core) mod git;
pub(in crate::core) mod header;
mod known;
mod mask;
mod place;
mod project;
mod render;
mod request;
mod share;
pub(in crate::core) mod template_names;
mod yaml_text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde::Serialize;

pub use self::changes::Changes;
use self::draft::{StoredSecrets, plan};
pub(in crate::core) use self::git::tracked as tracked_by_git;
pub(in crate::core) use self::header::HEADER_START;
use self::place::{FileTarget, FoundFiles, Places};
pub(super) use self::place::{Readers, reader_beside, readers_of};
pub(in crate::core) use self::project::listed_files;
pub use self::request::{FileFormat, InjectRequest, Template, TemplateLine};
use super::plan::Plan;
use super::{Audience, Core, no_service};
use crate::approval::Approver;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::{Content, Root, Written};
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Service, printable};
use crate::vault::{Client, Stored};

/// How often an injection is tried again because the file changed in the meantime.
const MAX_ATTEMPTS: usize = 50;
/// How many services are processed at the same time.
const AT_ONCE: usize = 16;

/// The outcome for one file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileOutcome {
    /// The file did not exist. In a dry run: it would be created.
    Created,
    /// The content changed. In a dry run: it would change.
    Updated,
    /// The file already had this content.
    Unchanged,
}

/// The outcome of injecting one file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileReply {
    /// The service.
    pub service: Service,
    /// The path, relative to the root.
    pub file: PathBuf,
    /// Its format.
    pub format: FileFormat,
    /// The programs that read the file; empty for YAML.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dialects: Vec<Dialect>,
    /// The neighbouring files that `dialects` was guessed from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guessed_from: Vec<String>,
    /// Whether the file was, or would be, created or updated.
    pub state: FileOutcome,
    /// How many of its keys come from Vault.
    pub keys: usize,
    /// Which keys differ from the previous content.
    #[serde(flatten)]
    pub changes: Changes,
    /// The name of the template beside the file, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Keys in Vault that are left out because no variable can have such a name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Keys whose values were edited in the file since it was last written. Vault's values replace
    /// them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edited: Vec<String>,
    /// The old and new permissions, if fewer users can read the file now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrowed: Option<String>,
    /// Readers outside the requested dialects that would misread the file: the affected keys, or
    /// the line where the reader stops, with its readers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub misread: BTreeMap<String, Vec<Dialect>>,
    /// The name of the backup with the old content, in the same folder.
    pub backup: Option<String>,
    /// Remarks about the file's text.
    pub remarks: Vec<String>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// The outcomes for all services, in their order, and messages that concern all of them.
#[derive(Default)]
pub struct InjectReply {
    /// One outcome per file, or one per service that could not be read.
    pub services: Vec<(Service, Result<FileReply>)>,
    /// Services that `--all` skipped because nothing in their folders shows which file they need.
    pub left_out: Vec<Service>,
    /// Services that `--all` skipped because they are deleted in Vault. Their files stay as they
    /// are.
    pub deleted: Vec<Service>,
    /// Keys that were not written because none of the service's files names them. The path is a
    /// file to add them to.
    pub unnamed: Vec<(Service, Vec<String>, PathBuf)>,
    /// Files that were not written, and why.
    pub unwritten: Vec<String>,
    /// Warnings about the whole call.
    pub warnings: Vec<String>,
    /// Other actions, such as lines added to `.gitignore`.
    pub notes: Vec<String>,
}

/// Injects several services at the same time. `approver` is asked if a person must approve.
///
/// # Errors
/// For the whole call: no session, or nothing to inject. For one service, whose old files then stay
/// untouched: [`Error::Unwritable`] for a value that its readers would not read back,
/// [`Error::Confined`] for a path that leaves the root, [`Error::Invalid`] if the place or format
/// cannot be determined, and Vault's refusals.
pub async fn inject(
    core: &Core,
    mut request: InjectRequest,
    approver: &impl Approver,
) -> Result<InjectReply> {
    request.take_old_format();
    if request.file.is_some() && request.services.len() > 1 {
        return Err(Error::invalid(
            "--file takes a single service",
            "inject the services one by one",
        ));
    }
    let vault = core.vault()?;
    let places = Places::open(core)?;
    if request.all {
        request.services = places.with_a_place(&vault).await?;
    } else if request.services.is_empty() {
        request.services = vec![places.service_here(&vault).await?];
    }
    let mut seen = BTreeSet::new();
    request
        .services
        .retain(|service| seen.insert(service.clone()));
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for service in &request.services {
        match places.find(&request, service) {
            Ok(None) => left_out.push(service.clone()),
            Ok(Some(files)) => found.push((service.clone(), Ok(files))),
            Err(error) => found.push((service.clone(), Err(error))),
        }
    }
    one_service_a_file(&mut found);
    core.work.expect(found.len());
    let work = Work {
        core,
        vault: &vault,
        request: &request,
    };
    let each = stream::iter(found).map(|(service, files)| work.service(service, files, approver));
    let each: Vec<InjectReply> = each.buffered(AT_ONCE).collect().await;
    let mut injected = InjectReply {
        left_out,
        ..InjectReply::default()
    };
    for one in each {
        injected.services.extend(one.services);
        injected.deleted.extend(one.deleted);
        injected.unnamed.extend(one.unnamed);
        injected.unwritten.extend(one.unwritten);
    }
    if !request.only_looks() {
        let advice = advice(core, &request, &injected.services).await;
        injected.warnings.extend(advice.warnings);
        injected.notes.extend(advice.notes);
    }
    Ok(injected)
}

/// Whether `.claude-vault.toml` lists files of this service.
pub(in crate::core) fn is_in_project(root: &Root, service: &Service) -> bool {
    project::project_config(root).is_ok_and(|config| config.services.contains_key(service.as_str()))
}

/// Keeps files that another command wrote out of git. Returns warnings and notes.
pub(in crate::core) fn keep_out_of_git(
    root: &Root,
    files: &[PathBuf],
    ignore: bool,
) -> (Vec<String>, Vec<String>) {
    let advice = git::keep_out(root, files, None, ignore);
    (advice.warnings, advice.notes)
}

/// The service whose folder contains the working directory, if any.
///
/// # Errors
/// Vault's failures, and an invalid `.claude-vault.toml`.
pub async fn service_here(core: &Core) -> Result<Option<Service>> {
    let vault = core.vault()?;
    match Places::open(core)?.service_here(&vault).await {
        Ok(service) => Ok(Some(service)),
        Err(Error::Invalid { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps the files out of git. Runs on a blocking thread, because waiting for git must not hold up
/// a server's other work.
async fn advice(
    core: &Core,
    request: &InjectRequest,
    services: &[(Service, Result<FileReply>)],
) -> git::Advice {
    let Ok(root) = Root::open(&core.settings.root) else {
        return git::Advice::default();
    };
    let replies = services
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().ok());
    let files: Vec<PathBuf> = replies.map(|reply| reply.file.clone()).collect();
    let log = core
        .audit
        .path()
        .strip_prefix(root.path())
        .ok()
        .map(Path::to_owned);
    let ignore = request.gitignore;
    let work = move || git::keep_out(&root, &files, log.as_deref(), ignore);
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

/// Two services never share a file unless the request names it. If exactly one of them has the file
/// in its own folder, that service keeps it; otherwise both get an error. All other services
/// continue.
fn one_service_a_file(found: &mut [(Service, Result<FoundFiles>)]) {
    let mut owners: BTreeMap<PathBuf, Vec<(Service, bool)>> = BTreeMap::new();
    // A service without a place reports its own error later.
    let targets = found
        .iter()
        .filter_map(|(_, files)| files.as_ref().ok())
        .flat_map(|files| &files.targets);
    for target in targets {
        owners
            .entry(target.file.clone())
            .or_default()
            .push((target.service.clone(), target.is_in_own_folder()));
    }
    owners.retain(|_, services| services.len() > 1);
    for (service, files) in found {
        let Ok(own) = files else { continue };
        let mut error = None;
        own.targets.retain(|target| {
            let Some(services) = owners.get(&target.file) else {
                return true;
            };
            let file = printable(&target.file.to_string_lossy(), false);
            let others: Vec<&str> = services
                .iter()
                .map(|(other, _)| other.as_str())
                .filter(|other| *other != service.as_str())
                .collect();
            let owner = services
                .iter()
                .find(|(_, lies_in_own)| *lies_in_own)
                .map(|(owner, _)| owner);
            let is_settled = services
                .iter()
                .filter(|(_, lies_in_own)| *lies_in_own)
                .count()
                == 1;
            match owner.filter(|_| is_settled) {
                Some(owner) if owner == service => true,
                Some(owner) => {
                    own.notes.push(format!(
                        "{file} is not written for {service}: it lies in the folder of {owner}"
                    ));
                    false
                }
                None => {
                    error.get_or_insert_with(|| {
                        Error::invalid(
                            format!(
                                "{service} and {} would both be written to {file}",
                                others.join(", ")
                            ),
                            "give each a file of its own in .claude-vault.toml",
                        )
                    });
                    true
                }
            }
        });
        if let Some(error) = error {
            *files = Err(error);
        }
    }
}

/// What processing a service needs.
struct Work<'a> {
    core: &'a Core,
    vault: &'a Client,
    request: &'a InjectRequest,
}

impl Work<'_> {
    /// Writes the files of one service.
    async fn service(
        &self,
        service: Service,
        files: Result<FoundFiles>,
        approver: &impl Approver,
    ) -> InjectReply {
        let mut injected = InjectReply::default();
        match self.files(&service, files, approver, &mut injected).await {
            Ok(()) => {}
            Err(error) => {
                let error = self.note_failure(&service, error).await;
                injected.services.push((service, Err(error)));
            }
        }
        self.core.work.count_one();
        injected
    }

    async fn files(
        &self,
        service: &Service,
        files: Result<FoundFiles>,
        approver: &impl Approver,
        injected: &mut InjectReply,
    ) -> Result<()> {
        let files = files?;
        let Some(mut held) = self.held(service).await? else {
            injected.deleted.push(service.clone());
            return Ok(());
        };
        let shares = share::shares(self.core, &files, &held.secrets)?;
        injected.unwritten = files.notes;
        if let Some(first) = files.targets.first().filter(|_| !shares.unnamed.is_empty()) {
            injected
                .unnamed
                .push((service.clone(), shares.unnamed.clone(), first.file.clone()));
        }
        for target in files.targets.iter().filter(|target| shares.is_due(target)) {
            let outcome = self.file(target, &mut held, &shares, approver).await;
            injected.services.push((service.clone(), outcome));
        }
        Ok(())
    }

    /// The service's values in Vault. `None` if it is deleted and all services were requested.
    async fn held(&self, service: &Service) -> Result<Option<StoredSecrets>> {
        if let Some(template) = &self.request.template {
            return Ok(Some(StoredSecrets {
                secrets: template.secrets(),
            }));
        }
        match self.vault.read_service(service, None).await? {
            Stored::Present { secrets, .. } => Ok(Some(StoredSecrets { secrets })),
            Stored::Deleted { .. } if self.request.all => Ok(None),
            Stored::Deleted {
                version,
                is_destroyed,
            } => Err(Error::Deleted {
                service: service.to_string(),
                version,
                is_newest: true,
                is_destroyed,
            }),
            Stored::Absent => Err(no_service(service)),
        }
    }

    async fn file(
        &self,
        target: &FileTarget,
        held: &mut StoredSecrets,
        shares: &share::Shares,
        approver: &impl Approver,
    ) -> Result<FileReply> {
        // Another process may write the same file at the same time. The injection is then planned
        // again, unless a person has already looked at it.
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(target, held, shares, approver).await {
                Err(Error::Conflict { .. }) if self.core.audience == Audience::Person => {}
                outcome => return outcome,
            }
            if let Some(now) = self.held(&target.service).await? {
                *held = now;
            }
        }
        Err(Error::Conflict {
            service: target.service.to_string(),
        })
    }

    /// Logs an injection that failed before it could be planned.
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
        held: &StoredSecrets,
        shares: &share::Shares,
        approver: &impl Approver,
    ) -> Result<FileReply> {
        let Self { core, request, .. } = self;
        let planned = plan(core, request, target, held, shares).await;
        if request.only_looks() {
            let action = if request.dry_run {
                Action::DryRun
            } else {
                Action::Look
            };
            let looked = planned.map(|(reply, _)| reply);
            let (mut reply, unlogged) = core
                .audited(action, Some(&target.service), looked, seen)
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

/// The result of a dry run, for the audit log.
fn seen(reply: &FileReply) -> String {
    let what = match reply.state {
        FileOutcome::Created => "is missing",
        FileOutcome::Updated => "differs",
        FileOutcome::Unchanged => "is up to date",
    };
    format!("{} {what}", reply.file.display())
}

/// The file's text; an error if it is not UTF-8.
pub(super) fn text<'a>(path: &Path, content: Option<&'a Content>) -> Result<Option<&'a str>> {
    let Some(content) = content else {
        return Ok(None);
    };
    std::str::from_utf8(&content.bytes)
        .map(Some)
        .map_err(|_| Error::Confined {
            path: path.to_owned(),
            reason: "it is not UTF-8 text",
        })
}

/// The command that selects the same file again, without `--dialect`.
fn command(request: &InjectRequest, service: &Service, file: &Path) -> String {
    let format = match request.format {
        Some(FileFormat::Env) => " --format env",
        Some(FileFormat::Yaml) => " --format yaml",
        None => "",
    };
    let file_option = request.file.as_ref().map(|_| {
        format!(
            " --file {}",
            printable(&shell::word(&file.to_string_lossy()), false)
        )
    });
    format!(
        "claude-vault inject {service}{format}{}",
        file_option.unwrap_or_default()
    )
}
