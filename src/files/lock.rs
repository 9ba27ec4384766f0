//! Lock files in the private state folder: who holds one is alone with what it stands for.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long another holder is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Takes the lock file `path` in `folder`, which is made if need be; it is free again when the
/// guard is dropped.
pub(super) fn take(folder: &Path, path: &Path) -> Result<File> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let started = Instant::now();
    while lock.try_lock().is_err() {
        if started.elapsed() > LOCK_WAIT {
            return Err(ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(lock)
}
