//! The `dev` command: starts a throwaway server and runs a shell, a command or the tour with it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Instant;

use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::PROGRESS_AFTER;
use super::init::{For, function};
use crate::config::{AGENT_VARIABLES, Env};
use crate::dev::{Lab, Watcher, become_server, sign_in};
use crate::error::{Error, Result};
use crate::shell::Shell;
use crate::ui::{Ui, Unit};

#[derive(clap::Args)]
pub(super) struct Dev {
    /// Show a typical session without a browser: each command and its output
    #[arg(long, conflicts_with = "command")]
    tour: bool,
    /// A command to run instead of your shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(clap::Args)]
pub(super) struct DevServer {
    parent: u32,
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(clap::Args)]
pub(super) struct DevSignIn {
    address: String,
}

/// Shows the person the progress of fetching the server.
struct Fetching<'a> {
    ui: &'a Ui,
    started: Instant,
}

impl Watcher for Fetching<'_> {
    fn message(&self, text: &str) {
        self.ui.note(text);
    }

    fn fetched(&self, bytes: u64, of: u64) {
        if self.started.elapsed() > PROGRESS_AFTER {
            self.ui.show_progress(self.started, bytes, of, Unit::Bytes);
        }
    }
}

impl DevServer {
    pub(super) fn run(self) -> Result<u8> {
        become_server(self.parent, &self.program, &self.arguments)
    }
}

impl DevSignIn {
    pub(super) async fn run(self, env: &Env) -> Result<u8> {
        sign_in(
            &self.address,
            env.get("CLAUDE_VAULT_DEV_PASSWORD").unwrap_or_default(),
            env,
        )
        .await
        .map(|()| 0)
    }
}

impl Dev {
    pub(super) async fn run(self, ui: &Ui, env: &Env) -> Result<u8> {
        let mut signals = Signals::new()?;
        let watcher = Fetching {
            ui,
            started: Instant::now(),
        };
        let lab = tokio::select! {
            lab = Lab::start(env, &watcher) => lab?,
            _ = signals.next() => return Err(Error::Interrupted),
        };
        let mut command = self.child(env)?;
        command.current_dir(lab.home_lab());
        for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
            if ["VAULT_", "BAO_", "CLAUDE_VAULT_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command.envs(lab.variables(env.get("PATH").unwrap_or("/usr/bin:/bin")));
        if self.tour {
            Self::prepare_tour(&mut command);
        } else if self.command.is_empty() {
            let shell = Shell::of_program(env.get("SHELL").unwrap_or("/bin/sh"));
            let login = if shell == Shell::Nushell {
                command.env("XDG_DATA_DIRS", Self::prepare_nushell(&lab, env)?);
                shell.login().to_owned()
            } else {
                shell.login_with_setup()
            };
            ui.note(&format!(
                "A throwaway Vault at {}. Sign in as {} with the password {}\n\n  \
                 {}\n\nEverything is deleted when you leave this shell: exit",
                lab.address(),
                crate::dev::USER,
                lab.password,
                login
            ));
        }
        run(command, signals).await
    }

    fn child(&self, env: &Env) -> Result<Command> {
        if self.tour {
            let mut command = Command::new(shell_with_source(env)?);
            command.arg("-c").arg(include_str!("../../shell/tour.sh"));
            return Ok(command);
        }
        if let Some((program, arguments)) = self.command.split_first() {
            let mut command = Command::new(program);
            command.args(arguments);
            return Ok(command);
        }
        Ok(Command::new(env.get("SHELL").unwrap_or("/bin/sh")))
    }

    /// Writes our function to a file, because Nushell loads functions only when it starts. Returns
    /// the `XDG_DATA_DIRS` with which Nushell finds the file.
    fn prepare_nushell(lab: &Lab, env: &Env) -> Result<String> {
        let share = lab.home_lab().with_file_name("share");
        let folder = share.join("nushell/vendor/autoload");
        let binary = std::env::current_exe().map_err(Error::io("find", "this program"))?;
        let place = || {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(
                folder.join("claude-vault.nu"),
                function(For::Nushell, &binary.to_string_lossy()),
            )
        };
        place().map_err(Error::io("write", &folder))?;
        Ok(format!(
            "{}:{}",
            share.display(),
            env.get("XDG_DATA_DIRS")
                .unwrap_or("/usr/local/share:/usr/share")
        ))
    }

    /// Sets the lab's browser and allows the tour under an AI agent: the tour reads no terminal and
    /// has only generated values.
    fn prepare_tour(command: &mut Command) {
        // The lab's claude-vault is first on PATH.
        command.env("CLAUDE_VAULT_BROWSER", "claude-vault dev-sign-in");
        AGENT_VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
    }
}

/// Finds a shell that can run the tour. The tour passes arguments to `source`, which dash cannot
/// do.
fn shell_with_source(env: &Env) -> Result<PathBuf> {
    let folders = env.search_path();
    ["bash", "zsh", "ksh", "mksh", "ash"]
        .iter()
        .find_map(|name| {
            folders
                .iter()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())
        })
        .ok_or_else(|| Error::Dev {
            message: "no shell that can run the tour was found".into(),
            hint: "apt install bash".into(),
        })
}

/// The signals that end a program. They are caught from the start, so that the server and its
/// folder are always removed.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(Error::io("wait for", "signals"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal. Returns whether this program must end, even if the child would not.
    async fn next(&mut self) -> bool {
        tokio::select! {
            // The terminal sends Ctrl-C to the child too, and the child decides what to do.
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
            _ = self.hangup.recv() => true,
        }
    }
}

/// Runs the child until it exits. A signal that would end this program ends the child first.
async fn run(mut command: Command, mut signals: Signals) -> Result<u8> {
    let program = command.as_std().get_program().to_owned();
    let mut child = command.spawn().map_err(Error::io("start", program))?;
    loop {
        let must_end = tokio::select! {
            status = child.wait() => return Ok(exit_of(status.map_err(Error::io("wait for", "the command"))?)),
            must_end = signals.next() => must_end,
        };
        if must_end {
            stop(&mut child).await;
        }
    }
}

/// Asks the child to exit, and kills it if it is still running after three seconds.
async fn stop(child: &mut tokio::process::Child) {
    let pid = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::HUP);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(std::time::Duration::from_secs(3), child.wait())
        .await
        .is_err()
    {
        let _ = child.start_kill();
    }
}

fn exit_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}
