//! Finds where a service's files are, and their formats: from the request, else from
//! `.claude-vault.toml`, else from the existing files. A cloned repository may set these places and
//! nothing else.

mod choice;
mod readers;
mod services;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::readers::told;
pub(in crate::core) use self::readers::{Readers, reader_beside, readers_of};
use super::known::{Known, files_in_folder};
use super::project::{ServiceFiles, project_config};
use super::template_names::templates_of;
use super::{FileFormat, InjectRequest, command};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::Dialect;
use crate::names::{Service, printable};

/// The file to write, the template for the keys that it lacks, and the programs that read it.
#[derive(Clone)]
pub(in crate::core) struct FileTarget {
    pub(in crate::core) service: Service,
    pub(in crate::core) file: PathBuf,
    /// The existing template, else the usual path of one.
    pub(in crate::core) example: PathBuf,
    pub(in crate::core) format: FileFormat,
    /// How the place was chosen.
    pub(super) place: FilePlace,
    /// The command that selects this file again.
    pub(super) command: String,
    pub(in crate::core) dialects: Vec<Dialect>,
    /// How the dialects were determined.
    pub(super) source: ReaderSource,
    /// Which of the service's keys the file gets.
    pub(super) share: Share,
}

/// Which of its service's keys a file gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// All keys: it is the service's only file, or an additional one that the request asks for.
    All,
    /// The keys that the file or its template names.
    Named,
    /// The keys that the file or its template names, and those that no file of the service names.
    NamedAndRest,
}

/// The files of a service.
pub(super) struct FoundFiles {
    /// The files to write.
    pub(super) targets: Vec<FileTarget>,
    /// The service's other files. The keys that they name belong there.
    pub(super) others: Vec<FileTarget>,
    /// Files that are not written, and why.
    pub(super) notes: Vec<String>,
}

/// How a file's place was chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FilePlace {
    /// By default: it is the usual place of such a file.
    Usual,
    /// By `.claude-vault.toml`.
    Project,
    /// By the request.
    Request,
}

/// How a file's readers were determined.
#[derive(Clone)]
pub(super) enum ReaderSource {
    /// The request or `.claude-vault.toml` names them.
    Told,
    /// Guessed from these files beside it.
    Guessed(Vec<String>),
    /// Unknown: the file must serve the usual readers.
    Nothing,
}

impl FileTarget {
    /// Whether the file is directly in the service's own folder, in that folder's `config`, or in
    /// the root. A deeper folder may belong to another service: `a/b` is inside `a`.
    pub(super) fn is_in_own_folder(&self) -> bool {
        let folder = Path::new(self.service.as_str());
        let parent = self.file.parent().unwrap_or(Path::new(""));
        parent == folder || parent == folder.join("config") || parent == Path::new("")
    }
}

/// The root and its `.claude-vault.toml`, read once for all services.
pub(super) struct Places {
    root: Root,
    configured: BTreeMap<String, ServiceFiles>,
    /// Whether the root is merely the working directory, without anything that marks a project.
    is_unmarked: bool,
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
        let is_unmarked =
            core.audience == Audience::Person && !core.settings.is_project && is_here();
        Ok(Self {
            root,
            configured,
            is_unmarked,
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
        let (mut known, mut notes) = (self.listed(service.as_str(), &configured)?, Vec::new());
        if known.is_empty() {
            (known, notes) = self.by_what_is_there(request, service, &configured)?;
        }
        let (wanted, others) = self.wanted(request, service, &configured, known)?;
        if wanted.is_empty() && request.all {
            return Ok(None);
        }
        let is_only = wanted.len() + others.len() == 1;
        let is_explicit = request.file.is_some() || request.format.is_some();
        let target = |(at, known): (usize, Known)| {
            let share = match at {
                _ if is_only || known.is_extra => Share::All,
                0 if is_explicit || self.audience == Audience::Model => Share::NamedAndRest,
                _ => Share::Named,
            };
            self.target(request, service, &configured, known, share)
        };
        let targets = wanted
            .into_iter()
            .enumerate()
            .map(target)
            .collect::<Result<Vec<_>>>()?;
        if !request.dialect.is_empty() && !request.all {
            require_env(&targets)?;
        }
        let others = others
            .into_iter()
            .map(|known| self.target(request, service, &configured, known, Share::Named));
        Ok(Some(FoundFiles {
            targets,
            others: others.collect::<Result<_>>()?,
            notes,
        }))
    }

    /// The folder of a service. If it does not exist and the root is not marked as a project, this
    /// is the working directory, provided that it contains a known file.
    fn folder(&self, service: &Service) -> Result<PathBuf> {
        let folder = PathBuf::from(service.as_str());
        if self.root.has_folder(&folder) {
            return Ok(folder);
        }
        if self.is_unmarked && self.holds_known_file(Path::new("")) {
            return Ok(PathBuf::new());
        }
        Err(self.no_folder(service))
    }

    fn holds_known_file(&self, folder: &Path) -> bool {
        let Ok(placeholder) = Service::probe() else {
            return false;
        };
        files_in_folder(&self.root, folder, &placeholder).is_ok_and(|(found, _)| !found.is_empty())
    }

    /// Completes a known file with its readers, template and share.
    fn target(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
        known: Known,
        share: Share,
    ) -> Result<FileTarget> {
        let Known {
            file,
            format,
            dialects,
            guessed,
            place,
            is_extra: _,
        } = known;
        let told = told([request.dialect.clone(), dialects], configured)?;
        let (dialects, source) = match format {
            FileFormat::Yaml => (Vec::new(), ReaderSource::Nothing),
            FileFormat::Env if !told.is_empty() => (told, ReaderSource::Told),
            FileFormat::Env => match guessed {
                Some((dialect, sign)) => self.guess_with(&file, dialect, sign),
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

    fn no_folder(&self, service: &Service) -> Error {
        let path = self.root.path().join(service.as_str());
        if path.is_symlink() {
            return Error::Confined {
                path: service.as_str().into(),
                reason: "it is a symbolic link",
            };
        }
        Error::NotFound {
            missing: None,
            what: format!("the folder {service} in {}", self.root.path().display()),
            hint: format!(
                "change to the folder that contains the service folders, or: claude-vault inject \
                 {service} --root DIR   (or --file FILE)"
            ),
        }
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

fn usual_name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Env => ".env",
        FileFormat::Yaml => "config/secrets.yaml",
    }
}

fn by_ending(file: &Path) -> FileFormat {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => FileFormat::Yaml,
        _ => FileFormat::Env,
    }
}
