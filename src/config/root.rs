//! The root: the folder that contains one folder per service.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::owner::{is_ours_or_roots, this_user};
use crate::error::{Error, Result};

/// The files and folders that mark a folder as a project.
const MARKS: [&str; 3] = [".claude-vault.toml", ".mcp.json", ".git"];

pub(super) struct FoundRoot {
    pub(super) path: PathBuf,
    /// Whether the folder is marked as a project.
    pub(super) is_project: bool,
}

/// The given root, else the project around the working directory, else the working directory.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be opened.
pub(super) fn find(given: Option<PathBuf>) -> Result<FoundRoot> {
    match given {
        Some(given) => {
            let path = given
                .canonicalize()
                .map_err(Error::io("open the root", given))?;
            let is_project = is_marked(&path);
            Ok(FoundRoot { path, is_project })
        }
        None => project_here(),
    }
}

/// The nearest folder marked as a project, from the working directory upwards; else the working
/// directory.
///
/// # Errors
/// [`Error::Io`] if the working directory cannot be opened.
pub(super) fn project_here() -> Result<FoundRoot> {
    let here = PathBuf::from(".")
        .canonicalize()
        .map_err(Error::io("open the root", "."))?;
    match here.ancestors().find(|folder| is_marked(folder)) {
        Some(root) => Ok(FoundRoot {
            path: root.to_owned(),
            is_project: true,
        }),
        None => Ok(FoundRoot {
            path: here,
            is_project: false,
        }),
    }
}

/// Whether this user owns the folder, and it has a marker that this user or root owns. In a shared
/// folder further up, anybody could create a marker.
fn is_marked(folder: &Path) -> bool {
    let marked = MARKS.iter().any(|mark| {
        folder
            .join(mark)
            .symlink_metadata()
            .is_ok_and(|found| is_ours_or_roots(&found))
    });
    marked
        && folder
            .metadata()
            .is_ok_and(|found| found.uid() == this_user())
}
