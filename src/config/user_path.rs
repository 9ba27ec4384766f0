//! The path of the user config, which must be outside the project.

use std::path::{Path, PathBuf};

use super::owner::this_user;
use super::{Env, folder};
use crate::error::{Error, Result};

/// The path of the user config, and the variable that determined it.
pub(super) struct UserPath {
    pub(super) path: PathBuf,
    /// `None` for the default path in the home folder.
    pub(super) variable: Option<&'static str>,
}

/// The path of the user config, whether or not the file exists.
///
/// # Errors
/// [`Error::Invalid`] for a relative path: which file it names would depend on the working
/// directory.
pub(super) fn user_path(env: &Env) -> Result<Option<UserPath>> {
    if let Some(path) = env.path("CLAUDE_VAULT_CONFIG") {
        if !path.is_absolute() {
            return Err(Error::invalid(
                "CLAUDE_VAULT_CONFIG must be an absolute path: the config decides what is approved \
                 and shown",
                "unset CLAUDE_VAULT_CONFIG   (or set it to an absolute path outside the project)",
            ));
        }
        return Ok(Some(UserPath {
            path,
            variable: Some("CLAUDE_VAULT_CONFIG"),
        }));
    }
    let named = env
        .path("XDG_CONFIG_HOME")
        .is_some_and(|path| path.is_absolute());
    let variable = named.then_some("XDG_CONFIG_HOME");
    Ok(user_folder(env).map(|folder| UserPath {
        path: folder.join("config.toml"),
        variable,
    }))
}

/// The user's config folder; `None` without a home folder.
pub(super) fn user_folder(env: &Env) -> Option<PathBuf> {
    Some(folder(env, "XDG_CONFIG_HOME", ".config")?.join("claude-vault"))
}

/// Refuses a user config inside a project: a file that comes with the project, or that an assistant
/// writes there, must not decide what is approved and shown. A root that contains the person's
/// whole home folder does not count as a project.
///
/// # Errors
/// [`Error::Invalid`] if the config lies below `root`.
pub(super) fn require_outside(user: &UserPath, root: &Path) -> Result<()> {
    if user.path == Path::new("/dev/null") || !real(&user.path).starts_with(root) {
        return Ok(());
    }
    let holds_home = match account_home() {
        Some(home) => real(&home).starts_with(root),
        None => user.variable.is_none(),
    };
    if holds_home || (user.variable.is_none() && !user.path.exists()) {
        return Ok(());
    }
    let hint = match user.variable {
        Some(variable) => format!("unset {variable}   (or set it to a path outside the project)"),
        None => "set HOME to your own home folder".into(),
    };
    Err(Error::invalid(
        format!(
            "the config {} lies below the root {}: a file there must not decide about approval",
            user.path.display(),
            root.display()
        ),
        hint,
    ))
}

/// The home folder of this account by `/etc/passwd`; `HOME` is ignored.
fn account_home() -> Option<PathBuf> {
    let user = this_user().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let ours = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&&*user))?;
    ours.get(5)
        .map(PathBuf::from)
        .filter(|home| home.is_absolute() && *home != Path::new("/"))
}

/// Resolves symbolic links in the part of the path that exists.
pub(super) fn real(path: &Path) -> PathBuf {
    let found = path
        .ancestors()
        .find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, found)) = found else {
        return path.to_owned();
    };
    path.strip_prefix(above).map_or_else(
        |_| path.to_owned(),
        |rest| {
            if rest.as_os_str().is_empty() {
                found.clone()
            } else {
                found.join(rest)
            }
        },
    )
}
