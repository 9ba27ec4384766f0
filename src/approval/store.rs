//! The passkeys that a person enrolled: public keys and names, nothing secret.
//!
//! They are kept in three files in three folders, each with mode 0600: the store (config), the key
//! that seals it with HMAC-SHA-256 (state), and a record of which passkeys were enrolled (data).
//! Once a passkey is enrolled, a missing, changed or inconsistent file is an error. It never
//! weakens the required proof. A program of this user that rewrites or removes all three files goes
//! unnoticed; only `step-up` protects against that.

use std::path::{Path, PathBuf};

use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Settings;
use crate::error::{Error, Result};
use crate::private;
use crate::random;

/// One passkey.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The person's name for it.
    pub name: String,
    /// The credential's id, in hexadecimal digits.
    pub id: String,
    /// The COSE algorithm (RFC 9053).
    pub algorithm: i64,
    /// The public key as SubjectPublicKeyInfo, in hexadecimal digits.
    pub key: String,
    /// The last signature counter that the authenticator sent.
    pub counter: u32,
    /// When it was enrolled, in Unix seconds.
    pub created: i64,
}

/// The store of passkeys.
#[derive(Clone)]
pub struct Passkeys {
    file: PathBuf,
    seal: PathBuf,
    record: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    passkeys: Vec<Passkey>,
    /// Whether a record was written too; version 2.0.0 wrote none.
    #[serde(default)]
    recorded: bool,
    seal: String,
}

/// Which passkeys were enrolled, by their fingerprints.
#[derive(Serialize, Deserialize)]
struct Record {
    enrolled: Vec<String>,
}

impl Passkeys {
    /// The store in the folders that these settings name.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            file: settings.config.join("passkeys.json"),
            seal: settings.state.join("passkeys.seal"),
            record: settings.data.join("passkeys.enrolled"),
        }
    }

    /// The passkeys; empty if none is enrolled.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a file is missing or something else changed it.
    pub fn load(&self) -> Result<Vec<Passkey>> {
        let changed = |path: &Path, how: &str| {
            Error::invalid(
                format!(
                    "your passkeys were changed, or removed, by something else: {} {how}",
                    path.display()
                ),
                "if that was you: claude-vault approve remove --all   then enroll again; \
                 otherwise put the file back",
            )
        };
        let record = read(&self.record)?;
        let (text, key) = match (read(&self.file)?, read(&self.seal)?) {
            (None, None) if record.is_none() => return Ok(Vec::new()),
            (Some(text), Some(key)) => (text, key),
            (None, _) => return Err(changed(&self.file, "is missing")),
            (Some(_), None) => return Err(changed(&self.seal, "is missing")),
        };
        let differs = || changed(&self.file, "is not what was enrolled");
        let stored: Stored = serde_json::from_slice(&text).map_err(|_| differs())?;
        if seal(&key, stored.recorded, &stored.passkeys) != stored.seal
            || stored.passkeys.is_empty()
        {
            return Err(differs());
        }
        match record {
            Some(record) => {
                let record: Record = serde_json::from_slice(&record)
                    .map_err(|_| changed(&self.record, "is not what was written"))?;
                // A passkey that is recorded but not stored is not an error: adding or removing it
                // was interrupted.
                if !stored
                    .passkeys
                    .iter()
                    .all(|passkey| record.enrolled.contains(&fingerprint(passkey)))
                {
                    return Err(differs());
                }
            }
            None if stored.recorded => return Err(changed(&self.record, "is missing")),
            None => {}
        }
        Ok(stored.passkeys)
    }

    /// Replaces the passkeys. An empty list is the same as [`Passkeys::clear`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, passkeys: &[Passkey]) -> Result<()> {
        if passkeys.is_empty() {
            return self.clear();
        }
        let key = match read(&self.seal)? {
            Some(key) => key,
            None => {
                let key = random::bytes::<32>()?.to_vec();
                write(&self.seal, &key)?;
                key
            }
        };
        let enrolled: Vec<String> = passkeys.iter().map(fingerprint).collect();
        let stored = Stored {
            seal: seal(&key, true, passkeys),
            recorded: true,
            passkeys: passkeys.to_vec(),
        };
        // If this is interrupted, the record names more passkeys than the store. `load` accepts
        // that.
        self.write_record(&enrolled, true)?;
        write(
            &self.file,
            &serde_json::to_vec_pretty(&stored).unwrap_or_default(),
        )?;
        self.write_record(&enrolled, false)
    }

    /// Writes the record if it has changed. With `and_older`, it keeps the passkeys that it already
    /// names.
    fn write_record(&self, enrolled: &[String], and_older: bool) -> Result<()> {
        let before = read(&self.record)?;
        let older = before
            .as_ref()
            .and_then(|text| serde_json::from_slice::<Record>(text).ok())
            .filter(|_| and_older);
        let mut enrolled = enrolled.to_vec();
        enrolled.extend(older.map(|older| older.enrolled).unwrap_or_default());
        enrolled.sort_unstable();
        enrolled.dedup();
        let text = serde_json::to_vec_pretty(&Record { enrolled }).unwrap_or_default();
        if before.as_ref() == Some(&text) {
            Ok(())
        } else {
            write(&self.record, &text)
        }
    }

    /// Removes all passkeys, even if their files are damaged.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self) -> Result<()> {
        for path in [&self.file, &self.seal, &self.record] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Records the signature counter of a passkey that was used.
    ///
    /// # Errors
    /// As [`Passkeys::load`] and [`Passkeys::save`].
    pub fn used(&self, id: &str, counter: u32) -> Result<()> {
        let mut all = self.load()?;
        if let Some(passkey) = all.iter_mut().find(|passkey| passkey.id == id) {
            passkey.counter = counter;
        }
        self.save(&all)
    }
}

fn seal(key: &[u8], recorded: bool, passkeys: &[Passkey]) -> String {
    let mut text = if recorded {
        b"recorded".to_vec()
    } else {
        Vec::new()
    };
    text.extend(serde_json::to_vec(passkeys).unwrap_or_default());
    random::hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &text).as_ref())
}

/// Identifies a passkey by its credential and its public key. Its name and counter may change.
fn fingerprint(passkey: &Passkey) -> String {
    let text = format!("{}\n{}\n{}", passkey.id, passkey.algorithm, passkey.key);
    random::hex(&Sha256::digest(text))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Writes a file whole or not at all, with mode 0600 from the first byte.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    private::write(path, bytes).map_err(Error::io("write", path))
}
