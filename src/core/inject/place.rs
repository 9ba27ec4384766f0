//! Finds where a service's files are, and their formats: from the request, else from
//! `.claude-vault.toml`, else from the existing files. A cloned repository may set these places and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::known::{Known, files_in_folder, readers_named};
use super::project::{ListedFile, OneOrMore, ServiceFiles, project_config, unique_dialects};
use super::template_names::templates_of;
use super::{FileFormat, InjectRequest, command};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::Dialect;
use crate::names::{Service, printable};
use crate::vault::{Client, Stored};

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
    /// All keys: it is the service's only file, or an additional one that the request names.
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

    /// The services in Vault that have a folder below the root or an entry in `.claude-vault.toml`.
    /// Vault folders that have neither are not listed.
    pub(super) async fn with_a_place(&self, vault: &Client) -> Result<Vec<Service>> {
        let has_place = |service: &Service| {
            self.configured.contains_key(service.as_str())
                || self.root.has_folder(Path::new(service.as_str()))
        };
        let leads_on = |folder: &Service| {
            let listed = |name: &String| Path::new(name).starts_with(folder.as_str());
            self.configured.keys().any(listed) || self.root.has_folder(Path::new(folder.as_str()))
        };
        let mut found = vault.walk(None, leads_on).all().await?.services;
        found.retain(has_place);
        if found.is_empty() {
            let hint =
                "change to the folder that contains the service folders, or name it: --root DIR";
            return Err(Error::NotFound {
                what: "a folder of any service".into(),
                hint: hint.into(),
            });
        }
        Ok(found)
    }

    /// The service whose folder contains the working directory. With nested folders, the innermost
    /// one that is a service in Vault.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the working directory is in no service's folder.
    pub(super) async fn service_here(&self, vault: &Client) -> Result<Service> {
        let unknown = || {
            Error::invalid(
                "this is not a service's folder",
                "claude-vault inject SERVICE   (or claude-vault inject --all)",
            )
        };
        let here = std::env::current_dir()
            .and_then(|here| here.canonicalize())
            .map_err(Error::io("find", "."))?;
        let below = here.strip_prefix(self.root.path()).map_err(|_| unknown())?;
        let lies_here = |(_, files): &(&String, &ServiceFiles)| {
            files
                .paths()
                .any(|file| file.parent().is_some_and(|folder| folder == below))
        };
        let mut listed = self.configured.iter().filter(lies_here);
        if let (Some((name, _)), None) = (listed.next(), listed.next()) {
            return name.parse();
        }
        if below.as_os_str().is_empty() && self.is_unmarked && self.holds_known_file(Path::new(""))
        {
            return here
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok())
                .ok_or_else(unknown);
        }
        let mut candidates = Service::of_folders(below);
        while candidates.len() > 1
            && let Some(innermost) = candidates.pop()
        {
            match vault.read_service(&innermost, None).await {
                // For a deleted service, the write reports how to restore it.
                Ok(Stored::Present { .. } | Stored::Deleted { .. }) => return Ok(innermost),
                // A policy need not grant access to folders that are not services.
                Ok(Stored::Absent) | Err(Error::Forbidden { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        candidates.pop().ok_or_else(unknown)
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

    /// Splits the service's files into those that the request means and the others.
    fn wanted(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
        known: Vec<Known>,
    ) -> Result<(Vec<Known>, Vec<Known>)> {
        let extra = |file, format, place| {
            vec![Known {
                is_extra: true,
                ..Known::new(file, format, place)
            }]
        };
        if let Some(file) = &request.file {
            let file = self.root.relative(file)?;
            let (mut same, others): (Vec<Known>, Vec<Known>) =
                known.into_iter().partition(|known| known.file == file);
            let format = request
                .format
                .or(configured.format)
                .unwrap_or_else(|| by_ending(&file));
            for known in &mut same {
                (known.format, known.place) = (format, FilePlace::Request);
            }
            return Ok((
                if same.is_empty() {
                    extra(file, format, FilePlace::Request)
                } else {
                    same
                },
                others,
            ));
        }
        if let Some(format) = request.format {
            let (same, others): (Vec<Known>, Vec<Known>) =
                known.into_iter().partition(|known| known.format == format);
            if !same.is_empty() {
                return Ok((same, others));
            }
            let file = self.folder(service)?.join(usual_name(format));
            return Ok((extra(file, format, FilePlace::Usual), others));
        }
        if !known.is_empty() && self.audience == Audience::Model {
            let mut known = self.first_for_a_model(service, known);
            let others = known.split_off(1);
            return Ok((known, others));
        }
        if !known.is_empty() || request.all {
            return Ok((known, Vec::new()));
        }
        // The folder contains a program that reads a .env file, so that is the file to write.
        let env = self.folder(service)?.join(".env");
        if matches!(self.guess(&env).1, ReaderSource::Guessed(_)) {
            return Ok((
                vec![Known::new(env, FileFormat::Env, FilePlace::Usual)],
                Vec::new(),
            ));
        }
        Err(Error::invalid(
            format!("{service}: nothing in its folder shows whether it uses .env or secrets.yaml"),
            format!("claude-vault inject {service} --format env   (or --format yaml)"),
        ))
    }

    /// The files that `.claude-vault.toml` lists for a service.
    fn listed(&self, service: &str, configured: &ServiceFiles) -> Result<Vec<Known>> {
        let named = readers_named(&self.root, Path::new(service));
        let one = configured.file.iter().map(|file| (file, None, None));
        let more = configured.files.iter().map(|listed| match listed {
            ListedFile::Path(file) => (file, None, None),
            ListedFile::Told(told) => (&told.file, told.format, told.dialect.clone()),
        });
        let mut seen = BTreeSet::new();
        let mut known = Vec::new();
        for (file, format, dialect) in one.chain(more) {
            let file = self.root.relative(file)?;
            if seen.insert(file.clone()) {
                let guessed = named.get(&file).cloned();
                let format = format
                    .or(configured.format)
                    .unwrap_or_else(|| by_ending(&file));
                let dialects = dialect.map(OneOrMore::list).unwrap_or_default();
                known.push(Known {
                    dialects,
                    guessed,
                    ..Known::new(file, format, FilePlace::Project)
                });
            }
        }
        Ok(known)
    }

    fn by_what_is_there(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
    ) -> Result<(Vec<Known>, Vec<String>)> {
        let folder = match self.folder(service) {
            Ok(folder) => folder,
            // A file that the request names does not need a service folder.
            Err(_) if request.file.is_some() => return Ok((Vec::new(), Vec::new())),
            Err(error) => return Err(error),
        };
        let others: BTreeSet<PathBuf> = self
            .configured
            .iter()
            .filter(|(name, _)| *name != service.as_str())
            .flat_map(|(_, files)| {
                files
                    .paths()
                    .filter_map(|file| self.root.relative(file).ok())
            })
            .collect();
        let (mut found, notes) = files_in_folder(&self.root, &folder, service)?;
        found.retain(|known| !others.contains(&known.file));
        if let Some(format) = configured.format {
            found.retain(|known| known.format == format);
            if found.is_empty() {
                let file = folder.join(usual_name(format));
                found.push(Known::new(file, format, FilePlace::Usual));
            }
        }
        Ok((found, notes))
    }

    /// A model's call writes one file. Only existing file names decide which one, and it is sorted
    /// to the front: a listed file, else the `.env` if it has a template, else a `secrets.yaml`,
    /// else the first env file.
    fn first_for_a_model(&self, service: &Service, mut known: Vec<Known>) -> Vec<Known> {
        let env = Path::new(service.as_str()).join(".env");
        let has_template = templates_of(&env)
            .iter()
            .any(|template| self.root.has(template).unwrap_or(false));
        let is_env = |known: &Known| {
            known.place == FilePlace::Project || (has_template && known.file == env)
        };
        known.sort_by_key(|known| {
            (
                !is_env(known),
                known.format == FileFormat::Env && known.place != FilePlace::Project,
            )
        });
        known
    }

    /// The folder of a service. Without a project, this is the working directory if it contains a
    /// known file.
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
        let told = [
            request.dialect.clone(),
            dialects,
            configured
                .dialect
                .clone()
                .map(OneOrMore::list)
                .unwrap_or_default(),
        ];
        let told = unique_dialects(
            told.into_iter()
                .find(|told| !told.is_empty())
                .unwrap_or_default(),
        )?;
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

    /// The readers of a file: from the nearest compose file at or above it that names it, else from
    /// the files beside it. Empty if neither shows one.
    fn readers(&self, file: &Path) -> Vec<Dialect> {
        let mut named = file
            .ancestors()
            .skip(1)
            .map(|folder| readers_named(&self.root, folder));
        let guess = match named.find_map(|readers| readers.get(file).cloned()) {
            Some((dialect, sign)) => self.guess_with(file, dialect, sign),
            None => self.guess(file),
        };
        match guess {
            (dialects, ReaderSource::Told | ReaderSource::Guessed(_)) => dialects,
            (_, ReaderSource::Nothing) => Vec::new(),
        }
    }

    /// The readers of a file that a compose file names. If the files beside it suggest several
    /// readers, and `dialect` is one of them, all of these count.
    fn guess_with(
        &self,
        file: &Path,
        dialect: Dialect,
        sign: String,
    ) -> (Vec<Dialect>, ReaderSource) {
        match self.guess(file) {
            (dialects, ReaderSource::Guessed(signs)) if dialects.contains(&dialect) => {
                (dialects, ReaderSource::Guessed(signs))
            }
            (_, ReaderSource::Guessed(_) | ReaderSource::Told | ReaderSource::Nothing) => {
                (vec![dialect], ReaderSource::Guessed(vec![sign]))
            }
        }
    }

    /// The readers of a `.env` file, guessed from the files beside it.
    fn guess(&self, file: &Path) -> (Vec<Dialect>, ReaderSource) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let (mut dialects, mut signs) = (Vec::new(), Vec::new());
        for name in self.root.names(folder) {
            let Some(mut dialect) = Dialect::of_neighbour(&name) else {
                continue;
            };
            if dialect == Dialect::Node {
                // `package.json` only gives a hint here: one that cannot be read means the default.
                let package = self.root.read(&folder.join(&name)).ok().flatten();
                dialect =
                    Dialect::of_package(package.as_ref().map_or(b"", |content| &content.bytes));
            }
            if !dialects.contains(&dialect) {
                dialects.push(dialect);
                signs.push(name);
            }
        }
        if dialects.is_empty() {
            (vec![Dialect::Portable], ReaderSource::Nothing)
        } else {
            (dialects, ReaderSource::Guessed(signs))
        }
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
            what: format!("the folder {service} in {}", self.root.path().display()),
            hint: format!(
                "change to the folder that contains the service folders, or: claude-vault inject \
                 {service} --root DIR   (or --file FILE)"
            ),
        }
    }
}

/// The reader of a `.env` file, if the files beside it suggest exactly one.
pub(in crate::core) fn reader_beside(core: &Core, file: &Path) -> Option<Dialect> {
    match Places::open(core).ok()?.guess(file) {
        (dialects, ReaderSource::Guessed(_)) if dialects.len() == 1 => dialects.first().copied(),
        _ => None,
    }
}

/// How to read an existing file.
#[derive(Default)]
pub(in crate::core) struct Readers {
    /// The readers, if it is a `.env` file. Empty if nothing shows which they are.
    pub(in crate::core) dialects: Vec<Dialect>,
    /// The format, if `.claude-vault.toml` lists the file.
    pub(in crate::core) format: Option<FileFormat>,
}

/// The readers of a file, from `.claude-vault.toml`, else from the compose file that names it, else
/// from the files beside it. The file may be outside the root.
///
/// # Errors
/// [`Error::Invalid`] for an invalid `.claude-vault.toml`, and [`Error::Io`].
pub(in crate::core) fn readers_of(core: &Core, file: &Path) -> Result<Readers> {
    let file = std::path::absolute(file).map_err(Error::io("find", file))?;
    let places = Places::open(core)?;
    let Ok(inside) = places.root.relative(&file) else {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return Ok(Readers::default());
        };
        let Ok(root) = Root::open(folder) else {
            return Ok(Readers::default());
        };
        let places = Places {
            root,
            configured: BTreeMap::new(),
            is_unmarked: false,
            audience: core.audience,
        };
        return Ok(Readers {
            dialects: places.readers(Path::new(name)),
            format: None,
        });
    };
    for (name, configured) in &places.configured {
        let listed = places.listed(name, configured)?;
        let Some(listed) = listed.into_iter().find(|listed| listed.file == inside) else {
            continue;
        };
        let told = [
            listed.dialects,
            configured
                .dialect
                .clone()
                .map(OneOrMore::list)
                .unwrap_or_default(),
        ];
        let told = unique_dialects(
            told.into_iter()
                .find(|told| !told.is_empty())
                .unwrap_or_default(),
        )?;
        let dialects = if told.is_empty() {
            places.readers(&inside)
        } else {
            told
        };
        return Ok(Readers {
            dialects,
            format: Some(listed.format),
        });
    }
    Ok(Readers {
        dialects: places.readers(&inside),
        format: None,
    })
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
