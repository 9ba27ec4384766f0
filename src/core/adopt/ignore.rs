//! Keeping files with secrets, and their backups, out of git: what the plan adds to `.gitignore`,
//! and what git has already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::inject::git::{ask, backup_of, ignore_folder, line, repository};
use crate::files::Root;

/// What git would do with files.
#[derive(Default)]
pub(super) struct Ignore {
    /// Lines for each `.gitignore`, below the root.
    pub(super) lines: BTreeMap<PathBuf, Vec<String>>,
    /// Files that git tracks: their secrets are in its history.
    pub(super) tracked: BTreeSet<PathBuf>,
    /// Repositories that git gave no answer about.
    pub(super) unknown: Vec<PathBuf>,
}

/// Looks at files with secrets (`private`), at files whose backups alone hold them, and at the
/// audit log.
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

/// `None` when git cannot be asked.
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
    // Where the repository begins inside the root, its own .gitignore; else the root's.
    let base = top.strip_prefix(root.path()).unwrap_or(Path::new(""));
    let own = files
        .iter()
        .filter(|file| private.contains(file))
        .map(|file| (file.to_path_buf(), file.to_path_buf(), ""));
    let kept = files
        .iter()
        .map(|file| (backup_of(file, "00000000_000000"), backup_of(file, "*"), ""));
    // The earlier files of the log have a number behind the name.
    let log = log.map(|log| (log.to_owned(), log.to_owned(), "*"));
    // A path to ask git about, the path or pattern to ignore, and what stands behind that.
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
    for (_, path, behind) in wanted.iter().filter(|(file, ..)| is_open(file)) {
        let folder = ignore_folder(root, base, path);
        let pattern = line(path.strip_prefix(&folder).unwrap_or(path)) + behind;
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
