//! Lock files in the private state folder. The holder of a lock file has exclusive access to the
//! data it protects.

use std::fs::{File, OpenOptions};
use std::io::Result;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::private::{self, LockKind};

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
    private::lock(lock, LockKind::Exclusive, LOCK_WAIT)
}
