//! Keeps files with secrets, and their backups, out of git: finds the lines to add to `.gitignore`,
//! and the files that git already tracks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::git::{PathToIgnore, Repository, repositories};
use crate::files::Root;

/// The findings about git for the files of a plan.
#[derive(Default)]
pub(super) struct Ignore {
    /// The lines to add to each `.gitignore`, keyed by its path below the root.
    pub(super) lines: BTreeMap<PathBuf, Vec<String>>,
    /// Files that git tracks, so their secrets are in its history.
    pub(super) tracked: BTreeSet<PathBuf>,
    /// Repositories that git could not be asked about.
    pub(super) unknown: Vec<PathBuf>,
}

/// Checks three kinds of files: those with secrets (`private`), those of which only the backups
/// have secrets (`backed_up`), and the audit log.
pub(super) fn check(
    root: &Root,
    private: &[PathBuf],
    backed_up: &[PathBuf],
    log: Option<&Path>,
) -> Ignore {
    let mut ignore = Ignore::default();
    for (repository, files) in repositories(root, private.iter().chain(backed_up)) {
        let own = files.iter().filter(|file| private.contains(file));
        let backups = files.iter().map(|file| PathToIgnore::backups_of(file));
        let log = log.filter(|log| repository.contains(log));
        let wanted: Vec<PathToIgnore> = own
            .map(|file| PathToIgnore::file(file))
            .chain(backups)
            .chain(log.map(PathToIgnore::log))
            .collect();
        if ignore.add(&repository, &files, &wanted).is_none() {
            ignore.unknown.push(repository.top().to_owned());
        }
    }
    ignore
}

impl Ignore {
    /// Adds the results of a repository; `None` if git fails.
    fn add(
        &mut self,
        repository: &Repository<'_>,
        files: &[&PathBuf],
        wanted: &[PathToIgnore],
    ) -> Option<()> {
        let tracked = repository.tracked(files.iter().map(|file| file.as_path()))?;
        let tracked_files = files
            .iter()
            .filter(|file| repository.is_among(file, &tracked))
            .map(|file| file.to_path_buf());
        self.tracked.extend(tracked_files);
        let ignored = repository.ignored(wanted.iter())?;
        let is_open = |path: &&PathToIgnore| {
            repository.is_open(path.example(), &ignored)
                && !repository.is_among(path.example(), &tracked)
        };
        for path in wanted.iter().filter(is_open) {
            let (file, line) = repository.ignore_line(path);
            if !line.contains(char::is_control) {
                self.lines.entry(file).or_default().push(line);
            }
        }
        Some(())
    }
}
