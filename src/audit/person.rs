//! The Vault identity of a session, for the log. It is looked up once per token and kept in the
//! state folder under a digest of the token, which gives no access.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::names::printable;
use crate::private;

/// How long a name is kept. Tokens live for hours, so older names are no longer needed.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest name that is kept, in characters.
const MAX_CHARS: usize = 128;

/// The person of a session.
#[derive(Clone, Default)]
pub(super) struct Person {
    /// The file that contains the person's name; `None` without a session.
    file: Option<PathBuf>,
}

impl Person {
    pub(super) fn of(state: &Path, digest: Option<String>) -> Self {
        Self {
            file: digest.map(|digest| state.join("persons").join(digest)),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.file.as_ref().is_none_or(|file| file.exists())
    }

    /// The person's name and the local user, or only the local user if the name is unknown.
    pub(super) fn with(&self, user: &str) -> String {
        let name = self
            .file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok());
        let name: String = name
            .unwrap_or_default()
            .trim()
            .chars()
            .take(MAX_CHARS)
            .collect();
        if name.is_empty() {
            user.to_owned()
        } else {
            format!("{name} ({user})")
        }
    }

    pub(super) fn remember(&self, name: &str) {
        let Some((file, folder)) = self
            .file
            .as_ref()
            .and_then(|file| Some((file, file.parent()?)))
        else {
            return;
        };
        let name: String = printable(name, false).chars().take(MAX_CHARS).collect();
        forget_old(folder);
        let _ = private::write(file, name.as_bytes());
    }
}

fn forget_old(folder: &Path) {
    let is_old = |entry: &std::fs::DirEntry| {
        let modified = entry.metadata().and_then(|found| found.modified()).ok();
        modified
            .and_then(|time| SystemTime::now().duration_since(time).ok())
            .is_some_and(|age| age > KEPT)
    };
    for entry in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(is_old)
    {
        let _ = std::fs::remove_file(entry.path());
    }
}
