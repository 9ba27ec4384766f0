//! What the person is told: before, as the plan; afterwards, as what was done. Names only.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::names::Service;

/// All of it.
#[derive(Serialize, Default)]
pub struct Reply {
    /// Whether it was only shown.
    pub dry_run: bool,
    /// The services, in order.
    pub services: Vec<ServiceReply>,
    /// Files of the whole project: `.gitignore`, `.claude-vault.toml`.
    pub project_files: Vec<FileReply>,
    /// Folders that were not looked into, since compose mounts them into containers.
    pub not_looked_into: Vec<PathBuf>,
    /// What to know.
    pub warnings: Vec<String>,
    /// Where it stopped; the same command continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// Where it stopped.
#[derive(Serialize)]
pub struct Stopped {
    /// The service, if it was one's turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// What stopped it, as the error says it.
    pub message: String,
    /// Services whose turn did not come.
    pub left: Vec<Service>,
}

/// A service.
#[derive(Serialize)]
pub struct ServiceReply {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The version that holds now; before the change, the one that is replaced.
    pub version: u64,
    /// What is a secret.
    pub keys: Vec<KeyReply>,
    /// Its files.
    pub files: Vec<FileReply>,
    /// Secrets that stay where they are, and what could not be read.
    pub stays: Vec<Stay>,
    /// Names that stay in their files because they are no secrets.
    pub harmless: Vec<Harmless>,
}

/// A key that goes to Vault.
#[derive(Serialize, Clone)]
pub struct KeyReply {
    /// The key.
    pub key: String,
    /// The file that it was found in.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// Why it is a secret.
    pub why: String,
    /// `new`, `changed`, `unchanged` or `skipped`.
    pub change: &'static str,
    /// The names that were replaced in its value: it does not follow them any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expanded_from: Vec<String>,
}

/// A file.
#[derive(Serialize, Clone)]
pub struct FileReply {
    /// The file, below the root.
    pub file: PathBuf,
    /// `env`, `yaml`, `compose`, `example`, `ignore` or `project`.
    pub kind: &'static str,
    /// `created`, `updated` or `unchanged`.
    pub state: &'static str,
    /// How many keys it has from Vault.
    pub keys: usize,
    /// The old content, in the same folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Whether git tracks it, so that its secrets are in the history.
    pub tracked: bool,
    /// Whether others than the owner could read it and cannot any more.
    pub narrowed: bool,
}

impl FileReply {
    /// A file that holds no values from Vault.
    pub(super) fn of(file: &Path, kind: &'static str, state: &'static str) -> Self {
        Self {
            file: file.to_owned(),
            kind,
            state,
            keys: 0,
            backup: None,
            tracked: false,
            narrowed: false,
        }
    }
}

/// Something that stays where it is.
#[derive(Serialize, Clone)]
pub struct Stay {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// The variable or option, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Why it stays.
    pub reason: String,
}

/// Harmless names of a file.
#[derive(Serialize, Clone)]
pub struct Harmless {
    /// The file.
    pub file: PathBuf,
    /// Names that only this file knows: no template has their values.
    pub only_here: Vec<String>,
}
