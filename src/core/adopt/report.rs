//! The reply of `adopt`: the plan before approval, and the result afterwards. It never contains a
//! value.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::request::AdoptRequest;
use crate::names::Service;

/// The plan or the result of an adoption.
#[derive(Serialize, Default)]
pub struct AdoptReply {
    /// Whether this was a dry run, so nothing was written.
    pub dry_run: bool,
    /// The services, in the order in which they are written.
    pub services: Vec<ServiceReply>,
    /// Files of the whole project: `.gitignore`, `.claude-vault.toml`.
    pub project_files: Vec<FileReply>,
    /// Folders that were not searched because compose files mount them into containers.
    pub not_looked_into: Vec<PathBuf>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
    /// The error that interrupted the writes. The same command continues them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<AdoptStop>,
}

impl AdoptReply {
    /// An empty reply.
    pub(super) fn to(request: &AdoptRequest) -> Self {
        Self {
            dry_run: request.dry_run,
            ..Self::default()
        }
    }
}

/// An interruption between two writes.
#[derive(Serialize)]
pub struct AdoptStop {
    /// The service that was being written; `None` for the project's own files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The text of the error.
    pub message: String,
    /// Services that were not reached.
    pub left: Vec<Service>,
}

/// A service, with its keys and files.
#[derive(Serialize)]
pub struct ServiceReply {
    /// The service's name.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The current version in Vault. In a plan, this is the version that will be replaced.
    pub version: u64,
    /// The secrets that go to Vault.
    pub keys: Vec<KeyReply>,
    /// The files that are written or restored.
    pub files: Vec<FileReply>,
    /// Secrets that stay in their files, and entries that could not be read.
    pub stays: Vec<Stay>,
    /// Values that stay in their files because they are not secrets.
    pub harmless: Vec<Harmless>,
}

/// A key that goes to Vault.
#[derive(Serialize, Clone)]
pub struct KeyReply {
    /// The key's name.
    pub key: String,
    /// The file in which it was found.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// Why it counts as a secret.
    pub why: String,
    /// `new`, `changed`, `unchanged` or `skipped`; `removed` in an undo.
    pub change: &'static str,
    /// The variables that were expanded in its value. Later changes to them no longer affect it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expanded_from: Vec<String>,
}

/// A file that is written, restored or removed.
#[derive(Serialize, Clone)]
pub struct FileReply {
    /// The file, below the root.
    pub file: PathBuf,
    /// `env`, `yaml`, `compose`, `example`, `ignore` or `project`; `restored` or `backup` in an
    /// undo or a clean-up.
    pub kind: &'static str,
    /// `created`, `updated` or `unchanged`; `restored` or `removed` in an undo or a clean-up.
    pub state: &'static str,
    /// The number of its keys that come from Vault; for a template, the number of added keys.
    pub keys: usize,
    /// The name of the backup with the old content, in the same folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Whether git tracks it, so that its secrets are in the history.
    pub tracked: bool,
    /// Whether its permissions were wider than allowed and are now restricted.
    pub narrowed: bool,
}

impl FileReply {
    /// A file without values from Vault.
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

/// An entry that stays in its file.
#[derive(Serialize, Clone)]
pub struct Stay {
    /// The file, below the root.
    pub file: PathBuf,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// The variable or option, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Why it stays.
    pub reason: String,
}

/// The values of a file that are not secrets and that no template contains.
#[derive(Serialize, Clone)]
pub struct Harmless {
    /// The file, below the root.
    pub file: PathBuf,
    /// The names whose values exist only in this file, because its template lacks them.
    pub only_here: Vec<String>,
}
