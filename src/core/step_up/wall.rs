//! What step-up demands of the way to Vault before anybody signs in: a program of this user that
//! moved the address to itself, or that reads our memory, would get the write token.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::{Settings, Tls};
use crate::error::{Error, Result};

/// Where the last step-up went, in the state folder.
const RECORD: &str = "step-up.address";

/// Where a step-up goes, and by whose word that it is that address.
#[derive(Clone, PartialEq, Eq)]
pub struct Way {
    /// Vault's address.
    pub address: String,
    /// A digest of the certificate authorities that are trusted for it.
    pub trust: String,
}

/// Refuses a step-up over a connection that is not verified, by another way than the last time, or
/// while this process is traced. The throwaway server of `dev` alone may speak plain http.
///
/// # Errors
/// [`Error::Invalid`] with what the person can do.
pub fn require_safe_way(settings: &Settings) -> Result<()> {
    let way = way(settings)?;
    if is_traced() {
        return Err(Error::invalid(
            "step-up is refused: another program traces this one and could read the write token",
            "end the debugger or tracer, and start this program again",
        ));
    }
    if settings.is_lab {
        return Ok(());
    }
    let address = &way.address;
    if !address.starts_with("https://") {
        return Err(Error::invalid(
            format!(
                "step-up is refused over plain http: whoever answers at {address} would get the \
                 write token"
            ),
            "set VAULT_ADDR to the https:// address of your Vault",
        ));
    }
    if settings.tls.skip_verify {
        return Err(Error::invalid(
            format!(
                "step-up is refused without verification: whoever answers at {address} would get \
                 the write token"
            ),
            "unset VAULT_SKIP_VERIFY BAO_SKIP_VERIFY",
        ));
    }
    let refused = |what: String| {
        Err(Error::invalid(
            format!("step-up is refused: {what}"),
            "if you changed that: claude-vault approve address   (in a terminal of your own)",
        ))
    };
    match last_way(settings)? {
        Some(last) if last.address != *address => refused(format!(
            "the address is {address}, and the last step-up went to {}",
            last.address
        )),
        Some(last) if last.trust != way.trust => refused(format!(
            "the certificate authorities trusted for {address} are not those of the last step-up"
        )),
        _ => Ok(()),
    }
}

/// The way of these settings.
///
/// # Errors
/// [`Error::NoAddress`], [`Error::Io`] for certificates that cannot be read.
pub fn way(settings: &Settings) -> Result<Way> {
    let address = settings
        .address()?
        .as_str()
        .trim_end_matches('/')
        .to_owned();
    Ok(Way {
        address,
        trust: trust(&settings.tls)?,
    })
}

/// What decides which certificates are believed: `system` where nothing but the system does.
fn trust(tls: &Tls) -> Result<String> {
    let mut parts: Vec<Vec<u8>> = tls
        .server_name
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    parts.extend(
        tls.system_roots
            .iter()
            .map(|path| path.as_os_str().as_encoded_bytes().to_vec()),
    );
    let read = |path: &Path| std::fs::read(path).map_err(Error::io("read", path));
    match (&tls.ca_file, &tls.ca_folder) {
        (Some(file), _) => parts.push(read(file)?),
        (None, Some(folder)) => {
            let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
            let mut files: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect();
            files.retain(|path| path.is_file());
            files.sort_unstable();
            for file in files {
                parts.push(read(&file)?);
            }
        }
        (None, None) if parts.is_empty() => return Ok("system".into()),
        (None, None) => {}
    }
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The way of the last step-up, if there was one.
///
/// # Errors
/// [`Error::Io`].
pub fn last_way(settings: &Settings) -> Result<Option<Way>> {
    let path = record(settings);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let (address, trust) = text.trim_end().split_once('\n').unwrap_or((&text, ""));
            Ok(Some(Way {
                address: address.to_owned(),
                trust: trust.to_owned(),
            }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Records the way of a step-up.
///
/// # Errors
/// [`Error::Io`].
pub fn record_way(settings: &Settings, way: &Way) -> Result<()> {
    if settings.is_lab || last_way(settings)?.as_ref() == Some(way) {
        return Ok(());
    }
    let path = record(settings);
    write(&path, way).map_err(Error::io("write", path))
}

fn record(settings: &Settings) -> PathBuf {
    settings.state.join(RECORD)
}

fn write(path: &Path, way: &Way) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    writeln!(file, "{}\n{}", way.address, way.trust)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// Whether a debugger or the like is attached to this process, where the system says so.
#[must_use]
pub fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}
