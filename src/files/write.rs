//! Writes a recorded file: first a backup, then the record, then the file itself, atomically.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::record::{self, Record, RecordComparison, RecordKind, Records};
use super::{BACKUPS, Content, Root, Written};
use crate::error::{Error, Result};
use crate::names::printable;

/// The permissions and the group of a file that this program writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// The permissions: at most `rw-r-----` for a file with values.
    pub mode: u32,
    /// The ID of the file's group; `None` for the default group of this user's new files.
    pub group: Option<u32>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            mode: PRIVATE,
            group: None,
        }
    }
}

/// The permissions of a file that only this user may access.
pub(super) const PRIVATE: u32 = 0o600;

/// A planned write of one file.
pub struct FileChange {
    /// The path below the root.
    pub file: PathBuf,
    /// What the file contains.
    pub kind: RecordKind,
    /// The service that the file belongs to, if any.
    pub service: Option<String>,
    /// The origin of the values: the path of the service and the mark of its Vault.
    pub origin: Option<String>,
    /// The keys in it, in order.
    pub keys: Vec<String>,
    /// The whole new content.
    pub content: Zeroizing<String>,
    /// The existing file; `None` if there is none.
    pub before: Option<Content>,
    /// The access of the new file.
    pub access: Access,
    /// Whether a file that already has this content is left as it is. Otherwise it is backed up and
    /// written again, so that the result does not reveal whether the content is new.
    pub skip_if_same: bool,
}

/// Writes the file, unless it changed since `change` was made.
///
/// # Errors
/// [`Error::Conflict`] if the file changed, [`Error::Confined`], [`Error::NotOurs`], [`Error::Io`].
/// The old file is then untouched.
pub(crate) fn write(root: &Root, records: &Records, change: &FileChange) -> Result<Written> {
    let FileChange {
        file,
        content,
        before,
        ..
    } = change;
    let _lock = records.lock(root.path(), file)?;
    let now = root.read(file)?;
    if !same(now.as_ref(), before.as_ref()) {
        return Err(Error::Conflict {
            service: printable(&file.to_string_lossy(), false),
        });
    }
    let known = records.find(root.path(), file)?;
    let put = || {
        let what = record::NewRecord {
            kind: change.kind,
            service: change.service.as_deref(),
            origin: change.origin.as_deref(),
            keys: &change.keys,
            content: content.as_bytes(),
            before: known.as_ref(),
        };
        records.write(root.path(), file, &what)
    };
    if change.skip_if_same
        && now
            .as_ref()
            .is_some_and(|now| *now.bytes == *content.as_bytes())
    {
        let is_recorded =
            |known: &Record| known.keys == change.keys && known.origin == change.origin;
        if record::compare(known.as_ref(), now.as_ref()) != RecordComparison::Unchanged
            || !known.as_ref().is_some_and(is_recorded)
        {
            put()?;
        }
        root.narrow(file, now.as_ref(), change.access)?;
        return Ok(Written::Unchanged);
    }
    let backup = now
        .as_ref()
        .map(|now| root.back_up(file, now))
        .transpose()?;
    put()?;
    root.place(file, content.as_bytes(), now.as_ref(), change.access)?;
    if let Some(record) = &known {
        remove_old_backups(root, file, record);
    }
    Ok(backup.map_or(Written::Created, |backup| Written::Replaced { backup }))
}

/// Removes the oldest backups of content that this program wrote, except the newest [`BACKUPS`].
/// Backups of other content are kept.
fn remove_old_backups(root: &Root, file: &Path, record: &Record) {
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_ours = |name: &String| {
        let content = root.read(&folder.join(name)).ok().flatten();
        content.is_some_and(|content| record.wrote(&content.bytes))
    };
    let mut ours: Vec<String> = root.backups(file).into_iter().filter(is_ours).collect();
    let surplus = ours.len().saturating_sub(BACKUPS);
    ours.truncate(surplus);
    root.remove_backups(file, &ours);
}

fn same(one: Option<&Content>, other: Option<&Content>) -> bool {
    one.map(|content| content.bytes.as_slice()) == other.map(|content| content.bytes.as_slice())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        state: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                state: tempfile::tempdir().unwrap(),
            }
        }

        fn write(&self, file: &str, content: &str) -> Result<Written> {
            let root = Root::open(self.folder.path()).unwrap();
            let file = root.relative(Path::new(file))?;
            let before = root.read(&file)?;
            self.write_over(&file, content, before)
        }

        fn write_over(
            &self,
            file: &Path,
            content: &str,
            before: Option<Content>,
        ) -> Result<Written> {
            let change = FileChange {
                file: file.to_owned(),
                kind: RecordKind::Secrets,
                service: None,
                origin: None,
                keys: Vec::new(),
                content: Zeroizing::new(content.to_owned()),
                before,
                access: Access::default(),
                skip_if_same: true,
            };
            write(
                &Root::open(self.folder.path()).unwrap(),
                &Records::new(self.state.path()),
                &change,
            )
        }

        fn backups(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.folder.path()).unwrap();
            let mut backups: Vec<_> = entries
                .map(|e| e.unwrap().path())
                .filter(|p| p.to_string_lossy().contains(".backup."))
                .collect();
            backups.sort();
            assert!(
                backups
                    .iter()
                    .all(|p| std::fs::metadata(p).unwrap().permissions().mode() & 0o777 == 0o600)
            );
            backups
                .iter()
                .map(|p| std::fs::read_to_string(p).unwrap())
                .collect()
        }
    }

    #[test]
    fn a_file_is_private_and_writing_the_same_content_again_changes_nothing() {
        let place = Place::new();
        assert_eq!(place.write("plex/.env", "A=1\n").unwrap(), Written::Created);
        let file = place.folder.path().join("plex/.env");
        assert_eq!(
            std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            place.write("plex/.env", "A=1\n").unwrap(),
            Written::Unchanged
        );
    }

    #[test]
    fn a_readable_file_with_the_same_content_is_made_private() {
        let place = Place::new();
        let file = place.folder.path().join(".env");
        std::fs::write(&file, "A=1\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        place.write(".env", "A=1\n").unwrap();
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn five_backups_of_our_own_content_are_kept_and_all_of_other_content() {
        let place = Place::new();
        std::fs::write(place.folder.path().join(".env"), "A=the person's\n").unwrap();
        for number in 0..9 {
            place.write(".env", &format!("A={number}\n")).unwrap();
        }
        std::fs::write(place.folder.path().join(".env"), "A=edited\n").unwrap();
        for number in 10..19 {
            place.write(".env", &format!("A={number}\n")).unwrap();
        }
        let kept = [
            "A=the person's\n",
            "A=edited\n",
            "A=13\n",
            "A=14\n",
            "A=15\n",
            "A=16\n",
            "A=17\n",
        ];
        assert_eq!(place.backups(), kept);
    }

    #[test]
    fn a_file_that_changed_since_the_plan_is_not_overwritten() {
        let place = Place::new();
        place.write(".env", "A=1\n").unwrap();
        let before = Root::open(place.folder.path())
            .unwrap()
            .read(Path::new(".env"))
            .unwrap();
        std::fs::write(place.folder.path().join(".env"), "A=edited\n").unwrap();
        assert!(matches!(
            place.write_over(Path::new(".env"), "A=2\n", before),
            Err(Error::Conflict { .. })
        ));
        assert!(matches!(
            place.write_over(Path::new(".env"), "A=2\n", None),
            Err(Error::Conflict { .. })
        ));
        assert_eq!(
            std::fs::read_to_string(place.folder.path().join(".env")).unwrap(),
            "A=edited\n"
        );
    }

    #[test]
    fn the_file_of_a_killed_writer_is_removed_and_that_of_a_running_writer_is_not() {
        let place = Place::new();
        let dead = place.folder.path().join("..env.claude-vault-dead");
        let living = place.folder.path().join("..env.claude-vault-living");
        std::fs::write(&dead, "x").unwrap();
        let lock = std::fs::File::create(&living).unwrap();
        lock.lock().unwrap();
        place.write(".env", "A=1\n").unwrap();
        assert!(!dead.exists() && living.exists());
    }
}
