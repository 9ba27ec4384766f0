//! The person's editor: found the way git finds it, started on the terminal without the session,
//! and kept from leaving copies of the text elsewhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::files::{Scratch, ScratchPlaces, sweep_scratch};
use crate::names::printable;
use crate::session::VARIABLES;
use crate::signals::Signals;
use crate::terminal::Terminal;

/// The editors to look for on PATH if no variable names one.
const FALLBACKS: [&str; 4] = ["editor", "nano", "vim", "vi"];
/// How long the editor may take to exit after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(2);

/// Options for vim. The `-c` commands run after the person's own settings, so that these cannot
/// turn anything on again.
const VIM: [&str; 9] = [
    "-n",
    "-i",
    "NONE",
    "--cmd",
    "set nomodeline",
    // A vimrc may turn modelines on again, and a value could then set options of the editor.
    "--cmd",
    "silent! autocmd BufReadPre * setlocal nomodeline",
    "-c",
    "silent! set nobackup|silent! set nowritebackup|silent! set noundofile|silent! set \
     noswapfile|silent! set viminfo=|silent! set shada=",
];
/// Options for nano. It has no options that turn off backups, lock files and the history once its
/// settings turn them on, so it must ignore its settings.
const NANO: [&str; 1] = ["--ignorercfiles"];

/// The editors that need options of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Vim,
    Nano,
    Other,
}

/// The editor to run.
pub(super) struct Editor {
    /// The command line, as the variable holds it, or one of [`FALLBACKS`].
    line: String,
    kind: Kind,
}

/// The folders in which an edit can create its private folder.
pub(super) fn places(env: &Env) -> ScratchPlaces {
    let absolute = |name| env.path(name).filter(|path| path.is_absolute());
    ScratchPlaces {
        runtime: absolute("XDG_RUNTIME_DIR"),
        temporary: absolute("TMPDIR").unwrap_or_else(|| "/tmp".into()),
    }
}

/// Removes the folders of edits whose processes were killed.
pub(super) fn sweep(env: &Env) {
    sweep_scratch(&places(env));
}

impl Editor {
    /// Returns the editor in `VISUAL` or `EDITOR`, or the first installed one of [`FALLBACKS`].
    ///
    /// # Errors
    /// [`Error::Invalid`] if no editor was found.
    pub(super) fn find(env: &Env) -> Result<Self> {
        let folders = env.search_path();
        let is_there = |name: &&&str| folders.iter().any(|folder| folder.join(name).is_file());
        let named = ["VISUAL", "EDITOR"]
            .iter()
            .find_map(|name| env.get(name).map(str::trim).filter(|line| !line.is_empty()));
        let line = named.or_else(|| FALLBACKS.iter().find(is_there).copied());
        let line = line.ok_or_else(|| {
            Error::invalid(
                "no editor was found",
                "export EDITOR=nano   (or another that is installed)",
            )
        })?;
        let program = line.split_whitespace().next().unwrap_or_default();
        Ok(Self {
            line: line.to_owned(),
            kind: kind(program, &folders),
        })
    }

    /// A warning that the editor may keep copies of the text elsewhere. `None` for vim and nano,
    /// whose options turn that off.
    pub(super) fn caution(&self) -> Option<String> {
        (self.kind == Kind::Other).then(|| {
            format!(
                "{} may keep backups or a history; turn them off in its settings",
                printable(self.program(), false)
            )
        })
    }

    fn program(&self) -> &str {
        self.line.split_whitespace().next().unwrap_or_default()
    }

    /// Opens `file` in the folder and waits until the editor exits. SIGTERM and a closed terminal
    /// end the editor; Ctrl-C is left to it.
    ///
    /// # Errors
    /// [`Error::CannotRun`] if the editor cannot be started, [`Error::Interrupted`] after such a
    /// signal.
    pub(super) async fn open(
        &self,
        folder: &Scratch,
        file: &str,
        terminal: &Terminal,
        signals: &mut Signals,
    ) -> Result<ExitStatus> {
        let mut command = self.command(&folder.path().join(file));
        let [input, output, error] = terminal.for_program()?;
        command.stdin(input).stdout(output).stderr(error);
        for name in VARIABLES {
            command.env_remove(name); // the editor's plugins must not get the session
        }
        folder.share(true)?;
        let started = command.spawn();
        folder.share(false)?;
        let cannot = |source| Error::CannotRun {
            program: printable(self.program(), false),
            source,
        };
        let mut child = started.map_err(cannot)?;
        let status = tokio::select! {
            status = child.wait() => status.map_err(cannot),
            () = signals.terminated() => {
                if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
                    let _ = kill_process(id, Signal::TERM);
                }
                if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
                    let _ = child.kill().await;
                }
                Err(Error::Interrupted)
            }
        };
        signals.forget_interrupt().await;
        terminal.restore_modes();
        status
    }

    /// Starts the editor the way git does: a line with shell syntax is run by a shell.
    fn command(&self, file: &Path) -> Command {
        let options: &[&str] = match self.kind {
            Kind::Vim => &VIM,
            Kind::Nano => &NANO,
            Kind::Other => &[],
        };
        let arguments = options
            .iter()
            .map(OsString::from)
            .chain([file.as_os_str().to_owned()]);
        if self.line.contains(|c| "|&;<>()$`\\\"'*?[#~=%".contains(c)) {
            let mut command = Command::new("sh");
            command
                .arg("-c")
                .arg(format!("{} \"$@\"", self.line))
                .arg("editor")
                .args(arguments);
            return command;
        }
        let mut words = self.line.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(arguments);
        command
    }
}

/// Recognizes an editor by its own name or by the file that it links to: `vi` and `editor` are
/// often vim.
fn kind(program: &str, folders: &[PathBuf]) -> Kind {
    let by_name = |name: &str| match name.split('.').next().unwrap_or_default() {
        "vim" | "nvim" | "gvim" | "rvim" | "vimx" => Kind::Vim,
        "nano" | "rnano" => Kind::Nano,
        _ => Kind::Other,
    };
    let path = Path::new(program);
    let found = if path.components().count() > 1 {
        Some(path.to_owned())
    } else {
        folders
            .iter()
            .map(|folder| folder.join(path))
            .find(|file| file.is_file())
    };
    let real = found.and_then(|file| std::fs::canonicalize(file).ok());
    let names = [Some(path), real.as_deref()]
        .into_iter()
        .flatten()
        .filter_map(|path| path.file_name()?.to_str());
    names
        .map(by_name)
        .find(|kind| *kind != Kind::Other)
        .unwrap_or(Kind::Other)
}
