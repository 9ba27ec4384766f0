//! `inject`: writes a service's values into the `.env` and `secrets.yaml` files that its program
//! reads.
//!
//! An existing file is the base: its own lines stay. Each key gets its value from Vault, else keeps
//! the one in the file, else takes the template's default.

mod changes;
mod defaults;
mod draft;
mod faults;
pub(in crate::core) mod header;
mod injector;
mod mask;
mod owners;
mod place;
mod project;
mod render;
mod request;
mod share;
mod target;
pub(in crate::core) mod template_names;
mod yaml_text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde::Serialize;

pub use self::changes::Changes;
pub(in crate::core) use self::header::HEADER_START;
use self::injector::Injector;
use self::owners::one_service_a_file;
use self::place::{FoundFiles, Places};
pub(super) use self::place::{Readers, reader_beside, readers_of};
pub(in crate::core) use self::project::listed_files;
pub use self::request::{FileFormat, InjectRequest, Template, TemplateLine};
use super::Core;
use super::git::{GitAdvice, keep_out_of_git};
use crate::approval::Approver;
use crate::error::{Error, Result};
use crate::files::{Content, Root};
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Service, printable};

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
        request.services = places.services_with_a_place(&vault).await?;
    } else if request.services.is_empty() {
        request.services = vec![places.service_here(&vault).await?];
    }
    let mut seen = BTreeSet::new();
    request
        .services
        .retain(|service| seen.insert(service.clone()));
    let (found, left_out) = find_files(&places, &request);
    core.progress.expect(found.len());
    let injector = Injector {
        core,
        vault: &vault,
        request: &request,
    };
    let each =
        stream::iter(found).map(|(service, files)| injector.service(service, files, approver));
    let each: Vec<InjectReply> = each.buffered(AT_ONCE).collect().await;
    let mut reply = InjectReply {
        left_out,
        ..InjectReply::default()
    };
    for one in each {
        reply.services.extend(one.services);
        reply.deleted.extend(one.deleted);
        reply.unnamed.extend(one.unnamed);
        reply.unwritten.extend(one.unwritten);
    }
    if !request.only_looks() {
        let advice = advice(core, &request, &reply.services).await;
        reply.warnings.extend(advice.warnings);
        reply.notes.extend(advice.notes);
    }
    Ok(reply)
}

/// The files of each service, and the services that have no place.
fn find_files(
    places: &Places,
    request: &InjectRequest,
) -> (Vec<(Service, Result<FoundFiles>)>, Vec<Service>) {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for service in &request.services {
        match places.find(request, service) {
            Ok(None) => left_out.push(service.clone()),
            Ok(Some(files)) => found.push((service.clone(), Ok(files))),
            Err(error) => found.push((service.clone(), Err(error))),
        }
    }
    one_service_a_file(&mut found);
    (found, left_out)
}

/// Whether `.claude-vault.toml` lists files of this service.
pub(in crate::core) fn is_in_project(root: &Root, service: &Service) -> bool {
    project::project_config(root).is_ok_and(|config| config.services.contains_key(service.as_str()))
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
) -> GitAdvice {
    let Ok(root) = Root::open(&core.settings.root) else {
        return GitAdvice::default();
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
    let work = move || keep_out_of_git(&root, &files, log.as_deref(), ignore, "inject");
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
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
