//! Finds the relevant files below the root, and the service of each.
//!
//! A folder that contains a compose file, an env file or a `secrets.yaml` is a service, and
//! everything below it belongs to that service. Any other folder is a group, and each of its
//! subfolders is examined in turn.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::project::{Project, projects};
use super::texts::{FileTexts, Overlay};
use crate::core::entries::FileKind;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::{Service, printable};

/// The maximum depth of the folders that are searched.
const MAX_DEPTH: usize = 8;
/// The maximum number of files that are collected.
const MAX_FILES: usize = 20_000;

/// A service's folder and files.
pub(super) struct Unit {
    pub(super) service: Service,
    /// Its folder, below the root.
    pub(super) folder: PathBuf,
    /// Whether the folder's name differs from the service's name.
    pub(super) is_mapped: bool,
    /// Env files.
    pub(super) env: Vec<PathBuf>,
    /// `secrets.yaml` files.
    pub(super) yaml: Vec<PathBuf>,
    /// Compose files.
    pub(super) compose: Vec<PathBuf>,
}

/// The services and docker compose projects below the root.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) units: Vec<Unit>,
    pub(super) projects: Vec<Project>,
    /// Folders that compose files mount into containers. They were not searched, except for a
    /// `secrets.yaml`.
    pub(super) mounted: Vec<PathBuf>,
}

#[derive(Default)]
struct Listing {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    mounted: BTreeSet<PathBuf>,
}

/// Searches everything below the root. `own_name` names the service of the files in the root
/// folder itself.
pub(super) fn survey(
    root: &Root,
    texts: &FileTexts<'_>,
    own_name: Option<&Service>,
) -> Result<Survey> {
    let mut listing = Listing::default();
    walk(root, texts, Path::new(""), 0, &mut listing);
    let mut found = SurveyedFiles::of(&listing);
    let projects = projects(texts, &listing.folders, &found.compose);
    for project in &projects {
        found.add_named(root, texts, project, &projects);
    }
    found.clean(texts);
    let mut units: Vec<Unit> = Vec::new();
    for folder in tops(&found.places()) {
        let (service, is_mapped) = name_of(root, &folder, own_name, &units)?;
        let unit = found.unit(service, is_mapped, &folder);
        if !(unit.env.is_empty() && unit.yaml.is_empty() && unit.compose.is_empty()) {
            units.push(unit);
        }
    }
    Ok(Survey {
        units,
        projects,
        mounted: listing.mounted.into_iter().collect(),
    })
}

/// The relevant files, before each is given to a service.
struct SurveyedFiles {
    env: Vec<PathBuf>,
    yaml: Vec<PathBuf>,
    compose: Vec<PathBuf>,
    /// Env files of other folders that belong to the root's service.
    named_by_root: BTreeSet<PathBuf>,
}

impl SurveyedFiles {
    fn of(listing: &Listing) -> Self {
        let of_kind = |kind: FileKind| -> Vec<PathBuf> {
            listing
                .files
                .iter()
                .filter(|file| FileKind::of(file) == Some(kind) && !is_template(file))
                .cloned()
                .collect()
        };
        Self {
            env: of_kind(FileKind::Env),
            yaml: of_kind(FileKind::Yaml),
            compose: of_kind(FileKind::Compose),
            named_by_root: BTreeSet::new(),
        }
    }

    /// Adds the files that a docker compose project names. An env file that the root's project
    /// names belongs to the root's service, unless the file's folder has its own project.
    fn add_named(
        &mut self,
        root: &Root,
        texts: &FileTexts<'_>,
        project: &Project,
        projects: &[Project],
    ) {
        let (_, facts) = project.view(texts, &Overlay::new());
        let named = facts
            .container_files
            .into_keys()
            .filter(|file| is_env_file(root, texts, file));
        for file in named {
            if project.is_in_root()
                && !projects
                    .iter()
                    .any(|other| other.folder() == folder_of(&file))
            {
                self.named_by_root.insert(file.clone());
            }
            self.env.push(file);
        }
        self.compose.extend(
            project
                .all_files(texts, &Overlay::new())
                .into_iter()
                .map(|one| one.file),
        );
    }

    /// Drops compose files that cannot be read or are templates, and files that occur twice.
    fn clean(&mut self, texts: &FileTexts<'_>) {
        self.compose
            .retain(|file| texts.content(file).is_some() && !is_template(file));
        for files in [&mut self.env, &mut self.compose] {
            files.sort();
            files.dedup();
        }
    }

    /// The folder that decides the service of a file: the root for an env file of the root's
    /// service, else the file's own folder.
    fn place(&self, file: &Path) -> PathBuf {
        if self.named_by_root.contains(file) {
            PathBuf::new()
        } else {
            folder_of(file)
        }
    }

    fn places(&self) -> BTreeSet<PathBuf> {
        [&self.env, &self.yaml, &self.compose]
            .into_iter()
            .flatten()
            .map(|file| self.place(file))
            .collect()
    }

    /// The service of a folder, with its files.
    fn unit(&self, service: Service, is_mapped: bool, folder: &Path) -> Unit {
        let is_own = |file: &&PathBuf| match folder.as_os_str().is_empty() {
            true => self.place(file) == folder,
            false => file.starts_with(folder) && !self.named_by_root.contains(*file),
        };
        let of = |files: &[PathBuf]| files.iter().filter(is_own).cloned().collect::<Vec<_>>();
        Unit {
            service,
            is_mapped,
            env: of(&self.env),
            yaml: of(&self.yaml),
            compose: of(&self.compose),
            folder: folder.to_owned(),
        }
    }
}

/// Whether a file named in a compose file may be written as an env file. A malicious repository
/// could name any file: a git hook, a shell start-up file, a program.
fn is_env_file(root: &Root, texts: &FileTexts<'_>, file: &Path) -> bool {
    let Some(content) = texts.content(file) else {
        return false;
    };
    let is_program = content.mode() & 0o111 != 0;
    let is_hidden = file
        .iter()
        .any(|part| part.to_string_lossy().starts_with('.'));
    let may_be_written = match FileKind::of(file) {
        Some(FileKind::Env) => true,
        Some(FileKind::Yaml | FileKind::Compose) => false,
        None => !is_hidden && !is_program,
    };
    may_be_written && root.relative(file).is_ok() && !is_template(file)
}

/// Whether the file's name marks it as a template, such as `.env.example`.
pub(super) fn is_template(file: &Path) -> bool {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    name.split(['.', '-', '_'])
        .any(|word| matches!(word, "example" | "sample" | "template" | "dist" | "tmpl"))
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

fn walk(root: &Root, texts: &FileTexts<'_>, folder: &Path, depth: usize, listing: &mut Listing) {
    listing.folders.push(folder.to_owned());
    let here = projects(texts, &[folder.to_owned()], &[]);
    for project in here {
        listing.mounted.extend(
            project
                .view(texts, &Overlay::new())
                .1
                .mounts
                .into_iter()
                .filter(|path| root.has_folder(path)),
        );
    }
    for name in root.names(folder) {
        let path = folder.join(&name);
        if listing.files.len() >= MAX_FILES {
            return;
        }
        if FileKind::of(&path).is_some() && texts.content(&path).is_some() {
            listing.files.push(path);
        } else if depth < MAX_DEPTH && !is_skipped(&name) && root.has_folder(&path) {
            match listing.mounted.contains(&path) {
                true => listing.files.extend(secrets_in(texts, &path)),
                false => walk(root, texts, &path, depth + 1, listing),
            }
        }
    }
}

/// The `secrets.yaml` files in a mounted folder. A mount can be configuration or data, so no other
/// file is taken from it.
fn secrets_in(texts: &FileTexts<'_>, folder: &Path) -> Vec<PathBuf> {
    let files = ["secrets.yaml", "secrets.yml"].map(|name| folder.join(name));
    files
        .into_iter()
        .filter(|file| texts.content(file).is_some())
        .collect()
}

fn is_skipped(name: &str) -> bool {
    matches!(
        name,
        "." | ".."
            | ".git"
            | "node_modules"
            | ".venv"
            | "venv"
            | "__pycache__"
            | "target"
            | ".cache"
            | ".esphome"
            | ".storage"
    )
}

/// The service folders: the topmost folders with relevant files. Files in the root itself do not
/// make the folders below it part of the root's service.
fn tops(places: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let is_top = |place: &&PathBuf| {
        let above = place
            .ancestors()
            .skip(1)
            .filter(|folder| !folder.as_os_str().is_empty());
        !above.into_iter().any(|folder| places.contains(folder))
    };
    let tops: BTreeSet<PathBuf> = places
        .iter()
        .filter(is_top)
        .map(|place| service_folder(place))
        .collect();
    tops.into_iter().collect()
}

/// The folder of the service that owns `place`. A `config` folder always belongs to its parent,
/// even if the parent contains no other relevant file.
fn service_folder(place: &Path) -> PathBuf {
    let is_config = place.file_name().is_some_and(|name| name == "config");
    let parent = place
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.filter(|_| is_config).unwrap_or(place).to_owned()
}

/// The service of a folder, and whether its name differs from the folder's.
fn name_of(
    root: &Root,
    folder: &Path,
    own_name: Option<&Service>,
    taken: &[Unit],
) -> Result<(Service, bool)> {
    if folder.as_os_str().is_empty() {
        let real = std::fs::canonicalize(root.path()).map_err(Error::io("find", root.path()))?;
        let name = real
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let service = match own_name {
            Some(service) => service.clone(),
            None => plain(&name).parse().map_err(|_| {
                Error::invalid(
                    "the root folder's name is not a valid service name",
                    "name the service of the files in the root: --name NAME",
                )
            })?,
        };
        return Ok((service, true));
    }
    let path = folder.to_string_lossy();
    if let Ok(service) = path.parse::<Service>() {
        return Ok((service, false));
    }
    let wanted = plain(&path);
    let names =
        std::iter::once(wanted.clone()).chain((2..=99).map(|number| format!("{wanted}-{number}")));
    let free = |name: &String| !taken.iter().any(|unit| unit.service.as_str() == name);
    let service = names.filter(free).find_map(|name| name.parse().ok());
    let folder = printable(&path, false);
    let refused = || {
        Error::invalid(
            format!("no service name can be derived from the folder {folder}"),
            "rename the folder",
        )
    };
    Ok((service.ok_or_else(refused)?, true))
}

/// A text as a service name, with `-` for the characters that a service name cannot contain.
pub(super) fn plain(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let text: String = text
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .collect();
    let parts: Vec<&str> = text.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-").chars().take(64).collect()
}
