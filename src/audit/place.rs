//! The files of a log: the one that is written, and those before it, `NAME.1`, `NAME.2` and so on.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the log's lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often it is tried.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// More files than any log comes to: a larger number is not one of ours.
const MAX_FILES: u64 = 1_000_000;

/// The number that the next earlier file of a log gets; `None` where there are too many.
pub(super) fn next_number(log: &Path) -> Option<u64> {
    let last = earlier(log).last().map_or(0, |(number, _)| *number);
    (last < MAX_FILES).then_some(last + 1)
}

/// The earlier files of a log by their numbers, oldest first.
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

/// Sets the file that is written aside as the newest of the earlier ones; gives its number.
pub(super) fn set_aside(log: &Path) -> Result<u64> {
    let number = next_number(log).ok_or_else(|| Error::other("it has too many earlier files"))?;
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{number}"));
    // A name that appeared meanwhile is not replaced.
    match std::fs::hard_link(log, &name) {
        Ok(()) => std::fs::remove_file(log)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        Err(_) => std::fs::rename(log, &name)?,
    }
    Ok(number)
}

/// The file that is written, locked, and still in its place.
pub(super) fn locked(log: &Path) -> Result<File> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        let file = open_log(log)?;
        wait_for(until, || file.try_lock())?;
        // Another program may have set it aside while this one waited.
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

/// A file's bytes, none of its lines half written; empty when there is none.
pub(super) fn content(path: &Path) -> Result<Vec<u8>> {
    let mut file = match open_plain(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    wait_for(Instant::now() + LOCK_WAIT, || file.try_lock_shared())?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tries for a lock until it is there or the time is over.
fn wait_for(
    until: Instant,
    try_lock: impl Fn() -> std::result::Result<(), TryLockError>,
) -> Result<()> {
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(LOCK_RETRY)
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    "another program holds its lock",
                ));
            }
        }
    }
}

/// Opens for reading and appending, mode 0600 whatever it was, never through a symbolic link,
/// never anything but a plain file.
pub(super) fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        private_folders(folder)?;
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

/// Creates missing folders, 0700.
pub(super) fn private_folders(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}
