//! Whose a file is: what another user may write decides nothing here.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Result};

/// Others, and a group that has others in it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The user that this process acts as.
pub(super) fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether this user, or root, owns it.
pub(super) fn is_ours_or_roots(found: &Metadata) -> bool {
    found.uid() == this_user() || found.uid() == 0
}

/// Refuses what belongs to another user, or may be written by one. Many systems give each user a
/// group of their own with the user's number and let it write: that group is the user.
///
/// # Errors
/// [`Error::Invalid`] with the command that makes it private.
pub(super) fn require_ours(path: &Path, found: &Metadata) -> Result<()> {
    let shown = path.display();
    if !is_ours_or_roots(found) {
        return Err(Error::invalid(
            format!(
                "{shown} belongs to another user (uid {}) and decides what is approved and shown: \
                 it is not read",
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
                "{shown} may be written by other users and decides what is approved and shown: it \
                 is not read"
            ),
            hint,
        ));
    }
    Ok(())
}

/// Refuses what root does not own, or somebody else may write.
///
/// # Errors
/// [`Error::Invalid`] with the command that fixes it.
pub(super) fn require_roots(path: &Path, found: &Metadata) -> Result<()> {
    let shown = path.display();
    if found.uid() == 0 && found.mode() & WRITABLE_BY_OTHERS == 0 && !found.is_symlink() {
        return Ok(());
    }
    Err(Error::invalid(
        format!(
            "the system config does not count: {shown} must belong to root, be no symbolic link, \
             and be writable by nobody else"
        ),
        format!("sudo chown root:root {shown} && sudo chmod go-w {shown}"),
    ))
}
