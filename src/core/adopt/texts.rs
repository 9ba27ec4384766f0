//! The texts of files below the root, each read once, and the overlay of planned new texts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::{Content, Root};

/// The texts from which a plan is computed. A file is read once, so the whole plan is based on the
/// same content.
pub(super) struct FileTexts<'a> {
    root: &'a Root,
    read: RefCell<BTreeMap<PathBuf, Option<Content>>>,
}

/// The planned new texts, by file.
pub(super) type Overlay = BTreeMap<PathBuf, Zeroizing<String>>;

impl<'a> FileTexts<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self {
            root,
            read: RefCell::default(),
        }
    }

    /// The content of a file when it was first read; `None` if it is not a regular file.
    pub(super) fn content(&self, file: &Path) -> Option<Content> {
        let mut read = self.read.borrow_mut();
        read.entry(file.to_owned())
            .or_insert_with(|| self.root.read(file).ok().flatten())
            .clone()
    }

    /// The text of a file; `None` if it is not a regular file or not UTF-8.
    pub(super) fn text(&self, file: &Path) -> Option<Zeroizing<String>> {
        let content = self.content(file)?;
        std::str::from_utf8(&content.bytes)
            .ok()
            .map(|text| Zeroizing::new(text.to_owned()))
    }

    /// The text of a file to which lines will be appended; `None` if the file does not exist.
    ///
    /// # Errors
    /// [`Error::Confined`] for anything that is not a UTF-8 text file: its content would be lost.
    pub(super) fn text_to_extend(&self, file: &Path) -> Result<Option<Zeroizing<String>>> {
        match (self.content(file), self.text(file)) {
            (None, _) if !self.is_not_text(file) => Ok(None),
            (Some(_), Some(text)) => Ok(Some(text)),
            (None | Some(_), _) => Err(Error::Confined {
                path: file.to_owned(),
                reason: "it is not a regular UTF-8 text file",
            }),
        }
    }

    /// Whether the path exists but is not a UTF-8 text file: a link, a folder or binary data.
    pub(super) fn is_not_text(&self, file: &Path) -> bool {
        match self.root.read(file) {
            Ok(Some(content)) => std::str::from_utf8(&content.bytes).is_err(),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    pub(super) fn names(&self, folder: &Path) -> Vec<String> {
        self.root.names(folder)
    }

    /// The text of a file after the plan: the planned one, or else the current one.
    pub(super) fn text_over(&self, overlay: &Overlay, file: &Path) -> Option<Zeroizing<String>> {
        overlay.get(file).cloned().or_else(|| self.text(file))
    }
}

/// Resolves a path that a file in `folder` refers to; `None` if it leads outside the root.
pub(super) fn resolve(folder: &Path, named: &str) -> Option<PathBuf> {
    let named = Path::new(named);
    if named.is_absolute() {
        return None;
    }
    let mut path = folder.to_owned();
    for part in named.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}
