//! The root: the folder of the services' folders.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::owner::{is_ours_or_roots, this_user};
use crate::error::{Error, Result};

/// What marks a folder as a project.
const MARKS: [&str; 3] = [".claude-vault.toml", ".mcp.json", ".git"];

/// A root.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether a mark of a project was found in it.
    pub(super) is_project: bool,
}

/// The root that was given, else the project around the working directory, else that directory.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn find(given: Option<PathBuf>) -> Result<Found> {
    match given {
        Some(given) => {
            let path = given
                .canonicalize()
                .map_err(Error::io("open the root", given))?;
            let is_project = is_marked(&path);
            Ok(Found { path, is_project })
        }
        None => project_here(),
    }
}

/// The nearest folder above the working directory, itself included, that is this user's and marked.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn project_here() -> Result<Found> {
    let here = PathBuf::from(".")
        .canonicalize()
        .map_err(Error::io("open the root", "."))?;
    match here.ancestors().find(|folder| is_marked(folder)) {
        Some(root) => Ok(Found {
            path: root.to_owned(),
            is_project: true,
        }),
        None => Ok(Found {
            path: here,
            is_project: false,
        }),
    }
}

/// Whether a folder is this user's and holds a mark that nobody else put there: in a shared folder
/// above us anybody could.
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
