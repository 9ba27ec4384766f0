//! Ownership checks before a write: values never go to a place that another user controls.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::fstat;

use crate::error::{Error, Result};

fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether files of this owner are trusted: the current user or root.
pub(super) fn is_trusted(user: u32) -> bool {
    user == this_user() || user == 0
}

/// Refuses to replace a file of another user: the file would become this user's, or its owner could
/// read the new content.
pub(super) fn require_own_file(path: &Path, owner: u32) -> Result<()> {
    if owner == this_user() {
        return Ok(());
    }
    Err(not_ours(path, "it belongs to another user", as_user(owner)))
}

/// Refuses a folder in which any other user could replace a file: one that another user except root
/// owns, or one that all users may write, without the sticky bit. A folder that only its group may
/// write is accepted.
pub(super) fn require_own_folder(path: &Path, folder: &OwnedFd) -> Result<()> {
    let found = fstat(folder).map_err(|errno| Error::io("open", path)(errno.into()))?;
    if !is_trusted(found.st_uid) {
        return Err(not_ours(
            path,
            "a folder on its path belongs to another user",
            as_user(found.st_uid),
        ));
    }
    let (writable_by_all, sticky) = (found.st_mode & 0o002 != 0, found.st_mode & 0o1000 != 0);
    if writable_by_all && !sticky {
        let folder = path
            .parent()
            .filter(|parent| *parent != Path::new(""))
            .unwrap_or(Path::new("."));
        let hint = format!(
            "chmod o-w {}   (or the parent folder that others may write to)",
            folder.display()
        );
        return Err(not_ours(
            path,
            "any user may write to a folder on its path",
            hint,
        ));
    }
    Ok(())
}

fn as_user(owner: u32) -> String {
    format!(
        "run this as that user: sudo -u '#{owner}' claude-vault …   (or take it over: sudo chown)"
    )
}

fn not_ours(path: &Path, reason: &'static str, hint: String) -> Error {
    Error::NotOurs {
        path: path.to_owned(),
        reason,
        hint,
    }
}
