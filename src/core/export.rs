//! `export`: writes services in the format of another program, to standard output or to files below
//! the root.

mod formats;
mod output;

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Core;
use super::history::read_version;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::format::dotenv::Dialect;
use crate::names::{Service, short};
use crate::vault::{Client, Secrets, Stored};
use formats::RenderedExport;

/// The number of services that are read concurrently.
const AT_ONCE: usize = 8;

/// The format of an export.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// One JSON object; keeps types
    Json,
    /// A YAML mapping; keeps types
    Yaml,
    /// KEY=value lines for .env readers; see --dialect
    Env,
    /// export KEY='value' lines for sh, bash, zsh and similar shells
    Shell,
    /// A v1 Secret for kubectl apply
    K8sSecret,
    /// A folder with one file per key, like mounted Docker secrets
    DockerSecrets,
}

impl ExportFormat {
    /// The format's name on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Env => "env",
            Self::Shell => "shell",
            Self::K8sSecret => "k8s-secret",
            Self::DockerSecrets => "docker-secrets",
        }
    }
}

/// The arguments of `export`.
#[derive(clap::Args)]
pub struct ExportRequest {
    /// The services; with docker-secrets, the last argument is the folder, unless --output is given
    #[arg(value_name = "SERVICE", required = true)]
    pub services: Vec<String>,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "json")]
    pub format: ExportFormat,
    /// Write to this file (docker-secrets: folder) below the root, mode 0600, instead of printing
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace an existing file that differs, and keep the old one as a backup
    #[arg(long)]
    pub force: bool,
    /// Only these keys, separated by commas
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The programs that read the env format, such as compose,shell
    #[arg(long, value_enum, value_delimiter = ',', hide_possible_values = true)]
    pub dialect: Vec<Dialect>,
    /// Add the files and their backups to .gitignore, unless git already ignores them
    #[arg(long)]
    pub gitignore: bool,
    /// Fail if the format cannot represent a key's name, instead of leaving the key out
    #[arg(long)]
    pub strict: bool,
}

/// An exported service, for a report without values.
#[derive(Serialize)]
pub struct Exported {
    /// The service.
    pub service: Service,
    /// The exported version.
    pub version: u64,
    /// The keys that were exported.
    pub keys: Vec<String>,
}

/// A file that an export wrote.
#[derive(Serialize)]
pub struct ExportedFile {
    /// The path below the root.
    pub file: PathBuf,
    /// `created`, `updated` or `unchanged`.
    pub state: &'static str,
    /// The name of the backup with the old content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
}

/// The result of an export.
#[derive(Serialize)]
pub struct ExportReply {
    /// The format.
    pub format: ExportFormat,
    /// The services.
    pub services: Vec<Exported>,
    /// The files with the output; empty if the output is printed.
    pub files: Vec<ExportedFile>,
    /// Keys that were left out, with the reason.
    pub left_out: Vec<String>,
    /// The text to print. It contains the values.
    #[serde(skip)]
    pub text: Option<Zeroizing<String>>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
    /// Other changes that were made, such as new lines in `.gitignore`.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// A service with the keys to export.
struct Source {
    service: Service,
    version: u64,
    secrets: Secrets,
}

/// Exports services. With `json`, Kubernetes manifests are written as JSON instead of YAML.
///
/// # Errors
/// [`Error::UnderAgent`], [`Error::NotFound`] for a service or key that does not exist,
/// [`Error::Unwritable`] for a value or name that the format cannot represent, [`Error::Invalid`]
/// for an existing file with other content, [`Error::Confined`] for a file outside the root.
pub async fn export(core: &Core, request: &ExportRequest, json: bool) -> Result<ExportReply> {
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent { what: "export" });
    }
    let vault = core.vault()?;
    let (services, output) = destination(&vault, request).await?;
    let outcome = collect(&vault, &services, request)
        .await
        .and_then(|sources| {
            let rendered = formats::render(&sources, request, json)?;
            Ok((sources, rendered))
        });
    let (sources, rendered) = match outcome {
        Ok(done) => done,
        Err(error) => return Err(note_failure(core, &services, request, error).await),
    };
    let mut reply = ExportReply {
        format: request.format,
        services: sources
            .iter()
            .map(|source| exported(source, &rendered))
            .collect(),
        files: Vec::new(),
        left_out: rendered.left_out,
        text: None,
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    match output {
        None => {
            for source in &reply.services {
                let details = format!(
                    "{} keys as {} to standard output",
                    source.keys.len(),
                    request.format.word()
                );
                let noted = core
                    .audit
                    .record(Action::Export, source.service.as_str(), &details)
                    .await;
                reply
                    .warnings
                    .extend(noted.err().map(|error| error.to_string()));
            }
            reply.text = rendered.files.into_iter().next().map(|(_, text)| text);
        }
        Some(output) => output::write(core, &output, rendered.files, request, &mut reply).await?,
    }
    Ok(reply)
}

async fn note_failure(
    core: &Core,
    services: &[Service],
    request: &ExportRequest,
    error: Error,
) -> Error {
    let single = services
        .first()
        .filter(|_| services.len() == 1)
        .map_or("", Service::as_str);
    let details = format!("as {}; failed: {}", request.format.word(), error.code());
    let _ = core.audit.record(Action::Export, single, &details).await;
    error
}

fn exported(source: &Source, rendered: &RenderedExport) -> Exported {
    let keys = source
        .secrets
        .keys()
        .filter(|key| !rendered.is_left_out(&source.service, key));
    Exported {
        service: source.service.clone(),
        version: source.version,
        keys: keys.cloned().collect(),
    }
}

/// The services, and the output file or folder. With docker-secrets and without `--output`, the
/// last argument is the folder. That is an error if a service of the same name exists, unless the
/// argument ends with `/`.
async fn destination(
    vault: &Client,
    request: &ExportRequest,
) -> Result<(Vec<Service>, Option<PathBuf>)> {
    let mut words: Vec<&str> = request.services.iter().map(String::as_str).collect();
    let mut output = request.output.clone();
    if request.format == ExportFormat::DockerSecrets && output.is_none() {
        let needs_folder = || {
            Error::invalid(
                "docker-secrets needs a folder for its files",
                format!(
                    "claude-vault export {} --format docker-secrets --output secrets",
                    shown(words[0])
                ),
            )
        };
        let (last, others) = words.split_last().ok_or_else(needs_folder)?;
        if others.is_empty() {
            return Err(needs_folder());
        }
        if let Ok(service) = Service::from_folder(last)
            && !last.ends_with('/')
            && matches!(
                vault.read_service(&service, None).await?,
                Stored::Present { .. }
            )
        {
            return Err(Error::invalid(
                format!("{service} is also a service, so it is unclear which folder to write"),
                format!(
                    "--output {service}   for the folder of that name, or another one: --output DIR"
                ),
            ));
        }
        output = Some(std::path::absolute(last).map_err(Error::io("find", *last))?);
        words.pop();
    }
    let mut seen = BTreeSet::new();
    let services: Vec<Service> = words
        .into_iter()
        .map(Service::from_folder)
        .collect::<Result<_>>()?;
    Ok((
        services
            .into_iter()
            .filter(|service| seen.insert(service.clone()))
            .collect(),
        output,
    ))
}

/// An argument for display in a hint: `SERVICE` if it is not a valid service name.
fn shown(word: &str) -> &str {
    if Service::from_folder(word).is_ok() {
        word
    } else {
        "SERVICE"
    }
}

async fn collect(
    vault: &Client,
    services: &[Service],
    request: &ExportRequest,
) -> Result<Vec<Source>> {
    let read = stream::iter(services).map(|service| async move {
        let (version, secrets) = read_version(vault, service, None).await?;
        Ok::<_, Error>(Source {
            service: service.clone(),
            version,
            secrets,
        })
    });
    let read: Vec<Result<Source>> = read.buffered(AT_ONCE).collect().await;
    let mut sources = read.into_iter().collect::<Result<Vec<Source>>>()?;
    if request.only.is_empty() {
        return Ok(sources);
    }
    let missing = |name: &&String| {
        !sources
            .iter()
            .any(|source| source.secrets.contains_key(*name))
    };
    if let Some(at) = request.only.iter().position(|name| missing(&name)) {
        return Err(Error::NotFound {
            missing: None,
            what: format!("key number {} in --only", at + 1),
            hint: format!(
                "claude-vault list {}",
                services.first().map_or("SERVICE", Service::as_str)
            ),
        });
    }
    for source in &mut sources {
        source.secrets.retain(|key, _| request.only.contains(key));
    }
    Ok(sources)
}

/// A key for display in a message, prefixed with its service if there are several.
fn named(service: &Service, key: &str, is_alone: bool) -> String {
    if is_alone {
        short(key)
    } else {
        format!("{service}/{}", short(key))
    }
}
