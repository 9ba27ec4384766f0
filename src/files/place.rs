//! Atomic writes: a finished temporary file is renamed to its target. Temporary files of killed
//! writers are removed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use super::write::{Access, PRIVATE};
use crate::random;
use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};

/// The prefix of temporary names. A running writer holds a lock on its file, which distinguishes it
/// from a file that a killed writer left.
fn temporary_prefix(target: &OsStr) -> String {
    format!(".{}.claude-vault-", target.to_string_lossy())
}

/// Writes `content` under a temporary name and renames it to `name`. The file belongs to the user
/// who runs this program. Another writer's [`sweep`] can remove the temporary file before it is
/// locked; it is then written once more.
pub(super) fn place(
    folder: &OwnedFd,
    target: &OsStr,
    name: &OsStr,
    content: &[u8],
    access: Access,
) -> std::io::Result<()> {
    let once = || -> std::io::Result<()> {
        let random = random::bytes::<8>().map_err(std::io::Error::other)?;
        let temporary = format!(
            "{}{:016x}",
            temporary_prefix(target),
            u64::from_ne_bytes(random)
        );
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(
            folder,
            temporary.as_str(),
            flags,
            Mode::from_raw_mode(0o600),
        )?);
        let written = (|| -> std::io::Result<()> {
            file.lock()?;
            if let Some(group) = access.group {
                rustix::fs::fchown(&file, None, Some(rustix::fs::Gid::from_raw(group)))?;
            }
            if access.mode != PRIVATE {
                rustix::fs::fchmod(&file, Mode::from_raw_mode(access.mode))?;
            }
            file.write_all(content)?;
            file.sync_all()?;
            renameat(folder, temporary.as_str(), folder, name)?;
            // The folder is not synced: after a power cut, either the old or the new file
            // exists, and it is complete.
            Ok(())
        })();
        if written.is_err() {
            let _ = unlinkat(folder, temporary.as_str(), AtFlags::empty());
        }
        written
    };
    match once() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => once(),
        outcome => outcome,
    }
}

/// Removes the temporary files that killed writers left, which are those without a lock.
pub(super) fn sweep(folder: &OwnedFd, target: &OsStr) {
    let prefix = temporary_prefix(target);
    for name in names(folder)
        .into_iter()
        .filter(|name| name.starts_with(&prefix))
    {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(fd) = openat(folder, name.as_str(), flags, Mode::empty()) else {
            continue;
        };
        if File::from(fd).try_lock().is_ok() {
            let _ = unlinkat(folder, name.as_str(), AtFlags::empty());
        }
    }
}

/// Whether `name` is a backup of the file `target`: `TARGET.backup.YYYYMMDD_HHMMSS`, with a number
/// if there were several in one second.
pub(super) fn is_backup_of(name: &str, target: &OsStr) -> bool {
    let prefix = format!("{}.backup.", target.to_string_lossy());
    name.strip_prefix(&prefix).is_some_and(|stamp| {
        stamp.len() >= 15
            && stamp.bytes().enumerate().all(|(i, b)| {
                if i == 8 || i == 15 {
                    b == b'_'
                } else {
                    b.is_ascii_digit()
                }
            })
    })
}

pub(super) fn names(folder: &OwnedFd) -> Vec<String> {
    let Ok(entries) = rustix::fs::Dir::read_from(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned))
        .collect()
}
