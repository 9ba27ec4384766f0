//! Whether git would take a written file into the repository: a warning, never a refusal.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether the file lies in a git work tree and is tracked, or not ignored. Without git, no.
///
/// A cloned repository is not trusted: git is told to run nothing that its settings name.
#[must_use]
pub fn would_track(root: &Path, file: &Path) -> bool {
    let path = root.join(file);
    if !path.ancestors().skip(1).any(|folder| folder.join(".git").exists()) {
        return false;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let mut git = Command::new("git");
    git.args(["-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "check-ignore", "--quiet", "--"]).arg(name);
    git.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ["VAULT_TOKEN", "BAO_TOKEN", "GIT_DIR", "GIT_WORK_TREE"] {
        git.env_remove(name);
    }
    // 0: ignored; 1: not, or tracked already; anything else: no repository that can be asked.
    git.status().is_ok_and(|status| status.code() == Some(1))
}
