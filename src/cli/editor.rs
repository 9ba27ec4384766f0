//! The person's editor: found as git finds it, started on the terminal without the session, and
//! kept from leaving copies of the text elsewhere.

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

/// What is looked for on PATH where no variable names an editor.
const FALLBACKS: [&str; 4] = ["editor", "nano", "vim", "vi"];
/// How long the editor may take to exit after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(2);

/// Run after the person's own settings, so that these do not turn anything on again.
const VIM: [&str; 9] = [
    "-n",
    "-i",
    "NONE",
    "--cmd",
    "set nomodeline",
    // A vimrc may set it again, and a value could then set options of the editor.
    "--cmd",
    "silent! autocmd BufReadPre * setlocal nomodeline",
    "-c",
    "silent! set nobackup|silent! set nowritebackup|silent! set noundofile|silent! set \
     noswapfile|silent! set viminfo=|silent! set shada=",
];
/// nano has no option that turns off what its settings turn on: backups, lock files, a history.
const NANO: [&str; 1] = ["--ignorercfiles"];

/// Which editor it is, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Vim,
    Nano,
    Other,
}

/// The editor.
pub(super) struct Editor {
    /// As the variable has it.
    line: String,
    kind: Kind,
}

/// Where the private folder of an edit may lie.
pub(super) fn places(env: &Env) -> ScratchPlaces {
    let absolute = |name| env.path(name).filter(|path| path.is_absolute());
    ScratchPlaces {
        runtime: absolute("XDG_RUNTIME_DIR"),
        temporary: absolute("TMPDIR").unwrap_or_else(|| "/tmp".into()),
    }
}

/// Removes the folder of an edit whose processes were killed.
pub(super) fn sweep(env: &Env) {
    sweep_scratch(&places(env));
}

impl Editor {
    /// `VISUAL`, `EDITOR`, or the first that is installed.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is none.
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

    /// What to say of an editor that may keep copies of the text elsewhere; `None` where that is
    /// off.
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

    /// Opens `file` in the folder and waits until the editor ends. SIGTERM and a closed terminal
    /// end it too; Ctrl-C is the editor's own business.
    ///
    /// # Errors
    /// [`Error::CannotRun`], [`Error::Interrupted`].
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
            command.env_remove(name); // an editor runs plugins, and needs no session
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
            () = signals.ended() => {
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
        terminal.put_right();
        status
    }

    /// As git starts an editor: a line with more than words in it is one for a shell.
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

/// By its own name, or by that of the file that it leads to: `vi` and `editor` are often vim.
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
