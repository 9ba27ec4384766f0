//! A docker compose project as docker compose reads it: its files (the default names, the override,
//! `COMPOSE_FILE`, `include`, `extends`), the `.env` files that supply variables to each of them,
//! and the resolved values.
//!
//! [`Project::view`] contains everything that can affect a container: each scalar of each file with
//! its variables replaced, each variable that is passed through, and each line of each `env_file`.
//! Merging, profiles and `extends` depend on nothing else, so equal views mean equal
//! configurations.

mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use zeroize::Zeroizing;

use self::walk::ProjectWalk;
pub(super) use self::walk::{is_typed, lines_of};
use super::texts::{FileTexts, Overlay, resolve};
use crate::format::compose;
use crate::format::dotenv::{self, Dialect};
use crate::format::interpolation;
use crate::format::yaml::tree::{self, Node, NodeKind};

/// The maximum number of files that are followed in one project.
const MAX_FILES: usize = 200;

/// A docker compose project.
pub(super) struct Project {
    /// Its folder, below the root.
    folder: PathBuf,
    /// Its top-level files, before `include` and `extends`.
    files: Vec<PathBuf>,
}

/// The variables for interpolation in a file; `None` for a value that is not known.
pub(super) type Env = BTreeMap<String, Option<Zeroizing<String>>>;

/// A file of a project, with the context in which the project reads it.
#[derive(Clone)]
pub(super) struct ProjectFile {
    pub(super) file: PathBuf,
    /// The folder that its relative paths start from.
    folder: PathBuf,
    /// The `.env` files that supply its variables. If several define a name, the first one wins.
    pub(super) env_files: Vec<PathBuf>,
    /// The variables in those files.
    pub(super) env: Rc<Env>,
}

/// The resolved configuration of a project: labelled values, in order.
#[derive(PartialEq, Eq, Default)]
pub(super) struct View {
    values: Vec<(String, Zeroizing<String>)>,
}

/// Facts about a project that are not part of its [`View`].
#[derive(Default)]
pub(super) struct Facts {
    /// Names that its files refer to or pass through.
    pub(super) used: BTreeSet<String>,
    /// Each `env_file` of a container, and whether its format is `raw`.
    pub(super) container_files: BTreeMap<PathBuf, bool>,
    /// The same files, in the order in which the compose files name them.
    pub(super) container_order: Vec<PathBuf>,
    /// Host paths that are mounted into containers.
    pub(super) mounts: BTreeSet<PathBuf>,
    /// Source files of its `secrets` and `configs`.
    pub(super) secret_files: BTreeSet<PathBuf>,
    /// Files that are not valid YAML, with the line of the error.
    pub(super) unread: BTreeMap<PathBuf, usize>,
}

/// The project of each folder, plus one project for each compose file that no other project reads.
pub(super) fn projects(
    texts: &FileTexts<'_>,
    folders: &[PathBuf],
    compose_files: &[PathBuf],
) -> Vec<Project> {
    let mut projects: Vec<Project> = folders
        .iter()
        .filter_map(|folder| Project::of(texts, folder))
        .collect();
    let overlay = Overlay::new();
    let reached: BTreeSet<PathBuf> = projects
        .iter()
        .flat_map(|project| project.all_files(texts, &overlay))
        .map(|one| one.file)
        .collect();
    let loose = compose_files.iter().filter(|file| !reached.contains(*file));
    projects.extend(loose.map(|file| Project {
        folder: folder_of(file),
        files: vec![file.clone()],
    }));
    projects
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

impl Project {
    /// The project that docker compose finds in a folder.
    fn of(texts: &FileTexts<'_>, folder: &Path) -> Option<Self> {
        let env = env_of(texts, &Overlay::new(), &[folder.join(".env")]);
        if let Some(Some(named)) = env.get("COMPOSE_FILE") {
            let separator = env.get("COMPOSE_PATH_SEPARATOR").cloned().flatten();
            let separator = separator.as_ref().map_or(":", |text| text.as_str());
            let files: Vec<PathBuf> = named
                .split(separator)
                .filter_map(|name| resolve(folder, name))
                .collect();
            return (!files.is_empty()).then(|| Self {
                folder: folder.to_owned(),
                files,
            });
        }
        let first = |names: &[&str]| {
            names
                .iter()
                .map(|name| folder.join(name))
                .find(|file| texts.content(file).is_some())
        };
        let files: Vec<PathBuf> = first(&compose::DEFAULT_NAMES)
            .into_iter()
            .chain(first(&compose::OVERRIDE_NAMES))
            .collect();
        first(&compose::DEFAULT_NAMES).is_some().then(|| Self {
            folder: folder.to_owned(),
            files,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn is_in_root(&self) -> bool {
        self.folder.as_os_str().is_empty()
    }

    /// All files of the project. A file that is read with different `.env` files appears once for
    /// each combination.
    pub(super) fn all_files(&self, texts: &FileTexts<'_>, overlay: &Overlay) -> Vec<ProjectFile> {
        let env_files = vec![self.folder.join(".env")];
        let env = Rc::new(env_of(texts, overlay, &env_files));
        let first = |file: &PathBuf| ProjectFile {
            file: file.clone(),
            folder: self.folder.clone(),
            env_files: env_files.clone(),
            env: env.clone(),
        };
        let mut all: Vec<ProjectFile> = self.files.iter().map(first).collect();
        let mut at = 0;
        while at < all.len() && all.len() < MAX_FILES {
            let one = all[at].clone();
            let Some(documents) = texts
                .text_over(overlay, &one.file)
                .and_then(|text| tree::parse(&text).ok())
            else {
                at += 1;
                continue;
            };
            for next in documents
                .iter()
                .flat_map(|document| one.leads_to(texts, overlay, document))
            {
                if !all
                    .iter()
                    .any(|known| known.file == next.file && known.env_files == next.env_files)
                {
                    all.push(next);
                }
            }
            at += 1;
        }
        all
    }

    /// The resolved configuration of the project, and other facts about it.
    pub(super) fn view(&self, texts: &FileTexts<'_>, overlay: &Overlay) -> (View, Facts) {
        let (mut view, mut facts) = (View::default(), Facts::default());
        for one in self.all_files(texts, overlay) {
            let Some(text) = texts.text_over(overlay, &one.file) else {
                view.add(&one.file, "", "unreadable");
                continue;
            };
            match tree::parse(&text) {
                Ok(documents) => {
                    let mut walk = ProjectWalk {
                        one: &one,
                        texts,
                        overlay,
                        view: &mut view,
                        facts: &mut facts,
                    };
                    for (number, document) in documents.iter().enumerate() {
                        walk.node(document, &mut vec![number.to_string()]);
                    }
                }
                Err(malformed) => {
                    facts.unread.insert(one.file.clone(), malformed.line);
                    // The text cannot be parsed, so any change to it must change the view.
                    view.values.push((format!("{}:", one.file.display()), text));
                }
            }
        }
        (view, facts)
    }
}

impl ProjectFile {
    /// The files that a document of this file includes or extends.
    fn leads_to(&self, texts: &FileTexts<'_>, overlay: &Overlay, document: &Node) -> Vec<Self> {
        let mut found = Vec::new();
        for item in document.get("include").map(items).unwrap_or_default() {
            found.extend(self.included(texts, overlay, item));
        }
        let services = document.get("services").map(Node::entries);
        for (_, service) in services.unwrap_or_default() {
            let Some(file) = service
                .get("extends")
                .and_then(|extends| extends.get("file"))
            else {
                continue;
            };
            if let Some(file) = self.path(file) {
                found.push(Self {
                    folder: folder_of(&file),
                    file,
                    ..self.clone()
                });
            }
        }
        found
    }

    /// The files of an included project. Its own `.env` has lower precedence than that of the
    /// including project.
    fn included(&self, texts: &FileTexts<'_>, overlay: &Overlay, item: &Node) -> Vec<Self> {
        let paths = if item.text().is_some() {
            vec![item]
        } else {
            item.get("path").map(items).unwrap_or_default()
        };
        let files: Vec<PathBuf> = paths
            .into_iter()
            .filter_map(|path| self.path(path))
            .collect();
        let Some(first) = files.first() else {
            return Vec::new();
        };
        let folder = item
            .get("project_directory")
            .and_then(|folder| self.path(folder))
            .unwrap_or_else(|| folder_of(first));
        let own: Vec<PathBuf> = match item.get("env_file") {
            Some(named) => items(named)
                .into_iter()
                .filter_map(|path| self.path(path))
                .collect(),
            None => vec![folder.join(".env")],
        };
        let env_files: Vec<PathBuf> = self.env_files.iter().chain(&own).cloned().collect();
        let mut env = env_of(texts, overlay, &own);
        env.extend(
            self.env
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let env = Rc::new(env);
        files
            .into_iter()
            .map(|file| Self {
                file,
                folder: folder.clone(),
                env_files: env_files.clone(),
                env: env.clone(),
            })
            .collect()
    }

    /// The path in a scalar, resolved below the root.
    fn path(&self, node: &Node) -> Option<PathBuf> {
        resolve(&self.folder, &self.evaluated(node.text()?).ok()?)
    }

    /// A text with its variables replaced.
    fn evaluated(&self, text: &str) -> Result<Zeroizing<String>, &'static str> {
        let mut lookup = |reference: &interpolation::Reference| match self.env.get(&reference.name)
        {
            Some(None) => Err(()),
            Some(Some(value)) => Ok(Some(value.clone())),
            None => Ok(None),
        };
        interpolation::evaluate(text, &mut lookup).map_err(|_| "it cannot be evaluated")
    }
}

/// The variables of `.env` files. If several define a name, the first file wins.
fn env_of(texts: &FileTexts<'_>, overlay: &Overlay, files: &[PathBuf]) -> Env {
    let mut env = Env::new();
    for file in files.iter().rev() {
        let Some(text) = texts.text_over(overlay, file) else {
            continue;
        };
        let reading = dotenv::reading(Dialect::Compose, &text, &|_| None);
        env.extend(
            reading
                .unread
                .into_iter()
                .filter_map(|unread| Some((unread.name?, None))),
        );
        env.extend(
            reading
                .lines
                .into_iter()
                .map(|line| (line.name, line.value)),
        );
    }
    env
}

fn items(node: &Node) -> Vec<&Node> {
    match &node.kind {
        NodeKind::List(items) => items.iter().collect(),
        NodeKind::Scalar { .. } | NodeKind::Map(_) | NodeKind::Alias(_) => vec![node],
    }
}

impl View {
    fn add(&mut self, file: &Path, path: &str, value: &str) {
        self.values.push((
            format!("{}:{path}", file.display()),
            Zeroizing::new(value.to_owned()),
        ));
    }
}
