//! Finds the files of a service in its folder: files with usual names, files whose template exists,
//! and files that compose files name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::compose::{ComposeReader, env_files_to_write};
use super::known::KnownFile;
use crate::core::inject::FileFormat;
use crate::core::inject::header::HEADER_START;
use crate::core::inject::target::FilePlace;
use crate::core::inject::template_names::{file_of, is_env_name, templates_of};
use crate::error::Result;
use crate::files::Root;
use crate::names::{Service, printable};

/// All files of the service, `.env` first, and notes about files that are not written.
///
/// # Errors
/// If something with one of the usual names is not a plain file.
pub(super) fn files_in_folder(
    root: &Root,
    folder: &Path,
    service: &Service,
) -> Result<(Vec<KnownFile>, Vec<String>)> {
    let mut notes = Vec::new();
    let env = env_files(root, folder, service, &mut notes)?;
    let mut yaml = yaml_files(root, folder)?;
    if env.is_empty() && yaml.is_empty() && service.as_str() == "esphome" {
        yaml.push(folder.join("config/secrets.yaml"));
    }
    let yaml = yaml
        .into_iter()
        .map(|file| KnownFile::new(file, FileFormat::Yaml, FilePlace::Usual));
    Ok((env.into_iter().chain(yaml).collect(), notes))
}

fn env_files(
    root: &Root,
    folder: &Path,
    service: &Service,
    notes: &mut Vec<String>,
) -> Result<Vec<KnownFile>> {
    let names = root.names(folder);
    let mut files: BTreeMap<PathBuf, Option<ComposeReader>> = BTreeMap::new();
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
    for (file, reader) in env_files_to_write(root, folder, &names, notes)? {
        files.insert(file, Some(reader));
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
    let mut known: Vec<KnownFile> = files
        .into_iter()
        .map(|(file, compose_reader)| KnownFile {
            compose_reader,
            ..KnownFile::new(file, FileFormat::Env, FilePlace::Usual)
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

pub(super) fn has_file_or_template(root: &Root, file: &Path) -> Result<bool> {
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
