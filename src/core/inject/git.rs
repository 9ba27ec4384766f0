//! Keeping written secrets out of git: a warning, or lines in `.gitignore`; never a refusal.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Result;
use crate::files::Root;
use crate::format::shell;
use crate::names::printable;

/// Says what to do when git would track the file or its backups; with `ignore`, adds the lines
/// to `.gitignore` in the root and says that.
pub(super) fn keep_out(root: &Root, file: &Path, ignore: bool) -> Result<Option<String>> {
    let name = file.to_string_lossy();
    let backup =
        file.with_file_name(format!("{}.backup.00000000_000000", file.file_name().unwrap_or_default().to_string_lossy()));
    let tracked = || would_track(root.path(), file) || would_track(root.path(), &backup);
    if !tracked() {
        return Ok(None);
    }
    let lines = [format!("/{}", pattern(&name)), format!("/{}.backup.*", pattern(&name))];
    let shown = printable(&name, false);
    if !ignore || name.contains(char::is_control) {
        let [line, backups] = lines.each_ref().map(|line| shell::quote(line));
        let folder = root.path().display();
        return Ok(Some(format!(
            "git would track {shown} or its backups: inject with --gitignore, or printf '%s\\n' {line} {backups} >> .gitignore   (in {folder})"
        )));
    }
    root.add_lines(Path::new(".gitignore"), &lines)?;
    Ok(Some(if tracked() {
        format!("git tracks {shown} already, and .gitignore does not change that: git rm --cached {}", shell::quote(&name))
    } else {
        format!("{shown} and its backups are now in .gitignore")
    }))
}

/// A path as a pattern that matches it alone (gitignore(5)).
fn pattern(path: &str) -> String {
    let escaped: String =
        path.chars().flat_map(|c| matches!(c, '*' | '?' | '[' | '\\').then_some('\\').into_iter().chain([c])).collect();
    escaped.strip_suffix(' ').map_or_else(|| escaped.clone(), |rest| format!("{rest}\\ "))
}

/// Whether the file lies in a git work tree and is tracked, or not ignored. Without git, no.
///
/// A cloned repository is not trusted: git is told to run nothing that its settings name.
fn would_track(root: &Path, file: &Path) -> bool {
    let path = root.join(file);
    if !path.ancestors().skip(1).any(|folder| folder.join(".git").exists()) {
        return false;
    }
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
    let Some(folder) = folder else { return false };
    let mut git = Command::new("git");
    git.args(["-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "check-ignore", "--quiet", "--"]).arg(&path);
    git.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ["VAULT_TOKEN", "BAO_TOKEN", "GIT_DIR", "GIT_WORK_TREE"] {
        git.env_remove(name);
    }
    // 0: ignored; 1: not, or tracked already; anything else: no repository that can be asked.
    git.status().is_ok_and(|status| status.code() == Some(1))
}
