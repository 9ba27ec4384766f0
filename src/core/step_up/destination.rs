//! Checks the connection to Vault before a step-up login. The attacker is a program of the same
//! user: if it redirected the address to itself, or could read this process's memory, it would get
//! the write token.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::{Settings, Tls};
use crate::error::{Error, Result};
use crate::private;

/// The file in the state folder that records the address of the last step-up.
const RECORD: &str = "step-up.address";

/// The destination of a step-up, and the certificate authorities that vouch for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// Vault's address.
    pub address: String,
    /// A digest of the certificate authorities trusted for it, or `system` for the system's own.
    pub trust: String,
}

/// Refuses a step-up over an unverified connection, to another destination than the last one, or
/// while this process is traced. Only the throwaway server of `dev` may use plain http.
///
/// # Errors
/// [`Error::Invalid`] with a hint for the person.
pub fn require_safe_destination(settings: &Settings) -> Result<()> {
    let wanted = destination(settings)?;
    if is_traced() {
        return Err(Error::invalid(
            "step-up is refused: another program traces this one and could read the write token",
            "end the debugger or tracer, and start this program again",
        ));
    }
    if settings.is_lab {
        return Ok(());
    }
    let address = &wanted.address;
    if !address.starts_with("https://") {
        return Err(Error::invalid(
            format!(
                "step-up is refused over plain http: any server that answers at {address} would \
                 get the write token"
            ),
            "set VAULT_ADDR to the https:// address of your Vault",
        ));
    }
    if settings.tls.skip_verify {
        return Err(Error::invalid(
            format!(
                "step-up is refused without verification: any server that answers at {address} \
                 would get the write token"
            ),
            "unset VAULT_SKIP_VERIFY BAO_SKIP_VERIFY",
        ));
    }
    let refused = |what: String| {
        Err(Error::invalid(
            format!("step-up is refused: {what}"),
            "if you made that change: claude-vault approve address   (in your own terminal)",
        ))
    };
    match last_destination(settings)? {
        Some(last) if last.address != *address => refused(format!(
            "the address is {address}, and the last step-up went to {}",
            last.address
        )),
        Some(last) if last.trust != wanted.trust => refused(format!(
            "the certificate authorities trusted for {address} have changed since the last step-up"
        )),
        _ => Ok(()),
    }
}

/// The destination that these settings give.
///
/// # Errors
/// [`Error::NoAddress`], [`Error::Io`] for certificates that cannot be read.
pub fn destination(settings: &Settings) -> Result<Destination> {
    let address = settings
        .address()?
        .as_str()
        .trim_end_matches('/')
        .to_owned();
    Ok(Destination {
        address,
        trust: trust(&settings.tls)?,
    })
}

/// A digest of all settings that decide which certificates are trusted; `system` if only the
/// system's certificate authorities are.
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
    Ok(crate::random::hex(&hash.finalize()))
}

/// The recorded destination of the last step-up, if there was one.
///
/// # Errors
/// [`Error::Io`] if the record cannot be read.
pub fn last_destination(settings: &Settings) -> Result<Option<Destination>> {
    let path = record(settings);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let (address, trust) = text.trim_end().split_once('\n').unwrap_or((&text, ""));
            Ok(Some(Destination {
                address: address.to_owned(),
                trust: trust.to_owned(),
            }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Records the destination of a step-up, except for the throwaway server of `dev`.
///
/// # Errors
/// [`Error::Io`] if the record cannot be read or written.
pub fn record_destination(settings: &Settings, destination: &Destination) -> Result<()> {
    if settings.is_lab || last_destination(settings)?.as_ref() == Some(destination) {
        return Ok(());
    }
    let path = record(settings);
    private::write(
        &path,
        format!("{}\n{}\n", destination.address, destination.trust).as_bytes(),
    )
    .map_err(Error::io("write", path))
}

fn record(settings: &Settings) -> PathBuf {
    settings.state.join(RECORD)
}

/// Whether a debugger or tracer is attached to this process. Always `false` on systems without
/// `/proc`.
#[must_use]
pub fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}
