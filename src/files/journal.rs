//! What `adopt` did, kept in the private state folder, so that it can be continued and undone.
//! It holds names, modes and salted digests, never a value.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock;
use crate::error::{Error, Result};

/// How the old content of a file can be had again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The file is new.
    Created,
    /// Its old content is a backup beside it.
    Replaced,
    /// Its old content is its beginning: so many bytes.
    Appended(usize),
}

/// A file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// How it was changed.
    pub way: Way,
    /// Its mode before.
    pub mode: u32,
    /// Its group before.
    #[serde(default)]
    pub group: Option<u32>,
    /// The digest of its content before; none where there was no file.
    pub before: Option<String>,
    /// The digest of its content afterwards.
    pub after: String,
}

/// A service that was adopted, wholly or in part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEntry {
    /// The address of its Vault.
    pub address: String,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The service of the folder that it was found in: itself, or the one whose files it could not
    /// share.
    pub unit: String,
    /// The version before; 0 when the service was new.
    pub base: u64,
    /// The version that was written last.
    pub written: Option<u64>,
    /// Whether somebody else wrote a version between two that adoption wrote.
    #[serde(default)]
    pub is_mixed: bool,
    /// The keys that it did not have.
    pub added: Vec<String>,
    /// The keys that had another value.
    pub changed: Vec<String>,
    /// Its files below the root, in the order in which they were changed.
    pub files: Vec<(String, FileEntry)>,
}

/// What was adopted below one root.
#[derive(Serialize, Deserialize)]
pub struct Journal {
    salt: String,
    /// By the names of the services.
    pub services: BTreeMap<String, ServiceEntry>,
}

/// Where the journals lie.
pub struct Journals {
    folder: PathBuf,
}

impl Journal {
    /// The digest of a content, as the entries have it.
    #[must_use]
    pub fn digest(&self, content: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.salt.as_bytes());
        hash.update(content);
        hex(&hash.finalize())
    }

    /// Notes that a file is about to be changed. What stood there before adoption began stays
    /// noted.
    pub fn note_file(&mut self, service: &str, file: &str, entry: FileEntry) {
        let files = &mut self.services.entry(service.to_owned()).or_default().files;
        match files.iter_mut().find(|(name, _)| name == file) {
            // The file as it was left: its first content is what an undo gives back.
            Some((_, known)) if entry.before.as_ref() == Some(&known.after) => {
                known.after = entry.after
            }
            Some((_, known)) => *known = entry,
            None => files.push((file.to_owned(), entry)),
        }
    }
}

impl Journals {
    /// The journals in a state folder. Opens nothing yet.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            folder: state.join("adopted"),
        }
    }

    /// The journal of a root; an empty one where there is none.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read. An unreadable journal is never taken for none.
    pub fn load(&self, root: &Path) -> Result<Journal> {
        let path = self.place_of(root)?;
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| Error::io("read", path)(std::io::Error::other(error))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Journal {
                salt: random()?,
                services: BTreeMap::new(),
            }),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// Keeps a journal; an empty one is removed.
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

    /// Loads the journal, changes it and keeps it, while no other process or thread does.
    ///
    /// # Errors
    /// [`Error::Io`], also when another one does not finish.
    pub fn edit(&self, root: &Path, change: impl FnOnce(&mut Journal)) -> Result<()> {
        let path = self.place_of(root)?.with_extension("lock");
        let _lock = lock::take(&self.folder, &path).map_err(Error::io("lock", &path))?;
        let mut journal = self.load(root)?;
        change(&mut journal);
        self.save(root, &journal)
    }

    fn replace(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        // Whoever writes holds the lock.
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
        let name = hex(&Sha256::digest(real.as_os_str().as_encoded_bytes()));
        Ok(self.folder.join(format!("{}.json", &name[..32])))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
    Ok(hex(&bytes))
}
