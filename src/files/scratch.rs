//! A private folder for a file with values that another program, such as an editor, must open. The
//! folder is in memory if possible and is removed on drop. A later run removes the folders of
//! killed processes.
//!
//! The folder is `PLACE/claude-vault-edit-UID/RANDOM/`. This process holds a lock on it, and the
//! other program inherits the lock. The folder counts as abandoned when both processes have ended.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, unlinkat,
};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use zeroize::Zeroizing;

use super::MAX_FILE;
use super::owner::is_trusted;
use crate::error::{Error, Result};
use crate::random;

/// The maximum depth of nested folders that are removed from a scratch folder.
const MAX_DEPTH: usize = 16;
/// How often to try to create the folder: another process can remove it before it is locked.
const ATTEMPTS: usize = 5;
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The places where a scratch folder may be created.
pub(crate) struct ScratchPlaces {
    /// `$XDG_RUNTIME_DIR`, if it is set.
    pub runtime: Option<PathBuf>,
    /// The shared folder for temporary files, as a last resort.
    pub temporary: PathBuf,
}

/// A private folder, removed with its content on drop.
pub(crate) struct Scratch {
    /// `PLACE/claude-vault-edit-UID`
    parent: OwnedFd,
    place: OwnedFd,
    name: String,
    path: PathBuf,
    folder: OwnedFd,
    in_memory: bool,
}

impl ScratchPlaces {
    fn all(&self) -> impl Iterator<Item = &Path> {
        self.runtime
            .as_deref()
            .into_iter()
            .chain([Path::new("/dev/shm"), &self.temporary])
    }

    /// Opens the first place that is in memory and safe, else the last resort. The flag is true for
    /// a place in memory.
    fn choose(&self) -> Result<(PathBuf, OwnedFd, bool)> {
        let in_memory = self
            .runtime
            .as_deref()
            .into_iter()
            .chain([Path::new("/dev/shm")]);
        for place in in_memory {
            if let Ok(fd) = rustix::fs::open(place, FOLDER - OFlags::NOFOLLOW, Mode::empty())
                && is_safe(&fd)
                && is_memory(&fd)
            {
                return Ok((place.to_owned(), fd, true));
            }
        }
        let place = &self.temporary;
        let fd = rustix::fs::open(place, FOLDER - OFlags::NOFOLLOW, Mode::empty())
            .map_err(|errno| Error::io("open", place)(errno.into()))?;
        if !is_safe(&fd) {
            let reason = "other users can replace files in it";
            return Err(Error::NotOurs {
                path: place.clone(),
                reason,
                hint: "export TMPDIR=FOLDER   (a folder of your own)".into(),
            });
        }
        Ok((place.clone(), fd, false))
    }
}

/// Whether no other user can replace a file that this user creates in the folder.
fn is_safe(folder: &OwnedFd) -> bool {
    fstat(folder).is_ok_and(|stat| {
        is_trusted(stat.st_uid) && (stat.st_mode & 0o022 == 0 || stat.st_mode & 0o1000 != 0)
    })
}

#[cfg(target_os = "linux")]
fn is_memory(folder: &OwnedFd) -> bool {
    // tmpfs, see statfs(2)
    rustix::fs::fstatfs(folder).is_ok_and(|stat| stat.f_type == 0x0102_1994)
}

#[cfg(not(target_os = "linux"))]
fn is_memory(_: &OwnedFd) -> bool {
    false
}

/// The name of the folder that contains all scratch folders of this user.
fn own_name() -> String {
    format!("claude-vault-edit-{}", rustix::process::geteuid().as_raw())
}

/// Opens a folder that must belong to this user and be closed to all others.
fn open_own(parent: &OwnedFd, name: &str) -> std::result::Result<OwnedFd, Errno> {
    let folder = openat(parent, name, FOLDER, Mode::empty())?;
    let stat = fstat(&folder)?;
    let is_own = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0;
    if is_own { Ok(folder) } else { Err(Errno::PERM) }
}

fn make(parent: &OwnedFd, name: &str) -> std::result::Result<(), Errno> {
    match mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

impl Scratch {
    /// Creates the folder, mode 0700, and locks it.
    ///
    /// # Errors
    /// [`Error::NotOurs`] if its path is taken by something that is not a private folder of this
    /// user, [`Error::Io`].
    pub(crate) fn new(places: &ScratchPlaces) -> Result<Self> {
        let (place_path, place, in_memory) = places.choose()?;
        let own = own_name();
        let own_path = place_path.join(&own);
        let failed = |errno: Errno| match errno {
            Errno::PERM | Errno::NOTDIR | Errno::LOOP => Error::NotOurs {
                path: own_path.clone(),
                reason: "it is not a private folder of yours",
                hint: format!(
                    "check its owner and remove it: ls -ld {}",
                    own_path.display()
                ),
            },
            errno => Error::io("create", &own_path)(errno.into()),
        };
        let name = random::hex(&random::bytes::<8>()?);
        let path = own_path.join(&name);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let made = (|| {
                make(&place, &own)?;
                let parent = open_own(&place, &own)?;
                make(&parent, &name)?;
                let folder = open_own(&parent, &name)?;
                flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
                // Before the lock, another process may have removed the folder as abandoned.
                open_own(&parent, &name)?;
                Ok((parent, folder))
            })();
            match made {
                Ok((parent, folder)) => {
                    return Ok(Self {
                        parent,
                        place,
                        name,
                        path,
                        folder,
                        in_memory,
                    });
                }
                Err(Errno::NOENT | Errno::WOULDBLOCK) if attempt < ATTEMPTS => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
    }

    /// The path of the folder.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder is in memory, so that its files are not written to a disk.
    #[must_use]
    pub(crate) fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// Sets whether programs started from now on inherit the lock.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn share(&self, with_programs: bool) -> Result<()> {
        let flags = if with_programs {
            FdFlags::empty()
        } else {
            FdFlags::CLOEXEC
        };
        fcntl_setfd(&self.folder, flags)
            .map_err(|errno| Error::io("share", &self.path)(errno.into()))
    }

    /// Writes a file in the folder, mode 0600, replacing an existing one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("write", self.path.join(name))(error);
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.folder, name, flags, Mode::from_raw_mode(0o600))
            .map_err(|errno| failed(errno.into()))?;
        File::from(file).write_all(content).map_err(failed)
    }

    /// Reads a plain file in the folder; `None` if it no longer exists. Symbolic links are not
    /// followed.
    ///
    /// # Errors
    /// [`Error::Confined`] if it is not a plain file or is larger than 16 MiB; [`Error::Io`].
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.path.join(name);
        let confined = |reason| Error::Confined {
            path: path.clone(),
            reason,
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(confined("it has become a symbolic link")),
            Err(errno) => return Err(Error::io("read", &path)(errno.into())),
        };
        let stat = fstat(&file).map_err(|errno| Error::io("read", &path)(errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(confined("it is no longer a plain file"));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if size > MAX_FILE {
            return Err(confined("it is larger than 16 MiB"));
        }
        let mut content =
            Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
        File::from(file)
            .take(MAX_FILE + 1)
            .read_to_end(&mut content)
            .map_err(Error::io("read", &path))?;
        Ok(Some(content))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_below(&self.folder, 0);
        let _ = unlinkat(&self.parent, self.name.as_str(), AtFlags::REMOVEDIR);
        // This fails while other edits are running, which is fine.
        let _ = unlinkat(&self.place, own_name().as_str(), AtFlags::REMOVEDIR);
    }
}

/// Removes the folders that killed processes left. If there are none, this costs one failed open
/// per place.
pub(crate) fn sweep_scratch(places: &ScratchPlaces) {
    let own = own_name();
    for place in places.all() {
        let Ok(folder) = rustix::fs::open(place.join(&own), FOLDER, Mode::empty()) else {
            continue;
        };
        let Ok(stat) = fstat(&folder) else { continue };
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            continue;
        }
        for name in entries(&folder) {
            if let Ok(left) = openat(&folder, &name, FOLDER, Mode::empty())
                && flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok()
            {
                remove_below(&left, 0);
                let _ = unlinkat(&folder, &name, AtFlags::REMOVEDIR);
            }
        }
        let _ = rustix::fs::rmdir(place.join(&own));
    }
}

/// Removes everything in a folder without following links.
fn remove_below(folder: &OwnedFd, depth: usize) {
    for name in entries(folder) {
        if unlinkat(folder, &name, AtFlags::empty()).is_ok() || depth == MAX_DEPTH {
            continue;
        }
        if let Ok(inner) = openat(folder, &name, FOLDER, Mode::empty()) {
            remove_below(&inner, depth + 1);
            let _ = unlinkat(folder, &name, AtFlags::REMOVEDIR);
        }
    }
}

/// The names in a folder, also those that are not UTF-8.
fn entries(folder: &OwnedFd) -> Vec<std::ffi::CString> {
    let Ok(entries) = rustix::fs::Dir::read_from(folder) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_owned()));
    names
        .filter(|name| !matches!(name.as_bytes(), b"." | b".."))
        .collect()
}
