//! Finds the running throwaway server of `dev`, called the lab, from a shell that `dev` started.
//!
//! `CLAUDE_VAULT_DEV` names the folder of the lab and overrides a `VAULT_ADDR` that the shell sets.
//! The variable can outlive the lab, and anyone who starts this program can set it. It is therefore
//! ignored unless the folder is private to this user, the record in the folder is locked, and the
//! process named in the record is running.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::Env;

/// The name of the record in the lab's folder. It contains the address, the process ID and the
/// start time of the process, and is locked while the lab runs.
const RECORD: &str = "lab";

/// A running lab.
pub(super) struct LiveLab {
    pub(super) folder: PathBuf,
    /// `http://127.0.0.1:PORT`
    pub(super) address: String,
}

/// Writes the record of the lab that this process runs into the lab's `folder`, and locks it.
/// `address` is `http://127.0.0.1:PORT`.
///
/// Keep the returned file open for as long as the lab runs. Closing it releases the lock, as does
/// the end of the process, and `CLAUDE_VAULT_DEV` is then ignored.
///
/// # Errors
/// The operating system's, if the record already exists or cannot be written or locked.
pub fn record_lab(folder: &Path, address: &str) -> std::io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join(RECORD))?;
    file.lock()?;
    let process = std::process::id();
    write!(
        file,
        "{address}\n{process}\n{}\n",
        start_of(process).unwrap_or_default()
    )?;
    Ok(file)
}

/// The lab that `CLAUDE_VAULT_DEV` names, if it is running and belongs to this user.
pub(super) fn live(env: &Env) -> Option<LiveLab> {
    let folder = env
        .path("CLAUDE_VAULT_DEV")
        .filter(|folder| folder.is_absolute())?;
    let user = rustix::process::geteuid().as_raw();
    folder
        .symlink_metadata()
        .ok()
        .filter(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)?;
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).ok()?;
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(no_link)
        .open(folder.join(RECORD))
        .ok()?;
    file.metadata()
        .ok()
        .filter(|found| found.is_file() && found.uid() == user)?;
    // The lock is free once the lab has ended, even if it was killed.
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let mut text = String::new();
    (&mut file).take(1024).read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let (address, process, start) = (
        lines.next()?,
        lines.next()?.parse::<u32>().ok()?,
        lines.next()?,
    );
    address
        .strip_prefix("http://127.0.0.1:")?
        .parse::<u16>()
        .ok()?;
    let lives = start_of(process).unwrap_or_default() == start && is_of(process, user);
    lives.then(|| LiveLab {
        folder,
        address: address.to_owned(),
    })
}

/// Whether `CLAUDE_VAULT_DEV` is set, but does not name a running lab of this user.
#[must_use]
pub fn has_leftover_lab(env: &Env) -> bool {
    env.path("CLAUDE_VAULT_DEV").is_some() && live(env).is_none()
}

/// When a process started, in kernel ticks. The process ID alone could belong to a later process;
/// with the start time it is unique.
#[cfg(target_os = "linux")]
fn start_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name and may contain spaces and parentheses. The start is field 22.
    stat.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(19)
        .map(str::to_owned)
}

#[cfg(not(target_os = "linux"))]
fn start_of(_: u32) -> Option<String> {
    None
}

fn is_of(process: u32, user: u32) -> bool {
    !cfg!(target_os = "linux")
        || std::fs::metadata(format!("/proc/{process}")).is_ok_and(|found| found.uid() == user)
}
