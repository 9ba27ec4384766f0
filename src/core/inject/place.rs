//! Finds the files of a service: those that the request names, else those that `.claude-vault.toml`
//! lists, else those in the service's folder. A cloned repository may set these places and nothing
//! else.

mod choice;
mod compose;
mod folder;
mod known;
mod readers;
mod services;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::known::KnownFile;
use self::readers::named_readers;
pub(in crate::core) use self::readers::{Readers, reader_beside, readers_of};
use super::project::{ServiceFiles, project_config};
use super::target::{FileTarget, ReaderSource, Share};
use super::template_names::templates_of;
use super::{FileFormat, InjectRequest, command};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::{Service, printable};

/// The files of a service.
pub(super) struct FoundFiles {
    /// The files to write.
    pub(super) targets: Vec<FileTarget>,
    /// The service's files that are not written in this call. The keys that they name belong there.
    pub(super) unrequested: Vec<FileTarget>,
    /// Files that are not written, and why.
    pub(super) notes: Vec<String>,
}

/// The root and its `.claude-vault.toml`, read once for all services.
pub(super) struct Places {
    root: Root,
    configured: BTreeMap<String, ServiceFiles>,
    /// Whether the root is merely the working directory, without anything that marks a project.
    has_no_project_mark: bool,
    audience: Audience,
}

impl Places {
    pub(super) fn open(core: &Core) -> Result<Self> {
        let root = Root::open(&core.settings.root)?;
        let configured = project_config(&root)?.services;
        let is_here = || {
            std::env::current_dir()
                .and_then(|here| here.canonicalize())
                .is_ok_and(|here| here == root.path())
        };
        let has_no_project_mark =
            core.audience == Audience::Person && !core.settings.is_project && is_here();
        Ok(Self {
            root,
            configured,
            has_no_project_mark,
            audience: core.audience,
        })
    }

    /// Finds the files of a service: from the request, else from `.claude-vault.toml`, else from
    /// the existing files. `None` if nothing shows which file to write and the request is for all
    /// services.
    pub(super) fn find(
        &self,
        request: &InjectRequest,
        service: &Service,
    ) -> Result<Option<FoundFiles>> {
        let configured = self
            .configured
            .get(service.as_str())
            .cloned()
            .unwrap_or_default();
        let (known, notes) = self.known_files(request, service, &configured)?;
        let (requested, others) = self.requested(request, service, &configured, known)?;
        if requested.is_empty() && request.all {
            return Ok(None);
        }
        let is_only = requested.len() + others.len() == 1;
        let is_explicit = request.file.is_some() || request.format.is_some();
        let target = |(at, known): (usize, KnownFile)| {
            let share = match at {
                _ if is_only || known.is_extra => Share::All,
                0 if is_explicit || self.audience == Audience::Model => Share::NamedAndRest,
                _ => Share::Named,
            };
            self.target(request, service, &configured, known, share)
        };
        let targets = requested
            .into_iter()
            .enumerate()
            .map(target)
            .collect::<Result<Vec<_>>>()?;
        if !request.dialect.is_empty() && !request.all {
            require_env(&targets)?;
        }
        let unrequested = others
            .into_iter()
            .map(|known| self.target(request, service, &configured, known, Share::Named));
        Ok(Some(FoundFiles {
            targets,
            unrequested: unrequested.collect::<Result<_>>()?,
            notes,
        }))
    }

    /// Completes a known file with its readers, template and share.
    fn target(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
        known: KnownFile,
        share: Share,
    ) -> Result<FileTarget> {
        let KnownFile {
            file,
            format,
            dialects,
            compose_reader,
            place,
            is_extra: _,
        } = known;
        let named = named_readers([request.dialect.clone(), dialects], configured)?;
        let (dialects, source) = match format {
            FileFormat::Yaml => (Vec::new(), ReaderSource::Unknown),
            FileFormat::Env if !named.is_empty() => (named, ReaderSource::Named),
            FileFormat::Env => match compose_reader {
                Some(reader) => self.guess_with(&file, reader),
                None => self.guess(&file),
            },
        };
        let command = command(request, service, &file);
        let example = self.template_of(&file)?;
        Ok(FileTarget {
            service: service.clone(),
            example,
            file,
            format,
            place,
            command,
            dialects,
            source,
            share,
        })
    }

    /// The existing template, else the usual path of one.
    fn template_of(&self, file: &Path) -> Result<PathBuf> {
        let names = templates_of(file);
        for name in &names {
            if self.root.has(name)? {
                return Ok(name.clone());
            }
        }
        Ok(names.into_iter().next().unwrap_or_else(|| file.to_owned()))
    }
}

/// Refuses `--dialect` for a single YAML file, which has no dialects.
fn require_env(targets: &[FileTarget]) -> Result<()> {
    let [
        FileTarget {
            file,
            format: FileFormat::Yaml,
            ..
        },
    ] = targets
    else {
        return Ok(());
    };
    let file = printable(&file.to_string_lossy(), false);
    Err(Error::invalid(
        format!("--dialect is for .env files, and {file} is YAML"),
        "leave out --dialect: every YAML reader can read the file",
    ))
}

fn usual_path(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Env => ".env",
        FileFormat::Yaml => "config/secrets.yaml",
    }
}

fn format_by_extension(file: &Path) -> FileFormat {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => FileFormat::Yaml,
        _ => FileFormat::Env,
    }
}
