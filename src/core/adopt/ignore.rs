//! Keeps files with secrets, and their backups, out of git: finds the lines to add to `.gitignore`,
//! and the files that git already tracks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::inject::git::{ask, backup_of, ignore_folder, line, repository};
use crate::files::Root;

/// What git does with the files of a plan.
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
pub(super) fn look(
    root: &Root,
    private: &[PathBuf],
    backed_up: &[PathBuf],
    log: Option<&Path>,
) -> Ignore {
    let mut ignore = Ignore::default();
    let mut repositories: BTreeMap<PathBuf, Vec<&PathBuf>> = BTreeMap::new();
    for file in private.iter().chain(backed_up) {
        if let Some(top) = repository(root.path(), file) {
            repositories.entry(top).or_default().push(file);
        }
    }
    for (top, files) in repositories {
        let log = log.filter(|log| repository(root.path(), log).as_ref() == Some(&top));
        if of_repository(root, &top, &files, private, log, &mut ignore).is_none() {
            ignore.unknown.push(top);
        }
    }
    ignore
}

/// Adds the results of one repository to `ignore`; `None` if git fails.
fn of_repository(
    root: &Root,
    top: &Path,
    files: &[&PathBuf],
    private: &[PathBuf],
    log: Option<&Path>,
    ignore: &mut Ignore,
) -> Option<()> {
    let inside = |file: &Path| {
        root.path()
            .join(file)
            .strip_prefix(top)
            .map(Path::to_owned)
            .ok()
    };
    let tracked = ask(
        top,
        &["ls-files", "-z", "--"],
        files.iter().filter_map(|file| inside(file)),
        false,
    )?;
    ignore.tracked.extend(
        files
            .iter()
            .filter(|file| inside(file).is_some_and(|file| tracked.contains(&file)))
            .map(|file| (*file).clone()),
    );
    // If the repository starts below the root, use its own .gitignore, otherwise the root's.
    let base = top.strip_prefix(root.path()).unwrap_or(Path::new(""));
    let own = files
        .iter()
        .filter(|file| private.contains(file))
        .map(|file| (file.to_path_buf(), file.to_path_buf(), ""));
    let kept = files
        .iter()
        .map(|file| (backup_of(file, "00000000_000000"), backup_of(file, "*"), ""));
    // Rotated log files have a number after the name.
    let log = log.map(|log| (log.to_owned(), log.to_owned(), "*"));
    // The path to ask git about, the path or pattern to ignore, and a suffix for the pattern.
    let wanted: Vec<(PathBuf, PathBuf, &str)> = own.chain(kept).chain(log).collect();
    let ignored = ask(
        top,
        &["check-ignore", "-z", "--stdin"],
        wanted.iter().filter_map(|(file, ..)| inside(file)),
        true,
    )?;
    let is_open = |file: &Path| {
        inside(file).is_some_and(|file| !ignored.contains(&file) && !tracked.contains(&file))
    };
    let is_plain = |line: &str| !line.contains(char::is_control);
    for (_, path, suffix) in wanted.iter().filter(|(file, ..)| is_open(file)) {
        let folder = ignore_folder(root, base, path);
        let pattern = line(path.strip_prefix(&folder).unwrap_or(path)) + suffix;
        if is_plain(&pattern) {
            ignore
                .lines
                .entry(folder.join(".gitignore"))
                .or_default()
                .push(pattern);
        }
    }
    Some(())
}
