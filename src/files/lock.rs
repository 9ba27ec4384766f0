//! Lock files in the private state folder. The holder of a lock file has exclusive access to the
//! data it protects.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::private;

/// How long to wait for another holder.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Locks the file `path` in `folder`, creating both if they are missing. Dropping the returned file
/// releases the lock.
pub(super) fn take(folder: &Path, path: &Path) -> Result<File> {
    private::create_folder(folder)?;
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
