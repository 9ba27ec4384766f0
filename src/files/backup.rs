//! Backups of replaced files, beside them.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};

use super::owner::require_own_file;
use super::place::{is_backup_of, names, place};
use super::{Access, Content, Root};
use crate::error::{Error, Result};

impl Root {
    /// Writes old content to a backup beside its file. Returns the name of the backup.
    pub(super) fn back_up(&self, path: &Path, old: &Content) -> Result<String> {
        require_own_file(path, old.owner)?;
        let (folder, name) = self.folder_of(path)?;
        back_up(&folder, name, old).map_err(Error::io("back up", path))
    }

    /// The names of a file's backups, the oldest first.
    pub(super) fn backups(&self, path: &Path) -> Vec<String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let file = path.file_name().unwrap_or_default();
        self.names(folder)
            .into_iter()
            .filter(|name| is_backup_of(name, file))
            .collect()
    }

    /// Removes backups of a file by their names.
    pub(super) fn remove_backups(&self, path: &Path, names: &[String]) {
        let Ok((folder, file)) = self.folder_of(path) else {
            return;
        };
        for name in names.iter().filter(|name| is_backup_of(name, file)) {
            let _ = rustix::fs::unlinkat(&folder, name.as_str(), rustix::fs::AtFlags::empty());
        }
    }
}

fn back_up(folder: &OwnedFd, name: &OsStr, old: &Content) -> std::io::Result<String> {
    let stamp = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%d_%H%M%S")
        .to_string();
    let base = format!("{}.backup.{stamp}", name.to_string_lossy());
    // Several backups in one second get increasing numbers, so that their names sort by age.
    let newest = names(folder)
        .iter()
        .filter_map(|other| {
            other
                .strip_prefix(&base)
                .map(|rest| rest.trim_start_matches('_').parse().unwrap_or(1_u32))
        })
        .max();
    let backup = newest.map_or_else(
        || base.clone(),
        |number| format!("{base}_{:03}", number + 1),
    );
    place(
        folder,
        name,
        OsStr::new(&backup),
        &old.bytes,
        Access::default(),
    )?;
    Ok(backup)
}
