//! Where a service's files lie and in which format: as the request says, as `.claude-vault.toml`
//! says, else by what is there. A cloned repository may say this much and nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::known::{Known, known, readers_named};
use super::project::{ListedFile, OneOrMore, ServiceFiles, once_each, project_config};
use super::template_names::templates_of;
use super::{Format, Request, command};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::Dialect;
use crate::names::{Service, printable};
use crate::vault::{Client, Stored};

/// The file to write, the template of what it lacks, and who will read it.
#[derive(Clone)]
pub(in crate::core) struct Target {
    pub(in crate::core) service: Service,
    pub(in crate::core) file: PathBuf,
    /// The template that is there, else where one usually lies.
    pub(in crate::core) example: PathBuf,
    pub(in crate::core) format: Format,
    /// Who chose the place.
    pub(super) place: Place,
    /// The command that finds it again.
    pub(super) command: String,
    pub(in crate::core) dialects: Vec<Dialect>,
    /// How the dialects are known.
    pub(super) source: Source,
    /// Which of the service's keys it gets.
    pub(super) share: Share,
}

/// Which keys of its service a file gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// All: it is the service's only file, or one that the request names beside the usual ones.
    All,
    /// Those that it or its template names.
    Named,
    /// Those, and the ones that no file of the service names.
    NamedAndRest,
}

/// The files of a service.
pub(super) struct Found {
    /// Those that are written.
    pub(super) targets: Vec<Target>,
    /// The others: what they name has its place.
    pub(super) others: Vec<Target>,
    /// Files that are not written, and why.
    pub(super) notes: Vec<String>,
}

/// Who chose where a file lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody: it is where such a file usually lies.
    Usual,
    /// `.claude-vault.toml`.
    Project,
    /// The request.
    Request,
}

/// How the reader of a file is known.
#[derive(Clone)]
pub(super) enum Source {
    /// Somebody said so.
    Told,
    /// These files lie beside it.
    Guessed(Vec<String>),
    /// It is not: the file must serve the usual readers.
    Nothing,
}

impl Target {
    /// Whether the file lies in the service's own folder, or in the `config` of that. Anything
    /// deeper may be the folder of a service of its own: `a/b` lies in `a`.
    pub(super) fn is_in_own_folder(&self) -> bool {
        let folder = Path::new(self.service.as_str());
        let parent = self.file.parent().unwrap_or(Path::new(""));
        parent == folder || parent == folder.join("config") || parent == Path::new("")
    }
}

/// The root and what its `.claude-vault.toml` says, read once for all services.
pub(super) struct Places {
    root: Root,
    configured: BTreeMap<String, ServiceFiles>,
    /// Whether the root is only where somebody works, without a mark of a project.
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

    /// The services of Vault that have a folder below the root or a place in the file. Folders of
    /// Vault that are neither here nor in the file are not looked into.
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
            let hint = "go where the services' folders lie, or name it: --root DIR";
            return Err(Error::NotFound {
                what: "a folder of any service".into(),
                hint: hint.into(),
            });
        }
        Ok(found)
    }

    /// The service whose folder holds the working directory. Of folders in folders, it is the
    /// innermost that Vault has a service for.
    ///
    /// # Errors
    /// [`Error::Invalid`] where none does.
    pub(super) async fn service_here(&self, vault: &Client) -> Result<Service> {
        let unknown = || {
            Error::invalid(
                "this is no service's folder",
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
                // Of a deleted one, the write says how to bring it back.
                Ok(Stored::Present { .. } | Stored::Deleted { .. }) => return Ok(innermost),
                // A policy need not cover folders that are no services.
                Ok(Stored::Absent) | Err(Error::Forbidden { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        candidates.pop().ok_or_else(unknown)
    }

    /// Finds the files of a service: as the request says, as the file says, else by what lies
    /// there. `None` where nothing tells, and every service with a folder was meant.
    pub(super) fn find(&self, request: &Request, service: &Service) -> Result<Option<Found>> {
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
        Ok(Some(Found {
            targets,
            others: others.collect::<Result<_>>()?,
            notes,
        }))
    }

    /// The files that the request means, and the service's other files.
    fn wanted(
        &self,
        request: &Request,
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
                (known.format, known.place) = (format, Place::Request);
            }
            return Ok((
                if same.is_empty() {
                    extra(file, format, Place::Request)
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
            return Ok((extra(file, format, Place::Usual), others));
        }
        if !known.is_empty() && self.audience == Audience::Model {
            let mut known = self.first_for_a_model(service, known);
            let others = known.split_off(1);
            return Ok((known, others));
        }
        if !known.is_empty() || request.all {
            return Ok((known, Vec::new()));
        }
        // The program that reads a .env file lies there: then that is what it wants.
        let env = self.folder(service)?.join(".env");
        if matches!(self.guess(&env).1, Source::Guessed(_)) {
            return Ok((vec![Known::new(env, Format::Env, Place::Usual)], Vec::new()));
        }
        Err(Error::invalid(
            format!("{service}: nothing in its folder tells whether it wants .env or secrets.yaml"),
            format!("claude-vault inject {service} --format env   (or --format yaml)"),
        ))
    }

    /// What `.claude-vault.toml` lists for a service.
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
                    ..Known::new(file, format, Place::Project)
                });
            }
        }
        Ok(known)
    }

    fn by_what_is_there(
        &self,
        request: &Request,
        service: &Service,
        configured: &ServiceFiles,
    ) -> Result<(Vec<Known>, Vec<String>)> {
        let folder = match self.folder(service) {
            Ok(folder) => folder,
            // A file that the request names needs no folder.
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
        let (mut found, notes) = known(&self.root, &folder, service)?;
        found.retain(|known| !others.contains(&known.file));
        if let Some(format) = configured.format {
            found.retain(|known| known.format == format);
            if found.is_empty() {
                let file = folder.join(usual_name(format));
                found.push(Known::new(file, format, Place::Usual));
            }
        }
        Ok((found, notes))
    }

    /// A model's call writes one file, which follows from the names that are there and is put
    /// first: the `.env` that has a template, else a `secrets.yaml`, else the first env file.
    fn first_for_a_model(&self, service: &Service, mut known: Vec<Known>) -> Vec<Known> {
        let env = Path::new(service.as_str()).join(".env");
        let has_template = templates_of(&env)
            .iter()
            .any(|template| self.root.has(template).unwrap_or(false));
        let is_env =
            |known: &Known| known.place == Place::Project || (has_template && known.file == env);
        known.sort_by_key(|known| {
            (
                !is_env(known),
                known.format == Format::Env && known.place != Place::Project,
            )
        });
        known
    }

    /// The folder of a service. Without a project, the working directory is one if it holds a known
    /// file.
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
        let Ok(nobody) = Service::probe() else {
            return false;
        };
        known(&self.root, folder, &nobody).is_ok_and(|(found, _)| !found.is_empty())
    }

    /// Works out who reads a file.
    fn target(
        &self,
        request: &Request,
        service: &Service,
        configured: &ServiceFiles,
        known: Known,
        share: Share,
    ) -> Result<Target> {
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
        let told = once_each(
            told.into_iter()
                .find(|told| !told.is_empty())
                .unwrap_or_default(),
        )?;
        let (dialects, source) = match format {
            Format::Yaml => (Vec::new(), Source::Nothing),
            Format::Env if !told.is_empty() => (told, Source::Told),
            Format::Env => match guessed {
                Some((dialect, sign)) => self.guess_with(&file, dialect, sign),
                None => self.guess(&file),
            },
        };
        let command = command(request, service, &file);
        let example = self.template_of(&file)?;
        Ok(Target {
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

    /// The template that is there, else the name that one usually has.
    fn template_of(&self, file: &Path) -> Result<PathBuf> {
        let names = templates_of(file);
        for name in &names {
            if self.root.has(name)? {
                return Ok(name.clone());
            }
        }
        Ok(names.into_iter().next().unwrap_or_else(|| file.to_owned()))
    }

    /// Who reads a file by the compose file in its folder, or above that, which names it; else by
    /// what lies beside it. Nobody where nothing tells.
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
            (dialects, Source::Told | Source::Guessed(_)) => dialects,
            (_, Source::Nothing) => Vec::new(),
        }
    }

    /// Who reads a file that something beside it names, with those that the other files beside it
    /// tell of.
    fn guess_with(&self, file: &Path, dialect: Dialect, sign: String) -> (Vec<Dialect>, Source) {
        match self.guess(file) {
            (dialects, Source::Guessed(signs)) if dialects.contains(&dialect) => {
                (dialects, Source::Guessed(signs))
            }
            (_, Source::Guessed(_) | Source::Told | Source::Nothing) => {
                (vec![dialect], Source::Guessed(vec![sign]))
            }
        }
    }

    /// Who reads a `.env` file, by what lies beside it.
    fn guess(&self, file: &Path) -> (Vec<Dialect>, Source) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let (mut dialects, mut signs) = (Vec::new(), Vec::new());
        for name in self.root.names(folder) {
            let Some(mut dialect) = Dialect::of_neighbour(&name) else {
                continue;
            };
            if dialect == Dialect::Node {
                // Only a sign: what cannot be read tells nothing more.
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
            (vec![Dialect::Portable], Source::Nothing)
        } else {
            (dialects, Source::Guessed(signs))
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
                "go where the services' folders lie, or: claude-vault inject {service} --root \
                 DIR   (or --file FILE)"
            ),
        }
    }
}

/// Who reads a `.env` file by what lies beside it, when that is one kind of program.
pub(in crate::core) fn reader_beside(core: &Core, file: &Path) -> Option<Dialect> {
    match Places::open(core).ok()?.guess(file) {
        (dialects, Source::Guessed(_)) if dialects.len() == 1 => dialects.first().copied(),
        _ => None,
    }
}

/// How a file that is there is to be read.
#[derive(Default)]
pub(in crate::core) struct Readers {
    /// Who reads it, if it is a `.env` file; none where nothing tells.
    pub(in crate::core) dialects: Vec<Dialect>,
    /// Its format, where `.claude-vault.toml` says it.
    pub(in crate::core) format: Option<Format>,
}

/// Who reads a file, by `.claude-vault.toml`, by the compose file that names it, or by what lies
/// beside it; also where it lies outside the root.
///
/// # Errors
/// [`Error::Invalid`] for a `.claude-vault.toml` that says something else, and [`Error::Io`].
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
        let told = once_each(
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

/// A dialect says nothing about YAML.
fn require_env(targets: &[Target]) -> Result<()> {
    let [
        Target {
            file,
            format: Format::Yaml,
            ..
        },
    ] = targets
    else {
        return Ok(());
    };
    let file = printable(&file.to_string_lossy(), false);
    Err(Error::invalid(
        format!("--dialect is for .env files, and {file} is YAML"),
        "leave it out: all YAML readers are served",
    ))
}

fn usual_name(format: Format) -> &'static str {
    match format {
        Format::Env => ".env",
        Format::Yaml => "config/secrets.yaml",
    }
}

fn by_ending(file: &Path) -> Format {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => Format::Yaml,
        _ => Format::Env,
    }
}
