//! The request of `inject`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::format::dotenv::Dialect;
use crate::names::{Key, Service};
use crate::secret::Value;
use crate::vault::Secrets;

/// The format of an injected file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// `KEY=value` lines
    Env,
    /// A flat `secrets.yaml`
    Yaml,
}

/// What to inject, and how.
#[derive(clap::Args, Default)]
pub struct InjectRequest {
    /// The services; if omitted, the service of the current folder. A final word env or yaml sets
    /// the format
    #[arg(value_name = "SERVICE", conflicts_with = "all", value_parser = Service::from_folder)]
    pub services: Vec<Service>,
    /// Every service that has a folder here
    #[arg(long)]
    pub all: bool,
    /// The format to write, instead of the detected one
    #[arg(long, value_enum)]
    pub format: Option<FileFormat>,
    /// The file to write, instead of the detected ones; FILE.example is its template
    #[arg(long, conflicts_with = "all")]
    pub file: Option<PathBuf>,
    /// The programs that read the .env file, such as compose,shell, instead of guessing from the
    /// files beside it
    #[arg(long, value_enum, value_delimiter = ',', hide_possible_values = true)]
    pub dialect: Vec<Dialect>,
    /// Refuse keys whose names a .env file cannot hold, instead of leaving them out
    #[arg(long)]
    pub strict: bool,
    /// Add the file and its backups to .gitignore if git would commit them
    #[arg(long)]
    pub gitignore: bool,
    /// Show what would be updated, added, removed and kept, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Show which keys would change, and write nothing
    #[arg(long)]
    pub diff: bool,
    /// Write nothing; exit 1 if a value would change
    #[arg(long)]
    pub check: bool,
    /// A template that replaces the one on disk and limits the keys to its own
    #[arg(skip)]
    pub template: Option<Template>,
}

/// A template that a model sent. It is parsed into entries, comments and blank lines, so that no
/// text of the model surrounds a value.
#[derive(Clone, Default)]
pub struct Template {
    /// The lines, in order.
    pub lines: Vec<TemplateLine>,
    /// Where values come from, other than the service itself.
    pub sources: Vec<String>,
    /// Why a value cannot be written, if so.
    pub obstacle: Option<String>,
}

/// A line of a template.
#[derive(Clone)]
pub enum TemplateLine {
    /// An empty line.
    Blank,
    /// A comment, without the `#`.
    Comment(String),
    /// A key and its value.
    Entry {
        /// The key.
        key: Key,
        /// The value.
        value: Value,
        /// Whether the model wrote the value itself, so that the person may see it.
        is_literal: bool,
    },
}

impl Template {
    /// The template's text without values.
    pub(super) fn skeleton(&self, format: FileFormat) -> String {
        self.lines
            .iter()
            .fold(String::new(), |text, line| match (line, format) {
                (TemplateLine::Blank, _) => text + "\n",
                (TemplateLine::Comment(comment), _) => text + "#" + comment + "\n",
                (TemplateLine::Entry { key, .. }, FileFormat::Env) => text + key.as_str() + "=\n",
                (TemplateLine::Entry { key, .. }, FileFormat::Yaml) => text + key.as_str() + ":\n",
            })
    }

    pub(super) fn secrets(&self) -> Secrets {
        let entry = |line: &TemplateLine| match line {
            TemplateLine::Entry { key, value, .. } => Some((key.to_string(), value.clone())),
            TemplateLine::Blank | TemplateLine::Comment(_) => None,
        };
        self.lines.iter().filter_map(entry).collect()
    }

    /// The keys whose values the model wrote itself.
    pub(super) fn literals(&self) -> std::collections::BTreeSet<String> {
        let literal = |line: &TemplateLine| match line {
            TemplateLine::Entry {
                key,
                is_literal: true,
                ..
            } => Some(key.to_string()),
            TemplateLine::Entry { .. } | TemplateLine::Blank | TemplateLine::Comment(_) => None,
        };
        self.lines.iter().filter_map(literal).collect()
    }
}

impl InjectRequest {
    /// Whether nothing is written.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        self.diff || self.check || self.dry_run
    }

    /// Accepts `inject SERVICE env`, the form of the old scripts.
    pub(super) fn take_old_format(&mut self) {
        if self.services.len() < 2 || self.format.is_some() {
            return;
        }
        self.format = match self.services.last().map(Service::as_str) {
            Some("env") => Some(FileFormat::Env),
            Some("yaml") => Some(FileFormat::Yaml),
            _ => return,
        };
        self.services.pop();
    }
}
