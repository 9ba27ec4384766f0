//! The `.env` files that the compose files of a folder name, with the dialect in which compose reads
//! each.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::folder::has_file_or_template;
use crate::core::entries::FileKind;
use crate::core::inject::template_names::file_of;
use crate::error::Result;
use crate::files::Root;
use crate::format::compose::{ReferenceKind, env_file_dialect, named_files};
use crate::format::dotenv::Dialect;
use crate::names::printable;

/// How compose reads a file.
#[derive(Clone)]
pub(super) struct ComposeReader {
    pub(super) dialect: Dialect,
    /// The name of the compose file that names the file.
    pub(super) compose_file: String,
}

/// An `env_file` entry of a compose file.
struct EnvFileEntry {
    /// The path as written.
    path: String,
    /// Whether compose fails if the file is missing.
    is_required: bool,
    reader: ComposeReader,
}

/// The files that the folder's compose files name in `env_file`. Adds notes about those that are
/// not written.
pub(super) fn env_files_to_write(
    root: &Root,
    folder: &Path,
    names: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<(PathBuf, ComposeReader)>> {
    let mut files = Vec::new();
    for entry in entries(root, folder, names) {
        match place_of(root, folder, &entry.path, entry.is_required)? {
            Ok(file) => files.push((file, entry.reader)),
            Err(reason) => notes.push(format!(
                "{} of {} is not written: {reason}; list it in .claude-vault.toml to have it \
                 written",
                printable(&entry.path, false),
                printable(
                    &folder.join(&entry.reader.compose_file).to_string_lossy(),
                    false
                ),
            )),
        }
    }
    notes.dedup();
    Ok(files)
}

/// How compose reads each file that the folder's compose files name, wherever the file is.
pub(super) fn compose_readers(root: &Root, folder: &Path) -> BTreeMap<PathBuf, ComposeReader> {
    entries(root, folder, &root.names(folder))
        .into_iter()
        .map(|entry| (without_dots(&folder.join(&entry.path)), entry.reader))
        .collect()
}

/// The `env_file` entries of the folder's compose files. Compose files only give hints here: one
/// that cannot be read is skipped.
fn entries(root: &Root, folder: &Path, names: &[String]) -> Vec<EnvFileEntry> {
    let mut entries = Vec::new();
    for name in names.iter().filter(|name| is_compose(name)) {
        let content = root.read(&folder.join(name)).ok().flatten();
        let text = content
            .as_ref()
            .and_then(|content| std::str::from_utf8(&content.bytes).ok());
        let named = text.and_then(|text| named_files(text).ok());
        for file in named.unwrap_or_default() {
            let ReferenceKind::EnvFile {
                is_raw,
                is_required,
            } = file.kind
            else {
                continue;
            };
            entries.push(EnvFileEntry {
                path: file.path,
                is_required,
                reader: ComposeReader {
                    dialect: env_file_dialect(is_raw),
                    compose_file: name.clone(),
                },
            });
        }
    }
    entries
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
