//! The record of the files that this program wrote, kept in the private state folder.
//!
//! A record stays valid when its file changes later. Over MCP, a recorded file with secrets is
//! described from its record and never parsed, because the text around a value could reveal the
//! value. The record is written before the file, so that a crash never leaves an unrecorded file
//! with secrets.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Content;
use crate::error::{Error, Result};
use crate::private;
use crate::random;

/// How many digests of content a record keeps: more than the number of backups, so that every
/// backup that this program wrote is recognised.
const MAX_DIGESTS: usize = 16;

/// What a written file contains.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Values of services.
    Secrets,
    /// A template without secrets.
    Example,
}

/// The record of one file that this program wrote.
#[derive(Clone, Serialize, Deserialize)]
pub struct Record {
    /// The path of the file, with symbolic links in the root resolved. Bytes that are not UTF-8 are
    /// replaced; the record is found by a hash of the exact path.
    file: String,
    /// What the file contains.
    pub kind: RecordKind,
    /// The service that the file belongs to, if any.
    pub service: Option<String>,
    /// The origin of the values: the path of the service and the mark of its Vault.
    #[serde(default)]
    pub origin: Option<String>,
    /// The keys that were written, in order.
    pub keys: Vec<String>,
    salt: String,
    /// Salted SHA-256 of the content, newest first.
    digests: Vec<String>,
}

impl Record {
    /// Whether this program wrote this content to the file.
    #[must_use]
    pub fn wrote(&self, content: &[u8]) -> bool {
        self.digests.contains(&digest(&self.salt, content))
    }
}

/// How a file compares with the contents that this program wrote to it, according to its record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RecordComparison {
    /// There is no file.
    New,
    /// The file has a content that this program wrote.
    Unchanged,
    /// This program wrote the file, and something else has changed it since.
    Changed,
    /// This program did not write the file.
    Foreign,
}

/// All records of this user.
pub struct Records {
    folder: PathBuf,
}

impl Records {
    /// The records in a state folder. Opens nothing yet.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            folder: state.join("written"),
        }
    }

    /// The record of a file below a root; `None` if there is no record.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read. An unreadable record never counts as missing.
    pub fn find(&self, root: &Path, file: &Path) -> Result<Option<Record>> {
        let (path, file) = self.place_of(root, file)?;
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let record: Record = serde_json::from_slice(&text)
            .map_err(|error| Error::io("read", path)(std::io::Error::other(error)))?;
        Ok(Some(record).filter(|record| record.file == file.to_string_lossy()))
    }

    /// Records content that is about to be written, or that the file already has.
    ///
    /// # Errors
    /// [`Error::Io`] if the record cannot be written.
    pub fn write(&self, root: &Path, file: &Path, what: &NewRecord<'_>) -> Result<()> {
        let (path, file) = self.place_of(root, file)?;
        let (salt, mut digests) = match what.before {
            Some(record) => (record.salt.clone(), record.digests.clone()),
            None => (random::id()?, Vec::new()),
        };
        let new = digest(&salt, what.content);
        digests.retain(|digest| *digest != new);
        digests.insert(0, new);
        digests.truncate(MAX_DIGESTS);
        let record = Record {
            file: file.to_string_lossy().into_owned(),
            // A file that ever contained values keeps this kind: its backups still contain them.
            kind: if what
                .before
                .is_some_and(|before| before.kind == RecordKind::Secrets)
            {
                RecordKind::Secrets
            } else {
                what.kind
            },
            service: what.service.map(str::to_owned),
            origin: what.origin.map(str::to_owned),
            keys: what.keys.to_vec(),
            salt,
            digests,
        };
        let text = serde_json::to_vec(&record)
            .map_err(|error| Error::io("write", &path)(std::io::Error::other(error)))?;
        self.replace(&path, &text).map_err(Error::io("write", path))
    }

    /// Locks a file against other writers. Dropping the returned file releases the lock.
    ///
    /// # Errors
    /// [`Error::Io`], also if another writer holds the lock too long.
    pub fn lock(&self, root: &Path, file: &Path) -> Result<File> {
        let path = self.place_of(root, file)?.0.with_extension("lock");
        super::lock::take(&self.folder, &path).map_err(Error::io("lock", path))
    }

    fn replace(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        private::create_folder(&self.folder)?;
        let temporary = path.with_extension(format!("{}-{}", std::process::id(), new_name()));
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(text)?;
            std::fs::rename(&temporary, path)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    /// The path of a file's record, and the real path of the file.
    fn place_of(&self, root: &Path, file: &Path) -> Result<(PathBuf, PathBuf)> {
        let real = std::fs::canonicalize(root)
            .map_err(Error::io("find", root))?
            .join(file);
        let name = random::hex(&Sha256::digest(real.as_os_str().as_encoded_bytes()));
        Ok((self.folder.join(&name[..32]), real))
    }
}

/// Content to record.
pub struct NewRecord<'a> {
    /// What the file contains.
    pub kind: RecordKind,
    /// The service that the file belongs to.
    pub service: Option<&'a str>,
    /// The origin of the values.
    pub origin: Option<&'a str>,
    /// The keys in it, in order.
    pub keys: &'a [String],
    /// The bytes of the file.
    pub content: &'a [u8],
    /// The previous record of the file.
    pub before: Option<&'a Record>,
}

/// Compares `content`, the file as it is now, with its record.
#[must_use]
pub(crate) fn compare(record: Option<&Record>, content: Option<&Content>) -> RecordComparison {
    match (record, content) {
        (_, None) => RecordComparison::New,
        (None, Some(_)) => RecordComparison::Foreign,
        (Some(record), Some(content)) => {
            if record.wrote(&content.bytes) {
                RecordComparison::Unchanged
            } else {
                RecordComparison::Changed
            }
        }
    }
}

fn digest(salt: &str, content: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update(content);
    random::hex(&hash.finalize())
}

fn new_name() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::files::Root;

    fn record(records: &Records, root: &Path, content: &[u8], before: Option<&Record>) {
        let keys = ["A".to_owned()];
        let what = NewRecord {
            kind: RecordKind::Secrets,
            service: Some("plex"),
            origin: None,
            keys: &keys,
            content,
            before,
        };
        records.write(root, Path::new("plex/.env"), &what).unwrap();
    }

    #[test]
    fn a_record_outlives_changes_of_its_file_and_is_private() {
        let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (records, root) = (
            Records::new(state.path()),
            Root::open(folder.path()).unwrap(),
        );
        std::fs::create_dir(folder.path().join("plex")).unwrap();
        let file = Path::new("plex/.env");
        let now = || {
            (
                records.find(folder.path(), file).unwrap(),
                root.read(file).unwrap(),
            )
        };
        let comparison_now = || {
            let (record, content) = now();
            compare(record.as_ref(), content.as_ref())
        };
        assert_eq!(comparison_now(), RecordComparison::New);
        std::fs::write(folder.path().join(file), "A=mine\n").unwrap();
        assert_eq!(comparison_now(), RecordComparison::Foreign);
        record(&records, folder.path(), b"A=1\n", None);
        assert_eq!(comparison_now(), RecordComparison::Changed);
        std::fs::write(folder.path().join(file), "A=1\n").unwrap();
        assert_eq!(comparison_now(), RecordComparison::Unchanged);
        std::fs::write(folder.path().join(file), "A=2\n").unwrap();
        assert_eq!(comparison_now(), RecordComparison::Changed);
        let (record, _) = now();
        assert_eq!(record.unwrap().keys, ["A"]);
        let written = state.path().join("written");
        assert_eq!(
            std::fs::metadata(&written).unwrap().permissions().mode() & 0o777,
            0o700
        );
        for entry in std::fs::read_dir(written).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn a_file_has_the_same_record_under_every_root_above_it() {
        let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let records = Records::new(state.path());
        std::fs::create_dir(folder.path().join("plex")).unwrap();
        record(&records, folder.path(), b"A=1\n", None);
        assert!(
            records
                .find(&folder.path().join("plex"), Path::new(".env"))
                .unwrap()
                .is_some()
        );
        assert!(
            records
                .find(folder.path(), Path::new("other/.env"))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_broken_record_is_an_error_and_does_not_count_as_missing() {
        let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let records = Records::new(state.path());
        record(&records, folder.path(), b"A=1\n", None);
        for entry in std::fs::read_dir(state.path().join("written")).unwrap() {
            std::fs::write(entry.unwrap().path(), "{").unwrap();
        }
        assert!(records.find(folder.path(), Path::new("plex/.env")).is_err());
    }
}
