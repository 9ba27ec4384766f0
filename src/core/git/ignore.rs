//! The paths that git must ignore, and the lines of `.gitignore` for them.

use std::path::{Path, PathBuf};

use super::Repository;

/// A path that git must ignore.
pub(in crate::core) struct PathToIgnore {
    /// A path to ask git about. For a pattern, one that it matches.
    example: PathBuf,
    /// The path, or the pattern of the paths, to ignore.
    path: PathBuf,
    /// A suffix for the pattern.
    suffix: &'static str,
}

impl PathToIgnore {
    /// A file.
    pub(in crate::core) fn file(file: &Path) -> Self {
        Self {
            example: file.to_owned(),
            path: file.to_owned(),
            suffix: "",
        }
    }

    /// The backups of a file.
    pub(in crate::core) fn backups_of(file: &Path) -> Self {
        Self {
            example: backup_of(file, "00000000_000000"),
            path: backup_of(file, "*"),
            suffix: "",
        }
    }

    /// The audit log. Its rotated files have a number after the name.
    pub(in crate::core) fn log(log: &Path) -> Self {
        Self {
            suffix: "*",
            ..Self::file(log)
        }
    }

    /// A path to ask git about.
    pub(in crate::core) fn example(&self) -> &Path {
        &self.example
    }
}

impl Repository<'_> {
    /// The line that makes git ignore a path, and the `.gitignore` for it.
    pub(in crate::core) fn ignore_line(&self, wanted: &PathToIgnore) -> (PathBuf, String) {
        let folder = self.ignore_folder(&wanted.path);
        let path = wanted.path.strip_prefix(&folder).unwrap_or(&wanted.path);
        (folder.join(".gitignore"), pattern_of(path) + wanted.suffix)
    }

    /// The folder whose `.gitignore` should get the line for `file`: the deepest folder above the
    /// file that has a `.gitignore`, because git gives precedence to the last matching line of the
    /// deepest one. If no folder has one, it is the top of the repository, or the root if that is
    /// deeper.
    fn ignore_folder(&self, file: &Path) -> PathBuf {
        let base = self
            .top
            .strip_prefix(self.root.path())
            .unwrap_or(Path::new(""));
        let above = file
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(base));
        let has_lines = |folder: &&Path| {
            let file = folder.join(".gitignore");
            self.root.has(&file).unwrap_or(false)
        };
        let mut above = above.filter(has_lines);
        above.next().unwrap_or(base).to_owned()
    }
}

fn backup_of(file: &Path, stamp: &str) -> PathBuf {
    file.with_file_name(format!(
        "{}.backup.{stamp}",
        file.file_name().unwrap_or_default().to_string_lossy()
    ))
}

/// A gitignore(5) pattern that matches only this path; the `*` of a backup pattern stays a
/// wildcard.
fn pattern_of(path: &Path) -> String {
    let path = path.to_string_lossy();
    let (name, rest) = path
        .strip_suffix(".backup.*")
        .map_or((&*path, ""), |name| (name, ".backup.*"));
    let escaped: String = name
        .chars()
        .flat_map(|c| {
            matches!(c, '*' | '?' | '[' | '\\')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    match escaped.strip_suffix(' ') {
        Some(start) if rest.is_empty() => format!("/{start}\\ "),
        _ => format!("/{escaped}{rest}"),
    }
}
