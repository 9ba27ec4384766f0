//! A file to write: its place, its template, its readers, and which keys it gets.

use std::path::{Path, PathBuf};

use super::FileFormat;
use crate::format::dotenv::Dialect;
use crate::names::Service;

/// The file to write, the template for the keys that it lacks, and the programs that read it.
#[derive(Clone)]
pub(in crate::core) struct FileTarget {
    pub(in crate::core) service: Service,
    pub(in crate::core) file: PathBuf,
    /// The existing template, else the usual path of one.
    pub(in crate::core) example: PathBuf,
    pub(in crate::core) format: FileFormat,
    /// How the place was chosen.
    pub(super) place: FilePlace,
    /// The command that selects this file again.
    pub(super) command: String,
    pub(in crate::core) dialects: Vec<Dialect>,
    /// How the dialects were determined.
    pub(super) source: ReaderSource,
    /// Which of the service's keys the file gets.
    pub(super) share: Share,
}

/// Which of its service's keys a file gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// All keys: it is the service's only file, or an additional one that the request asks for.
    All,
    /// The keys that the file or its template names.
    Named,
    /// The keys that the file or its template names, and those that no file of the service names.
    NamedAndRest,
}

/// How a file's place was chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FilePlace {
    /// By default: it is the usual place of such a file.
    Usual,
    /// By `.claude-vault.toml`.
    Project,
    /// By the request.
    Request,
}

/// How a file's readers were determined.
#[derive(Clone)]
pub(super) enum ReaderSource {
    /// The request or `.claude-vault.toml` names them.
    Named,
    /// Guessed from these files beside it.
    Guessed(Vec<String>),
    /// They are not known: the file must serve the usual readers.
    Unknown,
}

impl FileTarget {
    /// Whether the file is directly in the service's own folder, in that folder's `config`, or in
    /// the root. A deeper folder may belong to another service: `a/b` is inside `a`.
    pub(super) fn is_in_own_folder(&self) -> bool {
        let folder = Path::new(self.service.as_str());
        let parent = self.file.parent().unwrap_or(Path::new(""));
        parent == folder || parent == folder.join("config") || parent == Path::new("")
    }
}
