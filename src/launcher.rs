//! The launcher: a small script named `claude-vault`. A shell can source it. If it is run as a
//! command, its first line makes the kernel start the real program.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::Env;
use crate::error::{Error, Result};

/// The file name of the program that a launcher starts.
pub(crate) const BINARY: &str = "claude-vault-bin";

/// The text of a launcher for the program at this path. The path must fit the launcher's first
/// line: the kernel reads the interpreter's path up to the first blank, and at most 255 bytes of
/// the line (execve(2)).
///
/// # Errors
/// [`Error::Invalid`] for a path that does not fit.
pub(crate) fn text(binary: &Path) -> Result<String> {
    let path = binary.to_str().filter(|path| {
        path.len() < 250
            && path.bytes().all(|b| {
                b.is_ascii_alphanumeric()
                    || matches!(b, b'/' | b'.' | b'_' | b'-' | b'+' | b'@' | b'%' | b',')
            })
    });
    let path = path.ok_or_else(|| {
        Error::invalid(
            "the path to install to is too long or contains blanks or special characters",
            "claude-vault setup --to DIR",
        )
    })?;
    Ok(include_str!("../shell/launcher.sh").replace("@BIN@", path))
}

/// Whether the file is one of our launchers.
#[must_use]
pub(crate) fn is_ours(file: &Path) -> bool {
    let mut start = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(256).read_to_end(&mut start));
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    read.is_ok() && line.starts_with(b"#!") && line.ends_with(BINARY.as_bytes())
}

/// The file that `source claude-vault` finds on PATH.
pub(crate) enum LauncherFound {
    /// No file named `claude-vault`.
    Nothing,
    /// One of our launchers.
    Launcher(PathBuf),
    /// Another file named `claude-vault`.
    Other {
        /// The path of the file.
        file: PathBuf,
        /// A launcher in a later folder of PATH, which the file hides.
        hides: Option<PathBuf>,
    },
}

impl LauncherFound {
    /// Searches PATH.
    #[must_use]
    pub(crate) fn on_path(env: &Env) -> Self {
        let folders = env.search_path();
        let mut files = folders
            .iter()
            .map(|folder| folder.join("claude-vault"))
            .filter(|file| file.is_file());
        match files.next() {
            None => Self::Nothing,
            Some(file) if is_ours(&file) => Self::Launcher(file),
            Some(file) => Self::Other {
                file,
                hides: files.find(|file| is_ours(file)),
            },
        }
    }

    /// A hint that makes `source claude-vault` find the launcher; empty if it already does.
    #[must_use]
    pub(crate) fn fix(&self) -> String {
        match self {
            Self::Other {
                file,
                hides: Some(launcher),
            } => {
                let way = if file
                    .parent()
                    .is_some_and(|folder| folder.ends_with(".cargo/bin"))
                {
                    "cargo uninstall claude-vault".to_owned()
                } else {
                    format!("remove {}", file.display())
                };
                format!("{way}   (it hides {})", launcher.display())
            }
            Self::Nothing | Self::Other { .. } => {
                "claude-vault setup   (then follow its instructions)".into()
            }
            Self::Launcher(_) => String::new(),
        }
    }
}
