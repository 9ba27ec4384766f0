//! The passkeys that a person enrolled: public keys and names, nothing secret.
//!
//! The file is 0600 and sealed (HMAC-SHA-256) with a key that lies elsewhere, so that an edit by
//! anything else is noticed: it is told, and not trusted. Whoever can read and write both files can
//! forge the seal; against that only `step-up` helps.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::hmac;
use serde::{Deserialize, Serialize};

use super::pending::hex;
use crate::error::{Error, Result};

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
    /// The authenticator's signature counter, as it was last seen.
    pub counter: u32,
    /// When it was enrolled, in unix seconds.
    pub created: i64,
}

/// Where the passkeys are kept.
#[derive(Clone)]
pub struct Passkeys {
    file: PathBuf,
    seal: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    passkeys: Vec<Passkey>,
    seal: String,
}

impl Passkeys {
    /// The store in the person's config folder, its key in the state folder.
    #[must_use]
    pub fn new(config: &Path, state: &Path) -> Self {
        Self { file: config.join("passkeys.json"), seal: state.join("passkeys.seal") }
    }

    /// The passkeys; none when none was ever enrolled.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the file is not as it was left.
    pub fn load(&self) -> Result<Vec<Passkey>> {
        let changed = || {
            Error::invalid(
                format!("the passkeys in {} were changed, or removed, by something else", self.file.display()),
                "if that was you: claude-vault approve remove --all   then enroll anew",
            )
        };
        let (text, key) = match (read(&self.file)?, read(&self.seal)?) {
            (None, None) => return Ok(Vec::new()),
            (Some(text), Some(key)) => (text, key),
            _ => return Err(changed()),
        };
        let stored: Stored = serde_json::from_slice(&text).map_err(|_| changed())?;
        if seal(&key, &stored.passkeys) == stored.seal { Ok(stored.passkeys) } else { Err(changed()) }
    }

    /// Replaces the passkeys.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, passkeys: &[Passkey]) -> Result<()> {
        let key = match read(&self.seal)? {
            Some(key) => key,
            None => {
                let mut key = vec![0_u8; 32];
                getrandom::fill(&mut key)
                    .map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
                write(&self.seal, &key)?;
                key
            }
        };
        let stored = Stored { seal: seal(&key, passkeys), passkeys: passkeys.to_vec() };
        let text = serde_json::to_vec_pretty(&stored).unwrap_or_default();
        write(&self.file, &text)
    }

    /// Forgets all of them, and whatever was done to them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self) -> Result<()> {
        for path in [&self.file, &self.seal] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes the counter of one that was used.
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

fn seal(key: &[u8], passkeys: &[Passkey]) -> String {
    let text = serde_json::to_vec(passkeys).unwrap_or_default();
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &text).as_ref())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Whole or not at all, 0600 from the first byte.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::io("write", path)(error);
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
