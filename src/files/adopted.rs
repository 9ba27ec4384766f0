//! The file changes of `adopt`, one [`FileStep`] per file, and the backups that can undo them.
//!
//! Unlike an injected file, a compose file or a template keeps its mode. A step keeps the content
//! that it replaces in a backup beside the file (0600), unless it only appends lines.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, unlinkat};
use zeroize::Zeroizing;

use super::record::{self, RecordKind, Records};
use super::{Access, Content, Root};
use crate::error::{Error, Result};
use crate::names::printable;

/// The access of a new file without secrets.
pub(crate) const OPEN: Access = Access {
    mode: 0o644,
    group: None,
};

/// A planned change of one file.
pub struct FileStep {
    /// The path below the root.
    pub file: PathBuf,
    /// The new content; `None` removes the file.
    pub content: Option<Zeroizing<String>>,
    /// The existing file; `None` if there is none.
    pub before: Option<Content>,
    /// The access of the file after the change.
    pub access: Access,
    /// The entry for the record of written files; `None` leaves the record unchanged.
    pub record: Option<Recorded>,
    /// Whether the old content is kept in a backup beside the file.
    pub keeps_backup: bool,
    /// Whether backups with the new content are removed, because the file itself has that content
    /// again.
    pub drops_backups: bool,
}

/// An entry for the record of written files.
pub struct Recorded {
    /// What the file contains.
    pub kind: RecordKind,
    /// The service that the file belongs to.
    pub service: String,
    /// Where its values come from.
    pub origin: Option<String>,
    /// The keys in it, in order.
    pub keys: Vec<String>,
}

impl Content {
    /// The permission bits of the file.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// The mode and the group of the file.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            mode: self.mode,
            group: Some(self.group),
        }
    }
}

impl FileStep {
    /// Whether the file already has the new content and mode.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        match (&self.content, &self.before) {
            (Some(content), Some(before)) => {
                *before.bytes == *content.as_bytes() && before.mode == self.access.mode
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Writes or removes the file, unless it changed since the step was made. Returns the name of
    /// the backup, if one was made.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the file changed, [`Error::Confined`], [`Error::NotOurs`],
    /// [`Error::Io`]. The file is then untouched.
    pub fn write_step(&self, root: &Root, records: &Records) -> Result<Option<String>> {
        let _lock = records.lock(root.path(), &self.file)?;
        let now = root.read(&self.file)?;
        if now.as_ref().map(|content| &content.bytes)
            != self.before.as_ref().map(|content| &content.bytes)
        {
            return Err(Error::Conflict {
                service: printable(&self.file.to_string_lossy(), false),
            });
        }
        let backup = now
            .as_ref()
            .filter(|_| self.keeps_backup)
            .map(|now| root.back_up(&self.file, now))
            .transpose()?;
        self.note(root, records)?;
        match &self.content {
            Some(content) => self.place(root, content.as_bytes(), now.as_ref())?,
            None => root.remove(&self.file, now.as_ref())?,
        }
        if let Some(content) = self.content.as_ref().filter(|_| self.drops_backups) {
            remove_backups(root, &self.file, |bytes| bytes == content.as_bytes());
        }
        Ok(backup)
    }

    /// Writes the file. A file with values must get the configured group, or it is not written. Any
    /// other file keeps its group if this user is allowed to set it.
    fn place(&self, root: &Root, content: &[u8], before: Option<&Content>) -> Result<()> {
        let must_have_group = self
            .record
            .as_ref()
            .is_some_and(|recorded| recorded.kind == RecordKind::Secrets);
        match root.place_with(&self.file, content, before, self.access) {
            Err(Error::Io { source, .. })
                if source.kind() == ErrorKind::PermissionDenied && !must_have_group =>
            {
                root.place_with(
                    &self.file,
                    content,
                    before,
                    Access {
                        group: None,
                        ..self.access
                    },
                )
            }
            outcome => outcome,
        }
    }

    /// Records the file before it is written, so that a crash never leaves an unrecorded file with
    /// secrets.
    fn note(&self, root: &Root, records: &Records) -> Result<()> {
        let (Some(recorded), Some(content)) = (&self.record, &self.content) else {
            return Ok(());
        };
        let known = records.find(root.path(), &self.file)?;
        let what = record::NewRecord {
            kind: recorded.kind,
            service: Some(&recorded.service),
            origin: recorded.origin.as_deref(),
            keys: &recorded.keys,
            content: content.as_bytes(),
            before: known.as_ref(),
        };
        records.write(root.path(), &self.file, &what)
    }
}

/// Removes the backups whose content passes `fits`. Returns their names.
pub(crate) fn remove_backups(
    root: &Root,
    file: &Path,
    fits: impl Fn(&[u8]) -> bool,
) -> Vec<String> {
    let fitting = backups(root, file, fits);
    let names: Vec<String> = fitting.into_iter().map(|(name, _)| name).collect();
    root.remove_backups(file, &names);
    names
}

/// The backups of a file whose content passes `fits`, the oldest first.
pub(crate) fn backups(
    root: &Root,
    file: &Path,
    fits: impl Fn(&[u8]) -> bool,
) -> Vec<(String, Content)> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let content =
        |name: String| Some((name.clone(), root.read(&folder.join(name)).ok().flatten()?));
    root.backups(file)
        .into_iter()
        .filter_map(content)
        .filter(|(_, content)| fits(&content.bytes))
        .collect()
}

impl Root {
    /// Replaces a file atomically. `before` is the result of [`Root::read`].
    fn place_with(
        &self,
        path: &Path,
        content: &[u8],
        before: Option<&Content>,
        access: Access,
    ) -> Result<()> {
        before
            .map(|old| super::require_own_file(path, old.owner))
            .transpose()?;
        let (folder, name) = self.folder_of(path)?;
        super::sweep(&folder, name);
        super::place(&folder, name, name, content, access).map_err(Error::io("write", path))
    }

    /// Removes a plain file that belongs to this user.
    fn remove(&self, path: &Path, before: Option<&Content>) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        super::require_own_file(path, before.owner)?;
        let (folder, name) = self.folder_of(path)?;
        unlinkat(&folder, name, AtFlags::empty())
            .map_err(|errno| Error::io("remove", path)(errno.into()))
    }
}
