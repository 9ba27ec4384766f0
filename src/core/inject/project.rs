//! `.claude-vault.toml`: where the files of services are. A cloned repository may set these places
//! and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{FileFormat, text};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::Dialect;
use crate::names::printable;

/// The places of services' files: everything that `.claude-vault.toml` may contain.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProjectConfig {
    pub(super) services: BTreeMap<String, ServiceFiles>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServiceFiles {
    pub(super) file: Option<PathBuf>,
    pub(super) format: Option<FileFormat>,
    pub(super) dialect: Option<OneOrMore>,
    pub(super) files: Vec<ListedFile>,
}

/// One of several files: only its path below the root, or its path with a format and readers.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum ListedFile {
    Path(PathBuf),
    Detailed(DetailedFile),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailedFile {
    pub(super) file: PathBuf,
    pub(super) format: Option<FileFormat>,
    pub(super) dialect: Option<OneOrMore>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(Dialect),
    More(Vec<Dialect>),
}

impl OneOrMore {
    pub(super) fn list(self) -> Vec<Dialect> {
        match self {
            Self::One(dialect) => vec![dialect],
            Self::More(dialects) => dialects,
        }
    }
}

impl ServiceFiles {
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let listed = self.files.iter().map(|listed| match listed {
            ListedFile::Path(file) => file,
            ListedFile::Detailed(listed) => &listed.file,
        });
        self.file.iter().chain(listed)
    }
}

/// The listed files, each with the format and the readers that `.claude-vault.toml` names.
pub(in crate::core) type ListedFiles = BTreeMap<PathBuf, (Option<FileFormat>, Vec<Dialect>)>;

/// All files that `.claude-vault.toml` lists.
///
/// # Errors
/// The errors of [`project_config`].
pub(in crate::core) fn listed_files(root: &Root) -> Result<ListedFiles> {
    let mut files = BTreeMap::new();
    for service in project_config(root)?.services.into_values() {
        let ServiceFiles {
            file,
            format,
            dialect,
            files: more,
        } = service;
        let readers = dialect.map(OneOrMore::list).unwrap_or_default();
        files.extend(file.map(|file| (file, (format, readers.clone()))));
        for listed in more {
            let (file, own_format, own_readers) = match listed {
                ListedFile::Path(file) => (file, None, None),
                ListedFile::Detailed(DetailedFile {
                    file,
                    format,
                    dialect,
                }) => (file, format, dialect),
            };
            let readers = own_readers.map_or_else(|| readers.clone(), OneOrMore::list);
            files.insert(file, (own_format.or(format), readers));
        }
    }
    Ok(files)
}

/// Reads `.claude-vault.toml`; the default if there is none.
///
/// # Errors
/// [`Error::Invalid`] for anything other than places, formats and dialects.
pub(super) fn project_config(root: &Root) -> Result<ProjectConfig> {
    let path = Path::new(".claude-vault.toml");
    let content = root.read_trusted(path)?;
    let Some(text) = text(path, content.as_ref())? else {
        return Ok(ProjectConfig::default());
    };
    toml::from_str(text).map_err(|error| {
        let reason = printable(error.message().lines().next().unwrap_or_default(), false);
        Error::invalid(
            format!(".claude-vault.toml: {reason}"),
            "only file locations are allowed: [services.NAME] with file = \"…\" or files = […], \
             format = \"env\" or \"yaml\", dialect = \"…\"",
        )
    })
}

/// Removes duplicates. `portable` already includes the usual readers, so it must be the only one.
pub(super) fn unique_dialects(dialects: Vec<Dialect>) -> Result<Vec<Dialect>> {
    let mut seen = BTreeSet::new();
    let dialects: Vec<Dialect> = dialects
        .into_iter()
        .filter(|dialect| seen.insert(*dialect))
        .collect();
    if dialects.len() > 1 && dialects.contains(&Dialect::Portable) {
        return Err(Error::invalid(
            "the dialect portable cannot be combined with others",
            "name the file's readers, such as compose,shell",
        ));
    }
    Ok(dialects)
}
