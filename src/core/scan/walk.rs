//! Walks a tree and collects every file that can contain secrets, including the files that compose
//! files name.
//!
//! The walk does not follow symbolic links. It skips `.git`, `node_modules`, other file systems and
//! the folders that compose files mount into containers. It does not skip a mounted Home Assistant
//! folder.

mod compose;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::Omission;
use super::kinds::{self, FileReading};
use crate::core::inject::FileFormat;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::{Dialect, readers_beside};
use crate::format::places::Form;
use crate::names::printable;

/// Folders of version control systems and package managers, whose content is not the project's own.
const SKIPPED_FOLDERS: [&str; 4] = [".git", "node_modules", ".hg", ".svn"];
/// Files that identify a Home Assistant folder. Its configuration is in the mounted folder.
const HOME_ASSISTANT: [&str; 2] = ["configuration.yaml", "secrets.yaml"];

/// A file to scan.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) reading: FileReading,
    /// Whether the person named it.
    pub(super) is_named: bool,
    /// The name of the secret, if the whole file is one secret.
    pub(super) secret: Option<String>,
}

impl Candidate {
    pub(super) fn shown(&self) -> String {
        shown(&self.path)
    }
}

pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), false)
}

/// The state of a walk.
pub(super) struct Tree<'a> {
    root: &'a Root,
    dialect: Option<Dialect>,
    files: BTreeMap<PathBuf, Candidate>,
    /// Mounted folders, and the compose file that mounts each.
    mounted: BTreeMap<PathBuf, PathBuf>,
    skipped: BTreeMap<PathBuf, String>,
    notes: Vec<Omission>,
    /// The folders where walks started. They are never skipped.
    starts: BTreeSet<PathBuf>,
    device: Option<u64>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Root, dialect: Option<Dialect>) -> Self {
        Self {
            root,
            dialect,
            files: BTreeMap::new(),
            mounted: BTreeMap::new(),
            skipped: BTreeMap::new(),
            notes: Vec::new(),
            starts: BTreeSet::new(),
            device: None,
        }
    }

    /// Adds a file, or walks a folder, that the person named.
    pub(super) fn add(&mut self, path: &Path) -> Result<()> {
        let is_root = path == Path::new(".") || path == self.root.path();
        let inside = if is_root {
            PathBuf::new()
        } else {
            self.root.relative(path)?
        };
        if is_root || self.root.has_folder(&inside) {
            self.device = device(&self.root.path().join(&inside));
            self.starts.insert(inside.clone());
            self.folder(&inside);
            return Ok(());
        }
        if !self.root.has(&inside)? {
            let what = format!("the file {}", shown(path));
            return Err(Error::NotFound {
                missing: None,
                what,
                hint: "name a file or a folder in the project's root".into(),
            });
        }
        let dialect = self.dialect_in(inside.parent().unwrap_or(Path::new("")), None);
        let reading = kinds::named(&inside, dialect);
        self.files.insert(
            inside.clone(),
            Candidate {
                path: inside.clone(),
                reading,
                is_named: true,
                secret: None,
            },
        );
        if reading == FileReading::Form(Form::Compose) {
            self.compose_file(&inside);
        }
        Ok(())
    }

    /// Adds a file that `.claude-vault.toml` lists, in the format that it gives. Files outside of
    /// the walked folders are ignored.
    pub(super) fn listed(&mut self, file: &Path, format: Option<FileFormat>, readers: &[Dialect]) {
        let Some(path) = inside(Path::new(""), file) else {
            return;
        };
        let is_walked = self.starts.iter().any(|start| path.starts_with(start))
            || self.files.contains_key(&path);
        if !is_walked || !self.root.has(&path).unwrap_or(false) {
            return;
        }
        let dialect = match (self.dialect, readers) {
            (Some(asked), _) => asked,
            (None, [only]) => *only,
            (None, _) => self.dialect_in(path.parent().unwrap_or(Path::new("")), None),
        };
        let reading = match format {
            Some(FileFormat::Env) => FileReading::Form(Form::Env(dialect)),
            Some(FileFormat::Yaml) => FileReading::Form(Form::Yaml),
            None => match kinds::named(&path, dialect) {
                FileReading::Lines => FileReading::Form(Form::Env(dialect)),
                known => known,
            },
        };
        self.files
            .entry(path.clone())
            .and_modify(|known| known.reading = reading)
            .or_insert(Candidate {
                path,
                reading,
                is_named: false,
                secret: None,
            });
    }

    /// The files to scan, in order, and the omissions.
    pub(super) fn finish(self) -> (Vec<Candidate>, Vec<Omission>) {
        let Self {
            files,
            mounted,
            mut skipped,
            mut notes,
            starts,
            root,
            ..
        } = self;
        // The mounted folder that contains a path. Needed for folders that the walk entered before
        // it reached the compose file that mounts them.
        let is_inside = |path: &Path| {
            let start = starts
                .iter()
                .filter(|start| path.starts_with(start))
                .map(|start| start.components().count())
                .max()
                .unwrap_or(0);
            let mut above = path
                .ancestors()
                .skip(1)
                .filter(|folder| folder.components().count() > start);
            above
                .find(|folder| {
                    mounted.contains_key(*folder) && !is_home_assistant(&root.names(folder))
                })
                .map(Path::to_owned)
        };
        let mut kept = Vec::with_capacity(files.len());
        for (path, file) in files {
            match is_inside(&path).filter(|_| !file.is_named && file.secret.is_none()) {
                Some(folder) => {
                    let by = mounted.get(&folder).map(|by| shown(by)).unwrap_or_default();
                    skipped.entry(folder).or_insert_with(|| mounted_by(&by));
                }
                None => kept.push(file),
            }
        }
        notes.extend(skipped.into_iter().map(|(path, reason)| Omission {
            path: shown(&path),
            line: None,
            reason,
        }));
        (kept, notes)
    }

    fn folder(&mut self, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(self.root.path().join(folder)) else {
            self.skipped
                .insert(folder.to_owned(), "it cannot be opened".into());
            return;
        };
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                folders.push(entry.file_name());
            } else if kind.is_file() {
                files.push(entry.file_name());
            }
        }
        self.files_of(folder, &files);
        folders.sort_unstable();
        for name in folders {
            let inside = folder.join(&name);
            if SKIPPED_FOLDERS.iter().any(|left| name == *left) || !self.is_walked(&inside) {
                continue;
            }
            self.folder(&inside);
        }
    }

    fn files_of(&mut self, folder: &Path, names: &[std::ffi::OsString]) {
        let mut dialect = None;
        let mut composes = Vec::new();
        for name in names {
            let path = folder.join(name);
            let Some(mut reading) = kinds::in_a_walk(&path, Dialect::Portable) else {
                continue;
            };
            if matches!(reading, FileReading::Form(Form::Env(Dialect::Portable))) {
                let guessed = *dialect.get_or_insert_with(|| self.dialect_in(folder, Some(names)));
                reading = FileReading::Form(Form::Env(guessed));
            }
            if reading == FileReading::Form(Form::Compose) {
                composes.push(path.clone());
            }
            // If a compose file already named this file, it keeps the reading from there.
            self.files.entry(path.clone()).or_insert(Candidate {
                path,
                reading,
                is_named: false,
                secret: None,
            });
        }
        for file in composes {
            self.compose_file(&file);
        }
    }

    fn is_walked(&mut self, folder: &Path) -> bool {
        if device(&self.root.path().join(folder)) != self.device {
            self.skipped
                .insert(folder.to_owned(), "it is another file system".into());
            return false;
        }
        if let Some(by) = self
            .mounted
            .get(folder)
            .filter(|_| !self.starts.contains(folder))
            && !is_home_assistant(&self.root.names(folder))
        {
            self.skipped
                .insert(folder.to_owned(), mounted_by(&shown(by)));
            return false;
        }
        true
    }

    /// The dialect of the env files in a folder, guessed from the neighbouring files.
    fn dialect_in(&self, folder: &Path, names: Option<&[std::ffi::OsString]>) -> Dialect {
        if let Some(dialect) = self.dialect {
            return dialect;
        }
        let names: Vec<String> = match names {
            Some(names) => names
                .iter()
                .filter_map(|name| name.to_str())
                .map(str::to_owned)
                .collect(),
            None => self.root.names(folder),
        };
        let found = readers_beside(names.iter().map(String::as_str), |name| {
            let content = self.root.read(&folder.join(name)).ok().flatten();
            content.map(|content| content.bytes)
        });
        match found.as_slice() {
            [(one, _)] => *one,
            _ => Dialect::Portable,
        }
    }
}

fn mounted_by(compose: &str) -> String {
    format!("{compose} mounts it into a container")
}

fn is_home_assistant(names: &[String]) -> bool {
    names
        .iter()
        .any(|name| HOME_ASSISTANT.contains(&name.as_str()))
}

/// Resolves a path that a file in `folder` names; `None` if it is absolute, leads outside the root
/// or is in `.git`.
fn inside(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut out = folder.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out).filter(|path| path.file_name().is_some() && !path.starts_with(".git"))
}

#[cfg(unix)]
fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path)
        .ok()
        .map(|metadata| metadata.dev())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_of_a_folder_follows_from_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        let guessed = |files: &[(&str, &str)]| {
            for (name, text) in files {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            let names: Vec<std::ffi::OsString> =
                files.iter().map(|(name, _)| name.into()).collect();
            let tree = Tree::new(&root, None);
            let dialect = tree.dialect_in(Path::new(""), None);
            assert_eq!(tree.dialect_in(Path::new(""), Some(&names)), dialect);
            for (name, _) in files {
                std::fs::remove_file(folder.path().join(name)).unwrap();
            }
            dialect
        };
        let vite = ("package.json", "{\"devDependencies\": {\"vite\": \"8\"}}");
        let go = ("go.mod", "");
        assert_eq!(guessed(&[vite]), Dialect::Vite);
        assert_eq!(guessed(&[("package.json", "{}")]), Dialect::Node);
        assert_eq!(guessed(&[go]), Dialect::Go);
        assert_eq!(guessed(&[vite, go]), Dialect::Portable);
        assert_eq!(guessed(&[]), Dialect::Portable);
        let asked = Tree::new(&root, Some(Dialect::Ruby));
        assert_eq!(asked.dialect_in(Path::new(""), None), Dialect::Ruby);
    }
}
