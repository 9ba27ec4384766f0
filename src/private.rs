//! Folders and files that only this user may read, such as those of the state folder, and the locks
//! of such files.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Creates a folder and its missing parents with mode 0700. An existing folder stays as it is.
///
/// # Errors
/// The error of the system.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file so that readers see the old content or the new one, never a part. The file has
/// mode 0600 from its first byte, and the new content is on the disk before it replaces the old.
///
/// # Errors
/// The error of the system. The old file is then unchanged.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?; // tempfile creates it with mode 0600
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Who else may hold a lock at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockKind {
    /// Nobody.
    Exclusive,
    /// Other holders of shared locks.
    Shared,
}

/// Locks a file, and waits at most `patience` for another holder. Dropping the returned file
/// releases the lock.
///
/// # Errors
/// [`ErrorKind::TimedOut`] if another holder keeps it, and the errors of the system.
pub(crate) fn lock(file: File, kind: LockKind, patience: Duration) -> Result<File> {
    let locked_now = match kind {
        LockKind::Exclusive => file.try_lock(),
        LockKind::Shared => file.try_lock_shared(),
    };
    match locked_now {
        Ok(()) => return Ok(file),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    // The system has no limit for its wait, so another thread waits. If this one gives up, the
    // other drops the file as soon as it has the lock, which releases it.
    let (sender, locked) = mpsc::channel();
    std::thread::spawn(move || drop(sender.send(wait_for_lock(file, kind))));
    locked.recv_timeout(patience).unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::TimedOut,
            "another program holds its lock",
        ))
    })
}

fn wait_for_lock(file: File, kind: LockKind) -> Result<File> {
    loop {
        let outcome = match kind {
            LockKind::Exclusive => file.lock(),
            LockKind::Shared => file.lock_shared(),
        };
        match outcome {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::{LockKind, lock, write};

    #[test]
    fn a_lock_waits_for_its_holder_and_gives_up_in_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(file.path()).unwrap();
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(60));
        let held = lock(open(), LockKind::Exclusive, short).unwrap();
        let refused = lock(open(), LockKind::Shared, short).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
        let other = open();
        let waiting = std::thread::spawn(move || lock(other, LockKind::Exclusive, long));
        drop(held);
        drop(waiting.join().unwrap().unwrap());
        let shared = lock(open(), LockKind::Shared, short).unwrap();
        assert!(lock(open(), LockKind::Shared, short).is_ok());
        assert!(lock(open(), LockKind::Exclusive, short).is_err());
        drop(shared);
    }

    #[test]
    fn a_file_and_its_folders_are_private_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/state/file");
        for content in ["one", "two"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1);
    }
}
