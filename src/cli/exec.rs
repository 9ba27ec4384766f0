//! The `exec` command: replaces this process with the program, so that process id, terminal,
//! signals and exit status are the program's own.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Context;
use crate::core::exec::{ExecReply, ExecRequest, exec};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::WayOut;
use crate::session::VARIABLES;

#[derive(clap::Args)]
#[command(after_help = "\
claude-vault exec jellyfin -- ./start.sh
claude-vault exec jellyfin --env-file-fd -- docker run --env-file {} jellyfin/jellyfin

The program does not get the session's variables unless you add --keep-token.
Keys that change how programs run (PATH, LD_PRELOAD, BASH_ENV, GIT_SSH_COMMAND, …)
are refused unless --only names them.")]
pub(super) struct Exec {
    #[command(flatten)]
    request: ExecRequest,
    /// Start with an otherwise empty environment
    #[arg(long)]
    clean: bool,
    /// Keep the session's variables in the environment
    #[arg(long)]
    keep_token: bool,
    /// Pass the variables as an in-memory file, for docker run --env-file {}
    #[arg(long)]
    env_file_fd: bool,
    /// The program and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Exec {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Ok(2);
        };
        if self.env_file_fd && !arguments.iter().any(|word| has_place(word)) {
            return Err(Error::invalid(
                "--env-file-fd needs {} in the command, where the file's name goes",
                "claude-vault exec SERVICE --env-file-fd -- docker run --env-file {} IMAGE",
            ));
        }
        let path = find(program, &context.env.search_path())?;
        // Errors show the program as typed; the audit log gets only its file name.
        let typed = printable(&program.to_string_lossy(), false);
        let shown = path.file_name().unwrap_or_default().to_string_lossy();
        let reply = context
            .waiting(exec(&context.core, &self.request, &shown))
            .await?;
        reply
            .warnings
            .iter()
            .for_each(|warning| context.ui.warn(warning));
        let mut command = self.command_in_environment(&path, context);
        command.arg0(program);
        let file = if self.env_file_fd {
            Some(env_file(&reply)?)
        } else {
            None
        };
        match &file {
            Some(file) => {
                let name = format!("/dev/fd/{}", file.as_raw_fd());
                command.args(arguments.iter().map(|word| placed(word, &name)));
            }
            None => {
                command.args(arguments);
                command.envs(
                    reply
                        .variables
                        .iter()
                        .map(|(name, value)| (name, value.expose(WayOut::ChildEnvironment))),
                );
            }
        }
        Err(Error::CannotRun {
            program: typed,
            source: command.exec(),
        })
    }

    /// The program with the environment that it gets besides the secrets.
    fn command_in_environment(&self, path: &Path, context: &Context<'_>) -> Command {
        let mut command = Command::new(path);
        if self.clean {
            command.env_clear();
        }
        match (self.clean, self.keep_token) {
            (true, true) => {
                let session = PLACE
                    .iter()
                    .chain(&VARIABLES)
                    .filter_map(|name| Some((name, context.env.get(name)?)));
                command.envs(session);
            }
            (false, false) => {
                for name in VARIABLES {
                    command.env_remove(name);
                }
            }
            (true, false) | (false, true) => {}
        }
        command
    }
}

/// The variables that `--clean --keep-token` keeps besides the session's own. They name its Vault.
const PLACE: [&str; 4] = ["VAULT_ADDR", "VAULT_NAMESPACE", "BAO_ADDR", "BAO_NAMESPACE"];

fn has_place(word: &OsStr) -> bool {
    word.to_str()
        .is_some_and(|word| word == "{}" || word.ends_with("={}"))
}

/// Replaces `{}`, alone or at the end of `--env-file={}`, with the file's name.
fn placed(word: &OsStr, name: &str) -> OsString {
    match word.to_str().and_then(|word| word.strip_suffix("{}")) {
        Some(start) if has_place(word) => format!("{start}{name}").into(),
        _ => word.to_owned(),
    }
}

/// Finds the program's file as a shell would: on this process's PATH, before the environment
/// changes.
fn find(program: &OsStr, folders: &[PathBuf]) -> Result<PathBuf> {
    if Path::new(program).components().count() > 1 || program.as_encoded_bytes().starts_with(b"/") {
        return Ok(program.into());
    }
    let found = folders
        .iter()
        .map(|folder| folder.join(program))
        .find(|file| {
            rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file()
        });
    found.ok_or_else(|| Error::CannotRun {
        program: printable(&program.to_string_lossy(), false),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Writes the variables as docker reads them, one raw line each, to a file in memory that has no
/// path on disk. The program inherits the descriptor.
fn env_file(reply: &ExecReply) -> Result<OwnedFd> {
    let failed = |errno: rustix::io::Errno| Error::io("write", "a file in memory")(errno.into());
    let fd = rustix::fs::memfd_create("env", rustix::fs::MemfdFlags::empty()).map_err(failed)?;
    let mut file = std::fs::File::from(fd);
    for (name, value) in &reply.variables {
        let value = value.expose(WayOut::ChildEnvironment);
        if value.contains('\n')
            || value.ends_with('\r')
            || name.contains(['\n', '\r', ' ', '\t', '#'])
        {
            return Err(Error::Unwritable {
                file: "the file in memory".into(),
                keys: printable(name, false),
                reader: "docker run --env-file".into(),
                reason:
                    "its name or value has a line break or a blank, and docker takes each line raw"
                        .into(),
                hint: format!(
                    "omit --env-file-fd and pass it by name: docker run --env {}",
                    printable(name, false)
                ),
            });
        }
        writeln!(file, "{name}={value}").map_err(Error::io("write", "a file in memory"))?;
    }
    Ok(file.into())
}
