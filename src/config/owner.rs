//! File ownership: a file that another user can write must not affect the settings.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Result};

/// The write permissions of the group and of all other users.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The effective user ID of this process.
pub(super) fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether this user or root owns the file.
pub(super) fn is_ours_or_roots(found: &Metadata) -> bool {
    found.uid() == this_user() || found.uid() == 0
}

/// Refuses a file or folder that another user except root owns or may write. Many systems give each
/// user a private group with the user's own number and let that group write, so this group counts
/// as the user.
///
/// # Errors
/// [`Error::Invalid`]; its hint is the command that makes the file private.
pub(super) fn require_ours(path: &Path, found: &Metadata) -> Result<()> {
    let shown = path.display();
    if !is_ours_or_roots(found) {
        return Err(Error::invalid(
            format!(
                "{shown} is not read: it decides what is approved and shown, and it belongs to \
                 another user (uid {})",
                found.uid()
            ),
            format!("sudo chown \"$USER\" {shown}   (or run this as that user)"),
        ));
    }
    let own_group = found.gid() == found.uid();
    let others = if own_group { 0o002 } else { WRITABLE_BY_OTHERS };
    if found.mode() & others != 0 {
        let hint = match found.mode() & 0o1000 != 0 {
            true => "use a folder of your own: ~/.config/claude-vault".to_owned(),
            false => format!("chmod go-w {shown}"),
        };
        return Err(Error::invalid(
            format!(
                "{shown} is not read: it decides what is approved and shown, and it may be written \
                 by other users"
            ),
            hint,
        ));
    }
    Ok(())
}

/// Refuses a file or folder that root does not own or that anyone else may write, and a symbolic
/// link.
///
/// # Errors
/// [`Error::Invalid`]; its hint is the command that fixes the permissions.
pub(super) fn require_roots(path: &Path, found: &Metadata) -> Result<()> {
    let shown = path.display();
    if found.uid() == 0 && found.mode() & WRITABLE_BY_OTHERS == 0 && !found.is_symlink() {
        return Ok(());
    }
    Err(Error::invalid(
        format!(
            "the system config is not read: {shown} must belong to root, must not be a symbolic \
             link, and must be writable only by root"
        ),
        format!("sudo chown root:root {shown} && sudo chmod go-w {shown}"),
    ))
}
