//! Decides which of a service's keys each of its files gets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::place::FoundFiles;
use super::target::{FileTarget, Share};
use super::{render, text};
use crate::core::{Audience, Core};
use crate::error::Result;
use crate::files::Root;
use crate::names::printable;
use crate::vault::Secrets;

/// The keys that each file of a service names.
pub(super) struct Shares {
    /// The keys that a file or its template names, by file.
    named: BTreeMap<PathBuf, BTreeSet<String>>,
    /// Keys in Vault that no file names, so that no file gets them.
    pub(super) unnamed: Vec<String>,
}

/// Reads which keys each file of a service names.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn shares(core: &Core, files: &FoundFiles, secrets: &Secrets) -> Result<Shares> {
    let root = Root::open(&core.settings.root)?;
    let is_shared = files
        .targets
        .iter()
        .any(|target| target.share != Share::All);
    let mut named = BTreeMap::new();
    for target in files
        .targets
        .iter()
        .chain(&files.unrequested)
        .filter(|_| is_shared)
    {
        // For a model, only the templates count: what it writes, and where, must not depend on a
        // file that may contain values.
        let paths = match core.audience {
            Audience::Person => vec![&target.file, &target.example],
            Audience::Model => vec![&target.example],
        };
        named.insert(target.file.clone(), names_in(&root, target, &paths)?);
    }
    let mut shares = Shares {
        named,
        unnamed: Vec::new(),
    };
    let all: BTreeSet<&String> = shares.named.values().flatten().collect();
    let is_taken = |share| matches!(share, Share::All | Share::NamedAndRest);
    if is_shared && !files.targets.iter().any(|target| is_taken(target.share)) {
        let unnamed = secrets.keys().filter(|key| !all.contains(key));
        shares.unnamed = unnamed.map(|key| printable(key, false)).collect();
    }
    Ok(shares)
}

/// The keys that these files name. A file that is not text names none; writing it reports the
/// error.
fn names_in(root: &Root, target: &FileTarget, paths: &[&PathBuf]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in paths {
        let content = root.read(path)?;
        if let Ok(Some(text)) = text(path, content.as_ref()) {
            names.extend(render::names_in(target, text));
        }
    }
    Ok(names)
}

impl Shares {
    /// The keys and values that a file gets.
    pub(super) fn of(&self, target: &FileTarget, secrets: &Secrets) -> Secrets {
        let none = BTreeSet::new();
        let own = self.named.get(&target.file).unwrap_or(&none);
        let is_named = |key: &String| self.named.values().any(|names| names.contains(key));
        let gets = |key: &String| match target.share {
            Share::All => true,
            Share::Named => own.contains(key),
            Share::NamedAndRest => own.contains(key) || !is_named(key),
        };
        secrets
            .iter()
            .filter(|(key, _)| gets(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Whether the file is to be written. One of several files that names no key is skipped.
    pub(super) fn is_due(&self, target: &FileTarget) -> bool {
        target.share != Share::Named
            || self
                .named
                .get(&target.file)
                .is_some_and(|names| !names.is_empty())
    }
}
