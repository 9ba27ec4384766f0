//! What a model may learn of a file in the project: the names and order of its entries, as the
//! file's own reader finds them, and a place to keep each value unseen.
//!
//! Each kind of file is read as that kind only, told by its name: the same bytes read as two
//! formats would show parts of values as names. A file that this program wrote values into is never
//! read here. Nothing but the decision whether the file can be read depends on a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Core;
use super::inject::HEADER_START;
use super::inject::reader_beside;
use crate::files::record::{Record, Records, Standing, standing};
use crate::files::{Content, Root};
use crate::format::dotenv::{self, Dialect};
use crate::format::json::Typed;
use crate::format::{compose, yaml};
use crate::names::{MAX_VALUE_BYTES, Outside};
use crate::secret::{Secret, Value};

/// What a file is read as. Its name tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// `.env` and the like.
    Env,
    /// A compose file.
    Compose,
    /// A flat `secrets.yaml`.
    Yaml,
}

impl FileKind {
    /// The kind that a file of this name has; `None` for backups, logs, temporary files, and
    /// everything else.
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
        if yaml.is_some_and(|stem| stem.split(['.', '-', '_']).any(|word| word == "compose")) {
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

/// A value in a file, kept unseen.
#[derive(Clone)]
pub enum Held {
    /// The very value that the file's program reads, or that Vault holds.
    Value(Value),
    /// A value that cannot be taken from the file. The reason is for the person.
    Unusable(&'static str),
}

/// An entry of a file.
pub struct FileEntry {
    /// Its name as it stands in the file.
    pub name: Outside,
    /// Its value.
    pub value: Held,
}

/// A service of a compose file, or the whole of another file.
pub struct Section {
    /// The name of the compose service.
    pub name: Option<Outside>,
    /// The entries, in order.
    pub entries: Vec<FileEntry>,
}

/// What a file is to a model.
pub enum Seen {
    /// A file that this program wrote, with values or as an example: described from its record.
    Ours {
        /// What was written.
        record: Record,
        /// Whether it changed since.
        is_changed: bool,
    },
    /// Any other file.
    Sections(Vec<Section>),
}

/// A file that cannot be shown to a model. One fixed word, so that it does not tell why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The name says another kind of file, or none that is read.
    OtherKind,
    /// It is not there.
    Missing,
    /// The path leads outside the root, or is not a plain file.
    Outside,
    /// It is not what its name says.
    Unreadable,
}

/// Looks at a file below the root as a file of `kind`.
///
/// # Errors
/// A [`Refused`].
pub fn look(
    core: &Core,
    file: &Path,
    kind: FileKind,
) -> std::result::Result<(PathBuf, Seen), Refused> {
    let root = Root::open(&core.settings.root).map_err(|_| Refused::Outside)?;
    let file = root.relative(file).map_err(|_| Refused::Outside)?;
    if FileKind::of(&file) != Some(kind) || is_private(core, &root, &file) {
        return Err(Refused::OtherKind);
    }
    if !root.has(&file).map_err(|_| Refused::Outside)? {
        return Err(Refused::Missing);
    }
    // The record first: nothing of a file of ours is looked at but whether it changed.
    let record = Records::new(&core.settings.state)
        .of(root.path(), &file)
        .map_err(|_| Refused::Unreadable)?;
    let content = root.read(&file);
    if let Some(record) = record {
        let is_changed =
            standing(Some(&record), content.ok().flatten().as_ref()) != Standing::Unchanged;
        return Ok((file, Seen::Ours { record, is_changed }));
    }
    let content = content
        .map_err(|_| Refused::Unreadable)?
        .ok_or(Refused::Missing)?;
    if has_our_header(&content) {
        return Err(Refused::Unreadable);
    }
    let text = std::str::from_utf8(&content.bytes).map_err(|_| Refused::Unreadable)?;
    let sections = sections(core, &file, kind, text).ok_or(Refused::Unreadable)?;
    Ok((file, Seen::Sections(sections)))
}

/// The first of these files that is there, below the root.
#[must_use]
pub fn first_of(core: &Core, candidates: &[PathBuf]) -> Option<PathBuf> {
    let root = Root::open(&core.settings.root).ok()?;
    candidates
        .iter()
        .find(|file| root.has(file).unwrap_or(true))
        .cloned()
}

/// Whether a path lies in the folders where this program keeps what is its own.
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

/// Whether the header of a file of ours stands in it. Without a record (of another home, or of a
/// folder that was moved) the header tells.
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
            let services = compose::parse(text).ok()?.services;
            Some(
                services
                    .into_iter()
                    .map(|(name, service)| of_service(name, service))
                    .collect(),
            )
        }
    }
}

fn of_env((name, value): (String, Option<zeroize::Zeroizing<String>>)) -> FileEntry {
    let value = value.map_or(
        Held::Unusable("its program puts it together from something outside the file"),
        |value| held(value.to_string()),
    );
    FileEntry {
        name: Outside::from(name),
        value,
    }
}

/// Who reads a `.env` file. Without any sign it is docker compose: one reader, whatever the values
/// are, since the choice of another would depend on them.
pub(super) fn own_reader(core: &Core, file: &Path) -> Dialect {
    reader_beside(core, file).unwrap_or(Dialect::Compose)
}

/// A value that Vault would not take is one that cannot be taken; the entry looks like any other.
fn held(value: String) -> Held {
    if value.len() > MAX_VALUE_BYTES {
        Held::Unusable("it is longer than 64 KiB")
    } else {
        Held::Value(Value::Text(Secret::from(value)))
    }
}

/// Our own finder of entries must find the keys that a YAML reader finds.
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
    // As its reader reads it, with its type; of a name that stands twice, the last.
    let read = yaml::values::entries(text).unwrap_or_default();
    let read: BTreeMap<&str, &Result<Typed, String>> = read
        .iter()
        .map(|entry| (entry.name.as_str(), &entry.value))
        .collect();
    let entry = |entry: &crate::format::edit::Entry| FileEntry {
        name: Outside::from(entry.key.clone()),
        value: match read.get(entry.key.as_str()) {
            Some(Ok(Typed::Text(text))) => held(text.to_string()),
            Some(Ok(Typed::Json(text))) if text.len() <= MAX_VALUE_BYTES => {
                Held::Value(Value::Json(Secret::from(text.to_string())))
            }
            Some(Ok(Typed::Json(_)) | Err(_)) | None => {
                Held::Unusable("a YAML reader does not take it as plain data")
            }
        },
    };
    Some(document.entries.iter().map(entry).collect())
}

fn of_service(name: String, service: compose::Service) -> Section {
    let entry = |variable: compose::Variable| FileEntry {
        name: Outside::from(variable.name),
        value: match variable.value.as_ref().map(|value| compose::literal(value)) {
            Some(Some(value)) => held(value.to_string()),
            Some(None) => Held::Unusable("compose puts it together from other variables"),
            None => Held::Unusable("the compose file has no text for it"),
        },
    };
    Section {
        name: Some(Outside::from(name)),
        entries: service.environment.into_iter().map(entry).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_what_a_file_is_read_as() {
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
