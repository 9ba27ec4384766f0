//! Keeps files with secrets, and their backups, out of git: finds the lines to add to `.gitignore`,
//! and the files that git already tracks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::inject::git::{ask, backup_of, below_top, ignore_folder, line, repository};
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
        let repository = AdoptedRepository {
            root,
            top: &top,
            files: &files,
            log,
        };
        if repository.add_to(&mut ignore, private).is_none() {
            ignore.unknown.push(top);
        }
    }
    ignore
}

/// A repository of git, and the files in it to check.
struct AdoptedRepository<'a> {
    root: &'a Root,
    /// Its top folder.
    top: &'a Path,
    files: &'a [&'a PathBuf],
    log: Option<&'a Path>,
}

/// A path that git must ignore.
struct PathToIgnore {
    /// The path to ask git about.
    file: PathBuf,
    /// The path or pattern to ignore.
    path: PathBuf,
    /// A suffix for the pattern.
    suffix: &'static str,
}

impl AdoptedRepository<'_> {
    /// Adds the results of the repository to `ignore`; `None` if git fails.
    fn add_to(&self, ignore: &mut Ignore, private: &[PathBuf]) -> Option<()> {
        let tracked = ask(
            self.top,
            &["ls-files", "-z", "--"],
            self.files.iter().filter_map(|file| self.inside(file)),
            false,
        )?;
        ignore.tracked.extend(
            self.files
                .iter()
                .filter(|file| {
                    self.inside(file)
                        .is_some_and(|file| tracked.contains(&file))
                })
                .map(|file| (*file).clone()),
        );
        let wanted = self.wanted(private);
        let ignored = ask(
            self.top,
            &["check-ignore", "-z", "--stdin"],
            wanted.iter().filter_map(|one| self.inside(&one.file)),
            true,
        )?;
        let is_open = |one: &&PathToIgnore| {
            self.inside(&one.file)
                .is_some_and(|file| !ignored.contains(&file) && !tracked.contains(&file))
        };
        for one in wanted.iter().filter(is_open) {
            self.add_line(ignore, one);
        }
        Some(())
    }

    /// A file's path below the top folder.
    fn inside(&self, file: &Path) -> Option<PathBuf> {
        below_top(self.root, self.top, file)
    }

    /// The files with secrets, every backup, and the audit log.
    fn wanted(&self, private: &[PathBuf]) -> Vec<PathToIgnore> {
        let own = self
            .files
            .iter()
            .filter(|file| private.contains(file))
            .map(|file| PathToIgnore {
                file: file.to_path_buf(),
                path: file.to_path_buf(),
                suffix: "",
            });
        let kept = self.files.iter().map(|file| PathToIgnore {
            file: backup_of(file, "00000000_000000"),
            path: backup_of(file, "*"),
            suffix: "",
        });
        // Rotated log files have a number after the name.
        let log = self.log.map(|log| PathToIgnore {
            file: log.to_owned(),
            path: log.to_owned(),
            suffix: "*",
        });
        own.chain(kept).chain(log).collect()
    }

    /// Adds the line that makes git ignore a path.
    fn add_line(&self, ignore: &mut Ignore, wanted: &PathToIgnore) {
        // If the repository starts below the root, use its own .gitignore, otherwise the root's.
        let base = self
            .top
            .strip_prefix(self.root.path())
            .unwrap_or(Path::new(""));
        let path = &wanted.path;
        let folder = ignore_folder(self.root, base, path);
        let pattern = line(path.strip_prefix(&folder).unwrap_or(path)) + wanted.suffix;
        if !pattern.contains(char::is_control) {
            ignore
                .lines
                .entry(folder.join(".gitignore"))
                .or_default()
                .push(pattern);
        }
    }
}
