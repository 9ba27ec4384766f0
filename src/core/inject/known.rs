//! Finds the files of a service in its folder: files with usual names, files whose template exists,
//! and files that compose files name.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::FileFormat;
use super::header::HEADER_START;
use super::place::FilePlace;
use super::template_names::{file_of, is_env_name, templates_of};
use crate::core::entries::FileKind;
use crate::error::Result;
use crate::files::Root;
use crate::format::compose::{ReferenceKind, named_files};
use crate::format::dotenv::Dialect;
use crate::names::{Service, printable};

/// A file of a service.
pub(super) struct Known {
    pub(super) file: PathBuf,
    pub(super) format: FileFormat,
    /// The programs that read the file, if the configuration names them.
    pub(super) dialects: Vec<Dialect>,
    /// The dialect in which compose reads the file, and the name of the compose file that names it.
    pub(super) guessed: Option<(Dialect, String)>,
    pub(super) place: FilePlace,
    /// Whether the file is written only because the request asks for its path or format: it is not
    /// among the files that were found for the service.
    pub(super) is_extra: bool,
}

impl Known {
    pub(super) fn new(file: PathBuf, format: FileFormat, place: FilePlace) -> Self {
        Self {
            file,
            format,
            dialects: Vec::new(),
            guessed: None,
            place,
            is_extra: false,
        }
    }
}

/// All files of the service, `.env` first, and notes about files that are not written.
///
/// # Errors
/// If something with one of the usual names is not a plain file.
pub(super) fn files_in_folder(
    root: &Root,
    folder: &Path,
    service: &Service,
) -> Result<(Vec<Known>, Vec<String>)> {
    let mut notes = Vec::new();
    let env = env_names(root, folder, service, &mut notes)?;
    let mut yaml = yaml_files(root, folder)?;
    if env.is_empty() && yaml.is_empty() && service.as_str() == "esphome" {
        yaml.push(folder.join("config/secrets.yaml"));
    }
    let yaml = yaml
        .into_iter()
        .map(|file| Known::new(file, FileFormat::Yaml, FilePlace::Usual));
    Ok((env.into_iter().chain(yaml).collect(), notes))
}

fn env_names(
    root: &Root,
    folder: &Path,
    service: &Service,
    notes: &mut Vec<String>,
) -> Result<Vec<Known>> {
    let names = root.names(folder);
    let mut files: BTreeMap<PathBuf, Option<(Dialect, String)>> = BTreeMap::new();
    for name in [".env", "stack.env"] {
        let file = folder.join(name);
        if has_file_or_template(root, &file)? {
            files.insert(file, None);
        }
    }
    let by_template = names
        .iter()
        .filter_map(|name| file_of(name))
        .filter(|name| is_env_name(name));
    files.extend(by_template.map(|name| (folder.join(name), None)));
    for (file, named) in named_by_compose(root, folder, &names, notes)? {
        files.insert(file, Some(named));
    }
    let is_other = |name: &&String| {
        is_env_name(name) && file_of(name).is_none() && !files.contains_key(&folder.join(name))
    };
    let others: Vec<PathBuf> = names
        .iter()
        .filter(is_other)
        .map(|name| folder.join(name))
        .collect();
    let (ours, others): (Vec<PathBuf>, Vec<PathBuf>) = others
        .into_iter()
        .partition(|file| is_ours(root, file, service));
    files.extend(ours.into_iter().map(|file| (file, None)));
    match (files.is_empty(), others.as_slice()) {
        (true, [only]) => drop(files.insert(only.clone(), None)),
        (_, []) => {}
        (_, others) => notes.push(format!(
            "{} is not written: nothing says that it belongs to the service; list it in \
             .claude-vault.toml, or name it with --file",
            shown(others)
        )),
    }
    let first = folder.join(".env");
    let mut known: Vec<Known> = files
        .into_iter()
        .map(|(file, guessed)| Known {
            guessed,
            ..Known::new(file, FileFormat::Env, FilePlace::Usual)
        })
        .collect();
    known.sort_by_key(|known| known.file != first);
    Ok(known)
}

fn shown(files: &[PathBuf]) -> String {
    files
        .iter()
        .map(|file| printable(&file.to_string_lossy(), false))
        .collect::<Vec<_>>()
        .join(", ")
}

fn has_file_or_template(root: &Root, file: &Path) -> Result<bool> {
    for path in std::iter::once(file.to_owned()).chain(templates_of(file)) {
        if root.has(&path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the file's header shows that this program wrote it for the service.
fn is_ours(root: &Root, file: &Path, service: &Service) -> bool {
    let Ok(Some(content)) = root.read(file) else {
        return false;
    };
    let text = content
        .bytes
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(&content.bytes);
    text.starts_with(format!("{HEADER_START}{service})").as_bytes())
}

/// The files that the folder's compose files name in `env_file`, with the dialect in which compose
/// reads each.
fn named_by_compose(
    root: &Root,
    folder: &Path,
    names: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<(PathBuf, (Dialect, String))>> {
    let mut files = Vec::new();
    for name in names.iter().filter(|name| is_compose(name)) {
        // Compose files only give hints here: skip one that cannot be read.
        let Some(content) = root.read(&folder.join(name)).ok().flatten() else {
            continue;
        };
        let Ok(text) = std::str::from_utf8(&content.bytes) else {
            continue;
        };
        for entry in named_files(text).unwrap_or_default() {
            let ReferenceKind::EnvFile {
                is_raw,
                is_required,
            } = entry.kind
            else {
                continue;
            };
            match place_of(root, folder, &entry.path, is_required)? {
                Ok(file) => files.push((
                    file,
                    (
                        if is_raw {
                            Dialect::ComposeRaw
                        } else {
                            Dialect::Compose
                        },
                        name.clone(),
                    ),
                )),
                Err(reason) => notes.push(format!(
                    "{} of {} is not written: {reason}; list it in .claude-vault.toml to have it \
                     written",
                    printable(&entry.path, false),
                    printable(&folder.join(name).to_string_lossy(), false),
                )),
            }
        }
    }
    notes.dedup();
    Ok(files)
}

/// The dialect in which compose reads each file that the folder's compose files name, wherever the
/// file is.
pub(super) fn readers_named(root: &Root, folder: &Path) -> BTreeMap<PathBuf, (Dialect, String)> {
    let mut readers = BTreeMap::new();
    for name in root
        .names(folder)
        .into_iter()
        .filter(|name| is_compose(name))
    {
        let content = root.read(&folder.join(&name)).ok().flatten();
        let text = content
            .as_ref()
            .and_then(|content| std::str::from_utf8(&content.bytes).ok());
        for entry in text
            .and_then(|text| named_files(text).ok())
            .unwrap_or_default()
        {
            if let ReferenceKind::EnvFile { is_raw, .. } = entry.kind {
                let dialect = if is_raw {
                    Dialect::ComposeRaw
                } else {
                    Dialect::Compose
                };
                readers.insert(
                    without_dots(&folder.join(&entry.path)),
                    (dialect, name.clone()),
                );
            }
        }
    }
    readers
}

/// Removes `.` and `..` from a path without looking at the file system.
fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut out, part| {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => out.push(part),
        }
        out
    })
}

fn is_compose(name: &str) -> bool {
    FileKind::of(Path::new(name)) == Some(FileKind::Compose) && file_of(name).is_none()
}

/// The path of an `env_file` entry, or the reason why it is not written.
fn place_of(
    root: &Root,
    folder: &Path,
    named: &str,
    is_required: bool,
) -> Result<std::result::Result<PathBuf, &'static str>> {
    if named.contains('$') {
        return Ok(Err("its name contains a variable"));
    }
    let path = Path::new(named);
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let Some(file) = Some(folder.join(path))
        .filter(|_| inside)
        .and_then(|file| root.relative(&file).ok())
    else {
        return Ok(Err("it lies outside the service's folder"));
    };
    if !is_required && !has_file_or_template(root, &file)? {
        return Ok(Err("it is missing, and the program starts without it"));
    }
    Ok(Ok(file))
}

fn yaml_files(root: &Root, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in ["config/secrets.yaml", "secrets.yaml"] {
        let file = folder.join(name);
        if has_file_or_template(root, &file)? {
            found.push(file);
        }
    }
    Ok(found)
}
