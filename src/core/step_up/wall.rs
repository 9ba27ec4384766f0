//! What step-up demands of the way to Vault before anybody signs in: a program of this user that moved the
//! address to itself, or that reads our memory, would get the write token.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use url::Url;

use crate::config::Settings;
use crate::error::{Error, Result};

/// The address of the last step-up, in the state folder.
const RECORD: &str = "step-up.address";

/// Refuses a step-up over plain http, to another address than the last time, or while this process is traced.
/// The throwaway server of `dev` alone may speak plain http.
///
/// # Errors
/// [`Error::Invalid`] with what the person can do.
pub fn require_safe_way(settings: &Settings) -> Result<()> {
    let address = settings.address()?;
    if is_traced() {
        return Err(Error::invalid(
            "step-up is refused: another program traces this one and could read the write token",
            "end the debugger or tracer, and start this program again",
        ));
    }
    if settings.is_lab {
        return Ok(());
    }
    if address.scheme() != "https" {
        return Err(Error::invalid(
            format!("step-up is refused over plain http: whoever answers at {} would get the write token", shown(address)),
            "set VAULT_ADDR to the https:// address of your Vault",
        ));
    }
    match last_address(settings)? {
        Some(last) if last != shown(address) => Err(Error::invalid(
            format!("step-up is refused: the address is {}, and the last step-up went to {last}", shown(address)),
            "if you moved it: claude-vault approve address   (in a terminal of your own)",
        )),
        _ => Ok(()),
    }
}

/// The address as it is recorded and shown.
#[must_use]
pub fn shown(address: &Url) -> String {
    address.as_str().trim_end_matches('/').to_owned()
}

/// Where the last step-up went, if there was one.
///
/// # Errors
/// [`Error::Io`].
pub fn last_address(settings: &Settings) -> Result<Option<String>> {
    let path = record(settings);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Records where step-up goes.
///
/// # Errors
/// [`Error::Io`].
pub fn record_address(settings: &Settings, address: &Url) -> Result<()> {
    if settings.is_lab || last_address(settings)?.as_deref() == Some(&*shown(address)) {
        return Ok(());
    }
    let path = record(settings);
    write(&path, &shown(address)).map_err(Error::io("write", path))
}

fn record(settings: &Settings) -> PathBuf {
    settings.state.join(RECORD)
}

fn write(path: &Path, address: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    writeln!(file, "{address}")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// Whether a debugger or the like is attached to this process, where the system says so.
#[must_use]
pub fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}
