//! The throwaway server of `dev`, as a shell of it finds it again.
//!
//! `CLAUDE_VAULT_DEV` names the folder of a lab, so that a shell's own `VAULT_ADDR` does not lead
//! elsewhere. A variable can outlive the lab, or be set by anybody who starts us: it counts only
//! while the folder is this user's alone and the process that made it lives and holds its lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::Env;

/// The file in the folder of a lab: address, process and the time it started, locked while the lab
/// lives.
const RECORD: &str = "lab";

/// A lab that runs.
pub(super) struct LiveLab {
    pub(super) folder: PathBuf,
    /// `http://127.0.0.1:PORT`
    pub(super) address: String,
}

/// Records the lab of this process in its folder. It lives for as long as the file that is given
/// stays open.
///
/// # Errors
/// What keeps the file from being written or locked.
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

/// The lab that `CLAUDE_VAULT_DEV` names, if it runs and is this user's.
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
    // Nobody holds the lock of a lab that has ended, however it ended.
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

/// Whether `CLAUDE_VAULT_DEV` is set and names no lab that runs.
#[must_use]
pub fn has_leftover_lab(env: &Env) -> bool {
    env.path("CLAUDE_VAULT_DEV").is_some() && live(env).is_none()
}

/// When a process started, in the kernel's ticks: with its number it is this process and no later
/// one.
#[cfg(target_os = "linux")]
fn start_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in the second field may hold anything; the start is the 22nd field.
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
