//! Reads the files of a service and decides which of their entries are secrets.

use std::path::{Path, PathBuf};

use super::judge;
use super::project::is_typed;
use super::report::Stay;
use crate::format::dotenv::{self, Dialect};
use crate::format::json;
use crate::format::places::Role;
use crate::format::yaml::tree::{self, Node, NodeKind, NodeStyle};
use crate::names::{Key, MAX_VALUE_BYTES, is_variable, printable};
use crate::secret::{Secret, Value};

/// The format of a file with values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum IntakeFormat {
    /// An env file.
    Env,
    /// A YAML mapping of names to values.
    Yaml,
}

/// A secret in a file.
#[derive(Clone)]
pub(super) struct IntakeEntry {
    pub(super) key: Key,
    pub(super) value: Value,
    pub(super) file: PathBuf,
    pub(super) line: usize,
    pub(super) why: String,
    pub(super) expanded_from: Vec<String>,
}

/// The entries of a file, sorted by what adoption does with them.
#[derive(Default)]
pub(super) struct Intake {
    pub(super) secrets: Vec<IntakeEntry>,
    pub(super) stays: Vec<Stay>,
    /// Names of entries that are not secrets.
    pub(super) harmless: Vec<String>,
}

impl Intake {
    fn stay(
        &mut self,
        file: &Path,
        line: usize,
        key: Option<&str>,
        secret: bool,
        reason: impl Into<String>,
    ) {
        let key = key.map(|key| printable(key, false));
        self.stays.push(Stay {
            file: file.to_owned(),
            line,
            key,
            secret,
            reason: reason.into(),
        });
    }

    fn take(
        &mut self,
        file: &Path,
        line: usize,
        name: &str,
        value: Value,
        why: &str,
        expanded_from: Vec<String>,
    ) {
        let length = value
            .secret()
            .expose(crate::secret::WayOut::Inspection)
            .len();
        match name.parse::<Key>() {
            Ok(_) if length > MAX_VALUE_BYTES => {
                self.stay(
                    file,
                    line,
                    Some(name),
                    true,
                    format!("it is longer than {} KiB", MAX_VALUE_BYTES / 1024),
                );
            }
            Ok(key) => {
                self.secrets.push(IntakeEntry {
                    key,
                    value,
                    file: file.to_owned(),
                    line,
                    why: why.to_owned(),
                    expanded_from,
                });
            }
            Err(_) => self.stay(
                file,
                line,
                Some(name),
                true,
                "its name is not a valid key name",
            ),
        }
    }
}

/// The entries of an env file, as `reader` parses them.
pub(super) fn of_env(file: &Path, text: &str, reader: Dialect, all_keys: bool) -> Intake {
    let reading = dotenv::reading(reader, text, &|_| None);
    let mut intake = Intake::default();
    for unread in &reading.unread {
        intake.stay(
            file,
            unread.line,
            unread.name.as_deref(),
            false,
            unread.reason.clone(),
        );
    }
    let ends = reading.unread.iter().any(|unread| unread.ends_reading);
    for line in reading.effective().filter(|_| !ends) {
        let Some(value) = &line.value else { continue };
        let found = judge::secret(&line.name, value, Role::Value);
        let why = found
            .as_ref()
            .map_or("--all-keys was given", |found| found.why);
        if line.is_only_references || (found.is_none() && !all_keys) {
            intake.harmless.push(line.name.clone());
        } else if let Some(reason) = obstacle(&reading, line, text) {
            intake.stay(file, line.line, Some(&line.name), true, reason);
        } else {
            intake.take(
                file,
                line.line,
                &line.name,
                Value::Text(Secret::from(value.to_string())),
                why,
                line.expanded_from.clone(),
            );
        }
    }
    intake
}

/// Why a secret in an env file stays there, if it does.
fn obstacle(reading: &dotenv::Reading, line: &dotenv::Line, text: &str) -> Option<&'static str> {
    let raw = |line: &dotenv::Line| text.get(line.raw.clone());
    let mut others = reading.lines.iter().filter(|other| other.name == line.name);
    if others.any(|other| raw(other) != raw(line)) {
        return Some("it appears more than once in the file, with different values");
    }
    (!is_variable(&line.name)).then_some("its name is not a valid variable name")
}

/// The entries of a `secrets.yaml`.
pub(super) fn of_yaml(file: &Path, text: &str, all_keys: bool) -> Intake {
    let mut intake = Intake::default();
    let documents = match tree::parse(text) {
        Ok(documents) => documents,
        Err(malformed) => {
            intake.stay(file, malformed.line, None, false, malformed.reason);
            return intake;
        }
    };
    let [document] = documents.as_slice() else {
        if !documents.is_empty() {
            intake.stay(file, 0, None, false, "it contains several YAML documents");
        }
        return intake;
    };
    let NodeKind::Map(entries) = &document.kind else {
        intake.stay(
            file,
            0,
            None,
            false,
            "it is not a mapping of names to values",
        );
        return intake;
    };
    for (key, value) in entries {
        entry(&mut intake, file, key, value, all_keys);
    }
    intake
}

fn entry(intake: &mut Intake, file: &Path, key: &Node, value: &Node, all_keys: bool) {
    let Some(name) = key.text() else { return };
    let Some(text) = value.text() else {
        return intake.stay(
            file,
            key.line,
            Some(name),
            holds_secret(name, value),
            "it is a list, a mapping or an alias",
        );
    };
    if value.tag.is_some() || value.anchor.is_some() {
        return intake.stay(
            file,
            key.line,
            Some(name),
            holds_secret(name, value),
            "it has a tag or an anchor",
        );
    }
    let found = judge::secret(name, text, Role::Value);
    if found.is_none() && !all_keys || value.is_absent() {
        return intake.harmless.push(name.to_owned());
    }
    let why = found.map_or("--all-keys was given", |found| found.why);
    match typed(text, &value.kind) {
        Some(value) => intake.take(file, key.line, name, value, why, Vec::new()),
        None => intake.stay(
            file,
            key.line,
            Some(name),
            true,
            "Vault or some YAML parsers would change it: put it in quotes",
        ),
    }
}

/// Whether a node contains a secret at any depth.
fn holds_secret(name: &str, node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar { text, .. } => judge::secret(name, text, Role::Value).is_some(),
        NodeKind::List(items) => items.iter().any(|item| holds_secret(name, item)),
        NodeKind::Map(entries) => entries
            .iter()
            .any(|(key, value)| holds_secret(key.text().unwrap_or(name), value)),
        NodeKind::Alias(_) => false,
    }
}

/// The value of a scalar; `None` if YAML parsers disagree on it, or Vault would spell it
/// differently.
fn typed(text: &str, kind: &NodeKind) -> Option<Value> {
    let as_text = || Value::Text(Secret::from(text.to_owned()));
    let NodeKind::Scalar {
        style: NodeStyle::Plain,
        ..
    } = kind
    else {
        return Some(as_text());
    };
    if !is_typed(text) {
        return Some(as_text());
    }
    // Vault stores numbers as float64, and `inject` writes them in Vault's spelling.
    let is_json =
        matches!(text, "true" | "false") || json::number(text).is_ok_and(|stored| stored == text);
    is_json.then(|| Value::Json(Secret::from(text.to_owned())))
}
