//! Where a service's file lies and in which format: as told, as `.claude-vault.toml` says, else
//! by what is there. A cloned repository may say this much and nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Format, Request, command, text};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::Dialect;
use crate::names::{Service, printable};

/// Where a service's files lie: the only thing that `.claude-vault.toml` may say.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ProjectConfig {
    services: BTreeMap<String, ServiceFiles>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct ServiceFiles {
    file: Option<PathBuf>,
    format: Option<Format>,
    dialect: Option<OneOrMore>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum OneOrMore {
    One(Dialect),
    More(Vec<Dialect>),
}

/// The file to write, the example it is made from, and who will read it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) service: Service,
    pub(super) file: PathBuf,
    pub(super) example: PathBuf,
    pub(super) format: Format,
    /// Who chose the place.
    pub(super) place: Place,
    /// The command that finds it again.
    pub(super) command: String,
    pub(super) dialects: Vec<Dialect>,
    /// How the dialects are known.
    pub(super) source: Source,
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

/// The root and what its `.claude-vault.toml` says, read once for all services.
pub(super) struct Places {
    root: Root,
    configured: BTreeMap<String, ServiceFiles>,
}

impl Places {
    pub(super) fn open(core: &Core) -> Result<Self> {
        let root = Root::open(&core.settings.root)?;
        let configured = project_config(&root)?.services;
        Ok(Self { root, configured })
    }

    /// The services of `all` that have a folder below the root or a place in the file.
    pub(super) fn with_a_place(&self, all: Vec<Service>) -> Result<Vec<Service>> {
        let has = |service: &Service| {
            self.configured.contains_key(service.as_str()) || self.root.has_folder(Path::new(service.as_str()))
        };
        let found: Vec<Service> = all.into_iter().filter(has).collect();
        if found.is_empty() {
            let hint = "go where the services' folders lie, or name it: --root DIR";
            return Err(Error::NotFound { what: "a folder of any service".into(), hint: hint.into() });
        }
        Ok(found)
    }

    /// Finds file and format: as told, as the file says, else by what lies there. `None` where
    /// nothing tells, and every service with a folder was meant.
    pub(super) fn find(&self, request: &Request, service: &Service) -> Result<Option<Target>> {
        let configured = self.configured.get(service.as_str()).cloned().unwrap_or_default();
        let Some((file, format)) = self.find_file(request, &configured, service)? else { return Ok(None) };
        let told = match configured.dialect.clone() {
            _ if !request.dialect.is_empty() => request.dialect.clone(),
            Some(OneOrMore::One(dialect)) => vec![dialect],
            Some(OneOrMore::More(dialects)) => dialects,
            None => Vec::new(),
        };
        let told = once_each(told)?;
        let (dialects, source) = match format {
            Format::Yaml if !request.dialect.is_empty() && !request.all => {
                let file = printable(&file.to_string_lossy(), false);
                return Err(Error::invalid(
                    format!("--dialect is for .env files, and {file} is YAML"),
                    "leave it out: all YAML readers are served",
                ));
            }
            Format::Yaml => (Vec::new(), Source::Nothing),
            Format::Env if !told.is_empty() => (told, Source::Told),
            Format::Env => self.guess(&file),
        };
        let command = command(request, service, &file);
        let place = match (&request.file, &configured.file) {
            (Some(_), _) => Place::Request,
            (None, Some(_)) => Place::Project,
            (None, None) => Place::Usual,
        };
        Ok(Some(Target { service: service.clone(), example: example_of(&file), file, format, place, command, dialects, source }))
    }

    /// Who reads a `.env` file, by what lies beside it.
    fn guess(&self, file: &Path) -> (Vec<Dialect>, Source) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let (mut dialects, mut signs) = (Vec::new(), Vec::new());
        for name in self.root.names(folder) {
            let Some(mut dialect) = Dialect::of_neighbour(&name) else { continue };
            if dialect == Dialect::Node {
                // Only a sign: what cannot be read tells nothing more.
                let package = self.root.read(&folder.join(&name)).ok().flatten();
                dialect = Dialect::of_package(package.as_ref().map_or(b"", |content| &content.bytes));
            }
            if !dialects.contains(&dialect) {
                dialects.push(dialect);
                signs.push(name);
            }
        }
        if dialects.is_empty() { (vec![Dialect::Portable], Source::Nothing) } else { (dialects, Source::Guessed(signs)) }
    }

    fn find_file(&self, request: &Request, configured: &ServiceFiles, service: &Service) -> Result<Option<(PathBuf, Format)>> {
        let root = &self.root;
        let format = request.format.or(configured.format);
        if let Some(file) = request.file.as_ref().or(configured.file.as_ref()) {
            let file = root.relative(file)?;
            let by_name = match file.extension().and_then(|ending| ending.to_str()) {
                Some("yaml" | "yml") => Format::Yaml,
                _ => Format::Env,
            };
            return Ok(Some((file, format.unwrap_or(by_name))));
        }
        let folder = Path::new(service.as_str());
        if !root.has_folder(folder) {
            return Err(self.no_folder(service));
        }
        if let Some(found) = by_what_is_there(root, folder, service, format)? {
            return Ok(Some(found));
        }
        let env = folder.join(".env");
        if request.all {
            return Ok(None);
        }
        // A program that reads a .env lies there: then that is what it wants.
        if matches!(self.guess(&env).1, Source::Guessed(_)) {
            return Ok(Some((env, Format::Env)));
        }
        Err(Error::invalid(
            format!("{service}: nothing in its folder tells whether it wants .env or secrets.yaml"),
            format!("claude-vault inject {service} --format env   (or --format yaml)"),
        ))
    }

    fn no_folder(&self, service: &Service) -> Error {
        let path = self.root.path().join(service.as_str());
        if path.is_symlink() {
            return Error::Confined { path: service.as_str().into(), reason: "it is a symbolic link" };
        }
        Error::NotFound {
            what: format!("the folder {service} in {}", self.root.path().display()),
            hint: format!("go where the services' folders lie, or: claude-vault inject {service} --root DIR   (or --file FILE)"),
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

/// Who reads a file, by `.claude-vault.toml` or by what lies beside it; also where it lies outside the
/// root.
///
/// # Errors
/// [`Error::Invalid`] for a `.claude-vault.toml` that says something else, and [`Error::Io`].
pub(in crate::core) fn readers_of(core: &Core, file: &Path) -> Result<Readers> {
    let file = std::path::absolute(file).map_err(Error::io("find", file))?;
    let places = Places::open(core)?;
    let Ok(inside) = places.root.relative(&file) else {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(Readers::default()) };
        let Ok(root) = Root::open(folder) else { return Ok(Readers::default()) };
        let places = Places { root, configured: BTreeMap::new() };
        return Ok(Readers { dialects: known(places.guess(Path::new(name))), format: None });
    };
    let Some(configured) = places.configured.values().find(|files| files.file.as_deref() == Some(&inside)) else {
        return Ok(Readers { dialects: known(places.guess(&inside)), format: None });
    };
    let dialects = match configured.dialect.clone() {
        Some(OneOrMore::One(dialect)) => vec![dialect],
        Some(OneOrMore::More(dialects)) => once_each(dialects)?,
        None => known(places.guess(&inside)),
    };
    Ok(Readers { dialects, format: configured.format })
}

/// The dialects of a guess that had a reason.
fn known((dialects, source): (Vec<Dialect>, Source)) -> Vec<Dialect> {
    match source {
        Source::Told | Source::Guessed(_) => dialects,
        Source::Nothing => Vec::new(),
    }
}

/// Each dialect once; `portable` says all that can be said, and goes alone.
fn once_each(dialects: Vec<Dialect>) -> Result<Vec<Dialect>> {
    let mut seen = BTreeSet::new();
    let dialects: Vec<Dialect> = dialects.into_iter().filter(|dialect| seen.insert(*dialect)).collect();
    if dialects.len() > 1 && dialects.contains(&Dialect::Portable) {
        return Err(Error::invalid("the dialect portable goes alone", "name the readers that the file has, as in compose,shell"));
    }
    Ok(dialects)
}

fn project_config(root: &Root) -> Result<ProjectConfig> {
    let path = Path::new(".claude-vault.toml");
    let content = root.read_trusted(path)?;
    let Some(text) = text(path, content.as_ref())? else { return Ok(ProjectConfig::default()) };
    toml::from_str(text).map_err(|error| {
        let reason = printable(error.message().lines().next().unwrap_or_default(), false);
        Error::invalid(
            format!(".claude-vault.toml: {reason}"),
            "it may say only where files lie: [services.NAME] with file = \"…\", format = \"env\" or \"yaml\", dialect = \"…\"",
        )
    })
}

type Found = Option<(PathBuf, Format)>;

fn by_what_is_there(root: &Root, folder: &Path, service: &Service, format: Option<Format>) -> Result<Found> {
    let env = folder.join(".env");
    let (deep, flat) = (folder.join("config/secrets.yaml"), folder.join("secrets.yaml"));
    let has = |file: &Path| root.has(file);
    if format != Some(Format::Yaml) && (format.is_some() || has(&example_of(&env))?) {
        return Ok(Some((env, Format::Env)));
    }
    for file in [&deep, &flat] {
        if has(&example_of(file))? {
            return Ok(Some((file.clone(), Format::Yaml)));
        }
    }
    for file in [&deep, &flat] {
        if has(file)? {
            return Ok(Some((file.clone(), Format::Yaml)));
        }
    }
    if format == Some(Format::Yaml) || service.as_str() == "esphome" {
        return Ok(Some((deep, Format::Yaml)));
    }
    Ok(if has(&env)? { Some((env, Format::Env)) } else { None })
}

fn example_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".example");
    PathBuf::from(name)
}
