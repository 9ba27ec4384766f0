//! The journal of `adopt`, kept in the private state folder: it lets `adopt` continue or undo its
//! changes. It contains names, modes and salted digests, never a value.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock;
use crate::error::{Error, Result};
use crate::random;

/// How a file was changed, and where its old content can be restored from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The file is new.
    Created,
    /// The old content is in a backup beside the file.
    Replaced,
    /// Lines were appended. The old content is the start of the file, with this length in bytes.
    Appended(usize),
}

/// A file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// How it was changed.
    pub way: ChangeKind,
    /// The mode before the change.
    pub mode: u32,
    /// The group before the change.
    #[serde(default)]
    pub group: Option<u32>,
    /// The digest of the content before the change; `None` for a new file.
    pub before: Option<String>,
    /// The digest of the content after the change.
    pub after: String,
}

/// A service that was adopted, completely or in part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceEntry {
    /// The address of its Vault.
    pub address: String,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The service of the folder in which this service was found. Another service than this one if
    /// files of the folder became a service of their own, for example because their values differ.
    pub unit: String,
    /// The version in Vault before adoption; 0 for a new service.
    pub base: u64,
    /// The last version that adoption wrote.
    pub written: Option<u64>,
    /// Whether someone else wrote a version between two versions that adoption wrote.
    #[serde(default)]
    pub is_mixed: bool,
    /// The keys that were new.
    pub added: Vec<String>,
    /// The keys whose value changed.
    pub changed: Vec<String>,
    /// The changed files, as paths below the root, in the order of the changes.
    pub files: Vec<(String, FileEntry)>,
}

/// What was adopted below one root.
#[derive(Serialize, Deserialize)]
pub(crate) struct Journal {
    salt: String,
    /// The services by name.
    pub services: BTreeMap<String, ServiceEntry>,
}

/// The folder of all journals, one per root.
pub(crate) struct Journals {
    folder: PathBuf,
}

impl Journal {
    /// The salted digest of a file's content, as stored in the entries.
    #[must_use]
    pub(crate) fn digest(&self, content: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.salt.as_bytes());
        hash.update(content);
        random::hex(&hash.finalize())
    }

    /// Records that a file is about to be changed. An existing entry keeps the state from before
    /// adoption began, because an undo restores that state. If something else changed the file in
    /// between, the new entry replaces the existing one.
    pub(crate) fn note_file(&mut self, service: &str, file: &str, entry: FileEntry) {
        let files = &mut self.services.entry(service.to_owned()).or_default().files;
        match files.iter_mut().find(|(name, _)| name == file) {
            // The file is as adoption left it, so an undo still restores its first content.
            Some((_, known)) if entry.before.as_ref() == Some(&known.after) => {
                known.after = entry.after;
            }
            Some((_, known)) => *known = entry,
            None => files.push((file.to_owned(), entry)),
        }
    }
}

impl Journals {
    /// The journals in a state folder. Opens nothing yet.
    #[must_use]
    pub(crate) fn new(state: &Path) -> Self {
        Self {
            folder: state.join("adopted"),
        }
    }

    /// The journal of a root; an empty one if none exists.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read. An unreadable journal never counts as empty.
    pub(crate) fn load(&self, root: &Path) -> Result<Journal> {
        let path = self.place_of(root)?;
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| Error::io("read", path)(std::io::Error::other(error))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Journal {
                salt: random::id()?,
                services: BTreeMap::new(),
            }),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// Writes a journal, or removes the file of an empty one.
    fn save(&self, root: &Path, journal: &Journal) -> Result<()> {
        let path = self.place_of(root)?;
        if journal.services.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::io("remove", path)(error))
                }
                Ok(()) | Err(_) => Ok(()),
            };
        }
        let text = serde_json::to_vec(journal)
            .map_err(|error| Error::io("write", &path)(std::io::Error::other(error)))?;
        self.replace(&path, &text).map_err(Error::io("write", path))
    }

    /// Loads, changes and saves the journal under a lock that excludes other processes and threads.
    ///
    /// # Errors
    /// [`Error::Io`], also if another process or thread holds the lock too long.
    pub(crate) fn edit(&self, root: &Path, change: impl FnOnce(&mut Journal)) -> Result<()> {
        let path = self.place_of(root)?.with_extension("lock");
        let _lock = lock::take(&self.folder, &path).map_err(Error::io("lock", &path))?;
        let mut journal = self.load(root)?;
        change(&mut journal);
        self.save(root, &journal)
    }

    fn replace(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        // The caller holds the lock, so a fixed temporary name is safe.
        let temporary = path.with_extension("tmp");
        let mut file: File = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    }

    fn place_of(&self, root: &Path) -> Result<PathBuf> {
        let real = std::fs::canonicalize(root).map_err(Error::io("find", root))?;
        let name = random::hex(&Sha256::digest(real.as_os_str().as_encoded_bytes()));
        Ok(self.folder.join(format!("{}.json", &name[..32])))
    }
}
