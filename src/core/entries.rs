//! What a model may learn about a file in the project: the names and order of its entries, as the
//! file's own reader finds them. The model never sees the values.
//!
//! The name alone decides how a file is read. If the same bytes could be read as two formats, parts
//! of values would show up as names. A file that this program wrote values into is never parsed
//! here. Only the decision whether a file can be read depends on values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Core;
use super::inject::HEADER_START;
use super::inject::reader_beside;
use crate::files::record::{Record, RecordComparison, Records, compare};
use crate::files::{Content, Root};
pub(crate) use crate::format::compose::DEFAULT_NAMES as COMPOSE_NAMES;
use crate::format::dotenv::{self, Dialect};
use crate::format::json::Typed;
use crate::format::{compose, yaml};
use crate::names::{ForeignName, MAX_VALUE_BYTES};
use crate::secret::{Secret, Value};

/// How a file is read. Its name decides this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// `.env` and similar names.
    Env,
    /// A compose file.
    Compose,
    /// A flat `secrets.yaml`.
    Yaml,
}

impl FileKind {
    /// The kind of a file with this name. `None` for backups, logs, temporary files and everything
    /// else.
    #[must_use]
    pub fn of(file: &Path) -> Option<Self> {
        const LEFTOVERS: [&str; 8] = [
            ".bak", ".old", ".orig", ".save", ".swp", ".tmp", ".log", "~",
        ];
        let name = file.file_name()?.to_str()?.to_ascii_lowercase();
        if name.contains(".backup.")
            || name.contains("claude-vault")
            || LEFTOVERS.iter().any(|end| name.ends_with(end))
        {
            return None;
        }
        let yaml = ["yaml", "yml"]
            .iter()
            .find_map(|end| name.strip_suffix(end)?.strip_suffix('.'));
        let template = name.strip_suffix(".example").unwrap_or(&name);
        let is_secrets_yaml = |name: &str| {
            let stem = name
                .strip_suffix(".yaml")
                .or_else(|| name.strip_suffix(".yml"));
            stem.is_some_and(|stem| {
                stem == "secrets" || stem.ends_with(".secrets") || stem.ends_with("-secrets")
            })
        };
        if yaml.is_some_and(compose::is_compose_name) {
            return Some(Self::Compose);
        }
        if is_secrets_yaml(template) {
            return Some(Self::Yaml);
        }
        let is_env = name == ".env"
            || name.starts_with(".env.")
            || name.ends_with(".env")
            || template.ends_with(".env");
        (is_env && yaml.is_none()).then_some(Self::Env)
    }
}

/// A value in a file that the model never sees.
#[derive(Clone)]
pub enum HiddenValue {
    /// The exact value that the file's program reads, or that Vault holds.
    Value(Value),
    /// A value that cannot be taken from the file. Only the person sees the reason.
    Unusable(&'static str),
}

/// An entry of a file.
pub struct FileEntry {
    /// The name as written in the file.
    pub name: ForeignName,
    /// Its value.
    pub value: HiddenValue,
}

/// The entries of one service in a compose file, or all entries of any other file.
pub struct Section {
    /// The name of the compose service; `None` for other files.
    pub name: Option<ForeignName>,
    /// The entries, in order.
    pub entries: Vec<FileEntry>,
}

/// What a model may see of a file.
pub enum VisibleFile {
    /// A file that this program wrote, with values or as an example. It is described from its
    /// record.
    Ours {
        /// What was written.
        record: Record,
        /// Whether the file changed since.
        is_changed: bool,
    },
    /// Any other file.
    Sections(Vec<Section>),
}

/// Why a file cannot be shown to a model. Each reason has one fixed text, so it reveals no details.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The name belongs to another kind of file or to a kind that is never read, or the file is in
    /// this program's state or config folder.
    OtherKind,
    /// The file does not exist.
    Missing,
    /// The path leads outside the root, or is not a plain file.
    Outside,
    /// The content does not have the format that the name promises, or this program wrote the file
    /// but has no record of it.
    Unreadable,
}

/// Looks at a file below the root as a file of `kind`.
///
/// # Errors
/// A [`Refused`].
pub fn inspect(
    core: &Core,
    file: &Path,
    kind: FileKind,
) -> std::result::Result<(PathBuf, VisibleFile), Refused> {
    let root = Root::open(&core.settings.root).map_err(|_| Refused::Outside)?;
    let file = root.relative(file).map_err(|_| Refused::Outside)?;
    if FileKind::of(&file) != Some(kind) || is_private(core, &root, &file) {
        return Err(Refused::OtherKind);
    }
    if !root.has(&file).map_err(|_| Refused::Outside)? {
        return Err(Refused::Missing);
    }
    // Check the record first: about a file that this program wrote, the model may learn only the
    // record and whether the file changed since.
    let record = Records::new(&core.settings.state)
        .find(root.path(), &file)
        .map_err(|_| Refused::Unreadable)?;
    let content = root.read(&file);
    if let Some(record) = record {
        let is_changed =
            compare(Some(&record), content.ok().flatten().as_ref()) != RecordComparison::Unchanged;
        return Ok((file, VisibleFile::Ours { record, is_changed }));
    }
    let content = content
        .map_err(|_| Refused::Unreadable)?
        .ok_or(Refused::Missing)?;
    if has_our_header(&content) {
        return Err(Refused::Unreadable);
    }
    let text = std::str::from_utf8(&content.bytes).map_err(|_| Refused::Unreadable)?;
    let sections = sections(core, &file, kind, text).ok_or(Refused::Unreadable)?;
    Ok((file, VisibleFile::Sections(sections)))
}

/// The first of these files that exists below the root. A file that cannot be checked counts as
/// existing.
#[must_use]
pub fn first_of(core: &Core, candidates: &[PathBuf]) -> Option<PathBuf> {
    let root = Root::open(&core.settings.root).ok()?;
    candidates
        .iter()
        .find(|file| root.has(file).unwrap_or(true))
        .cloned()
}

/// Whether a path is inside this program's own state or config folder.
fn is_private(core: &Core, root: &Root, file: &Path) -> bool {
    let Ok(path) = std::fs::canonicalize(root.path()).map(|root| root.join(file)) else {
        return true;
    };
    let own = [
        Some(core.settings.state.as_path()),
        core.settings.config.parent(),
    ];
    own.into_iter()
        .flatten()
        .any(|folder| std::fs::canonicalize(folder).is_ok_and(|folder| path.starts_with(folder)))
}

/// Whether any line is the header of a file that this program wrote. This catches files without a
/// record: from another home, or from a folder that was moved.
fn has_our_header(content: &Content) -> bool {
    let mark = HEADER_START.as_bytes();
    let is_mark = |line: &[u8]| {
        let line = line
            .strip_prefix("\u{feff}".as_bytes())
            .unwrap_or(line)
            .trim_ascii_start();
        line.starts_with(mark)
    };
    content
        .bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .any(is_mark)
}

fn sections(core: &Core, file: &Path, kind: FileKind, text: &str) -> Option<Vec<Section>> {
    let whole = |entries| {
        vec![Section {
            name: None,
            entries,
        }]
    };
    match kind {
        FileKind::Env => {
            let taken = dotenv::read_as(own_reader(core, file), text)?;
            Some(whole(taken.into_iter().map(of_env).collect()))
        }
        FileKind::Yaml => of_yaml(text).map(whole),
        FileKind::Compose => {
            let services = compose::environments(text).ok()?.into_iter();
            Some(
                services
                    .map(|(name, environment)| of_service(name, environment))
                    .collect(),
            )
        }
    }
}

fn of_env((name, value): (String, Option<zeroize::Zeroizing<String>>)) -> FileEntry {
    let value = value.map_or(
        HiddenValue::Unusable("its program builds it from something outside the file"),
        |value| hidden(value.to_string()),
    );
    FileEntry {
        name: ForeignName::from(name),
        value,
    }
}

/// The reader of a `.env` file; docker compose if nothing shows a reader. The default is fixed,
/// because a choice by content would depend on values.
pub(super) fn own_reader(core: &Core, file: &Path) -> Dialect {
    reader_beside(core, file).unwrap_or(Dialect::Compose)
}

/// A value that is too large for Vault cannot be taken. Its entry looks like any other.
fn hidden(value: String) -> HiddenValue {
    if value.len() > MAX_VALUE_BYTES {
        HiddenValue::Unusable("it is longer than 64 KiB")
    } else {
        HiddenValue::Value(Value::Text(Secret::from(value)))
    }
}

/// The entries of a YAML file. `None` unless our own line-based search finds the same keys as a
/// YAML reader.
fn of_yaml(text: &str) -> Option<Vec<FileEntry>> {
    let document = yaml::parse(text).ok()?;
    let found: std::collections::BTreeSet<&str> = document
        .entries
        .iter()
        .map(|entry| entry.key.as_str())
        .collect();
    if yaml::top_level_keys(text)?
        .iter()
        .map(String::as_str)
        .collect::<std::collections::BTreeSet<_>>()
        != found
    {
        return None;
    }
    // The values as a YAML reader reads them, with types. For a repeated name, the last one counts.
    let read = yaml::values::entries(text).unwrap_or_default();
    let read: BTreeMap<&str, &Result<Typed, String>> = read
        .iter()
        .map(|entry| (entry.name.as_str(), &entry.value))
        .collect();
    let entry = |entry: &crate::format::edit::NewEntry| FileEntry {
        name: ForeignName::from(entry.key.clone()),
        value: match read.get(entry.key.as_str()) {
            Some(Ok(Typed::Text(text))) => hidden(text.to_string()),
            Some(Ok(Typed::Json(text))) if text.len() <= MAX_VALUE_BYTES => {
                HiddenValue::Value(Value::Json(Secret::from(text.to_string())))
            }
            Some(Ok(Typed::Json(_)) | Err(_)) | None => {
                HiddenValue::Unusable("a YAML reader does not take it as plain data")
            }
        },
    };
    Some(document.entries.iter().map(entry).collect())
}

fn of_service(name: String, environment: Vec<compose::Variable>) -> Section {
    let entry = |variable: compose::Variable| FileEntry {
        name: ForeignName::from(variable.name),
        value: match variable.value.as_ref().map(|value| compose::literal(value)) {
            Some(Some(value)) => hidden(value.to_string()),
            Some(None) => HiddenValue::Unusable("compose builds it from other variables"),
            None => HiddenValue::Unusable("the compose file gives it no value"),
        },
    };
    Section {
        name: Some(ForeignName::from(name)),
        entries: environment.into_iter().map(entry).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_how_a_file_is_read() {
        let kind = |name: &str| FileKind::of(Path::new(name));
        for name in [
            ".env",
            "plex/.env",
            ".env.local",
            ".env.example",
            "stack.env",
            "prod.env",
            "x.env.example",
        ] {
            assert_eq!(kind(name), Some(FileKind::Env), "{name}");
        }
        for name in [
            "compose.yaml",
            "docker-compose.yml",
            "compose.override.yaml",
            "docker-compose.example.yml",
        ] {
            assert_eq!(kind(name), Some(FileKind::Compose), "{name}");
        }
        for name in [
            "secrets.yaml",
            "config/secrets.yml",
            "secrets.yaml.example",
            "esp.secrets.yaml",
        ] {
            assert_eq!(kind(name), Some(FileKind::Yaml), "{name}");
        }
        for name in [
            ".env.backup.20260101_000000",
            ".env.bak",
            ".env~",
            "x.log",
            ".claude-vault-audit.log",
            ".claude-vault.toml",
            "..env.claude-vault-0123",
            "Makefile",
            ".envrc",
            "config.yaml",
            ".env.yaml",
            ".bashrc",
            "passwd",
            "",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
