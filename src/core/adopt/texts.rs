//! The texts of files below the root, each read once, with those that would be written in place of
//! what is there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::{Content, Root};

/// The texts that a plan is worked out from.
pub(super) struct Texts<'a> {
    root: &'a Root,
    read: RefCell<BTreeMap<PathBuf, Option<Content>>>,
}

/// Texts that would be written, by file.
pub(super) type Overlay = BTreeMap<PathBuf, Zeroizing<String>>;

impl<'a> Texts<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self {
            root,
            read: RefCell::default(),
        }
    }

    /// A file as it was when it was first looked at; `None` without a plain file.
    pub(super) fn content(&self, file: &Path) -> Option<Content> {
        let mut read = self.read.borrow_mut();
        read.entry(file.to_owned())
            .or_insert_with(|| self.root.read(file).ok().flatten())
            .clone()
    }

    /// Its text; `None` also for what is not UTF-8.
    pub(super) fn text(&self, file: &Path) -> Option<Zeroizing<String>> {
        let content = self.content(file)?;
        std::str::from_utf8(&content.bytes)
            .ok()
            .map(|text| Zeroizing::new(text.to_owned()))
    }

    /// The text of a file that gains lines: empty where there is no file.
    ///
    /// # Errors
    /// [`Error::Confined`] for a file that is not UTF-8: its lines would be lost.
    pub(super) fn text_to_extend(&self, file: &Path) -> Result<Option<Zeroizing<String>>> {
        match (self.content(file), self.text(file)) {
            (None, _) if !self.is_odd(file) => Ok(None),
            (Some(_), Some(text)) => Ok(Some(text)),
            (None | Some(_), _) => Err(Error::Confined {
                path: file.to_owned(),
                reason: "it is not a plain file of UTF-8 text",
            }),
        }
    }

    /// Whether something is there that is no plain file of text: a link, a folder, bytes.
    pub(super) fn is_odd(&self, file: &Path) -> bool {
        match self.root.read(file) {
            Ok(Some(content)) => std::str::from_utf8(&content.bytes).is_err(),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// The names in a folder.
    pub(super) fn names(&self, folder: &Path) -> Vec<String> {
        self.root.names(folder)
    }

    /// The text that a file would have.
    pub(super) fn text_over(&self, overlay: &Overlay, file: &Path) -> Option<Zeroizing<String>> {
        overlay.get(file).cloned().or_else(|| self.text(file))
    }
}

/// A path that a file in `folder` names, below the root; `None` where it leads outside.
pub(super) fn below(folder: &Path, named: &str) -> Option<PathBuf> {
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
