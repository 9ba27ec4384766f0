//! Reads and writes files below the root without ever leaving it. Writes are atomic. Files with
//! values get mode 0600 by default.
//!
//! Each folder on the path is opened in turn without following symbolic links (`openat` with
//! `O_NOFOLLOW`), and the operation is relative to the last one. A path that changes between a
//! check and its use therefore cannot lead outside.

pub(crate) mod adopted;
mod backup;
pub(crate) mod journal;
mod lock;
mod owner;
mod place;
mod public;
pub(crate) mod record;
mod scratch;
mod write;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use owner::{is_trusted, require_own_file, require_own_folder};
use place::{names, place, sweep};
pub(crate) use scratch::{Scratch, ScratchPlaces, sweep_scratch};
pub(crate) use write::{Access, FileChange, write};

/// The largest file that is read, in bytes.
pub(crate) const MAX_FILE: u64 = 16 * 1024 * 1024;
/// How many backups of its own content this program keeps for each file.
pub(crate) const BACKUPS: usize = 5;

/// Names that are never written, even if a repository's `.claude-vault.toml` lists them.
const RESERVED: [&str; 3] = [".git", ".claude-vault.toml", ".mcp.json"];
/// The name of the audit log. Its earlier files have a number after this name.
const AUDIT_LOG: &str = ".claude-vault-audit.log";

/// The root folder. No operation on it can leave it.
pub struct Root {
    path: PathBuf,
    fd: OwnedFd,
}

/// The outcome of a write.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// The file already has this content and was not written.
    Unchanged,
    /// The file is new.
    Created,
    /// The file was replaced; the old content is in a backup in the same folder.
    Replaced {
        /// The name of the backup: `NAME.backup.YYYYMMDD_HHMMSS`.
        backup: String,
    },
}

/// A plain file that was read.
#[derive(Clone)]
pub struct Content {
    /// Its bytes, overwritten when dropped: an existing `.env` holds secrets.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The ID of the user who owns the file.
    owner: u32,
    group: u32,
    mode: u32,
}

impl Content {
    /// Whether the group or others have a permission that `access` does not give them.
    #[must_use]
    pub fn is_wider_than(&self, access: Access) -> bool {
        self.mode & 0o077 & !access.mode != 0
    }
}

impl Root {
    /// Opens the root.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened as a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let fd = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::io("open the root", path)(errno.into()))?;
        Ok(Self {
            path: path.to_owned(),
            fd,
        })
    }

    /// The path of the root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Converts a path from a person to a path relative to the root.
    ///
    /// # Errors
    /// [`Error::Confined`] if it is outside the root or has a reserved name.
    pub fn relative(&self, path: &Path) -> Result<PathBuf> {
        let outside = || Error::Confined {
            path: path.to_owned(),
            reason: "it lies outside the root",
        };
        let whole = if path.is_absolute() {
            without_dots(path)
        } else {
            path.to_owned()
        };
        let inside = if whole.is_absolute() {
            whole.strip_prefix(&self.path).map_err(|_| outside())?
        } else {
            &whole
        };
        let plain = inside
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain || inside.file_name().is_none() {
            return Err(outside());
        }
        let inside: PathBuf = inside
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        let is_log = |part: &OsStr| {
            part.to_string_lossy()
                .to_ascii_lowercase()
                .starts_with(AUDIT_LOG)
        };
        let reserved = |part: &OsStr| RESERVED.iter().any(|name| part == *name) || is_log(part);
        if inside.iter().any(reserved) {
            return Err(Error::Confined {
                path: path.to_owned(),
                reason: "that name belongs to git or to claude-vault itself",
            });
        }
        Ok(inside)
    }

    /// Whether a plain file exists at this path.
    ///
    /// # Errors
    /// [`Error::Confined`] if the path exists but is not a plain file.
    pub fn has(&self, path: &Path) -> Result<bool> {
        Ok(self.read_limited(path, 0)?.is_some())
    }

    /// Whether a folder exists at this path and no part of the path is a symbolic link.
    #[must_use]
    pub fn has_folder(&self, path: &Path) -> bool {
        self.folder(&path.join("x"), false)
            .is_ok_and(|found| found.is_some())
    }

    /// The names in a folder, sorted; empty if it cannot be read.
    #[must_use]
    pub fn names(&self, path: &Path) -> Vec<String> {
        let inside = path.join("x");
        let Ok(Some((folder, _))) = self.folder(&inside, false) else {
            return Vec::new();
        };
        let mut names = names(&folder);
        names.sort_unstable();
        names
    }

    /// Reads a plain file of at most [`MAX_FILE`] bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error::Confined`] for links, folders, devices, pipes and sockets, and files too large.
    pub fn read(&self, path: &Path) -> Result<Option<Content>> {
        self.read_limited(path, MAX_FILE)
    }

    /// Like [`Root::read`], for a file that decides where values go. Also returns `None` if the
    /// file or the root folder belongs to a user other than this one and root.
    ///
    /// # Errors
    /// As [`Root::read`].
    pub fn read_trusted(&self, path: &Path) -> Result<Option<Content>> {
        let root = fstat(&self.fd).map_err(|errno| refusal(path, errno))?;
        Ok(self
            .read(path)?
            .filter(|content| is_trusted(content.owner) && is_trusted(root.st_uid)))
    }

    fn read_limited(&self, path: &Path, limit: u64) -> Result<Option<Content>> {
        let Some((folder, name)) = self.folder(path, false)? else {
            return Ok(None);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match openat(&folder, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(refusal(path, errno)),
        };
        let stat = fstat(&fd).map_err(|errno| refusal(path, errno))?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(Error::Confined {
                path: path.to_owned(),
                reason: "it is not a plain file",
            });
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if limit > 0 && size > limit {
            return Err(Error::Confined {
                path: path.to_owned(),
                reason: "it is larger than 16 MiB",
            });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(
            usize::try_from(size.min(limit)).unwrap_or(0) + 1,
        ));
        File::from(fd)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        Ok(Some(Content {
            bytes,
            owner: stat.st_uid,
            group: stat.st_gid,
            mode: stat.st_mode & 0o7777,
        }))
    }

    /// Replaces a file atomically: writes a temporary file beside it, private before the first byte
    /// is written, syncs it and renames it. `before` is the result of [`Root::read`].
    ///
    /// # Errors
    /// [`Error::Confined`], [`Error::NotOurs`] for a file or folder of another user, [`Error::Io`].
    pub(super) fn place(
        &self,
        path: &Path,
        content: &[u8],
        before: Option<&Content>,
        access: Access,
    ) -> Result<()> {
        before
            .map(|old| require_own_file(path, old.owner))
            .transpose()?;
        let (folder, name) = self.folder_of(path)?;
        sweep(&folder, name);
        place(&folder, name, name, content, access).map_err(Error::io("write", path))
    }

    /// Removes the permissions that `access` does not give; the content is not touched.
    fn narrow(&self, path: &Path, now: Option<&Content>, access: Access) -> Result<()> {
        let Some(now) = now.filter(|now| now.is_wider_than(access)) else {
            return Ok(());
        };
        require_own_file(path, now.owner)?;
        let (folder, name) = self.folder_of(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file =
            openat(&folder, name, flags, Mode::empty()).map_err(|errno| refusal(path, errno))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(now.mode & (access.mode | 0o700)))
            .map_err(|errno| Error::io("narrow the permissions of", path)(errno.into()))
    }

    fn folder_of<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a OsStr)> {
        let refused = || Error::Confined {
            path: path.to_owned(),
            reason: "its folder cannot be created",
        };
        self.folder(path, true)?.ok_or_else(refused)
    }

    /// Opens the folder that contains `path`; `None` if it does not exist and `make` is false.
    /// `make` means that a file will be written: missing folders are created, and no folder on the
    /// path may be under the control of another user.
    fn folder<'a>(&self, path: &'a Path, make: bool) -> Result<Option<(OwnedFd, &'a OsStr)>> {
        let outside = || Error::Confined {
            path: path.to_owned(),
            reason: "it lies outside the root",
        };
        let name = path.file_name().ok_or_else(outside)?;
        let mut folder = self.fd.try_clone().map_err(Error::io("open", path))?;
        let check = |folder: &OwnedFd| {
            if make {
                require_own_folder(path, folder)
            } else {
                Ok(())
            }
        };
        check(&folder)?;
        for part in path.parent().unwrap_or(Path::new("")).components() {
            let Component::Normal(part) = part else {
                return Err(outside());
            };
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut next = openat(&folder, part, flags, Mode::empty());
            if matches!(next, Err(Errno::NOENT)) && make {
                let _ = rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755));
                next = openat(&folder, part, flags, Mode::empty());
            }
            folder = match next {
                Ok(fd) => fd,
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(refusal(path, errno)),
            };
            check(&folder)?;
        }
        Ok(Some((folder, name)))
    }
}

/// Resolves `..` in the text of a path. A symbolic link on the path is refused later, when it is
/// opened.
fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            out.pop();
        } else {
            out.push(part);
        }
    }
    out
}

fn refusal(path: &Path, errno: Errno) -> Error {
    let reason = match errno {
        Errno::LOOP => "it is, or leads through, a symbolic link",
        Errno::NOTDIR => "a folder on its path is a symbolic link or not a folder",
        Errno::NXIO | Errno::ISDIR => "it is not a plain file",
        _ => return Error::io("open", path)(errno.into()),
    };
    Error::Confined {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        (folder, root)
    }

    fn write(root: &Root, path: &str, content: &[u8]) -> Result<()> {
        let path = root.relative(Path::new(path))?;
        let before = root.read(&path)?;
        root.place(&path, content, before.as_ref(), Access::default())
    }

    #[test]
    fn no_path_leads_outside_the_root() {
        let (folder, root) = root();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), folder.path().join("dir")).unwrap();
        symlink(outside.path().join("file"), folder.path().join("link")).unwrap();
        for path in [
            "../x",
            "/etc/x",
            "a/../../x",
            "dir/x",
            "link",
            "",
            "..",
            ".",
        ] {
            assert!(
                matches!(write(&root, path, b"x"), Err(Error::Confined { .. })),
                "{path}"
            );
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn pipes_folders_and_devices_are_refused() {
        let (folder, root) = root();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(folder.path().join("pipe"))
                .status()
                .unwrap()
                .success()
        );
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        for path in ["pipe", "folder"] {
            assert!(
                matches!(write(&root, path, b"x"), Err(Error::Confined { .. })),
                "{path}"
            );
        }
        let dev = Root::open(Path::new("/dev")).unwrap();
        assert!(matches!(
            dev.read(Path::new("zero")),
            Err(Error::Confined { .. })
        ));
    }
}
