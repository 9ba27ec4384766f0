//! Writes files without values, which anybody may read.

use std::path::Path;

use super::owner::require_own_file;
use super::place::place;
use super::{Access, Root};
use crate::error::{Error, Result};

impl Root {
    /// Adds lines to a text file that anybody may read, such as `.gitignore`, unless the file
    /// already has them. Makes no backup.
    ///
    /// # Errors
    /// [`Error::Confined`], [`Error::NotOurs`] for a file of another user, [`Error::Io`].
    pub fn add_lines(&self, path: &Path, lines: &[String]) -> Result<()> {
        let before = self.read(path)?;
        let mut content = before
            .as_ref()
            .map_or_else(Vec::new, |content| content.bytes.to_vec());
        let missing = |line: &&String| {
            !content
                .split(|byte| *byte == b'\n')
                .any(|old| old.trim_ascii_end() == line.as_bytes())
        };
        let missing: Vec<&String> = lines.iter().filter(missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if !content.is_empty() && !content.ends_with(b"\n") {
            content.push(b'\n');
        }
        for line in missing {
            content.extend_from_slice(line.as_bytes());
            content.push(b'\n');
        }
        let Some((folder, name)) = self.folder(path, false)? else {
            return Err(Error::Confined {
                path: path.to_owned(),
                reason: "its folder does not exist",
            });
        };
        before
            .as_ref()
            .map(|old| require_own_file(path, old.owner))
            .transpose()?;
        let mode = before.map_or(0o644, |old| old.mode);
        place(&folder, name, name, &content, Access { mode, group: None })
            .map_err(Error::io("write", path))
    }

    /// Writes a text file that contains no value and that anybody may read. Makes no backup.
    ///
    /// # Errors
    /// [`Error::Confined`], [`Error::NotOurs`] for a file of another user, [`Error::Io`].
    pub fn put_public(&self, path: &Path, content: &[u8]) -> Result<()> {
        let before = self.read(path)?;
        before
            .as_ref()
            .map(|old| require_own_file(path, old.owner))
            .transpose()?;
        let (folder, name) = self.folder_of(path)?;
        let mode = before.map_or(0o644, |old| old.mode);
        place(&folder, name, name, content, Access { mode, group: None })
            .map_err(Error::io("write", path))
    }
}
