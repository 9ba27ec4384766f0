//! Keeps written secrets out of git with a warning or with lines in `.gitignore`. It never refuses
//! a write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{GitPaths, PathToIgnore, Repository, repositories};
use crate::files::Root;
use crate::format::shell;
use crate::names::printable;

/// Warnings and notes about keeping written files out of git.
#[derive(Default)]
pub(in crate::core) struct GitAdvice {
    /// The command that wrote the files, which can add them to `.gitignore`.
    command: &'static str,
    /// What the person should do.
    pub(in crate::core) warnings: Vec<String>,
    /// What was added to `.gitignore`.
    pub(in crate::core) notes: Vec<String>,
}

/// Checks the files. With `ignore`, adds those that git would commit to `.gitignore`, together with
/// the audit log `log` if it is below the root.
pub(in crate::core) fn keep_out_of_git(
    root: &Root,
    files: &[PathBuf],
    log: Option<&Path>,
    ignore: bool,
    command: &'static str,
) -> GitAdvice {
    let mut advice = GitAdvice {
        command,
        ..GitAdvice::default()
    };
    for (repository, files) in repositories(root, files) {
        let log = log.filter(|log| ignore && repository.contains(log));
        let _ = advice.add(&repository, &files, log, ignore);
    }
    advice
}

impl GitAdvice {
    /// Checks the files of one repository. `None` if git cannot be asked.
    fn add(
        &mut self,
        repository: &Repository<'_>,
        files: &[&PathBuf],
        log: Option<&Path>,
        ignore: bool,
    ) -> Option<()> {
        let tracked = repository.tracked(files.iter().map(|file| file.as_path()))?;
        let untracked: Vec<&Path> = files
            .iter()
            .map(|file| file.as_path())
            .filter(|file| !repository.is_among(file, &tracked))
            .collect();
        let paths: Vec<PathToIgnore> = untracked.iter().flat_map(|file| both(file)).collect();
        let log = log.map(PathToIgnore::log);
        let ignored = repository.ignored(paths.iter().chain(&log))?;
        let is_open = |path: &PathToIgnore| repository.is_open(path.example(), &ignored);
        let open: Vec<&Path> = untracked
            .into_iter()
            .filter(|file| both(file).iter().any(is_open))
            .collect();
        if !tracked.is_empty() {
            self.warnings
                .push(how_to_untrack(repository.top(), &tracked));
        }
        if open.is_empty() {
            return Some(());
        }
        let plain = open
            .iter()
            .all(|file| !file.to_string_lossy().contains(char::is_control));
        if !ignore || !plain {
            self.warnings.push(format!(
                "git would commit {} or the backups: {} once with --gitignore",
                shortened(open.iter().copied()),
                self.command
            ));
            return Some(());
        }
        self.add_lines(repository, &open, log.filter(is_open));
        Some(())
    }

    /// Adds lines for the files, their backups and the log to `.gitignore`.
    fn add_lines(
        &mut self,
        repository: &Repository<'_>,
        files: &[&Path],
        log: Option<PathToIgnore>,
    ) {
        let mut lines: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        for path in files.iter().flat_map(|file| both(file)).chain(log) {
            let (file, line) = repository.ignore_line(&path);
            lines.entry(file).or_default().push(line);
        }
        let names = shortened(files.iter().copied());
        match lines
            .iter()
            .try_for_each(|(file, lines)| repository.root.add_lines(file, lines))
        {
            Ok(()) => self
                .notes
                .push(format!("{names} and the backups are in .gitignore now")),
            Err(error) => self
                .warnings
                .push(format!("{names} could not be added to .gitignore: {error}")),
        }
    }
}

/// A file and its backups.
fn both(file: &Path) -> [PathToIgnore; 2] {
    [PathToIgnore::file(file), PathToIgnore::backups_of(file)]
}

/// The warning about tracked files.
fn how_to_untrack(top: &Path, tracked: &GitPaths) -> String {
    let names = tracked
        .iter()
        .map(|file| shell::quote(&file.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ");
    let folder = shell::quote(&top.to_string_lossy());
    format!(
        "git tracks {}: the next commit would contain the secrets; to untrack: git -C {folder} \
         rm --cached {names}",
        shortened(tracked.iter())
    )
}
fn shortened<'a>(files: impl Iterator<Item = &'a Path>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = files
        .map(|file| printable(&file.to_string_lossy(), false))
        .collect();
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        format!("{shown} and {} more", names.len() - SHOWN)
    } else {
        shown
    }
}
