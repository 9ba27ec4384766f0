//! The files of a log: the current file, and the earlier ones `NAME.1`, `NAME.2` and so on.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::private::{self, LockKind};

/// How long to wait for the log's lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The highest number of an earlier file. No log has that many files, so a higher number belongs to
/// something else.
const MAX_FILES: u64 = 1_000_000;

/// The number for the next rotated file of a log; `None` if there are too many.
pub(super) fn next_rotation_number(log: &Path) -> Option<u64> {
    let last = earlier(log).last().map_or(0, |(number, _)| *number);
    (last < MAX_FILES).then_some(last + 1)
}

/// The earlier files of a log with their numbers, oldest first.
pub(super) fn earlier(log: &Path) -> Vec<(u64, PathBuf)> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let number = |path: PathBuf| {
        let ending = path
            .file_name()?
            .to_str()?
            .strip_prefix(name)?
            .strip_prefix('.')?;
        let number: u64 = ending.parse().ok().filter(|number: &u64| {
            (1..=MAX_FILES).contains(number) && number.to_string() == ending
        })?;
        Some((number, path))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = entries.filter_map(|entry| number(entry.path())).collect();
    found.sort_unstable();
    found
}

/// Rotates the current file: it becomes the newest of the earlier ones. Returns its number.
pub(super) fn rotate(log: &Path) -> Result<u64> {
    let number =
        next_rotation_number(log).ok_or_else(|| Error::other("it has too many earlier files"))?;
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{number}"));
    // A hard link does not replace a file that appeared under this name in the meantime.
    match std::fs::hard_link(log, &name) {
        Ok(()) => std::fs::remove_file(log)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        Err(_) => std::fs::rename(log, &name)?,
    }
    Ok(number)
}

/// Opens and locks the current file, and checks that it was not rotated in the meantime.
pub(super) fn locked(log: &Path) -> Result<File> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        let patience = until.saturating_duration_since(Instant::now());
        let file = private::lock(open_log(log)?, LockKind::Exclusive, patience)?;
        // Another program may have rotated the file during the wait.
        let is_there = std::fs::symlink_metadata(log)
            .ok()
            .zip(file.metadata().ok());
        if is_there
            .is_some_and(|(there, ours)| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        {
            return Ok(file);
        }
        if Instant::now() > until {
            return Err(Error::new(
                ErrorKind::TimedOut,
                "another program keeps replacing it",
            ));
        }
    }
}

/// The content of a file, without half-written lines; empty if the file does not exist.
pub(super) fn content(path: &Path) -> Result<Vec<u8>> {
    let file = match open_plain(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut file = private::lock(file, LockKind::Shared, LOCK_WAIT)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens the log for reading and appending, and sets its mode to 0600. A symbolic link, or anything
/// that is not a plain file, is an error.
pub(super) fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        private::create_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let file = open_plain(path, &mut options)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn open_plain(path: &Path, options: &mut OpenOptions) -> Result<File> {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = options
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)
        .map_err(|error| {
            if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
                Error::other("it is a symbolic link")
            } else {
                error
            }
        })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Error::other("it is not a plain file"))
    }
}
